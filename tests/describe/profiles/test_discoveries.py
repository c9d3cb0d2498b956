"""False discoveries: the adjustment against scipy, the tests against scipy, and their rate."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom, chi2_contingency, false_discovery_control, norm
from tests.repeats import repeats

from segmentry.describe.profiles import adjusted_p_values, count_values, profile_segments
from segmentry.schema import Feature


def feature_of(name, kind="rate", family="affinity"):
    return Feature(
        name=name, family=family, label=name, unit="u", kind=kind, fill="median", description=""
    )


def profile(table, ids, features, forming):
    known = table.with_columns(n_impressions=pl.lit(1), n_clicks=pl.lit(0))
    return profile_segments(
        known, ids, features, count_values(known, ids, features, n_segments=int(ids.max())),
        n_segments=int(ids.max()), forming=forming,
        silhouettes=[None] * int(ids.max()),
    )[1]  # fmt: skip


@pytest.mark.parametrize("n_tests", [1, 2, 17])
def test_p_values_are_adjusted_as_scipy_does(n_tests):
    p = np.random.default_rng(n_tests).random(n_tests) ** 3

    assert adjusted_p_values(p) == pytest.approx(false_discovery_control(p))


def test_without_a_test_there_is_nothing_to_adjust():
    assert adjusted_p_values([]).size == 0


def test_levels_are_tested_as_a_table_of_the_segment_and_all_others():
    rng = np.random.default_rng(5)
    ids = rng.integers(1, 4, 900)
    level = np.where(rng.random(900) < 0.1 * ids, 1, rng.integers(1, 5, 900))
    city = feature_of("city", "categorical", "demographics")

    segments = profile(pl.DataFrame({"city": level}), ids, [feature_of("x"), city][1:], [])

    for segment in segments:
        is_in = ids == segment.segment_id
        table = [np.bincount(level[each], minlength=5)[1:] for each in (is_in, ~is_in)]
        expected = chi2_contingency(table, correction=False).pvalue
        assert segment.tests[0].p_value == pytest.approx(expected)


def test_means_are_tested_by_their_difference_over_its_error():
    rng = np.random.default_rng(6)
    ids = np.repeat([1, 2], 200)
    segments = profile(pl.DataFrame({"x": rng.normal(ids * 0.3)}), ids, [feature_of("x")], [])

    found = segments[0].numeric[0].standardised_difference
    z = found.value / ((found.high - found.low) / 2 / norm.ppf(0.975))
    assert segments[0].tests[0].p_value == pytest.approx(2 * norm.sf(abs(z)))


@pytest.mark.parametrize(
    ("forming", "tested"),
    [
        ("shown", ["carts", "age"]),
        ("price", ["carts", "age"]),
        ("age", ["shown", "days", "price", "carts"]),
    ],
)
def test_what_formed_the_segments_or_was_counted_from_the_same_is_not_tested(forming, tested):
    features = [
        feature_of("shown", family="activity"),
        feature_of("days", family="activity"),
        feature_of("price", family="affinity"),
        feature_of("carts", family="behaviour"),
        feature_of("age", family="demographics"),
    ]
    table = pl.DataFrame({f.name: np.random.default_rng(7).random(60) for f in features})

    segments = profile(table, np.repeat([1, 2], 30), features, [forming])

    assert [[test.feature for test in s.tests] for s in segments] == [tested, tested]


def test_discoveries_are_false_in_at_most_one_run_of_twenty_where_nothing_differs():
    """Where no feature differs every discovery is false: a run with one in 5 % at most."""
    rng, n_runs, n_wrong = np.random.default_rng(8), repeats(40, 400), 0
    features = [feature_of(f"x{i}") for i in range(4)]
    features += [feature_of("level", "categorical", "demographics")]
    for _ in range(n_runs):
        table = pl.DataFrame(
            {f.name: rng.normal(size=300) for f in features[:4]}
            | {"level": rng.integers(0, 3, 300)}
        )
        segments = profile(table, rng.integers(1, 4, 300), features, [])
        n_wrong += any(test.q_value < 0.05 for s in segments for test in s.tests)

    assert n_wrong <= binom.isf(0.01, n_runs, 0.05)
