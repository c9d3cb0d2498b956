"""The procedure that chooses a number: held-out days, groups, repetitions; and what it says."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.evaluation.simulation import simulate
from tests.texts import shows

from segmentry.evaluation.number import (
    InnerSplit,
    UserGains,
    choose_number,
    decide_by_groups,
    decision_of,
    inner_gain,
    inner_gains,
    repeat_segments,
    rows_of_spread_clicks,
    separate,
    thirds,
    weigh_number,
)
from segmentry.evaluation.number._inner_gain import judge_by_later
from segmentry.features import LOG_FEATURES, fit_beta_prior, shrink
from segmentry.features.user_days import UserCounts
from segmentry.segments.clustering import distinct_rows
from segmentry.segments.forming import plan_features, recipe_named

NUMBERS = (1, 2, 3, 4)
PLANS = plan_features(recipe_named("default"), LOG_FEATURES)


def split_of(counts, *, days=range(6), held_out=None):
    """Hold out the days of a simulated log, as a run does."""
    totals = counts.totals(days)
    n, c = totals.n_trials, totals.n_successes
    table = pl.DataFrame(
        {
            "user_id": np.arange(counts.n_users),
            "n_impressions": n,
            "n_active_days": counts.active_days(days)[0],
            "ctr_shrunk": shrink(c, n, fit_beta_prior(c, n)),
        }
    )
    return InnerSplit(
        table=table,
        counts=counts,
        days=tuple(days),
        held_out=thirds(days) if held_out is None else held_out,
        plans=PLANS,
    )


@pytest.fixture(scope="module")
def planted():
    return split_of(simulate(3_000, seed=0)[0])


@pytest.fixture(scope="module")
def alike():
    return split_of(simulate(3_000, seed=1, null=True)[0])


def test_the_gain_is_that_of_all_blocks_per_impression(planted):
    whole = inner_gains(planted, NUMBERS, seed=0)
    parts = [
        inner_gains(replace(planted, held_out=(block,)), NUMBERS, seed=0)
        for block in planted.held_out
    ]

    np.testing.assert_allclose(whole.nats, sum(each.nats for each in parts))
    shown = planted.counts.totals(planted.days).n_trials
    assert whole.n_trials.tolist() == shown.tolist()
    for place, found in enumerate(whole.summed()):
        assert found.gain.value == pytest.approx(whole.nats[:, place].sum() / shown.sum())


def test_the_gain_of_a_block_is_that_of_segments_of_the_other_days(planted):
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 4, 300)
    n = rng.integers(0, 40, 300)
    later = UserCounts(n, rng.binomial(n, np.array([0, 0.02, 0.1, 0.2])[ids]))
    users = UserGains((3,), judge_by_later(later, seed=3)(ids)[:, np.newaxis], n * 1.0)
    twice = np.where(np.arange(300) < 150, 2.0, 0.0)

    assert users.summed()[0] == inner_gain(ids, later=later, seed=3)
    # Weights of users are copies of users.
    copies = np.repeat(np.arange(150), 2)
    copied = UserGains((3,), users.nats[copies], users.n_trials[copies]).summed()[0]
    assert users.summed(twice)[0].gain.value == pytest.approx(copied.gain.value)
    assert users.summed(twice)[0].error == pytest.approx(copied.error)


def test_planted_behaviours_are_a_useful_division(planted):
    choice = choose_number(inner_gains(planted, NUMBERS, seed=0).summed())

    assert [each.n_segments for each in choice.gains] == [2, 3, 4]
    assert choice.n_segments > 1
    assert choice.division == "graded division"


def test_users_that_are_alike_gain_nothing_and_are_one_segment(alike):
    rows = distinct_rows(alike.table.select("ctr_shrunk", "n_impressions").to_numpy())

    weighed = weigh_number(rows, NUMBERS, split=alike, seed=0)
    choice, again = weighed.choice, weighed.number

    assert choice.n_segments == 1
    assert choice.has_gain is False
    assert again.chosen_share > 0.5
    shows(choice.reason)


def test_repetitions_form_as_many_segments_and_leave_out_who_cannot_be_placed(planted):
    labels = np.zeros(planted.n_users, dtype=np.int64)
    labels[planted.table["n_impressions"].to_numpy() == 0] = -1

    one = repeat_segments(planted, labels, 1, n_runs=3)
    three = repeat_segments(planted, labels, 3, n_runs=3)

    assert [each.jaccard for each in one.segments] == [1.0]
    assert three.segments[0].jaccard < 1
    assert three.n_failed == 0


def test_without_later_days_groups_alone_decide_and_say_so():
    rng = np.random.default_rng(0)
    blobs = rng.standard_normal((300, 2)) + 8 * np.repeat([[0, 0], [1, 0], [0, 1]], 100, axis=0)

    decision = decide_by_groups(distinct_rows(blobs), NUMBERS)

    assert decision.n_segments == 3
    assert decision.reason == "3 natural groups."
    shows(decision.rule)


def test_more_groups_than_may_be_chosen_are_the_nearest_number():
    rng = np.random.default_rng(0)
    blobs = rng.standard_normal((300, 2)) + 8 * np.repeat([[0, 0], [1, 0], [0, 1]], 100, axis=0)

    weighed = weigh_number(distinct_rows(blobs), (1, 4, 5), split=None, seed=0)
    choice = weighed.choice

    assert (choice.n_groups, choice.n_segments, choice.division) == (3, 4, "graded division")
    assert weighed.number is None


def test_at_least_two_segments_can_be_asked_for(alike):
    choice = choose_number(inner_gains(alike, NUMBERS, seed=0).summed(), allowed=NUMBERS)

    decision = decision_of(choice, NUMBERS, least=2)

    assert choice.n_segments == 1
    assert decision.n_segments == 2
    shows(decision.reason)


def test_days_that_leave_nothing_to_form_or_to_judge_gain_nothing():
    counts, _, _ = simulate(50, seed=0)
    everything = split_of(counts, held_out=(tuple(range(6)),))
    no_clicks = split_of(replace(counts, n_clicks=0 * counts.n_clicks))

    assert inner_gains(everything, NUMBERS, seed=0) is None
    assert inner_gains(no_clicks, NUMBERS, seed=0) is None
    assert inner_gains(split_of(counts, days=range(1)), NUMBERS, seed=0) is None


@pytest.mark.parametrize("n_days", [2, 3, 4, 5])
def test_few_days_are_each_held_out_once(n_days):
    counts, _, _ = simulate(400, seed=0)
    split = split_of(counts, days=range(n_days))

    assert sorted(day for block in split.held_out for day in block) == list(range(n_days))
    assert (
        inner_gains(split, (2,), seed=0).n_trials.sum()
        == counts.totals(range(n_days)).n_trials.sum()
    )


def test_clicks_are_spread_before_the_rate_and_users_alike_are_no_groups(alike):
    rows, others = rows_of_spread_clicks(alike, seed=0)
    exposure = tuple(plan for plan in PLANS if plan.feature.name != "ctr_shrunk")

    assert separate(rows, most=5).n_groups == 1
    assert rows_of_spread_clicks(replace(alike, plans=exposure), seed=0) is None
    # Users with as many impressions and clicks no longer share a row, unless their CTR is clipped.
    shown = alike.counts.totals(alike.days).n_trials > 0
    assert others.rows.shape[1] == rows.rows.shape[1] - 1
    assert len(rows.rows) > 0.99 * shown.sum()
