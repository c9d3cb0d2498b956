"""Every number of a profile against pandas or a calculation by hand."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.texts import says

from segmentry.describe.profiles import POPULATION, count_values, pooled_rate, profile_segments
from segmentry.describe.profiles._profiles import _numeric_of
from segmentry.schema import Estimate, Feature

UNKNOWN = Estimate(value=None, low=None, high=None)


def feature_of(name, *, kind="count", family="activity", label=None, levels=None, unit="u"):
    return Feature(
        name=name,
        family=family,
        label=label or name,
        unit=unit,
        kind=kind,
        fill="median",
        description="",
        levels=levels or {},
    )


SHOWN = feature_of("n_impressions", label="impressions")
CLICKS = feature_of("n_clicks", label="clicks", family="engagement")
PRICE = feature_of("price", kind="rate", family="affinity")
CITY = feature_of(
    "city", kind="ordinal", family="demographics", levels={"1": "tier 1", "2": "tier 2"}
)
GENDER = feature_of("gender", kind="categorical", family="demographics", levels={"1": "male"})
SEEN = feature_of("last_seen_at", kind="time")
FEATURES = (SHOWN, CLICKS, PRICE, CITY, GENDER, SEEN)


def profile(table, segment_ids, features=FEATURES, *, forming=("n_impressions",)):
    ids = np.asarray(segment_ids, dtype=np.int64)
    k = int(ids.max(initial=1))
    return profile_segments(
        table,
        ids,
        features,
        count_values(table, ids, features, n_segments=k),
        n_segments=k,
        forming=forming,
        silhouettes=(0.5,) * k,
    )


def numbers_of(segment, feature):
    return next(each for each in segment.numeric if each.feature == feature)


def levels_of(segment, feature):
    return next(each.levels for each in segment.levels if each.feature == feature)


@pytest.fixture(scope="module")
def users():
    """500 users in three segments and without one; a price unknown for a fifth of them."""
    rng = np.random.default_rng(6)
    ids = rng.choice([0, 1, 2, 3], 500, p=[0.1, 0.5, 0.3, 0.1])
    shown = rng.geometric(1 / (5 + 10 * ids))
    price = np.where(rng.random(500) < 0.2, np.nan, rng.normal(5 + ids, 2))
    city = np.where(rng.random(500) < 0.3, np.nan, rng.integers(1, 4, 500))
    gender = np.where(rng.random(500) < 0.1, np.nan, rng.integers(1, 3, 500))
    table = pl.DataFrame(
        {
            "user_id": range(500),
            "n_impressions": shown,
            "n_clicks": rng.binomial(shown, 0.05 * (1 + ids) / 2),
            "price": pl.Series(price).fill_nan(None),
            "city": pl.Series(city).fill_nan(None).cast(pl.Int64),
            "gender": pl.Series(gender).fill_nan(None).cast(pl.Int64),
            "last_seen_at": 1_494_000_000,
        }
    )
    return table, ids


@pytest.fixture(scope="module")
def profiles(users):
    return profile(*users)


def test_segments_are_counted_against_the_assigned_users(users, profiles):
    table, ids = users
    frame = table.to_pandas().assign(segment=ids).query("segment > 0")
    population, segments = profiles

    assert population.segment_id == POPULATION == 0
    assert (population.n_users, population.share) == (len(frame), 1.0)
    assert [each.segment_id for each in segments] == [1, 2, 3]
    for segment in segments:
        own = frame[frame.segment == segment.segment_id]
        assert segment.n_users == len(own)
        assert segment.share == len(own) / len(frame)
        assert segment.n_impressions == own.n_impressions.sum()
        assert segment.n_clicks == own.n_clicks.sum()
        assert segment.impressions_share == own.n_impressions.sum() / frame.n_impressions.sum()
        assert segment.clicks_share == own.n_clicks.sum() / frame.n_clicks.sum()
        assert segment.ctr_seen == pooled_rate(own.n_clicks, own.n_impressions)
        ctr = own.n_clicks.sum() / own.n_impressions.sum()
        overall = frame.n_clicks.sum() / frame.n_impressions.sum()
        assert segment.ctr_index == pytest.approx(ctr / overall * 100, rel=1e-12)
        assert segment.mean_silhouette == 0.5
    assert population.ctr_index == pytest.approx(100.0, rel=1e-12)
    assert population.mean_silhouette is None


def test_numbers_are_those_of_pandas_over_known_values(users, profiles):
    table, ids = users
    frame = table.to_pandas().assign(segment=ids).query("segment > 0")
    population, segments = profiles

    for name in ("n_impressions", "n_clicks", "price", "city"):
        everyone = frame[name].dropna()
        for segment in (population, *segments):
            of_all = frame if segment is population else frame[frame.segment == segment.segment_id]
            known, found = of_all[name].dropna(), numbers_of(segment, name)
            quartiles = (found.lower_quartile, found.median, found.upper_quartile)
            assert found.mean == pytest.approx(known.mean(), rel=1e-12)
            assert quartiles == pytest.approx(tuple(known.quantile([0.25, 0.5, 0.75])), rel=1e-12)
            assert found.missing_share == pytest.approx(of_all[name].isna().mean(), abs=1e-15)
            assert found.index == pytest.approx(known.mean() / everyone.mean() * 100, rel=1e-12)
            difference = (known.mean() - everyone.mean()) / everyone.std(ddof=0)
            expected = difference if segment is not population else None
            if expected is None:
                assert found.standardised_difference == UNKNOWN
            else:
                assert found.standardised_difference.value == pytest.approx(expected, abs=1e-12)


def test_moments_are_passed_over_and_levels_are_not_averaged(profiles):
    population, _ = profiles

    assert [each.feature for each in population.numeric] == [
        *("n_impressions", "n_clicks", "price", "city")
    ]
    assert [each.feature for each in population.levels] == ["city", "gender"]


def test_levels_by_hand():
    table = pl.DataFrame(
        {
            "n_impressions": [1] * 8,
            "n_clicks": [0] * 8,
            "city": [1, 1, 2, None, 1, 2, 2, 3],
        }
    )

    population, (first, _) = profile(table, [1, 1, 1, 1, 2, 2, 2, 2], (SHOWN, CLICKS, CITY))

    found = [(e.level, e.label, e.share, e.population_share) for e in levels_of(first, "city")]
    assert found == [
        ("1", "tier 1", 0.5, 0.375),
        ("2", "tier 2", 0.25, 0.375),
        ("3", "3", 0.0, 0.125),
        (None, "unknown", 0.25, 0.125),
    ]
    assert [e.index for e in levels_of(first, "city")] == pytest.approx([400 / 3, 200 / 3, 0, 200])
    assert [e.index for e in levels_of(population, "city")] == [100.0] * 4


def test_shares_of_levels_sum_to_one_with_unknown(profiles):
    population, segments = profiles

    for segment in (population, *segments):
        for name in ("city", "gender"):
            levels = levels_of(segment, name)
            assert sum(level.share for level in levels) == pytest.approx(1.0, abs=1e-12)
            assert levels[-1].label == "unknown"


# --- standardised differences


def test_standardised_difference_and_its_interval_by_hand():
    # Mean 2, deviation 2 / √3: scores -√3, 0 in the segment and 0, √3, 0, 0 outside. The parts of
    # the six users have the mean square 1.75, with 1 / (n - 1) for the segment's own variance.
    table = pl.DataFrame({"n_impressions": [0, 2, 2, 4, 2, 2], "n_clicks": 0})

    _, (rest, pair) = profile(table, [2, 2, 1, 1, 1, 1], (SHOWN, CLICKS))

    found = numbers_of(pair, "n_impressions").standardised_difference
    half = 1.959963984540054 * (1.75 / 6) ** 0.5
    assert found.value == pytest.approx(-(3**0.5) / 2, abs=1e-12)
    assert (found.low, found.high) == pytest.approx(
        (found.value - half, found.value + half), abs=1e-12
    )
    assert numbers_of(rest, "n_impressions").standardised_difference.value == pytest.approx(
        3**0.5 / 4, abs=1e-12
    )


@pytest.mark.parametrize("shift", [0.0, 1e7])
def test_the_interval_is_that_of_the_linearised_statistic(shift):
    rng = np.random.default_rng(13)
    ids = np.repeat([1, 2], [150, 250])
    values = rng.exponential(1 + ids) + shift
    table = pl.DataFrame({"n_impressions": 1, "n_clicks": 0, "price": values})

    _, segments = profile(table, ids, (PRICE,), forming=("price",))

    for segment in segments:
        is_in = ids == segment.segment_id
        z = (values - values.mean()) / values.std()
        d = z[is_in].mean()
        parts = is_in * (z - d) / is_in.mean() - z - d * (z**2 - 1) / 2
        half = 1.959963984540054 * (parts @ parts) ** 0.5 / 400
        found = numbers_of(segment, "price").standardised_difference
        assert found.value == pytest.approx(d, abs=1e-9)
        # Apart from n / (n - 1) in the segment's own variance.
        assert found.high - found.value == pytest.approx(half, rel=0.01)
        assert found.value - found.low == pytest.approx(half, rel=0.01)


@pytest.mark.parametrize(("share", "shift"), [(0.3, 0.0), (0.3, 0.5), (0.6, 3.0)])
def test_the_interval_holds_the_true_difference_95_times_in_100(share, shift):
    """2,000 samples of 400 users; the segment's mean is `shift` deviations above the rest's."""
    rng, n_samples, n_held = np.random.default_rng(14), 2000, 0
    truth = (1 - share) * shift / (1 + share * (1 - share) * shift**2) ** 0.5
    from segmentry.describe.profiles._profiles import _Moments, _standardised

    for _ in range(n_samples):
        is_in = rng.random(400) < share
        values = rng.normal(size=400) + shift * is_in
        moments = _Moments.of(values, np.ones(400, dtype=np.int64))
        found = _standardised(values, is_in.astype(np.int64), moments)
        n_held += found.low <= truth <= found.high

    # Binomial deviation in 2,000 samples: 0.5 %.
    assert 0.93 <= n_held / n_samples <= 0.965


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3])
def test_a_constant_feature_has_no_standardised_difference(value):
    # The computed deviation of ten times 0.1 is 1e-17, not 0.
    table = pl.DataFrame({"n_impressions": 1, "n_clicks": 0, "price": [value] * 10})

    _, segments = profile(table, [1] * 7 + [2] * 3, (PRICE,))

    assert [numbers_of(each, "price").standardised_difference for each in segments] == [UNKNOWN] * 2
    assert [each.differences for each in segments] == [(), ()]


def test_a_segment_of_one_user_has_a_difference_without_interval():
    table = pl.DataFrame({"n_impressions": [1, 2, 3, 10], "n_clicks": [0, 1, 0, 1]})

    _, (rest, one) = profile(table, [1, 1, 1, 2], (SHOWN, CLICKS))

    for segment, mean in ((rest, 2.0), (one, 10.0)):
        found = numbers_of(segment, "n_impressions").standardised_difference
        assert found.value == pytest.approx((mean - 4) / 12.5**0.5, abs=1e-12)
        assert (found.low, found.high) == (None, None)
    assert one.ctr_seen == Estimate(value=0.1, low=None, high=None)
    assert numbers_of(one, "n_impressions").median == 10.0


# --- differences


def test_the_strongest_differences_come_first_and_at_most_two_of_a_family():
    rng = np.random.default_rng(15)
    ids = np.repeat([1, 2], 100)
    features = [feature_of(f"a{i}") for i in range(4)]
    features += [feature_of(f"e{i}", family="engagement") for i in range(4)]
    features += [feature_of(f"f{i}", family="affinity") for i in range(4)]
    columns = {each.name: rng.normal(5, 1, 200) + rng.normal() * ids for each in features}
    table = pl.DataFrame({"n_impressions": 1, "n_clicks": 0, **columns})

    _, segments = profile(table, ids, features)

    for segment in segments:
        strength = {each.feature: each.standardised_difference.value for each in segment.numeric}
        expected, families = [], []
        for name in sorted(strength, key=lambda name: -abs(strength[name])):
            if families.count(name[0]) < 2:
                expected.append((name, strength[name]))
                families.append(name[0])
        found = [(each.feature, each.standardised_difference) for each in segment.differences]
        assert found == expected[:5]


def test_a_difference_is_told_in_raw_units():
    share = feature_of("night", kind="share", family="affinity", label="night share")
    table = pl.DataFrame(
        {"n_impressions": [100, 200, 3000, 5000], "n_clicks": 0, "night": [0.5, 0.3, 0.01, 0.03]}
    )

    _, (first, second) = profile(table, [1, 1, 2, 2], (SHOWN, share))

    says({each.feature: each.text for each in first.differences})
    says({each.feature: each.text for each in second.differences})


def test_the_raw_ctr_of_users_is_never_a_difference(users):
    table, ids = users
    rates = table.with_columns(ctr=pl.col("n_clicks") / pl.col("n_impressions"))
    ctr = feature_of("ctr", kind="rate", family="engagement", unit="clicks per impression")

    _, segments = profile(rates, ids, (SHOWN, ctr))

    assert [[d.feature for d in each.differences] for each in segments] == [["n_impressions"]] * 3


def test_one_segment_of_all_users_differs_in_nothing(users):
    table, _ = users

    population, (segment,) = profile(table, np.ones(500))

    assert segment.differences == population.differences == ()
    assert (segment.n_users, segment.share, segment.name) == (500, 1.0, "All users")
    found = numbers_of(segment, "price").standardised_difference
    assert found == Estimate(value=0.0, low=None, high=None)


# --- odd populations


def test_nothing_is_nan_whatever_the_users():
    odd = pl.DataFrame(
        {
            "n_impressions": [0, 0, 0, 3, 4],
            "n_clicks": [0] * 5,
            "price": [float("nan"), float("inf"), None, float("-inf"), 2.0],
            "city": pl.Series([None] * 5, dtype=pl.Int64),
            "gender": pl.Series([1, None, None, 2, 2], dtype=pl.Int64),
            "last_seen_at": pl.Series([None] * 5, dtype=pl.Int64),
        }
    )

    population, segments = profile(odd, [1, 1, 1, 2, 2], forming=("price", "n_impressions"))

    json.dumps([asdict(each) for each in (population, *segments)], allow_nan=False)
    first, second = segments
    assert numbers_of(first, "price").missing_share == 1.0
    assert numbers_of(first, "price").mean is None
    assert numbers_of(second, "price").mean == 2.0
    assert numbers_of(population, "city").missing_share == 1.0
    assert [(e.label, e.share) for e in levels_of(first, "city")] == [("unknown", 1.0)]


def test_a_population_without_impressions_has_no_ctr():
    table = pl.DataFrame({"n_impressions": [0] * 4, "n_clicks": [0] * 4, "price": [1.0, 2, 5, 6]})

    population, segments = profile(table, [1, 1, 2, 2], (SHOWN, CLICKS, PRICE))

    for each in (population, *segments):
        assert each.ctr_seen == UNKNOWN
        assert each.ctr_index is None
        assert (each.impressions_share, each.clicks_share) == (0.0, 0.0)
        assert numbers_of(each, "n_impressions").index is None


def test_a_population_without_clicks_has_a_ctr_and_no_index():
    table = pl.DataFrame({"n_impressions": [3, 4, 5, 6], "n_clicks": [0] * 4})

    _, segments = profile(table, [1, 1, 2, 2], (SHOWN, CLICKS))

    assert [(each.ctr_seen.value, each.ctr_index) for each in segments] == [(0.0, None)] * 2
    # 1 - 0.025 ** (1 / 7) for 3 + 4 impressions
    assert segments[0].ctr_seen.high == pytest.approx(0.409616, abs=1e-6)


def test_a_mean_below_zero_has_no_index():
    table = pl.DataFrame({"n_impressions": 1, "n_clicks": 0, "price": [-1.0, -2.0, 3.0, -4.0]})

    _, segments = profile(table, [1, 1, 2, 2], (PRICE,))

    assert [numbers_of(each, "price").index for each in segments] == [None, None]


def test_the_order_of_users_changes_no_count_and_no_name(users, profiles):
    table, ids = users
    order = np.random.default_rng(16).permutation(500)

    population, segments = profile(table[order], ids[order])

    for found, expected in zip((population, *segments), (profiles[0], *profiles[1]), strict=True):
        assert found.name == expected.name
        assert found.levels == expected.levels
        assert [d.text for d in found.differences] == [d.text for d in expected.differences]
        frame, other = pd.DataFrame(found.numeric), pd.DataFrame(expected.numeric)
        columns = ["lower_quartile", "median", "upper_quartile", "missing_share"]
        pd.testing.assert_frame_equal(frame[columns], other[columns], check_exact=True)
        np.testing.assert_allclose(
            frame["mean"].astype(float), other["mean"].astype(float), rtol=1e-12
        )


def test_a_segment_stands_at_the_mean_rank_of_its_users():
    rng = np.random.default_rng(5)
    values = rng.integers(0, 9, 60).astype(np.float64)
    values[:6] = np.nan
    ids = rng.integers(1, 4, 60)
    table = pl.DataFrame({"n_impressions": values, "n_clicks": 0}).with_columns(
        pl.col("n_impressions").fill_nan(None)
    )
    ranks = pd.Series(values).rank().to_numpy()
    relative = np.where(np.isnan(ranks), 0.0, (2 * ranks - 1) / 54 - 1)

    counts = count_values(table, ids, [SHOWN], n_segments=3)["n_impressions"]
    found = _numeric_of("n_impressions", counts, [np.flatnonzero(ids == i) for i in (1, 2, 3)])

    for i in (1, 2, 3):
        assert found[i].standing == pytest.approx(relative[ids == i].mean(), abs=1e-9)
