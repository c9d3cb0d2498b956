"""Verdicts by hand, and no verdict where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm, t
from tests.evaluation.simulation import form_segments, simulate, user_days
from tests.repeats import repeats
from tests.texts import says, shows

from segmentry.evaluation.later_days import OutcomeWords, holm, verdicts
from segmentry.features.user_days import UserCounts


def halves(rates_seen, rates_later, *, n_users=2000, n=40):
    """Users of equal impressions in as many segments as there are rates, clicks as expected."""
    k = len(rates_seen)
    ids = 1 + np.arange(n_users) % k
    impressions = np.full(n_users, n)
    rng = np.random.default_rng(7)
    seen, later = (
        UserCounts(impressions, rng.binomial(n, np.asarray(rates)[ids - 1]))
        for rates in (rates_seen, rates_later)
    )
    return ids, seen, later


def kinds(ids, seen, later, **options):
    found = verdicts(ids, seen=seen, later=later, n_segments=int(ids.max()), **options)
    return [each.verdict for each in found]


def test_the_verdicts_follow_their_definitions():
    assert kinds(*halves([0.05, 0.10], [0.05, 0.10])) == ["confirmed", "confirmed"]
    assert kinds(*halves([0.05, 0.15], [0.05, 0.08])) == ["weaker", "weaker"]
    assert kinds(*halves([0.05, 0.10], [0.10, 0.05])) == ["reversed", "reversed"]
    assert kinds(*halves([0.05, 0.10], [0.05, 0.05])) == ["indistinguishable"] * 2
    few = halves([0.05, 0.10], [0.005, 0.005], n_users=80)
    assert kinds(*few) == ["not validated", "not validated"]


def test_statistics_by_hand():
    ids = np.array([1, 1, 2, 2, 0])
    seen = UserCounts(np.array([10, 10, 10, 10, 9]), np.array([4, 2, 1, 1, 9]))
    later = UserCounts(np.array([100, 300, 200, 200, 7]), np.array([20, 50, 30, 10, 7]))

    first, second = verdicts(ids, seen=seen, later=later, n_segments=2)

    # g = 110 / 800; residuals 20 - 13.75, 50 - 41.25 | 30 - 27.5, 10 - 27.5; 400 impressions each.
    squares = np.array([6.25, 8.75, 2.5, 17.5]) ** 2 / 400**2
    null, df = squares.sum(), squares.sum() ** 2 / np.sum(squares**2)
    assert 1.5 < df < 2
    assert first.outcome_difference.value == pytest.approx(0.075)
    assert first.p_value == pytest.approx(2 * t.sf((70 / 400 - 40 / 400) / null**0.5, df))
    assert first.p_holm == pytest.approx(2 * first.p_value)
    assert second.outcome_difference.value == pytest.approx(-0.075)
    assert first.seen_difference.value == pytest.approx(0.3 - 0.1)
    own = ((20 - 17.5) ** 2 + (50 - 52.5) ** 2) / 400**2
    assert first.ctr_outcome.low == pytest.approx(0.175 - norm.ppf(0.95) * own**0.5)
    assert first.expected_clicks == pytest.approx(55)
    assert first.largest_user_share == 0.75
    assert (first.n_users, first.n_users_later, first.n_impressions_later) == (2, 2, 400)
    assert first.ctr_seen == 0.3
    # Neither is rejected, so both were tested at 5 % / 2.
    reach = t.ppf(1 - 0.05 / 4, df) + norm.ppf(0.8)
    assert first.minimal_detectable_difference == pytest.approx(reach * null**0.5)
    assert first.verdict == "indistinguishable"


def test_users_clicks_vary_no_less_than_independent_impressions_do():
    """Every user clicks 2 of 20 but one: alone, that would leave nearly no variance."""
    ids = np.repeat([1, 2], 50)
    seen = UserCounts(np.full(100, 20), np.full(100, 2))
    clicks = np.full(100, 2)
    clicks[0] = 3
    later = UserCounts(np.full(100, 20), clicks)

    first, _ = verdicts(ids, seen=seen, later=later, n_segments=2)

    level = 201 / 2000
    squares = (clicks - level * 20) ** 2 / 1000**2
    df = squares.sum() ** 2 / np.sum(squares**2)
    error = (2 * level * (1 - level) / 1000) ** 0.5
    assert squares.sum() < 0.01 * error**2
    assert first.p_value == pytest.approx(2 * t.sf(0.001 / error, df))
    assert first.verdict == "indistinguishable"


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
            found = verdicts(ids, seen=later, later=later, n_segments=2, by_days=given, n_draws=2)
            wrong[name] += found[0].verdict != "indistinguishable"
    assert wrong["plain"] == n_seeds
    assert wrong["day for day"] <= binom.isf(0.003, n_seeds, 0.05)


def test_difference_day_for_day_by_hand():
    ids = np.array([1, 1, 2, 2])
    counts = user_days([[10, 0], [10, 20], [0, 30], [10, 30]], [[4, 0], [2, 3], [0, 6], [1, 3]])
    later = counts.totals()
    by_days = counts.clicks_by_days((0, 1), is_in=ids > 0)

    first, _ = verdicts(
        ids, seen=later, later=later, n_segments=2, by_days=by_days, n_draws=5, seed=1
    )

    # Level of the days 7 / 30 and 12 / 80: 20 and 20 impressions of the first segment, 10 and 60.
    residual = (9 - 20 * 7 / 30 - 20 * 12 / 80) / 40 - (10 - 10 * 7 / 30 - 60 * 12 / 80) / 70
    assert first.outcome_difference.value == pytest.approx(residual)
    assert first.ctr_outcome.value == 9 / 40
    assert first.seen_difference.value == pytest.approx(9 / 40 - 10 / 70)


def test_a_segment_that_differs_on_every_day_is_still_confirmed():
    ids, counts, rng = weekend(0)
    rate = np.where(ids == 1, 0.05, 0.12)[counts.user_index]
    counts = replace(counts, n_clicks=rng.binomial(counts.n_impressions, rate))
    later = counts.totals()
    by_days = counts.clicks_by_days((0, 1), is_in=ids > 0)

    found = verdicts(ids, seen=later, later=later, n_segments=2, by_days=by_days)

    # Days and segments are mixed 4 : 1, so a part of the difference may be owed to the days.
    assert [each.verdict for each in found] == ["confirmed", "confirmed"]
    assert found[1].survival.value < 1


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5: 4 x 0.01, 3 x 0.02, 2 x 0.03 (not below 0.06), 0.5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])


def test_minimal_detectable_difference_is_found_four_times_of_five():
    rng = np.random.default_rng(0)
    ids, seen, later = halves([0.05, 0.05], [0.05, 0.05])
    reach = verdicts(ids, seen=seen, later=later, n_segments=2)[0].minimal_detectable_difference
    rates = 0.05 + reach * np.array([-0.5, 0.5])

    hits = 0
    for _ in range(200):
        again = UserCounts(later.n_trials, rng.binomial(40, rates[ids - 1]))
        found = verdicts(ids, seen=seen, later=again, n_segments=2, n_draws=2)
        hits += found[0].p_holm <= 0.05

    # 160 expected; 99.8 % of binomial(200, 0.8) lies within 142..177.
    assert 142 <= hits <= 177


def test_users_alike_get_no_verdict_of_a_difference():
    """Of small logs too: with few clicks a normal reference found differences in 5.4 % of them."""
    wrong, n_seeds = 0, repeats(30, 60)
    for seed in range(n_seeds):
        counts, _, _ = simulate(1500, seed=2000 + seed, null=True)
        formed = form_segments(counts, days=range(6), k=5, seed=seed)
        found = kinds(
            formed.ids, counts.totals(range(6)), counts.totals((6, 7)), n_draws=2, seed=seed
        )
        wrong += not set(found) <= {"indistinguishable", "not validated"}
    assert wrong <= binom.isf(0.003, n_seeds, 0.05)


@pytest.mark.parametrize("share", [0, 1])
def test_a_bot_with_half_of_all_impressions_does_not_decide(share):
    ids, seen, later = halves([0.05, 0.05], [0.05, 0.05], n_users=400)
    n, c = later.n_trials.copy(), later.n_successes.copy()
    n[0] = n.sum()
    c[0] = share * n[0]

    found = verdicts(ids, seen=seen, later=UserCounts(n, c), n_segments=2)

    assert [each.verdict for each in found] == ["indistinguishable"] * 2
    assert found[0].largest_user_share > 0.6
    assert abs(found[0].outcome_difference.value) > 0.02
    # In effect one user decides, and one user shows nothing.
    reach = found[0].minimal_detectable_difference
    if share:
        assert reach is None
        shows(found[0].reason)
    else:
        assert reach > 0.3


def test_without_an_outcome_window_all_is_not_validated():
    ids, seen, _ = halves([0.05, 0.10], [0.05, 0.10])

    found = verdicts(ids, seen=seen, later=None, n_segments=2)

    assert {each.verdict for each in found} == {"not validated"}
    assert "no later day" in found[0].reason
    assert found[0].ctr_seen is not None


def test_outcomes_that_cannot_be_judged_say_why():
    ids, seen, later = halves([0.05, 0.10, 0.07], [0.05, 0.10, 0.07])
    silent = UserCounts(later.n_trials, 0 * later.n_successes)
    gone = UserCounts(
        np.where(ids == 1, 0, later.n_trials), np.where(ids == 1, 0, later.n_successes)
    )
    only = UserCounts(
        np.where(ids == 1, later.n_trials, 0), np.where(ids == 1, later.n_successes, 0)
    )

    says(verdicts(ids, seen=seen, later=silent, n_segments=3)[0].reason)
    first, second, _ = verdicts(ids, seen=seen, later=gone, n_segments=3)
    says(first.reason)
    assert (first.verdict, first.ctr_outcome.value) == ("not validated", None)
    assert second.verdict == "confirmed"
    assert "nothing to compare" in verdicts(ids, seen=seen, later=only, n_segments=3)[0].reason
    assert "nothing to compare" in (
        verdicts(np.ones_like(ids), seen=seen, later=later, n_segments=1)[0].reason
    )


def test_survival_is_undefined_where_little_was_seen():
    ids, seen, later = halves([0.05, 0.0501], [0.05, 0.10])

    found = verdicts(ids, seen=seen, later=later, n_segments=2)

    assert found[1].survival.value is None
    assert found[1].verdict in {"weaker", "reversed"}


def test_survival_by_hand_and_within_its_interval():
    ids, seen, later = halves([0.05, 0.15], [0.05, 0.10])

    found = verdicts(ids, seen=seen, later=later, n_segments=2)[1]

    expected = found.outcome_difference.value / found.seen_difference.value
    assert found.survival.value == pytest.approx(expected)
    assert found.survival.low < expected < found.survival.high


def test_reasons_are_written_in_the_words_of_what_is_counted():
    words = OutcomeWords(
        rate="days with a buy per day", trial="day", success="buy", successes="buys"
    )
    n = np.full(400, 50)
    counts = UserCounts(n, np.random.default_rng(0).binomial(n, np.repeat([0.2, 0.1], 200)))
    ids = np.repeat([1, 2], 200)

    first, _ = verdicts(ids, seen=counts, later=counts, n_segments=2, words=words)

    assert first.reason.startswith("days with a buy per day ")
    none = UserCounts(n, np.zeros(400, dtype=np.int64))
    found = verdicts(ids, seen=counts, later=none, n_segments=2, words=words)
    assert {each.reason for each in found} == {"the outcome window has no buy"}
