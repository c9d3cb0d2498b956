"""Forecasts against plain loops, their coverage, and labels found without a day."""

import numpy as np
import polars as pl
import pytest
from tests.evaluation.simulation import form_segments, simulate, user_days
from tests.repeats import repeats
from tests.texts import says

from segmentry.evaluation.later_days import forecast_ctr
from segmentry.evaluation.later_days._cross_fit import cross_fit, pool, variance_of
from segmentry.evaluation.later_days._recount import recount
from segmentry.features import shrink


def test_pools_left_out_days_and_extrapolates_by_hand():
    # Three users, three days; a user is in segment 2 if it clicked in any of the days kept.
    n = np.array([[10, 10, 10], [10, 10, 0], [10, 10, 10]])
    c = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 0]])

    def relabel(kept):
        return 1 + (c[:, list(kept)].sum(axis=1) > 0)

    found = forecast_ctr(user_days(n, c), relabel, days=range(3), n_segments=2, n_outcome_days=1)

    # Without one day, segment 2 holds user 0 on days 1 and 2 and user 1 on day 0: 0 of 30.
    # Without two days: kept {2}: nobody; kept {0}: user 0 on days 1, 2; kept {1}: user 1 on days
    # 0 and 2: 0 of 30 as well.
    assert found.ctr[1].value == 0
    assert found.ctr[1].high == pytest.approx(1 - 0.05 ** (1 / 30))
    # Segment 1: 3 clicks of 50 without one day; without two, 1 + 2 + 1 + 2 = 6 of 90 (by pairs:
    # {0, 1} 3 of 60, {1, 2} 2 of 30 - user 1 and 2 -, {2, 0} 1 of 40). Then a third further.
    pairs = (3 + 2 + 1) / (60 + 30 + 40)
    assert found.ctr[0].value == pytest.approx(3 / 50 + (3 / 50 - pairs) / 3)


def plain_forecast(counts, relabel, *, days, segment):
    """The pooled rates of left-out days, and of left-out neighbours, user by user."""
    by_day = [counts.totals([day]) for day in days]
    rates = []
    for width in (1, 2):
        n = c = 0
        for first in range(len(days)):
            left_out = [(first + step) % len(days) for step in range(width)]
            is_in = relabel([d for j, d in enumerate(days) if j not in left_out]) == segment
            for j in left_out:
                n += by_day[j].n_trials[is_in].sum()
                c += by_day[j].n_successes[is_in].sum()
        rates.append(c / n)
    return rates[0] + (rates[0] - rates[1]) * (len(days) - 2) / len(days)


@pytest.fixture(scope="module")
def planted():
    counts, _, _ = simulate(4000, seed=1)
    return counts, form_segments(counts, days=range(6), k=4, seed=1)


def test_equals_plain_loops(planted):
    counts, formed = planted
    relabel = formed.relabelling.labels

    found = forecast_ctr(counts, relabel, days=range(6), n_segments=4, n_outcome_days=2)

    for segment in range(1, 5):
        expected = plain_forecast(counts, relabel, days=range(6), segment=segment)
        assert found.ctr[segment - 1].value == pytest.approx(expected, rel=1e-12)
    assert found.index[0].value == pytest.approx(100 * found.ctr[0].value / found.level.value)
    assert found.n_days == 6
    assert found.reason == ""


def test_all_days_give_the_frozen_segments_back(planted):
    _, formed = planted

    np.testing.assert_array_equal(formed.relabelling.labels(range(6)), formed.ids)


def test_counts_are_scaled_to_all_days_and_the_shrunk_ctr_is_not(planted):
    counts, formed = planted
    kept = (0, 1, 2)
    names = ("n_impressions", "ctr_shrunk", "n_click_days")
    found = recount(counts, kept, names, prior=formed.relabelling.prior, scale=2.0)
    totals = counts.totals(kept)

    np.testing.assert_array_equal(found["n_impressions"].to_numpy(), totals.n_trials * 2.0)
    np.testing.assert_array_equal(
        found["ctr_shrunk"].to_numpy(),
        shrink(totals.n_successes, totals.n_trials, formed.relabelling.prior),
    )
    np.testing.assert_array_equal(
        found["n_click_days"].to_numpy(), counts.active_days(kept)[1] * 2.0
    )
    unseen = totals.n_trials == 0
    assert not formed.relabelling.labels(kept)[unseen].any()


def test_naive_rates_of_users_alike_mislead_and_forecasts_do_not():
    counts, _, _ = simulate(20_000, seed=5, null=True)
    raw = {"ctr": 1.0, "n_impressions": 1.0}
    formed = form_segments(counts, days=range(6), k=5, seed=5, weights=raw)
    seen = counts.totals(range(6))
    naive = (
        np.bincount(formed.ids, seen.n_successes)[1:] / np.bincount(formed.ids, seen.n_trials)[1:]
    )

    found = forecast_ctr(
        counts, formed.relabelling.labels, days=range(6), n_segments=5, n_outcome_days=2
    )

    assert naive.max() - naive.min() > 0.1
    values = np.array([each.value for each in found.ctr])
    assert np.abs(values - 0.05144).max() < 0.006


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_intervals_cover_the_outcome_as_often_as_they_say(drift):
    hits, of_index = [], []
    for seed in range(repeats(20, 60)):
        counts, _, _ = simulate(2500, seed=1000 + seed, drift=drift)
        formed = form_segments(counts, days=range(6), k=3, seed=seed)
        found = forecast_ctr(
            counts, formed.relabelling.labels, days=range(6), n_segments=3, n_outcome_days=2
        )
        later = counts.totals((6, 7))
        n = np.bincount(formed.ids, later.n_trials)[1:]
        c = np.bincount(formed.ids, later.n_successes)[1:]
        level = c.sum() / n.sum()
        hits.append(np.mean([e.low <= r <= e.high for e, r in zip(found.ctr, c / n, strict=True)]))
        of_index.append(
            np.mean(
                [
                    e.low <= 100 * r / level <= e.high
                    for e, r in zip(found.index, c / n, strict=True)
                ]
            )
        )
    for shares in (hits, of_index):
        # Runs are independent, segments of a run are not: the unit is the run.
        error = np.std(shares) / np.sqrt(len(shares))
        assert np.mean(shares) > 0.85 - 2.6 * error
        assert np.mean(shares) < 0.95 + 2.6 * error


def test_level_varying_between_days_widens_ctr_but_not_index():
    steady, drifting = (simulate(8000, seed=2, drift=drift)[0] for drift in (0.0, 0.3))
    widths = []
    for counts in (steady, drifting):
        formed = form_segments(counts, days=range(6), k=3, seed=2)
        found = forecast_ctr(
            counts, formed.relabelling.labels, days=range(6), n_segments=3, n_outcome_days=2
        )
        widths.append([(e.high - e.low) / e.value for e in (found.ctr[0], found.index[0])])
        if counts is drifting:
            assert 0.1 < found.between_day_sd < 0.9

    assert widths[1][0] > 3 * widths[0][0]
    assert widths[1][1] < 1.5 * widths[0][1]


def test_one_day_has_no_forecast_and_says_why():
    counts = user_days([[5], [5]], [[1], [0]])

    found = forecast_ctr(
        counts, lambda _: np.array([1, 2]), days=[0], n_segments=2, n_outcome_days=1
    )

    says(found.reason)
    assert [each.value for each in found.ctr] == [None, None]


def test_a_segment_that_nobody_falls_into_is_null(planted):
    counts, formed = planted

    found = forecast_ctr(
        counts, formed.relabelling.labels, days=range(6), n_segments=5, n_outcome_days=2
    )

    assert found.ctr[4].value is None
    assert found.index[4].value is None


def test_click_features_that_cannot_be_found_again_are_named(planted):
    _, formed = planted

    class Steps:
        features = ("ctr_shrunk", "n_repeat_clicks")

    relabelling = formed.relabelling
    assert relabelling.caveats == ()
    named = type(relabelling)(
        table=pl.DataFrame(),
        counts=relabelling.counts,
        days=relabelling.days,
        preprocessing=Steps(),
        centers=relabelling.centers,
        prior=relabelling.prior,
        is_member=relabelling.is_member,
    )
    assert named.caveats == ("n_repeat_clicks",)


def test_long_logs_leave_out_blocks():
    rng = np.random.default_rng(0)
    n = np.full((300, 30), 10)
    c = rng.binomial(n, 0.1)
    asked = []

    def relabel(kept):
        asked.append(len(kept))
        return np.ones(300, dtype=int)

    found = forecast_ctr(user_days(n, c), relabel, days=range(30), n_segments=1, n_outcome_days=8)

    assert len(asked) == 24
    assert found.ctr[0].value == pytest.approx(c.sum() / n.sum())


def test_the_variance_of_a_forecast_is_that_of_leaving_out_one_user_at_a_time():
    """The linearised variance, extrapolation included, against the delete-a-user jackknife."""
    rng = np.random.default_rng(4)
    n = rng.poisson(rng.gamma(1.0, 4.0, 250)[:, np.newaxis], (250, 5))
    c = rng.binomial(n, rng.beta(4, 36, 250)[:, np.newaxis])
    n[0], c[0] = 40, 4  # one user weighs more than others

    def of_users(kept):
        counts = user_days(n[kept], c[kept])

        def relabel(days):
            totals = counts.totals(days)
            return 1 + (totals.n_successes >= 0.1 * totals.n_trials).astype(np.int64)

        return cross_fit(counts, relabel, days=range(5))

    whole = of_users(np.arange(250))
    without = [of_users(np.delete(np.arange(250), user)) for user in range(250)]
    for segment in (1, 2, None):
        rates = np.array([pool(fit, segment).rate for fit in without])
        jackknife = 249 / 250 * np.sum((rates - rates.mean()) ** 2)

        linear = variance_of(pool(whole, segment).by_user)

        assert linear == pytest.approx(jackknife, rel=0.05)
    without_extrapolation = variance_of(pool(whole, 2).plain_by_user)
    assert without_extrapolation < 0.9 * variance_of(pool(whole, 2).by_user)
