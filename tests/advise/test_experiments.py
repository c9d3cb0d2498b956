"""A/B tests: by hand, against regressions and simulation; many seeds: benchmarks/ab_tests.py."""

import itertools
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats
from tests.evaluation.simulation import form_segments, simulate
from tests.texts import raises_text, says, shows

from segmentry.advise.experiments import (
    RATIO_ALARM,
    ExperimentRequest,
    analyse_experiment,
    assign_arms,
    days_needed,
    explained_share,
    plan_experiment,
    sample_ratio_p,
    smallest_effect,
)
from segmentry.advise.experiments._effects import Nulls, Outcome, compared
from segmentry.errors import ConfigError, DataError
from segmentry.evaluation.later_days import Traffic, daily_traffic, holm


def traffic_of(**given):
    plain = {
        "n_users": 10_000,
        "ctr": 0.05,
        "impressions_per_day": 5_000.0,
        "users_per_day": 2_000.0,
        "users_per_two": 3_500.0,
        "unit_days": 1.0,
        "within": 300.0,
        "between": 5.0,
    }
    return Traffic(**(plain | given))


def analysed(arms, n, c, **given):
    plain = {
        "segment_ids": np.ones(len(arms), dtype=int),
        "before": (np.zeros(len(arms), dtype=int), np.zeros(len(arms), dtype=int)),
        "treatment_share": 0.5,
    }
    return analyse_experiment(arms, n, c, **(plain | given))


# --- planning


def test_days_are_the_shortest_that_keep_the_promise_by_the_formula():
    request, traffic = ExperimentRequest(mde=0.1), traffic_of()
    n_days = days_needed(traffic, request)

    def power(days):
        variance = (days * traffic.within + days**2 * traffic.between) / (days * 5_000.0) ** 2
        error = (variance * (2 + 2 * 1.1**2)) ** 0.5
        return stats.norm.sf(stats.norm.isf(0.025) - 0.1 * 0.05 / error)

    assert power(n_days) >= 0.8 > power(n_days - 1)
    assert smallest_effect(traffic, request, n_days=n_days) <= 0.1
    assert smallest_effect(traffic, request, n_days=n_days - 1) > 0.1


def test_what_users_keep_does_not_average_out():
    request = ExperimentRequest(mde=0.05, max_days=10_000)
    assert days_needed(traffic_of(between=0.0), request) is not None
    assert days_needed(traffic_of(between=20.0), request) is None
    # The pre-period takes it away again.
    assert days_needed(traffic_of(between=20.0), request, explained=20.0) is not None


def test_an_uneven_ratio_takes_longer_and_more_power_too():
    request, traffic = {"mde": 0.2, "max_days": 365}, traffic_of()
    even = days_needed(traffic, ExperimentRequest(**request))
    assert days_needed(traffic, ExperimentRequest(**request, ratio=(9, 1))) > 2 * even
    assert even > 1
    assert days_needed(traffic, ExperimentRequest(**request, power=0.95)) > even


def test_an_effect_that_no_traffic_reaches_is_said_with_the_one_that_is_reached():
    rows = [(None, "all", traffic_of(), 0.0), (1, "Clicks well", traffic_of(), 0.0)]
    given = {"measured_days": 2.0, "salt": "s", "n_control": 1, "n_treatment": 1}
    with pytest.raises(ConfigError) as raised:
        plan_experiment(rows, ExperimentRequest(mde=0.001), **given)
    smallest = smallest_effect(traffic_of(), ExperimentRequest(mde=0.001), n_days=60)
    assert f"in 60 days is {smallest * 100:.2f} %" in str(raised.value)
    nothing = [(None, "all", traffic_of(ctr=0.0), 0.0)]
    with raises_text(ConfigError):
        plan_experiment(nothing, ExperimentRequest(mde=0.1), **given)


def test_the_rate_of_a_plan_has_the_interval_of_the_days_that_measured_it():
    rows = [(None, "all", traffic_of(), 0.0), (1, "Clicks well", traffic_of(), 0.0)]
    given = {"salt": "s", "n_control": 1, "n_treatment": 1}
    request = ExperimentRequest(mde=0.2)

    widths = []
    for days in (2.0, 8.0):
        row = plan_experiment(rows, request, measured_days=days, **given).everyone
        assert row.rate_high - row.rate == pytest.approx(
            1.6449 * math.sqrt(days * 300 + days**2 * 5) / (5_000 * days), rel=1e-4
        )
        assert row.rate_low == pytest.approx(max(0, 2 * row.rate - row.rate_high))
        widths.append(row.rate_high - row.rate_low)
    assert widths[1] < widths[0]


def test_a_segment_that_is_too_small_alone_is_named():
    small = traffic_of(impressions_per_day=50.0, within=30.0, between=0.1)
    rows = [(None, "all", traffic_of(), 0.0), (7, "Tiny", small, 0.0)]
    plan = plan_experiment(
        rows,
        ExperimentRequest(mde=0.1),
        measured_days=2.0,
        salt="s",
        n_control=1,
        n_treatment=1,
    )
    assert plan.segments[0].n_days is None
    shows(plan.notes[0])


@pytest.mark.parametrize(
    "wrong",
    [{"mde": 0}, {"alpha": 0.7}, {"power": 1.0}, {"power": 0.01}, {"max_days": 0}],
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    with raises_text(ConfigError):
        ExperimentRequest(**({"mde": 0.1} | wrong))


def test_traffic_foretells_the_noise_and_the_users_of_days_to_come():
    # Twelve days: eight to measure on, four to come; users are labelled by the first eight.
    noise, reached, shown = [], [], []
    for seed in range(6):
        counts, _, _ = simulate(6_000, seed=seed, n_days=12)
        formed = form_segments(counts, days=range(8), k=3, seed=seed)
        (found,) = daily_traffic(
            counts,
            formed.relabelling.labels,
            days=range(8),
            segment_ids=formed.ids,
            groups=[[1, 2, 3]],
        )
        later = counts.totals(range(8, 12))
        n, c = later.n_trials[formed.ids > 0], later.n_successes[formed.ids > 0]
        squares = float(np.sum((c - c.sum() / n.sum() * n) ** 2))
        noise.append(squares / (4 * found.within + 16 * found.between))
        reached.append((n > 0).sum() / found.users_reached(4))
        shown.append(n.sum() / (4 * found.impressions_per_day))
    assert np.mean(noise) == pytest.approx(1, abs=0.2)
    assert np.mean(reached) == pytest.approx(1, abs=0.06)
    assert np.mean(shown) == pytest.approx(1, abs=0.06)


def test_users_reached_grow_towards_all_and_never_beyond():
    traffic = traffic_of()
    reached = [traffic.users_reached(days) for days in (1, 2, 10, 1e6)]
    assert reached[:2] == pytest.approx([2_000, 3_500])
    assert reached == sorted(reached)
    assert reached[-1] <= 10_000
    everyone = traffic_of(n_users=10, users_per_day=10.0, users_per_two=10.0)
    assert everyone.users_reached(3) == 10
    assert traffic_of(n_users=0).users_reached(3) == 0
    # Users that come independently each day: 1 - 0.8 ** 3 of them.
    independent = traffic_of(users_per_two=3_600.0)
    assert independent.users_reached(3) == pytest.approx(10_000 * (1 - 0.8**3))


def test_the_explained_share_is_that_of_a_regression_inside_segments():
    rng = np.random.default_rng(0)
    strata = 1 + np.arange(3_000) % 3
    n_before, c_before = rng.poisson(20, 3_000), rng.poisson(2, 3_000)
    n = rng.poisson(n_before)
    c = np.minimum(n, rng.poisson(0.5 + 0.3 * c_before))
    y = c - c.sum() / n.sum() * n
    X = np.column_stack([n_before, c_before, *(strata == s for s in (1, 2, 3))]).astype(float)
    left = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    base = X[:, 2:]
    inside = y - base @ np.linalg.lstsq(base, y, rcond=None)[0]
    expected = 1 - (1 - (1 - left @ left / (inside @ inside))) * 2_999 / 2_997

    assert explained_share(c, n, before=(n_before, c_before), strata=strata) == pytest.approx(
        expected
    )
    zero = np.zeros(3_000, dtype=int)
    assert explained_share(zero, zero, before=(n, c), strata=strata) == 0.0


# --- assignment


def test_every_segment_is_divided_as_asked_and_rows_may_come_in_any_order():
    users = pl.Series(range(5_003))
    segments = np.arange(5_003) % 7
    arms = assign_arms(users, segments, ratio=(7, 3), salt="a")

    sizes, treated = np.bincount(segments), np.bincount(segments, weights=arms)
    assert (np.abs(treated - 0.3 * sizes) < 1).all()
    order = np.random.default_rng(0).permutation(5_003)
    again = assign_arms(users[order], segments[order], ratio=(7, 3), salt="a")
    assert (again == arms[order]).all()


def test_another_salt_is_an_independent_assignment():
    users, ones = pl.Series(range(20_000)), np.ones(20_000, dtype=int)
    one, other = (
        assign_arms(users, ones, ratio=(1, 1), salt=salt) for salt in ("spring", "summer")
    )
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / 20_000**0.5


def test_the_sample_ratio_is_checked_as_scipy_does():
    p = sample_ratio_p([4_700, 5_300], ratio=(1, 1))
    assert p == pytest.approx(stats.chisquare([4_700, 5_300]).pvalue)
    assert p < RATIO_ALARM
    assert sample_ratio_p([0, 0], ratio=(1, 1)) == 1.0


# --- analysis


def test_a_test_by_hand():
    # Control: 4 users, 10 impressions each, clicks 0, 1, 1, 2: CTR 0.1. Residuals -1, 0, 0, 1, so
    # the variance of the ratio is 4 / 3 * 2 / 40**2. Treatment: 1, 2, 2, 3: CTR 0.2, the same.
    arms = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    n, c = np.full(8, 10.0), np.array([0.0, 1, 1, 2, 1, 2, 2, 3])
    outcome = Outcome(top=c, bottom=n, known=np.zeros(8))

    found, variance = compared("CTR", outcome, arms, np.ones(8, dtype=int), alpha=0.05, nulls=None)

    error = (2 * 4 / 3 * 2 / 1600) ** 0.5
    assert variance == pytest.approx(error**2)
    assert found.difference.value == pytest.approx(0.1)
    assert found.p == pytest.approx(2 * stats.norm.sf(0.1 / error))
    half = stats.norm.isf(0.025) * error
    assert found.difference.low == pytest.approx(0.1 - half)
    assert found.lift.value == pytest.approx(1.0)
    # The log of the ratio has the variance 4/3 * 2/1600 * (1/0.1**2 + 1/0.2**2).
    log = stats.norm.isf(0.025) * (4 / 3 * 2 / 1600 * 125) ** 0.5
    assert found.lift.high == pytest.approx(2 * np.exp(log) - 1)


def t_by_hand(arms, n, c):
    """The studentised difference of two CTRs in one stratum, written out."""
    values, variances = [], []
    for arm in (0, 1):
        m, own_n, own_c = (arms == arm).sum(), n[arms == arm], c[arms == arm]
        ratio = own_c.sum() / own_n.sum()
        influence = (own_c - ratio * own_n) / own_n.mean()
        values.append(ratio)
        variances.append(np.var(influence, ddof=1) / m)
    return (values[1] - values[0]) / sum(variances) ** 0.5


def test_a_small_test_is_held_against_every_other_assignment():
    rng = np.random.default_rng(6)
    n = rng.integers(5, 30, 10)
    c = rng.binomial(n, 0.3)
    arms = np.repeat([0, 1], 5)
    observed = abs(t_by_hand(arms, n, c))
    others = []
    for treated in itertools.combinations(range(10), 5):
        other = np.zeros(10, dtype=int)
        other[list(treated)] = 1
        others.append(abs(t_by_hand(other, n, c)) >= observed - 1e-9)

    found = analysed(arms, n, c)

    # 999 draws from 252 assignments.
    exact = np.mean(others)
    assert found.plain.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 999) ** 0.5)


def test_the_drawn_statistics_are_those_of_the_plain_formula():
    rng = np.random.default_rng(7)
    size = 60
    arms, strata = np.arange(size) % 2, 1 + np.arange(size) // 30
    n = rng.integers(1, 40, size).astype(float)
    c = rng.binomial(n.astype(int), 0.2).astype(float)
    known = rng.normal(0, 0.05, size)
    known -= known.mean()
    nulls = Nulls.of(arms, strata)
    drawn = nulls.statistics(c, n, known)

    outcome = Outcome(top=c, bottom=n, known=known)
    expected = []
    for draw in range(999):
        other = np.zeros(size, dtype=int)
        for rows, treated in zip(nulls.rows, nulls.treated, strict=True):
            other[rows] = treated[draw]
        effect, variance = compared("CTR", outcome, other, strata, alpha=0.05, nulls=None)
        expected.append(abs(effect.difference.value) / variance**0.5)
    assert drawn == pytest.approx(np.sort(expected))


def test_the_interval_and_p_say_the_same():
    rng = np.random.default_rng(8)
    for _ in range(30):
        arms, n = np.arange(200) % 2, rng.poisson(5, 200)
        found = analysed(arms, n, rng.binomial(n, 0.15 + 0.05 * arms))
        is_outside = not found.effect.difference.low <= 0 <= found.effect.difference.high
        assert is_outside == (found.effect.p <= 0.05)


def test_users_without_exposure_are_counted_in_both_arms():
    arms = np.repeat([0, 1], 100)
    n = np.where(np.arange(200) % 2, 10, 0)
    c = np.random.default_rng(0).binomial(n, 0.3)

    found = analysed(arms, n, c)

    assert [(arm.n_users, arm.n_shown) for arm in found.arms] == [(100, 50), (100, 50)]
    assert found.guardrails[0].control == 5.0
    shown = n > 0
    alone = analysed(arms[shown], n[shown], c[shown])
    # The CTR is the same; nobody's clicks are lost, and 0 of 0 says nothing either way.
    assert found.plain.difference.value == alone.plain.difference.value
    assert found.plain.p == pytest.approx(alone.plain.p, rel=0.02)


def test_the_adjusted_difference_is_that_of_a_regression_with_the_arm():
    rng = np.random.default_rng(1)
    size = 4_000
    arms = rng.permutation(np.arange(size) % 2)
    n = np.full(size, 20)
    rate = rng.beta(2, 20, size)
    before, c = rng.binomial(n, rate), rng.binomial(n, np.clip(rate * (1 + 0.1 * arms), 0, 1))

    found = analysed(arms, n, c, before=(n, before))

    X = np.column_stack([np.ones(size), arms, before])
    slope = np.linalg.lstsq(X, c / 20, rcond=None)[0][1]
    assert found.effect.difference.value == pytest.approx(slope, rel=1e-3)
    left = c / 20 - X @ np.linalg.lstsq(X, c / 20, rcond=None)[0]
    plain = c / 20 - np.where(arms == 1, c[arms == 1].mean(), c[arms == 0].mean()) / 20
    reduction = 1 - (left @ left) / (plain @ plain)
    assert found.variance_reduction == pytest.approx(reduction, rel=1e-3)


def test_segments_that_differ_in_level_add_no_noise():
    # Users of segment 1 always click, those of segment 2 never: arms are alike, nothing varies.
    segments = np.repeat([1, 2], 100)
    arms = np.tile([0, 1], 100)
    n = np.full(200, 10)

    found = analysed(arms, n, np.where(segments == 1, 10, 0), segment_ids=segments)

    assert found.plain.difference.value == 0.0
    assert found.plain.p is None
    says(found.conclusion)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, None]) == pytest.approx([0.03, 0.06, 0.06, None])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_breakdown_is_corrected_and_a_lift_is_found_in_its_segment_alone():
    rng = np.random.default_rng(2)
    size = 9_000
    segments = 1 + np.arange(size) % 3
    arms = rng.permutation(np.arange(size) // 3 % 2)
    n = np.full(size, 30)
    rate = 0.05 * np.where((segments == 2) & (arms == 1), 1.3, 1.0)

    found = analysed(arms, n, rng.binomial(n, rate), segment_ids=segments)

    by_id = {each.segment_id: each for each in found.segments}
    assert by_id[2].p_holm < 0.01
    assert min(by_id[1].p_holm, by_id[3].p_holm) > 0.05
    assert all(each.p_holm >= each.effect.p for each in found.segments)
    assert found.conclusion.startswith("Treatment clicks more: ")


def test_a_broken_ratio_forbids_the_result_and_the_guardrail_warns():
    rng = np.random.default_rng(3)
    arms = (rng.random(4_000) < 0.4).astype(int)
    n = rng.poisson(10 + 3 * arms)

    found = analysed(arms, n, rng.binomial(n, 0.1))

    assert found.ratio_p < RATIO_ALARM
    shows(found.conclusion)
    assert any(note.startswith("Sample-ratio mismatch") for note in found.notes)
    shows(found.notes)


def test_lost_users_are_noticed_by_who_was_shown_an_ad():
    rng = np.random.default_rng(4)
    arms = np.arange(4_000) % 2
    n = np.where((arms == 1) & (rng.random(4_000) < 0.15), 0, 10)

    found = analysed(arms, n, rng.binomial(n, 0.1))

    assert found.ratio_p == 1.0
    assert found.shown_ratio_p < RATIO_ALARM
    shows(found.notes)


def test_an_arm_without_impressions_is_refused_and_a_tiny_segment_is_left_open():
    arms = np.array([0, 1, 0, 1, 0, 1])
    n = np.array([5, 5, 5, 5, 5, 0])
    with raises_text(DataError):
        analysed(arms, n * (arms == 0), np.zeros(6, dtype=int))
    found = analysed(
        arms, n, np.array([1, 2, 0, 1, 0, 0]), segment_ids=np.array([1, 1, 1, 1, 2, 2])
    )
    assert found.segments[1].effect.p is None
    assert found.segments[1].p_holm is None


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_nothing_is_found_in_about_one_aa_test_in_twenty(share):
    counts, _, _ = simulate(600, seed=5, n_days=12)
    ids = form_segments(counts, days=range(8), k=3, seed=0).ids
    users = np.flatnonzero(ids > 0)
    before, later = counts.totals(range(8)), counts.totals(range(8, 12))
    ps = []
    for salt in range(100):
        arms = assign_arms(pl.Series(users), ids[users], ratio=(1 - share, share), salt=str(salt))
        found = analyse_experiment(
            arms,
            later.n_trials[users],
            later.n_successes[users],
            segment_ids=ids[users],
            before=(before.n_trials[users], before.n_successes[users]),
            treatment_share=share,
            seed=salt,
        )
        ps.append(found.effect.p)
    assert stats.binomtest(int(np.sum(np.array(ps) <= 0.05)), 100, 0.05).pvalue > 0.001
    assert stats.kstest(ps, "uniform").pvalue > 0.001
