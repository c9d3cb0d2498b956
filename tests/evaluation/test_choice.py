"""The number of segments: inner gain, the rule, and what it says."""

import numpy as np
import pytest
from tests.evaluation.simulation import form_segments, simulate
from tests.texts import says, shows

from segmentry.evaluation.number import (
    RULE_WITHOUT_LOG,
    InnerGain,
    NumberRange,
    Separation,
    UserGains,
    as_before,
    choose_number,
    inner_gain,
    number_range,
    rule_of,
)
from segmentry.features.user_days import UserCounts
from segmentry.schema import Estimate


def gain(k, value, error=0.002):
    half = 1.645 * error
    return InnerGain(k, Estimate(value=value, low=value - half, high=value + half), error)


def groups(k):
    return Separation((1, 2, 3, 4), (1.0, 0.2, 0.8, 0.0), k, 1000, 5, 0)


NOTHING = InnerGain(1, Estimate(value=0.0, low=0.0, high=0.0), 0.0)


def test_inner_gain_equals_a_plain_out_of_fold_likelihood():
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 4, 400)
    n = rng.integers(0, 30, 400)
    c = rng.binomial(n, np.array([0, 0.02, 0.1, 0.3])[ids])

    found = inner_gain(ids, later=UserCounts(n, c), seed=5)

    shown = n > 0
    ids, n, c = ids[shown], n[shown], c[shown]
    folds = np.random.default_rng(5).permutation(ids.size) % 10
    total = 0.0
    for i in range(ids.size):
        others = folds != folds[i]
        level = (c[others].sum() + 20 * c.sum() / n.sum()) / (n[others].sum() + 20)
        mine = others & (ids == ids[i])
        own = (c[mine].sum() + 20 * level) / (n[mine].sum() + 20)
        total += c[i] * np.log(own / level) + (n[i] - c[i]) * np.log((1 - own) / (1 - level))
    assert found.gain.value == pytest.approx(total / n.sum(), rel=1e-9)
    assert found.n_segments == 3
    assert found.gain.low > 0


def test_more_segments_do_not_gain_by_being_more():
    rng = np.random.default_rng(1)
    later = UserCounts(np.full(2000, 10), rng.binomial(10, 0.05, 2000))

    gains = [inner_gain(1 + rng.integers(0, k, 2000), later=later) for k in (2, 10, 200)]

    assert all(each.gain.low < 0 for each in gains)
    assert gains[2].gain.value < gains[0].gain.value


def test_inner_gain_without_clicks_is_null_and_unassigned_users_gain_nothing():
    n = np.full(10, 5)
    ids = np.arange(10) % 2 + 1

    assert inner_gain(ids, later=UserCounts(n, 0 * n)).gain.value is None
    found = inner_gain(np.zeros(10, dtype=int), later=UserCounts(n, n // 3))
    assert found.gain.value == 0


def test_planted_logs_gain_and_users_alike_do_not():
    for null, has_gain in ((False, True), (True, False)):
        counts, _, _ = simulate(8000, seed=11, null=null)
        ids = form_segments(counts, days=range(4), k=4, seed=0).ids
        assert (inner_gain(ids, later=counts.totals((4, 5))).gain.low > 0) is has_gain


def test_smallest_number_with_enough_of_the_largest_gain():
    gains = [NOTHING, gain(2, 0.0179), gain(3, 0.0181), gain(5, 0.017), gain(6, 0.020)]

    choice = choose_number(gains, groups(1))

    # Each further segment adds 0.0179, 0.0002, -0.0005, -0.0005, 0.003; the last four are pooled to
    # 0.000525 each, so that 3 and 5 reach 0.018425 and 0.019475 of 0.020.
    assert (choice.n_segments, choice.sufficient) == (3, (3, 5, 6))
    assert choice.division == "graded division"
    assert choice.rule == rule_of(0.9)
    says(choice.reason)
    assert choice.has_gain
    assert choose_number(gains, groups(1), gain_share=0.85).n_segments == 2
    assert choose_number(gains, groups(1), gain_share=1.0).n_segments == 6


def test_the_range_holds_the_numbers_that_other_users_would_give():
    # Nine of ten users gain all at 2 segments, the others nothing until 4: each draw of users is a
    # draw of a binomial share. Where it is below 0.9, the smoothed curve has enough at 3.
    first = np.arange(1000) < 900
    nats = np.column_stack([first * 1.0, first * 1.0, np.ones(1000)])
    gains = UserGains((2, 3, 4), nats, np.ones(1000))
    choice = choose_number(gains.summed(), groups(1))

    found = number_range(gains, choice, n_draws=400)

    assert choice.n_segments == 2
    assert (found.range_low, found.range_high) == (2, 3)
    # At least 450 of 500 with a chance of 0.9 each: 0.53, standard error 0.025.
    assert found.chosen_share == pytest.approx(0.53, abs=0.1)
    assert sum(times for _, times in found.numbers) == found.n_draws == 400


def test_the_number_of_an_earlier_window_stays_where_other_users_would_give_it():
    # As above: draws give 2 or 3 segments.
    first = np.arange(1000) < 900
    gains = UserGains((2, 3, 4), np.column_stack([first, first, np.ones(1000)]), np.ones(1000))
    choice = choose_number(gains.summed(), groups(1))
    number = number_range(gains, choice)

    kept, again = as_before(choice, number, 3)

    assert kept.n_segments == 3
    assert again.chosen_share == dict(number.numbers)[3] / number.n_draws
    assert kept.gains == choice.gains
    says(kept.reason)
    # No draw gives 4.
    for other in (1, 2, 4):
        assert as_before(choice, number, other) == (choice, number)


def test_no_number_stays_where_nothing_is_gained():
    rng = np.random.default_rng(0)
    gains = UserGains((2, 3), rng.standard_normal((500, 2)), np.ones(500))
    choice = choose_number(gains.summed(), groups(1))
    number = NumberRange(1, 2, 0.9, ((1, 180), (2, 20)), 200)

    assert as_before(choice, number, 2) == (choice, number)


def test_where_draws_gain_nothing_the_range_is_one_segment():
    rng = np.random.default_rng(0)
    gains = UserGains((2, 3), rng.standard_normal((500, 2)), np.ones(500))
    choice = choose_number(gains.summed(), groups(1))

    found = number_range(gains, choice)

    assert choice.n_segments == 1
    assert found.range_low == 1
    assert dict(found.numbers)[1] > 100


def test_one_segment_only_if_both_fail():
    neither = choose_number([NOTHING, gain(2, 0.001)], groups(1))
    groups_alone = choose_number([NOTHING, gain(2, 0.001)], groups(3))

    assert (neither.n_segments, neither.division) == (1, "one segment")
    assert (groups_alone.n_segments, groups_alone.division) == (3, "natural groups")
    shows(groups_alone.reason)


def test_groups_that_are_the_chosen_number_are_called_groups():
    choice = choose_number([gain(3, 0.02), gain(4, 0.021)], groups(3))

    assert (choice.n_segments, choice.division) == (3, "natural groups")
    shows(choice.reason)


def test_without_a_log_the_groups_decide_and_the_rule_says_so():
    choice = choose_number([], groups(3))

    assert (choice.n_segments, choice.has_gain, choice.rule) == (3, None, RULE_WITHOUT_LOG)
    assert choice.reason == "3 natural groups."
