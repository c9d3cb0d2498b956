"""What pictures are drawn from: hexagons count all users, blades hold the sampled ones."""

import numpy as np
import polars as pl
import pytest
from tests.pipeline.runs import reused

from segmentry.describe.maps import Hexagon
from segmentry.describe.maps._pictures import (
    NO_PLANE,
    Plane,
    _across,
    _bins_for,
    _is_mostly_hidden,
    bin_hexagons,
    hexagon_table,
    put_in_hexagons,
)
from segmentry.describe.profiles import bin_features, count_values
from segmentry.results.summary import read_summary
from segmentry.schema import Feature

QUICK = {"k_range": "2:6"}


@pytest.mark.parametrize("seed", range(3))
def test_each_user_is_counted_in_the_hexagon_whose_centre_is_nearest(seed):
    draw = np.random.default_rng(seed)
    places, ids = draw.normal(size=(400, 2)) * [3, 1], draw.integers(1, 4, 400)

    plane = bin_hexagons(places, ids, n_segments=3)

    radius, hexagons = plane.radius, plane.hexagons
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
    inside = {
        nearest((hexagons[i].x, hexagons[i].y)) == nearest(place)
        for i, place in zip(plane.cells, places, strict=True)
    }
    assert inside == {True}
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
    assert bin_hexagons(np.zeros((5, 2)), np.ones(5, dtype=int), n_segments=1) is NO_PLANE


def test_a_run_counts_every_user_in_hexagons_and_bins_and_keeps_the_blades(plain_run):
    summary = reused(plain_run.folder, min_size=1, **QUICK).summary
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
    found = reused(plain_run.folder, min_size=50, **QUICK)
    table, segmentation = found.users.table, found.segmentation
    ids, k = segmentation.segment_ids, segmentation.n_segments
    distributions = bin_features(
        count_values(table, ids, (*found.users.features, *found.users.attributes), n_segments=k),
        n_bins=_bins_for(ids, min_size=50),
    )
    return distributions, put_in_hexagons(table, segmentation, ids, min_size=50)[0].hexagons


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


def test_a_long_tail_of_lone_users_does_not_make_the_map_of_many_coarse():
    def plane(sizes):
        hexagons = tuple(Hexagon(float(i), 0.0, n, 1, 1.0) for i, n in enumerate(sizes))
        return Plane(0.5, hexagons, np.arange(sum(sizes)), np.repeat(range(len(sizes)), sizes))

    assert _is_mostly_hidden(plane([980] + [10] * 4), 50)  # 40 of 1,020 users
    assert not _is_mostly_hidden(plane([9_000] + [10] * 4), 50)  # 40 of 9,040
    assert not _is_mostly_hidden(plane([100, 100, 10]), 50)
    assert not _is_mostly_hidden(plane([980] + [10] * 4), 1)


def a_feature(name, kind):
    return Feature(
        name=name,
        family="demographics",
        label=name,
        unit="level",
        kind=kind,
        fill="none",
        description="",
    )


def two_hexagons(n_users):
    """Return a plane whose first half of the users are in one hexagon, the rest in another."""
    half = n_users // 2
    hexagons = (Hexagon(0.0, 0.0, half, 1, 1.0), Hexagon(1.0, 0.0, half, 2, 1.0))
    members = np.arange(n_users)
    return Plane(0.5, hexagons, members, (members >= half).astype(int))


def test_a_hexagon_has_the_mean_and_the_most_common_level_of_its_known_users():
    table = pl.DataFrame(
        {
            "age": [20.0, None, 40.0, None, float("nan"), None],
            "city": ["b", "a", None, "b", "a", "b"],
        }
    )
    features = (a_feature("age", "count"), a_feature("city", "categorical"))

    found = hexagon_table(table, two_hexagons(6), features, 1)

    text = found.select("feature", "hexagon", "n_known", "mean", "level", "level_share").rows()
    assert text == [
        ("age", 0, 2, 30.0, None, None),
        ("age", 1, 0, None, None, None),
        ("city", 0, 2, None, "a", 0.5),  # of equals the first by text
        ("city", 1, 3, None, "b", 0.6667),
    ]


def test_no_value_of_a_hexagon_is_told_of_few_users_nor_how_many_they_are():
    known = [1.0] * 4 + [None] * 6 + [3.0] * 7 + [None] * 3
    table = pl.DataFrame({"age": known, "city": ["a" if each else None for each in known]})
    features = (a_feature("age", "count"), a_feature("city", "categorical"))

    found = hexagon_table(table, two_hexagons(20), features, 5)

    text = found.select("n_known", "mean", "level", "level_share").rows()
    assert text == [
        (None, None, None, None),
        (5, 3.0, None, None),
        (None, None, None, None),
        (5, None, "a", 1.0),
    ]


def test_values_by_hexagon_of_a_run_are_those_of_all_its_users(plain_run):
    found = reused(plain_run.folder, min_size=1, **QUICK)
    features = (*found.users.features, *found.users.attributes)
    _, plane = put_in_hexagons(
        found.users.table, found.segmentation, found.segmentation.segment_ids, min_size=1
    )

    values = hexagon_table(found.users.table, plane, features, 1)
    kept = pl.read_parquet(plain_run.folder / "hexagons.parquet")

    for name in ("n_impressions", "ctr", "age_level"):
        rows = values.filter(pl.col("feature") == name)
        assert (rows["mean"] * rows["n_known"]).sum() / rows["n_known"].sum() == pytest.approx(
            found.users.table[name].cast(pl.Float64).mean()
        )
    assert set(kept["feature"]) == {each.name for each in features}
    assert kept["n_known"].drop_nulls().min() >= 50
    assert set(kept.filter(kept["n_known"].is_null())["mean"]) == {None}


def test_values_are_told_in_hexagons_so_large_that_half_of_them_hold_twice_the_fewest(plain_run):
    found = reused(plain_run.folder, min_size=1, **QUICK)
    table, segmentation = found.users.table, found.segmentation
    ids = segmentation.segment_ids

    def planes(min_size):
        return put_in_hexagons(table, segmentation, ids, min_size=min_size)

    all_shown = planes(1)
    assert all_shown[1] is all_shown[0]
    counted, text = planes(20)
    sizes = np.bincount(text.cells)
    assert sizes.tolist() == [each.n_users for each in text.hexagons]
    assert sizes.sum() == np.bincount(counted.cells).sum() == table.height
    assert np.median(np.bincount(counted.cells)) < 40 <= np.median(sizes)
    assert text.radius > counted.radius
    kept = pl.read_parquet(plain_run.folder / "hexagons.parquet")
    expected = planes(50)[1]
    rows = kept.filter(pl.col("feature") == "n_impressions")
    assert set(kept["radius"]) == {expected.radius}
    assert rows["x"].to_list() == [each.x for each in expected.hexagons]
    assert np.abs(rows["n_users"] - np.bincount(expected.cells)).max() < 50
