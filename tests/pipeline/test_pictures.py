"""What pictures are drawn from: hexagons count all users, blades hold the sampled ones."""

import numpy as np
import pytest
from tests.pipeline.runs import reused

from segmentry.pipeline._pictures import _across, _bins_for, _hexagons, bin_hexagons
from segmentry.profiling import bin_features
from segmentry.summary import read_summary


@pytest.mark.parametrize("seed", range(3))
def test_each_user_is_counted_in_the_hexagon_whose_centre_is_nearest(seed):
    draw = np.random.default_rng(seed)
    places, ids = draw.normal(size=(400, 2)) * [3, 1], draw.integers(1, 4, 400)

    radius, hexagons = bin_hexagons(places, ids, n_segments=3)

    width = radius * 3**0.5
    lattice = np.array(
        [
            ((column + 0.5 * (row % 2)) * width, row * 1.5 * radius)
            for row in range(-90, 91)
            for column in range(-90, 91)
        ]
    )

    def nearest(place):
        return int(((lattice - place) ** 2).sum(axis=1).argmin())

    expected = {}
    for place, each in zip(places, ids, strict=True):
        expected.setdefault(nearest(place), []).append(each)
    found = {nearest((h.x, h.y)): h for h in hexagons}
    assert {key: h.n_users for key, h in found.items()} == {k: len(v) for k, v in expected.items()}
    for key, hexagon in found.items():
        counts = np.bincount(expected[key], minlength=4)
        assert hexagon.share == pytest.approx(counts.max() / counts.sum(), abs=1e-4)
        assert counts[hexagon.segment_id] == counts.max()


def test_few_users_get_so_few_bins_and_hexagons_that_most_may_be_shown():
    ids = np.repeat([1, 2], [2_000, 500])

    assert _bins_for(ids, min_size=50) == 10  # 500 users, 50 to a bin
    assert _bins_for(np.repeat([0, 1], [9_000, 120]), min_size=50) == 6
    assert _bins_for(np.ones(99_999, dtype=int), min_size=50) == 24
    assert [_across(n, min_size=50) for n in (500, 2_500, 1_000_000)] == [10, 14, 34]


def test_users_in_one_place_have_no_hexagons():
    assert bin_hexagons(np.zeros((5, 2)), np.ones(5, dtype=int), n_segments=1) == (None, ())


def test_a_run_counts_every_user_in_hexagons_and_bins_and_keeps_the_blades(plain_run):
    summary = reused(plain_run.folder, min_size=1).summary
    pictures = summary.pictures

    assert sum(cell.n_users for cell in pictures.hexagons) == summary.population.n_users
    by_name = {each.feature: each for each in pictures.distributions}
    assert sum(by_name["n_impressions"].population) == summary.population.n_users
    assert [sum(row) for row in by_name["n_impressions"].segments] == [
        segment.n_users for segment in summary.segments
    ]
    assert [blade.segment_id for blade in pictures.blades] == [
        segment.segment_id for segment in summary.segments
    ]
    for blade, segment in zip(pictures.blades, summary.segments, strict=True):
        assert list(blade.values) == sorted(blade.values, reverse=True)
        if blade.n_sampled <= 200:
            assert np.mean(blade.values) == pytest.approx(segment.mean_silhouette, abs=1e-3)


def exact_pictures(plain_run):
    """Count as for at least 50 users, before any count is rounded."""
    found = reused(plain_run.folder, min_size=50)
    table, segmentation = found.users.table, found.segmentation
    ids, k = segmentation.segment_ids, segmentation.n_segments
    distributions = bin_features(
        table,
        ids,
        (*found.users.features, *found.users.attributes),
        n_segments=k,
        n_bins=_bins_for(ids, min_size=50),
    )
    _, hexagons = _hexagons(table, segmentation, ids, min_size=50)
    return distributions, hexagons


def test_no_picture_counts_fewer_users_than_may_be_shown(plain_run):
    distributions, hexagons = exact_pictures(plain_run)
    shown = read_summary(plain_run.folder).pictures

    counts = [
        n
        for each in shown.distributions
        for row in (each.population, *each.segments, (each.n_above,))
        for n in row
    ]
    assert {n % 50 for n in counts} == {0}
    for own, rounded in zip(distributions, shown.distributions, strict=True):
        assert np.abs(np.subtract(own.population, rounded.population)).max() <= 25
    assert len(shown.hexagons) == len(hexagons)
    mixed = sum(own.n_users for own in hexagons if own.share < 0.8)
    total = sum(own.n_users for own in hexagons)
    assert total == 2_000
    assert shown.mixed_share == round(mixed / total, 3)
    for own, coarse in zip(hexagons, shown.hexagons, strict=True):
        assert coarse.n_users >= 50
        assert coarse.n_users % 50 == 0
        if own.n_users < 50:
            assert coarse.share == 1.0
