"""Dividing a budget: against hand-made values, other solvers, and planted truth."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from tests.texts import raises_text, says, shows

from segmentry.advise.budget import (
    Bounds,
    BudgetRequest,
    SegmentTraffic,
    best_concave,
    best_linear,
    bounds_of,
    divide_budget,
)
from segmentry.errors import ConfigError, DataError
from segmentry.evaluation.later_days import FoldRates


def segments_of(*impressions, users=None, verdict="confirmed"):
    users = users or [100] * len(impressions)
    return [
        SegmentTraffic(
            segment_id=s, name=f"S{s}", verdict=verdict, n_users=users[s - 1], n_impressions=n
        )
        for s, n in enumerate(impressions, start=1)
    ]


def rates_of(*ctr, sd=0.0, n_draws=2_000, seed=0):
    """Rates with normal draws that were not estimated from anything."""
    noise = np.random.default_rng(seed).standard_normal((n_draws, len(ctr)))
    n = np.full(len(ctr), 1e5)
    return FoldRates(
        ctr=np.array(ctr),
        draws=np.clip(np.array(ctr) + sd * noise, 1e-9, None),
        n_impressions=n,
        n_clicks=np.nan_to_num(n * np.array(ctr)),
    )


def random_case(seed, n=6):
    rng = np.random.default_rng(seed)
    b = rng.gamma(1.0, 1000.0, n)
    low, high = b * rng.uniform(0, 0.9, n), b * rng.uniform(1.1, 4, n)
    return rng.beta(2, 30, n), Bounds(b, low, high)


@pytest.mark.parametrize("seed", range(40))
def test_the_linear_allocation_is_that_of_a_linear_programme(seed):
    rates, bounds = random_case(seed)

    x = best_linear(rates, bounds)

    other = linprog(
        -rates,
        A_eq=np.ones((1, rates.size)),
        b_eq=[bounds.proportional.sum()],
        bounds=list(zip(bounds.low, bounds.high, strict=True)),
    )
    assert rates @ x == pytest.approx(-other.fun, rel=1e-9)
    assert x == pytest.approx(other.x, rel=1e-6, abs=1e-6)


# SciPy 1.14 says so of its own steps, and goes on.
@pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning")
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("exponent", [0.3, 0.8, 0.95])
def test_no_other_solver_finds_more_clicks_under_a_concave_response(seed, exponent):
    rates, bounds = random_case(seed)
    b, budget = bounds.proportional, bounds.proportional.sum()

    def lost(shares):
        return -float(rates @ (b * (shares * budget / b) ** exponent)) / budget

    x = best_concave(rates, bounds, exponent=exponent)

    other = minimize(
        lost,
        b / budget,
        method="SLSQP",
        bounds=list(zip(bounds.low / budget, bounds.high / budget, strict=True)),
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert x.sum() == pytest.approx(budget, rel=1e-9)
    assert (x >= bounds.low - 1e-6).all()
    assert (x <= bounds.high + 1e-6).all()
    assert -lost(x / budget) >= -other.fun * (1 - 1e-9)
    assert x / budget == pytest.approx(other.x, abs=2e-3)


def test_segments_that_never_click_get_their_floor_and_the_rest_goes_where_clicks_are():
    bounds = Bounds(np.array([50.0, 50.0]), np.array([10.0, 10.0]), np.array([95.0, 95.0]))
    assert best_concave(np.array([0.0, 0.1]), bounds, exponent=0.5) == pytest.approx([10.0, 90.0])
    tight = Bounds(bounds.proportional, bounds.low, np.array([95.0, 60.0]))
    assert best_concave(np.array([0.0, 0.1]), tight, exponent=0.5).tolist() == [40.0, 60.0]


def test_floors_that_fill_the_budget_up_to_rounding_leave_nothing_to_choose():
    budget, shares = 435_111.0, np.array([0.085, 0.169, 0.399, 0.2, 0.148]) / 1.001
    filled = shares / shares.sum() * budget * (1 + 1e-15)
    bounds = Bounds(np.full(5, budget / 5), filled, filled)

    x = best_concave(np.array([0.06, 0.05, 0.07, 0.1, 0.02]), bounds, exponent=0.8)

    assert x.tolist() == filled.tolist()


def test_a_plan_by_hand():
    # 800 impressions past: 600 and 200; 400 to give: 300 and 100 in proportion. The second clicks
    # better: it gets twice its part, 200, and the first what is left.
    plan = divide_budget(
        segments_of(600, 200, users=[100, 300]),
        (rates_of(0.02, 0.10), rates_of(0.03, 0.08)),
        BudgetRequest(n_impressions=400, n_days=8, cost_per_impression=0.5),
        n_days_of_log=8,
    )

    assert [each.impressions for each in plan.segments] == [200, 200]
    assert [each.proportional for each in plan.segments] == [300, 100]
    assert [each.money for each in plan.segments] == [100.0, 100.0]
    # Judged by the second half: 200 * 0.03 + 200 * 0.08 = 22 against 300 * 0.03 + 100 * 0.08 = 17.
    assert plan.expected.value == pytest.approx(22)
    proportional, equal = plan.comparisons
    assert proportional.expected.value == pytest.approx(17)
    assert proportional.gain.value == pytest.approx(5)
    assert proportional.gain_share.value == pytest.approx(5 / 17)
    assert (proportional.losing_share, proportional.is_better) == (0.0, True)
    # 100 of 400 users are in the first: 100 * 0.03 + 300 * 0.08 = 27, which the cap forbids.
    assert equal.gain.value == pytest.approx(22 - 27)
    assert (equal.losing_share, equal.is_better) == (1.0, False)
    says(plan.notes[0])
    # If clicks grow as the root of impressions: 300 sqrt(2/3) * 0.03 + 100 sqrt(2) * 0.08 - 17.
    (root,) = (each for each in plan.sensitivity if each.exponent == 0.5)
    expected = 9 * (2 / 3) ** 0.5 + 8 * 2**0.5 - 17
    assert root.gain.value == pytest.approx(expected)


def test_the_half_that_chose_has_no_say_in_what_the_plan_is_worth():
    plan = divide_budget(
        segments_of(500, 500),
        (rates_of(0.01, 0.09), rates_of(0.09, 0.01, sd=0.001)),
        BudgetRequest(n_impressions=1000, n_days=8),
        n_days_of_log=8,
    )

    assert [each.impressions for each in plan.segments] == [250, 750]
    assert plan.comparisons[0].gain.value == pytest.approx(-20)
    assert plan.comparisons[0].losing_share == 1.0
    shows(plan.conclusion)


@pytest.mark.parametrize(
    ("verdict", "sd", "is_better"),
    [("confirmed", 0.001, True), ("weaker", 0.001, False), ("confirmed", 0.2, False)],
)
def test_better_takes_a_sure_gain_and_a_confirmed_segment(verdict, sd, is_better):
    plan = divide_budget(
        segments_of(500, 500, verdict=verdict),
        (rates_of(0.05, 0.06), rates_of(0.05, 0.06, sd=sd)),
        BudgetRequest(n_impressions=1000, n_days=8),
        n_days_of_log=8,
    )

    against = plan.comparisons[0]
    assert against.is_better is is_better
    low, high = np.quantile(
        250 * (rates_of(0.05, 0.06, sd=sd).draws @ np.array([-1, 1])), (0.05, 0.95)
    )
    assert (against.gain.low, against.gain.high) == pytest.approx((low, high))
    assert plan.conclusion.startswith("Better") is is_better


def test_a_segment_that_nothing_is_known_of_keeps_its_part():
    plan = divide_budget(
        segments_of(500, 300, 200),
        (rates_of(0.05, np.nan, 0.02), rates_of(0.05, 0.04, 0.02)),
        BudgetRequest(n_impressions=1000, n_days=8),
        n_days_of_log=8,
    )

    assert [each.impressions for each in plan.segments] == [600, 300, 100]
    shows(plan.notes[0])


def test_floors_and_caps_take_the_place_of_the_largest_change():
    request = BudgetRequest(
        n_impressions=1000, n_days=8, floors={1: 0.45, 3: 0.0}, caps={2: 0.35}, max_change=3
    )
    bounds = bounds_of(segments_of(500, 300, 200), request, n_days_of_log=8)

    assert bounds.low.tolist() == pytest.approx([450, 100, 0])
    assert bounds.high.tolist() == pytest.approx([1500, 350, 600])


def test_inventory_is_the_pace_of_the_log_times_the_largest_change():
    # 1,000 impressions in 8 days are 500 in 4, and at most 1,000 when doubled.
    request = BudgetRequest(n_impressions=900, n_days=4)
    bounds = bounds_of(segments_of(500, 500), request, n_days_of_log=8)
    assert bounds.high.tolist() == [500, 500]
    with raises_text(ConfigError):
        bounds_of(
            segments_of(500, 500), BudgetRequest(n_impressions=1001, n_days=4), n_days_of_log=8
        )


@pytest.mark.parametrize(
    "options",
    [
        {"n_impressions": 0},
        {"n_days": 0},
        {"max_change": 1},
        {"response": "convex"},
        {"exponent": 0.5},
        {"response": "concave", "exponent": 1.0},
        {"floors": {1: 1.5}},
        {"caps": {1: -0.5}},
        {"caps": {7: 0.5}},
        {"floors": {1: 0.6, 2: 0.6}},
        {"caps": {1: 0.3, 2: 0.3}},
        {"floors": {1: 0.5}, "caps": {1: 0.4}},
        {"n_days": 3, "floors": {1: 0.9}},
    ],
)
def test_what_does_not_fit_is_said_in_one_line(options):
    given = {"n_impressions": 1000, "n_days": 8} | options
    if given["n_days"] == 3:
        given["n_impressions"] = 700
    with pytest.raises(ConfigError) as raised:
        bounds_of(segments_of(500, 500), BudgetRequest(**given), n_days_of_log=8)
    shows(str(raised.value))
    assert "\n" not in str(raised.value)


def test_there_must_be_something_to_divide_among():
    request = BudgetRequest(n_impressions=10, n_days=8)
    one, two = rates_of(0.1), rates_of(0.1, 0.1)
    with raises_text(DataError):
        divide_budget(segments_of(10), (one, one), request, n_days_of_log=8)
    with raises_text(DataError):
        divide_budget(segments_of(0, 0), (two, two), request, n_days_of_log=8)


def test_without_any_click_nothing_is_gained_and_nothing_is_said():
    rates = rates_of(0.0, 0.0)
    plan = divide_budget(
        segments_of(500, 500),
        (rates, rates),
        BudgetRequest(n_impressions=1000, n_days=8),
        n_days_of_log=8,
    )
    assert sum(each.impressions for each in plan.segments) == 1000
    assert plan.comparisons[0].gain.value == 0.0
    assert not plan.comparisons[0].is_better
