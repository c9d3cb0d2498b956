import numpy as np
import polars as pl
import pytest
from scipy.stats import poisson
from tests.evaluation.purchases import (
    counted_purchases,
    form_shoppers,
    simulate_purchases,
    windows_of,
)

from segmentry.evaluation.later_days import (
    NO_SIGNAL,
    forecast_events,
    outcome_gain,
    own_history,
    verdicts,
    words_of,
)
from segmentry.features.windows import periods_of, split_window
from segmentry.schema import Window


def checked(frame, n_days, *, kind="events", k=3):
    counts = counted_purchases(frame, kind=kind)
    periods, later = windows_of(n_days)
    days = range(periods[0].start, periods[-1].stop)
    formed = form_shoppers(counts, days=days, k=k, seed=0)
    found = forecast_events(counts, formed.relabelling, periods=periods, n_segments=k, horizon=3)
    return counts, days, later, formed, found


def per_user(found, ids):
    return np.array([0.0, *(each.value for each in found.ctr)])[ids]


@pytest.fixture(scope="module")
def shop():
    return checked(simulate_purchases(1500, seed=2), 364)


def judged_and_gain(counts, days, later, formed, found):
    """Return the verdicts on segments and what they gain on later days."""
    judged = verdicts(
        formed.ids,
        forecast=found,
        later=counts.outcomes(later),
        words=words_of(counts.outcome),
    )
    gain = outcome_gain(
        formed.ids, counts, days=(days, later), forecast=per_user(found, formed.ids)
    )
    return judged, gain


def test_segments_that_differ_are_confirmed_and_keep_what_histories_predict(shop):
    counts, days, later, formed, found = shop
    judged, gain = judged_and_gain(counts, days, later, formed, found)
    assert {each.verdict for each in judged} <= {"confirmed", "weaker", "no difference"}
    assert "confirmed" in {each.verdict for each in judged}
    assert gain.by_forecast.value > 0.9 * gain.by_best_rate.value
    assert 0 < gain.by_negative_binomial < 1


def test_gains_are_differences_of_poisson_likelihoods(shop):
    counts, days, later, formed, found = shop
    forecast = per_user(found, formed.ids)
    gain = outcome_gain(formed.ids, counts, days=(days, later), forecast=forecast)
    known = counts.first_days() < later.start
    y = counts.outcomes(later).n_successes[known]
    own = own_history(counts, days).predict(counts, days, horizon=len(later))[known]

    def likelihood(mu):
        return poisson.logpmf(y, mu * y.sum() / mu.sum()).sum()

    base = likelihood(np.ones(y.size))
    by_own = (likelihood(np.maximum(own, 1e-3 * own.mean())) - base) / y.size
    assert gain.nats_of_users.value == pytest.approx(by_own)
    by_forecast = (likelihood(forecast[known]) - base) / y.size
    assert gain.nats_by_forecast.value == pytest.approx(by_forecast)
    means = np.array([y[formed.ids[known] == k].mean() for k in (1, 2, 3)])
    best = (likelihood(means[formed.ids[known] - 1]) - base) / y.size
    assert gain.nats_by_best_rate.value == pytest.approx(best)


def test_who_came_after_the_forming_days_takes_no_part(shop):
    counts, _, later, formed, _ = shop
    newcomers = counts.first_days() >= later.start
    assert newcomers.any()
    assert not formed.ids[newcomers].any()


def test_an_outcome_that_never_happens_is_said_in_words():
    frame = simulate_purchases(400, seed=3).filter(pl.col("day") < 200)
    counts, days, later, formed, found = checked(frame, 364)
    gain = outcome_gain(
        formed.ids, counts, days=(days, later), forecast=per_user(found, formed.ids)
    )
    assert gain.reason == "no purchase in the outcome window"
    judged = verdicts(formed.ids, forecast=found, later=counts.outcomes(later))
    assert {each.verdict for each in judged} == {"not checked"}


def test_purchases_without_a_value_are_not_called_no_purchases():
    late = pl.col("day") >= 200
    frame = simulate_purchases(400, seed=3).with_columns(
        value=pl.when(late).then(0).otherwise(pl.col("value"))
    )
    counts, days, later, formed, found = checked(frame, 364, kind="value")
    gain = outcome_gain(
        formed.ids, counts, days=(days, later), forecast=per_user(found, formed.ids)
    )
    assert gain.n_impressions > 0
    assert gain.reason == "no purchase with a value above zero in the outcome window"


def test_a_segment_without_a_later_event_has_a_verdict_and_finite_numbers():
    frame = simulate_purchases(1500, seed=2)
    counts, days, later, formed, _ = checked(frame, 364)
    gone = pl.Series(np.flatnonzero(formed.ids == 3))
    frame = frame.filter((pl.col("day") < later.start) | ~pl.col("user_id").is_in(gone.implode()))
    counts, days, later, formed, found = checked(frame, 364)
    judged, gain = judged_and_gain(counts, days, later, formed, found)

    (empty,) = (each for each in judged if each.ctr_outcome.value == 0)
    assert empty.verdict in ("reversed", "weaker", "no difference", "not checked")
    for each in judged:
        numbers = (each.ctr_outcome, each.forecast_difference, each.outcome_difference)
        assert all(np.isfinite((e.value, e.low, e.high)).all() for e in numbers if e.is_known)
    assert gain.by_forecast.is_known != bool(gain.reason)


def test_one_buyer_with_half_of_the_revenue_confirms_nothing():
    frame = simulate_purchases(600, seed=4, alike=True)
    late = pl.DataFrame(
        {"user_id": 0, "day": 350, "n_impressions": 1, "n_clicks": 0, "value": 10**11}
    )
    others = frame.filter((pl.col("user_id") != 0) | (pl.col("day") != 350))
    frame = pl.concat([others, late.cast(others.schema)])
    counts, _, later, formed, found = checked(frame, 364, kind="value", k=2)
    judged = verdicts(
        formed.ids,
        forecast=found,
        later=counts.outcomes(later),
        words=words_of(counts.outcome),
    )
    assert not {each.verdict for each in judged} & {"confirmed", "reversed"}


def test_users_who_are_all_alike_have_nothing_to_keep():
    counts, days, later, formed, found = checked(simulate_purchases(400, seed=5, alike=True), 364)
    gain = outcome_gain(
        formed.ids, counts, days=(days, later), forecast=per_user(found, formed.ids)
    )
    assert gain.reason == NO_SIGNAL


def test_where_most_users_are_equal_histories_without_a_spread_are_no_yardstick():
    days = pl.DataFrame({"day": [3, 40, 80, 120, 150, 170]})
    equal = pl.DataFrame({"user_id": range(425)}).join(days, how="cross")
    equal = equal.with_columns(n_impressions=1, n_clicks=0, value=20_000_000)
    others = simulate_purchases(75, seed=1, n_days=180).with_columns(pl.col("user_id") + 425)
    frame = pl.concat([equal.cast(others.schema), others.select(equal.columns)])
    counts, days, later, formed, found = checked(frame, 180)

    gain = outcome_gain(
        formed.ids, counts, days=(days, later), forecast=per_user(found, formed.ids)
    )

    assert gain.reason == NO_SIGNAL
    assert gain.by_forecast.value is None


def test_a_log_of_three_days_is_checked_on_one():
    window = Window(start=0, end=3 * 86400)
    split = split_window(window, periods_of(window))
    assert (split.feature.n_days, split.outcome.n_days) == (2.0, 1.0)
    frame = simulate_purchases(600, seed=6, n_days=3)
    counts = counted_purchases(frame)
    periods, _ = windows_of(3)
    formed = form_shoppers(counts, days=range(2), k=2, seed=0)
    found = forecast_events(counts, formed.relabelling, periods=periods, n_segments=2, horizon=1)
    assert found.level.value > 0


def test_nine_years_have_twelve_periods_of_equal_length():
    periods = periods_of(Window(start=0, end=3287 * 86400))
    assert [len(each) for each in periods[1:]] == [273] * 11
    assert sum(len(each) for each in periods) == 3287
