"""Rates of two halves of the users, against the published forecast and a plain bootstrap."""

import numpy as np
import pytest
from tests.evaluation.simulation import form_segments, simulate, user_days

from segmentry.evaluation.later_days import fold_rates, forecast_ctr
from segmentry.evaluation.later_days._cross_fit import cross_fit

DAYS = range(8)


@pytest.fixture(scope="module")
def log():
    counts, _, _ = simulate(3_000, seed=3)
    return counts, form_segments(counts, days=DAYS, k=3, seed=0).relabelling.labels


def rates(log, shares, **options):
    counts, relabel = log
    given = {"days": DAYS, "n_segments": 3, "shares": shares, "horizon": 8} | options
    return fold_rates(counts, relabel, **given)


def test_with_all_users_in_one_half_the_rates_are_the_published_forecast(log):
    counts, relabel = log
    even = 2 * np.random.default_rng(0).integers(1000, size=3_000) / 2000

    one, other = rates(log, even)

    forecasts = forecast_ctr(counts, relabel, days=DAYS, n_segments=3, n_outcome_days=2)
    assert one.ctr == pytest.approx([each.value for each in forecasts.ctr], rel=1e-12)
    assert np.isnan(other.ctr).all()
    assert other.n_impressions.sum() == 0


def test_each_user_is_in_one_half_and_no_impression_is_lost(log):
    counts, relabel = log
    one, other = rates(log, np.random.default_rng(1).random(3_000))

    fit = cross_fit(counts, relabel, days=DAYS)
    labelled = np.bincount(fit.single, weights=fit.n, minlength=4)[1:]
    assert (one.n_impressions + other.n_impressions).tolist() == labelled.tolist()
    assert 0.3 < one.n_impressions.sum() / labelled.sum() < 0.7


def test_draws_spread_as_a_bootstrap_of_single_users_does(log):
    counts, relabel = log
    shares = 2 * np.random.default_rng(2).integers(1000, size=3_000) / 2000
    one, _ = rates(log, shares, n_draws=2_000)

    fit = cross_fit(counts, relabel, days=DAYS)
    size = 3_000 * 4
    sums = np.zeros((3_000, 4, 4))
    for column, labels in ((0, fit.single), *((2, each) for each in fit.pairs)):
        for place, values in ((column, fit.n), (column + 1, fit.c)):
            index = fit.user_index * 4 + labels
            sums[:, :, place] += np.bincount(index, weights=values, minlength=size).reshape(-1, 4)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        n, c, n2, c2 = sums[rng.integers(3_000, size=3_000), 1:].sum(axis=0).T
        drawn.append((1 + fit.extrapolation) * c / n - fit.extrapolation * c2 / n2)
    assert one.draws.std(axis=0) == pytest.approx(np.std(drawn, axis=0), rel=0.15)


def test_a_segment_without_clicks_is_still_drawn_above_nothing():
    n = np.full((40, 4), 10)
    c = np.where(np.arange(40)[:, np.newaxis] % 2 == 0, 0, np.full((40, 4), 1))
    labels = 1 + np.arange(40) % 2
    one, _ = fold_rates(
        user_days(n, c),
        lambda _: labels,
        days=range(4),
        n_segments=2,
        shares=np.arange(40) / 40,
        horizon=4,
    )

    assert one.ctr[0] == 0.0
    # Jeffreys: the mean of Beta(1/2, n + 1/2) is 1/2 in n + 1.
    assert one.draws[:, 0].mean() == pytest.approx(0.5 / (one.n_impressions[0] + 1), rel=0.15)
    assert (one.draws[:, 0] > 0).all()


def test_a_level_that_varies_between_days_moves_all_segments_together():
    counts, _, _ = simulate(3_000, seed=3, drift=0.5)
    relabel = form_segments(counts, days=DAYS, k=3, seed=0).relabelling.labels
    one, other = rates((counts, relabel), np.random.default_rng(1).random(3_000))

    logits = [np.log(each.draws / (1 - each.draws)).mean(axis=1) for each in (one, other)]
    assert np.corrcoef(logits)[0, 1] > 0.9


def test_one_day_or_no_labelled_user_gives_nothing(log):
    counts, _ = log
    shares = np.zeros(3_000)
    assert rates(log, shares, days=range(1)) is None
    nobody = np.zeros(3_000, dtype=np.int64)
    assert rates((counts, lambda _: nobody), shares) is None
