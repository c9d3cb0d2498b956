"""Verdicts by hand, and no verdict where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm, t
from tests.evaluation.simulation import form_segments, simulate, user_days
from tests.repeats import repeats
from tests.texts import says, shows

from segmentry.evaluation.later_days import (
    Difference,
    Forecasts,
    OutcomeWords,
    forecast_ctr,
    holm,
    luck_of,
    verdicts,
)
from segmentry.evaluation.later_days._differences import forecast_differences, judged, share_kept
from segmentry.features.user_days import UserCounts
from segmentry.schema import Estimate

LASTING = (0.05, 0.10)
"""Rates of two segments, as forecast where a test is about something else."""


def forecast_of(rates, *, error=0.001):
    """Forecasts of as many segments as rates, each with the same independent error."""
    ctr = tuple(Estimate(rate, None, None) for rate in rates)
    covariance = error**2 * np.eye(len(rates))
    return Forecasts(
        ctr=ctr, index=ctr, n_days=6, n_outcome_days=2, caveats=(), covariance=covariance
    )


def halves(rates_later, *, n_users=2000, n=40):
    """Users of equal impressions in as many segments as there are rates, clicks as expected."""
    ids = 1 + np.arange(n_users) % len(rates_later)
    rng = np.random.default_rng(7)
    clicks = rng.binomial(n, np.asarray(rates_later)[ids - 1])
    return ids, UserCounts(np.full(n_users, n), clicks)


def kinds(rates_forecast, rates_later, **options):
    ids, later = halves(rates_later, **options)
    return [
        each.verdict for each in verdicts(ids, forecast=forecast_of(rates_forecast), later=later)
    ]


def test_the_verdicts_follow_their_definitions():
    assert kinds([0.05, 0.10], [0.05, 0.10]) == ["confirmed", "confirmed"]
    assert kinds([0.05, 0.15], [0.05, 0.08]) == ["weaker", "weaker"]
    assert kinds([0.05, 0.10], [0.10, 0.05]) == ["reversed", "reversed"]
    assert kinds([0.05, 0.10], [0.05, 0.05]) == ["no difference"] * 2
    assert kinds([0.05, 0.10], [0.005, 0.005], n_users=80) == ["not checked"] * 2


def test_where_no_difference_was_forecast_there_is_none_to_confirm():
    ids, later = halves([0.05, 0.10])

    found = verdicts(ids, forecast=forecast_of([0.05, 0.0528]), later=later)[1]

    # 0.28 points with a standard error of 0.14: just below two standard errors.
    assert found.p_holm < 1e-9
    assert (found.verdict, found.survival.value) == ("no difference", None)
    says(found.reason)
    near = verdicts(ids, forecast=forecast_of([0.05, 0.0529]), later=later)[1]
    assert near.verdict == "confirmed"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.6, 0.7, 0.8, 1.2])
def test_at_least_half_of_the_forecast_is_there_by_fieller(sign, kept):
    forecast, later = Difference(sign * 0.03, 0.004), Difference(sign * kept * 0.03, 0.003)

    found = share_kept(later, forecast)

    test = sign * (later.value - forecast.value / 2) / (0.003**2 + 0.004**2 / 4) ** 0.5
    verdict = judged(later, forecast, p_value=1e-6)
    assert verdict == ("confirmed" if test >= norm.ppf(0.95) else "weaker")
    assert found.value == pytest.approx(kept)
    # The interval holds the ratios that are not rejected, tried one by one.
    ratios = np.linspace(0, 3, 30_001)
    errors = np.sqrt(0.003**2 + (ratios * 0.004) ** 2)
    tried = np.abs(later.value - ratios * forecast.value) / errors <= norm.ppf(0.95)
    assert found.low == pytest.approx(ratios[tried].min(), abs=2e-4)
    assert found.high == pytest.approx(ratios[tried].max(), abs=2e-4)


def test_forecast_differences_by_plain_loops():
    counts, _, _ = simulate(800, seed=3)
    formed = form_segments(counts, days=range(2), k=3, seed=3)
    found = forecast_ctr(
        counts, formed.relabelling.labels, days=range(2), n_segments=3, n_outcome_days=1
    )
    weights = np.array([5.0, 2.0, 3.0])

    first = forecast_differences(found, weights)[0]

    # Two days: each is labelled by the other, and nothing is extrapolated.
    n, c = np.zeros((2, 3, 800)), np.zeros((2, 3, 800))
    for day in range(2):
        labels, totals = formed.relabelling.labels([1 - day]), counts.totals([day])
        for segment in range(3):
            is_in = labels == segment + 1
            n[day, segment, is_in] = totals.n_trials[is_in]
            c[day, segment, is_in] = totals.n_successes[is_in]
    rates = c.sum((0, 2)) / n.sum((0, 2))
    errors = ((c - rates[:, None] * n) / n.sum((0, 2))[:, None]).sum(0)
    assert first.value == pytest.approx(rates[0] - (2 * rates[1] + 3 * rates[2]) / 5)
    of_users = errors[0] - (2 * errors[1] + 3 * errors[2]) / 5
    assert first.error == pytest.approx(np.sum(of_users**2) ** 0.5)


def test_statistics_by_hand():
    ids = np.array([1, 1, 2, 2, 0])
    later = UserCounts(np.array([100, 300, 200, 200, 7]), np.array([20, 50, 30, 10, 7]))

    first, second = verdicts(ids, forecast=forecast_of([0.3, 0.1], error=0.01), later=later)

    # g = 110 / 800; residuals 20 - 13.75, 50 - 41.25 | 30 - 27.5, 10 - 27.5; 400 impressions each.
    squares = np.array([6.25, 8.75, 2.5, 17.5]) ** 2 / 400**2
    null, df = squares.sum(), squares.sum() ** 2 / np.sum(squares**2)
    assert 1.5 < df < 2
    assert first.outcome_difference.value == pytest.approx(0.075)
    assert first.p_value == pytest.approx(2 * t.sf((70 / 400 - 40 / 400) / null**0.5, df))
    assert first.p_holm == pytest.approx(2 * first.p_value)
    assert second.outcome_difference.value == pytest.approx(-0.075)
    assert first.forecast_difference.value == pytest.approx(0.3 - 0.1)
    assert first.forecast_difference.high == pytest.approx(0.2 + norm.ppf(0.95) * 0.0002**0.5)
    assert first.survival.value == pytest.approx(0.075 / 0.2)
    own = ((20 - 17.5) ** 2 + (50 - 52.5) ** 2) / 400**2
    assert first.ctr_outcome.low == pytest.approx(0.175 - norm.ppf(0.95) * own**0.5)
    assert first.expected_clicks == pytest.approx(55)
    assert first.largest_user_share == 0.75
    assert (first.n_users, first.n_users_later, first.n_impressions_later) == (2, 2, 400)
    # Neither is rejected, so both were tested at 5 % / 2.
    reach = t.ppf(1 - 0.05 / 4, df) + norm.ppf(0.8)
    assert first.minimal_detectable_difference == pytest.approx(reach * null**0.5)
    assert first.verdict == "no difference"


def test_users_clicks_vary_no_less_than_independent_impressions_do():
    """Every user clicks 2 of 20 but one: alone, that would leave nearly no variance."""
    ids = np.repeat([1, 2], 50)
    clicks = np.full(100, 2)
    clicks[0] = 3
    later = UserCounts(np.full(100, 20), clicks)

    first, _ = verdicts(ids, forecast=forecast_of(LASTING), later=later)

    level = 201 / 2000
    squares = (clicks - level * 20) ** 2 / 1000**2
    df = squares.sum() ** 2 / np.sum(squares**2)
    error = (2 * level * (1 - level) / 1000) ** 0.5
    assert squares.sum() < 0.01 * error**2
    assert first.p_value == pytest.approx(2 * t.sf(0.001 / error, df))
    assert first.verdict == "no difference"


def weekend(seed, *, n_users=3000):
    """All click alike, 3 % on day 0 and 10 % on day 1; half of them mostly come on day 1."""
    rng = np.random.default_rng(seed)
    ids = 1 + np.arange(n_users) % 2
    n = rng.poisson(np.where(ids[:, np.newaxis] == 1, [8, 2], [2, 8]))
    return ids, user_days(n, rng.binomial(n, [0.03, 0.10])), rng


def test_days_on_which_all_click_more_make_no_segment_differ():
    wrong, n_seeds = dict.fromkeys(("plain", "day for day"), 0), repeats(20, 60)
    for seed in range(n_seeds):
        ids, counts, _ = weekend(seed)
        later = counts.totals()
        by_days = counts.clicks_by_days((0, 1), is_in=ids > 0)
        for name, given in (("plain", None), ("day for day", by_days)):
            found = verdicts(ids, forecast=forecast_of(LASTING), later=later, by_days=given)
            wrong[name] += found[0].verdict != "no difference"
    assert wrong["plain"] == n_seeds
    assert wrong["day for day"] <= binom.isf(0.003, n_seeds, 0.05)


def test_difference_day_for_day_by_hand():
    ids = np.array([1, 1, 2, 2])
    counts = user_days([[10, 0], [10, 20], [0, 30], [10, 30]], [[4, 0], [2, 3], [0, 6], [1, 3]])
    later = counts.totals()
    by_days = counts.clicks_by_days((0, 1), is_in=ids > 0)

    first, _ = verdicts(ids, forecast=forecast_of(LASTING), later=later, by_days=by_days)

    # Level of the days 7 / 30 and 12 / 80: 20 and 20 impressions of the first segment, 10 and 60.
    residual = (9 - 20 * 7 / 30 - 20 * 12 / 80) / 40 - (10 - 10 * 7 / 30 - 60 * 12 / 80) / 70
    assert first.outcome_difference.value == pytest.approx(residual)
    assert first.ctr_outcome.value == 9 / 40


def test_a_segment_that_differs_on_every_day_is_still_confirmed():
    ids, counts, rng = weekend(0)
    rate = np.where(ids == 1, 0.05, 0.12)[counts.user_index]
    counts = replace(counts, n_clicks=rng.binomial(counts.n_impressions, rate))
    later = counts.totals()
    by_days = counts.clicks_by_days((0, 1), is_in=ids > 0)

    found = verdicts(ids, forecast=forecast_of([0.05, 0.12]), later=later, by_days=by_days)

    # Days and segments are mixed 4 : 1, so a part of the difference may be owed to the days.
    assert [each.verdict for each in found] == ["confirmed", "confirmed"]
    assert found[1].survival.value < 1


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5: 4 x 0.01, 3 x 0.02, 2 x 0.03 (not below 0.06), 0.5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])


def test_minimal_detectable_difference_is_found_four_times_of_five():
    rng = np.random.default_rng(0)
    ids, later = halves([0.05, 0.05])
    forecast = forecast_of(LASTING)
    reach = verdicts(ids, forecast=forecast, later=later)[0].minimal_detectable_difference
    rates = 0.05 + reach * np.array([-0.5, 0.5])

    hits = 0
    for _ in range(200):
        again = UserCounts(later.n_trials, rng.binomial(40, rates[ids - 1]))
        found = verdicts(ids, forecast=forecast, later=again)
        hits += found[0].p_holm <= 0.05

    # 160 expected; 99.8 % of binomial(200, 0.8) lies within 142..177.
    assert 142 <= hits <= 177


def verdicts_of_log(n_users, *, seed, **options):
    """Form five segments on six days, forecast the next two and judge them."""
    counts, _, _ = simulate(n_users, seed=seed, **options)
    formed = form_segments(counts, days=range(6), k=5, seed=seed)
    forecast = forecast_ctr(
        counts, formed.relabelling.labels, days=range(6), n_segments=5, n_outcome_days=2
    )
    later, by_days = counts.totals((6, 7)), counts.clicks_by_days((6, 7), is_in=formed.ids > 0)
    return verdicts(formed.ids, forecast=forecast, later=later, by_days=by_days)


def test_users_alike_get_no_verdict_of_a_difference():
    n_seeds = repeats(20, 60)
    logs = [verdicts_of_log(1500, seed=2000 + seed, null=True) for seed in range(n_seeds)]
    decided = [any(e.verdict not in ("no difference", "not checked") for e in log) for log in logs]
    assert sum(decided) <= binom.isf(0.003, n_seeds, 0.05)
    # The test itself, without the guard that no difference was forecast.
    differ = [any(e.p_holm is not None and e.p_holm <= 0.05 for e in log) for log in logs]
    assert sum(differ) <= binom.isf(0.003, n_seeds, 0.05)


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [(1.0, "confirmed"), (0.5, "weaker"), (0.0, "no difference"), (-0.5, "reversed")],
)
def test_verdicts_where_differences_last_are_halved_are_gone_or_turned(kept, wanted):
    """Rates of 400 logs each are in docs/explanation/validation.md."""
    logs = [verdicts_of_log(12_000, seed=seed, kept=kept) for seed in range(3)]
    found = [each.verdict for log in logs for each in log]
    assert found.count(wanted) >= 0.6 * len(found)
    assert "reversed" not in found or wanted == "reversed"
    assert "confirmed" not in found or wanted in ("confirmed", "weaker")


@pytest.mark.parametrize("share", [0, 1])
def test_a_bot_with_half_of_all_impressions_does_not_decide(share):
    ids, later = halves([0.05, 0.05], n_users=400)
    n, c = later.n_trials.copy(), later.n_successes.copy()
    n[0] = n.sum()
    c[0] = share * n[0]

    found = verdicts(ids, forecast=forecast_of(LASTING), later=UserCounts(n, c))

    assert [each.verdict for each in found] == ["no difference"] * 2
    assert found[0].largest_user_share > 0.6
    assert abs(found[0].outcome_difference.value) > 0.02
    # In effect one user decides, and one user shows nothing.
    reach = found[0].minimal_detectable_difference
    if share:
        assert reach is None
        shows(found[0].reason)
    else:
        assert reach > 0.3


def test_without_an_outcome_window_nothing_is_checked():
    ids, _ = halves(LASTING)

    found = verdicts(ids, forecast=forecast_of(LASTING), later=None)

    assert {each.verdict for each in found} == {"not checked"}
    assert "no later day" in found[0].reason


def test_outcomes_that_cannot_be_judged_say_why():
    ids, later = halves([0.05, 0.10, 0.07])
    forecast = forecast_of([0.05, 0.10, 0.07])
    silent = UserCounts(later.n_trials, 0 * later.n_successes)
    gone = UserCounts(
        np.where(ids == 1, 0, later.n_trials), np.where(ids == 1, 0, later.n_successes)
    )
    only = UserCounts(
        np.where(ids == 1, later.n_trials, 0), np.where(ids == 1, later.n_successes, 0)
    )

    says(verdicts(ids, forecast=forecast, later=silent)[0].reason)
    first, second, _ = verdicts(ids, forecast=forecast, later=gone)
    says(first.reason)
    assert (first.verdict, first.ctr_outcome.value) == ("not checked", None)
    assert second.verdict == "confirmed"
    assert "nothing to compare" in verdicts(ids, forecast=forecast, later=only)[0].reason
    alone = verdicts(np.ones_like(ids), forecast=forecast_of([0.07]), later=later)[0]
    assert "nothing to compare" in alone.reason


def test_a_segment_without_a_later_click_is_judged_where_clicks_were_to_be_expected():
    ids, later = halves([0.0, 0.10])

    first = verdicts(ids, forecast=forecast_of([0.01, 0.10]), later=later)[0]

    assert (first.verdict, first.ctr_outcome.value) == ("confirmed", 0.0)
    assert first.p_holm < 1e-9


def test_without_a_forecast_nothing_is_checked_and_the_reason_says_so():
    ids, later = halves([0.05, 0.10, 0.07])
    forecast = forecast_of([0.05, 0.10, 0.07])
    unknown = Estimate(None, None, None)

    none = verdicts(
        ids, forecast=replace(forecast, ctr=(unknown,) * 3, covariance=None), later=later
    )
    assert {each.verdict for each in none} == {"not checked"}
    says(none[0].reason)
    some = verdicts(ids, forecast=replace(forecast, ctr=(unknown, *forecast.ctr[1:])), later=later)
    assert [each.verdict for each in some] == ["not checked", "confirmed", "weaker"]


def test_reasons_are_written_in_the_words_of_what_is_counted():
    words = OutcomeWords(
        rate="days with a buy per day", trial="day", success="buy", successes="buys"
    )
    n = np.full(400, 50)
    counts = UserCounts(n, np.random.default_rng(0).binomial(n, np.repeat([0.2, 0.1], 200)))
    ids, forecast = np.repeat([1, 2], 200), forecast_of([0.2, 0.1])

    first, _ = verdicts(ids, forecast=forecast, later=counts, words=words)

    assert first.reason.startswith("days with a buy per day ")
    none = UserCounts(n, np.zeros(400, dtype=np.int64))
    found = verdicts(ids, forecast=forecast, later=none, words=words)
    assert {each.reason for each in found} == {"the outcome window has no buy"}


def test_luck_is_what_the_forecast_takes_from_the_differences_seen():
    seen = UserCounts(np.array([100, 300, 200]), np.array([2, 30, 40]))
    forecast = forecast_of([0.06, 0.10, 0.15], error=0.01)
    ids = np.array([1, 2, 3])

    found = luck_of(ids, seen, forecast, shown=(1, 2, 3))

    # Seen 2, 10 and 20 %, 12 % of all: slope by least squares, weighted by impressions.
    n, s, f = np.array([100, 300, 200]), np.array([0.02, 0.10, 0.20]), np.array([0.06, 0.10, 0.15])
    slope = np.polyfit(s, f, 1, w=np.sqrt(n))[0]
    assert found.share.value == pytest.approx(1 - slope)
    error = 0.01 * np.sqrt(np.sum((n * (s - 0.12)) ** 2)) / np.sum(n * (s - 0.12) ** 2)
    assert found.share.high == pytest.approx(1 - slope + norm.ppf(0.95) * error)
    assert found.is_any_forecast
    assert not luck_of(ids, seen, forecast_of([0.1, 0.101, 0.1]), shown=(1, 2, 3)).is_any_forecast
    assert luck_of(ids, seen, forecast, shown=(2,)) is None
