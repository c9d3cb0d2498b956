"""Tests of what is counted per user: published tables of looks, effects as tea-tasting has them."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import multivariate_normal
from tests.texts import raises_text

from segmentry.advise.experiments import (
    ExperimentRequest,
    analyse_metric,
    assign_arms,
    chance_by_look,
    critical_values,
    days_needed,
    drift_needed,
    mean_traffic,
)
from segmentry.advise.experiments._files import metric_rows
from segmentry.advise.experiments._metrics import winsorised_traffic
from segmentry.errors import ConfigError, DataError


def equal(n_looks):
    return tuple(look / n_looks for look in range(1, n_looks + 1))


# --- looks


@pytest.mark.parametrize(
    ("n_looks", "pocock", "obrien_fleming"),
    [
        (2, 2.178, 1.977),
        (3, 2.289, 2.004),
        (4, 2.361, 2.024),
        (5, 2.413, 2.040),
        (10, 2.555, 2.087),
    ],
)
def test_constants_of_the_tables_spend_five_per_cent(n_looks, pocock, obrien_fleming):
    """Jennison and Turnbull (2000), tables 2.1 and 2.3, alpha 0.05."""
    looks = equal(n_looks)
    flat = chance_by_look(looks, [pocock] * n_looks, drift=0.0)
    falling = chance_by_look(looks, [obrien_fleming / t**0.5 for t in looks], drift=0.0)

    assert sum(flat) == pytest.approx(0.05, abs=1e-4)
    assert sum(falling) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        ("obrien-fleming", [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3860]),
    ],
)
def test_five_looks_are_as_published(spending, published):
    """Those of ldbounds and gsDesign (sfLDOF, sfLDPocock), 0.025 on each side."""
    found = critical_values(equal(5), alpha=0.05, spending=spending)

    assert found == pytest.approx(published, abs=2e-4)


@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_the_recursion_agrees_with_the_normal_distribution_in_three_dimensions(drift):
    looks = np.array([0.2, 0.7, 1.0])
    values = np.array(critical_values(tuple(looks), alpha=0.1, spending="pocock"))
    correlation = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))
    # Its points are drawn at random: so many that what they miss is far below the tolerance.
    inside = multivariate_normal.cdf(
        values,
        drift * np.sqrt(looks),
        correlation,
        lower_limit=-values,
        maxpts=10**7,
        abseps=1e-7,
        releps=1e-7,
    )

    assert sum(chance_by_look(looks, values, drift=drift)) == pytest.approx(1 - inside, abs=1e-6)


def test_looking_costs_what_the_tables_say():
    """Jennison and Turnbull (2000), tables 2.2 and 2.4: 5 looks, power 0.8."""
    one = drift_needed((1.0,), alpha=0.05, spending="pocock", power=0.8)
    five = [drift_needed(equal(5), alpha=0.05, spending=each, power=0.8) / one
            for each in ("pocock", "obrien-fleming")]  # fmt: skip

    # Of the constants 2.413 and 2.040 it is 1.229 and 1.028; spending is close to them.
    assert np.square(five) == pytest.approx([1.229, 1.028], abs=0.03)


def test_a_test_with_looks_is_longer_and_one_with_more_arms_too():
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.5, 0.2, 20_000)
    day, user = np.nonzero(counts := rng.poisson(rate, (8, 20_000)))
    traffic = mean_traffic(user, counts[day, user].astype(float), n_users=20_000, n_days=8)

    def days(**given):
        return days_needed(traffic, ExperimentRequest(mde=0.1, **given))

    assert traffic.ctr == pytest.approx(0.1, rel=0.05)
    # What a user keeps has the variance of the rates.
    assert traffic.between / 20_000 == pytest.approx(rate.var(), rel=0.1)
    assert days() < days(n_looks=5, spending="pocock")
    assert days() <= days(n_looks=5) <= days(n_looks=5, spending="pocock")
    assert days() < days(ratio=(1, 1, 1))


def test_eight_days_foresee_the_winsorised_value_of_sixteen():
    """Its variance, and what of a lift it shows; other amounts of the same users are the truth."""
    rng = np.random.default_rng(1)
    n_users = 200_000
    rate = (rng.random(n_users) < 0.5) * rng.gamma(0.7, 0.12, n_users)

    def bought(n_days):
        user = np.repeat(np.arange(n_users), rng.poisson(n_days * rate))
        worth = np.exp(rng.normal(3, 1.2, user.size))
        return pl.DataFrame({"user_id": user, "y": worth})

    log = bought(8)
    log = log.with_columns(day=pl.Series(rng.integers(0, 8, log.height)))
    days = log.group_by("user_id", "day").agg(pl.col("y").sum())
    users = pl.DataFrame({"user_id": range(n_users), "segment_id": 1})
    ((_, _, traffic, _),), _ = metric_rows(days, 8, users, [(None, "all")], winsorised_for=0.1)

    later = bought(16)
    totals = np.bincount(later["user_id"], weights=later["y"], minlength=n_users)
    both = np.concatenate([totals, 1.1 * totals])
    cap = np.quantile(both[both > 0], 0.99)
    value, lifted = np.minimum(totals, cap), np.minimum(1.1 * totals, cap)
    foreseen = (traffic.within / 16 + traffic.between) / n_users / traffic.ctr**2
    assert foreseen == pytest.approx(value.var() / value.mean() ** 2, rel=0.03)
    assert 0.1 * traffic.kept_lift == pytest.approx(lifted.mean() / value.mean() - 1, abs=0.003)


def test_a_lift_under_the_limit_is_what_is_left_of_that_size():
    totals = np.array([0.0, 10.0, 10.0, 30.0])
    traffic = mean_traffic(np.arange(4), totals, n_users=4, n_days=2)

    found = winsorised_traffic(traffic, [(2.0, totals, 40.0)], lift=0.5)

    # 15, 15 and 40 instead of 10, 10 and 30: of 50 % 40 % are left.
    assert found.kept_lift == pytest.approx(0.8)


def test_a_lift_is_seen_where_all_users_pay_the_same():
    days = pl.DataFrame({"user_id": range(6_000), "day": 0, "y": 10.0})
    users = pl.DataFrame({"user_id": range(10_000), "segment_id": 1})

    ((_, _, found, _),), cap = metric_rows(days, 2, users, [(None, "all")], winsorised_for=0.2)

    assert cap == 10
    assert found.kept_lift == pytest.approx(1)
    assert days_needed(found, ExperimentRequest(mde=0.2)) is not None


@pytest.mark.parametrize(
    "given", [{"n_looks": 0}, {"n_looks": 21}, {"spending": "mine"}, {"ratio": (1,)}]
)
def test_a_request_that_makes_no_sense_is_refused(given):
    with raises_text(ConfigError):
        ExperimentRequest(mde=0.1, **given)


# --- effects


def shop(n_users, seed=0):
    """Return arms, purchases in the test and before it."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 1.0, n_users)
    arms = rng.permutation(np.arange(n_users) % 2)
    bought = rng.poisson(rate * (1 + 0.1 * arms)).astype(float)
    return arms, bought, rng.poisson(rate).astype(float)


def found_in(arms, top, before, **given):
    plain = {
        "metric": "purchases",
        "names": ("control", "treatment"),
        "segment_ids": np.ones(arms.size, dtype=int),
        "ratio": (1, 1),
    }
    return analyse_metric(arms, top, before=before.reshape(arms.size, -1), **(plain | given))


def test_means_and_ratios_agree_with_tea_tasting():
    """Of more than 20,000 users, where no assignments are drawn: all figures, within rounding."""
    tt = pytest.importorskip("tea_tasting")
    arms, bought, before = shop(30_000)
    seen = bought + np.random.default_rng(1).poisson(5, arms.size)
    table = pl.DataFrame({"variant": arms, "y": bought, "x": before, "n": seen})
    theirs = tt.Experiment(
        plain=tt.Mean("y", use_t=False),
        adjusted=tt.Mean("y", "x", use_t=False),
        ratio=tt.RatioOfMeans("y", "n", use_t=False),
    ).analyze(table)
    mean = found_in(arms, bought, before).contrasts[0]
    ratio = found_in(arms, bought, before, bottom=seen).contrasts[0]

    for ours, name in ((mean.plain, "plain"), (mean.effect, "adjusted"), (ratio.plain, "ratio")):
        their = theirs[name]
        difference, lift = ours.difference, ours.lift
        assert (
            *(ours.control, ours.treatment, ours.p),
            *(difference.value, difference.low, difference.high),
            *(lift.value, lift.low, lift.high),
        ) == pytest.approx(
            (
                *(their.control, their.treatment, their.pvalue),
                *(their.effect_size, their.effect_size_ci_lower, their.effect_size_ci_upper),
                their.rel_effect_size,
                *(their.rel_effect_size_ci_lower, their.rel_effect_size_ci_upper),
            ),
            rel=1e-9,
        )


def test_a_few_large_values_do_not_drown_the_others():
    """Winsorised at the same value in all arms: those beyond it are counted as it."""
    rng = np.random.default_rng(3)
    arms = np.arange(4_000) % 2
    value = np.where(rng.random(4_000) < 0.3, rng.lognormal(3, 0.3, 4_000), 0.0)
    value[arms == 1] *= 1.2
    value[7] = 1e6
    none = np.zeros((4_000, 0))

    raw = found_in(arms, value, none)
    cut = found_in(arms, value, none, is_winsorised=True)

    assert raw.contrasts[0].effect.lift.value > 50  # of one user
    lift = cut.contrasts[0].effect.lift
    assert cut.contrasts[0].is_found
    assert lift.low < 0.2 < lift.high < 0.5
    active = np.sort(value[value > 0])
    assert cut.winsorised_at == active[int(0.99 * (active.size - 1))]
    assert cut.arms[0].total == pytest.approx(np.minimum(value, cut.winsorised_at)[::2].sum())


def test_several_treatments_are_compared_with_control_and_corrected():
    """p by Holm worked out by hand; only the one that works is found."""
    rng = np.random.default_rng(5)
    users, ones = pl.Series(range(8_000)), np.ones(8_000, dtype=int)
    arms = assign_arms(users, ones, ratio=(2, 1, 1), salt="three")
    bought = rng.poisson(0.5 + 0.1 * (arms == 2)).astype(float)

    found = found_in(
        arms,
        bought,
        np.zeros((8_000, 0)),
        names=("control", "treatment-1", "treatment-2"),
        ratio=(2, 1, 1),
    )

    low, high = sorted(each.effect.p for each in found.contrasts)
    assert [each.is_found for each in found.contrasts] == [False, True]
    assert sorted(each.p_holm for each in found.contrasts) == [min(1, 2 * low), max(high, 2 * low)]
    assert [each.n_users for each in found.arms] == [4_000, 2_000, 2_000]


def test_arms_that_are_too_few_or_empty_are_refused():
    arms, bought, before = shop(100)
    with raises_text(DataError):
        found_in(arms, bought, before, min_size=60)
    with raises_text(DataError):
        found_in(arms, bought * arms, before)


def test_arms_that_are_not_as_planned_prove_nothing():
    arms, bought, before = shop(4_000)

    found = found_in(arms, bought * (1 + arms), before, ratio=(1, 2))

    assert not found.contrasts[0].is_found
    assert found.ratio_p < 0.0005
