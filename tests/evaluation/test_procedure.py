"""The whole procedure: groups, gain, null twins, repetitions; and what it says."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.evaluation.simulation import simulate
from tests.texts import shows

from segmentry.evaluation.number import (
    InnerSplit,
    choose_number,
    click_twins,
    decide_by_groups,
    decision_of,
    group_twins,
    inner_gain,
    inner_gains,
    repeat_procedure,
    weigh_number,
)
from segmentry.features import LOG_FEATURES, fit_beta_prior, shrink
from segmentry.features.user_days import UserCounts
from segmentry.segments.clustering import distinct_rows
from segmentry.segments.forming import plan_features, recipe_named

NUMBERS = (1, 2, 3, 4)
PLANS = plan_features(recipe_named("default"), LOG_FEATURES)


def split_of(counts, *, days=range(6), n_last=2):
    """Cut the feature window of a simulated log, as a run does."""
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
    cut = len(days) - n_last
    return InnerSplit(
        table=table,
        counts=counts,
        first_days=tuple(days[:cut]),
        last_days=tuple(days[cut:]),
        plans=PLANS,
    )


@pytest.fixture(scope="module")
def planted():
    return split_of(simulate(3_000, seed=0)[0])


@pytest.fixture(scope="module")
def alike():
    return split_of(simulate(3_000, seed=1, null=True)[0])


def test_copies_of_users_gain_what_their_weights_do():
    rng = np.random.default_rng(0)
    ids, n = rng.integers(1, 4, 300), rng.integers(0, 40, 300)
    later = UserCounts(n, rng.binomial(n, np.array([0, 0.02, 0.1, 0.2])[ids]))
    weights = rng.integers(0, 4, 300).astype(float)

    found = inner_gain(ids, later=later, weights=weights, seed=3)

    drawn = weights > 0
    shown = (n > 0) & drawn
    ids, n, c, w = (each[shown] for each in (ids, n, later.n_successes, weights))
    folds = np.random.default_rng(3).permutation(ids.size) % 10
    gained = 0.0
    for i in range(ids.size):
        others = folds != folds[i]
        pooled = (w @ c) / (w @ n)
        level = (w[others] @ c[others] + 20 * pooled) / (w[others] @ n[others] + 20)
        mine = others & (ids == ids[i])
        own = (w[mine] @ c[mine] + 20 * level) / (w[mine] @ n[mine] + 20)
        gained += w[i] * (
            c[i] * np.log(own / level) + (n[i] - c[i]) * np.log((1 - own) / (1 - level))
        )
    assert found.gain.value == pytest.approx(gained / (w @ n), rel=1e-9)


def test_weights_of_one_change_no_gain(planted):
    ones = np.ones(planted.n_users)

    assert inner_gains(planted, NUMBERS, seed=0, weights=ones) == inner_gains(
        planted, NUMBERS, seed=0
    )


def test_planted_behaviours_are_a_useful_division(planted):
    gains = inner_gains(planted, NUMBERS, seed=0)
    clicks = click_twins(planted, NUMBERS, gains, seed=0)
    choice = choose_number(gains, (), clicks=clicks)

    assert [each.n_segments for each in gains] == [2, 3, 4]
    assert clicks.p_value == 0.05  # none of 19 twins gains as much
    assert max(clicks.twins) < 0.2 * clicks.observed
    assert choice.n_segments > 1
    assert choice.division == "graded division"


def test_users_that_are_alike_gain_nothing_and_are_one_segment(alike):
    rows = distinct_rows(alike.table.select("ctr_shrunk", "n_impressions").to_numpy())

    choice = weigh_number(rows, NUMBERS, split=alike, seed=0)

    assert choice.n_segments == 1
    assert choice.has_gain is False
    shows(choice.reason)


def test_a_forced_number_is_kept_and_any_other_is_chosen_again(planted):
    labels = np.zeros(planted.n_users, dtype=np.int64)
    labels[planted.table["n_impressions"].to_numpy() == 0] = -1

    one = repeat_procedure(planted, labels, (1, 2, 3), forced=1, n_runs=3)
    chosen = repeat_procedure(planted, labels, (1, 2, 3), forced=None, n_runs=3)

    assert one.numbers == ((1, 3),)
    assert [each.jaccard for each in one.segments] == [1.0]
    assert {number for number, _ in chosen.numbers} <= {2, 3}


def test_users_that_are_alike_are_one_segment_again(alike):
    labels = np.zeros(alike.n_users, dtype=np.int64)

    found = repeat_procedure(alike, labels, NUMBERS, forced=None, n_runs=3)
    asked = repeat_procedure(alike, labels, NUMBERS, forced=None, least=2, n_runs=3)

    assert found.numbers == ((1, 3),)
    assert [number for number, _ in asked.numbers] == [2]


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

    choice = weigh_number(distinct_rows(blobs), (1, 4, 5), split=None, seed=0)

    assert (choice.n_groups, choice.n_segments, choice.division) == (3, 4, "graded division")


def test_at_least_two_segments_can_be_asked_for(alike):
    gains = inner_gains(alike, NUMBERS, seed=0)
    choice = choose_number(gains, (), allowed=NUMBERS)

    decision = decision_of(choice, NUMBERS, least=2)

    assert choice.n_segments == 1
    assert decision.n_segments == 2
    shows(decision.reason)


def test_first_days_that_form_no_segments_gain_nothing():
    counts, _, _ = simulate(50, seed=0)
    nobody = split_of(counts, days=range(6), n_last=6)

    assert inner_gains(nobody, NUMBERS, seed=0) == ()


def test_groups_that_luck_forms_as_well_are_none_and_exposure_alone_is_not_asked(alike):
    exposure = tuple(plan for plan in PLANS if plan.feature.name != "ctr_shrunk")

    assert group_twins(alike, 3, seed=0, n_twins=9).p_value > 0.1
    assert group_twins(replace(alike, plans=exposure), 3, seed=0) is None
