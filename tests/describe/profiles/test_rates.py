"""Rates of groups of users: by hand, and how often the interval holds the truth."""

import numpy as np
import pytest

from segmentry.describe.profiles import pooled_rate
from segmentry.schema import Estimate

Z = 1.959963984540054


def test_rate_and_interval_by_hand():
    # Rate 6 / 20; residuals 3 - 0.3·5, 1 - 0.3·10, 2 - 0.3·5 are 1.5, -2.0, 0.5.
    rate = pooled_rate([3, 1, 2], [5, 10, 5])

    half = Z * (6.5 / 20**2 * 3 / 2) ** 0.5
    assert rate.value == 0.3
    assert (rate.low, rate.high) == pytest.approx((max(0, 0.3 - half), 0.3 + half), rel=1e-12)


def test_ends_stay_within_0_and_1():
    assert pooled_rate([10, 0], [10, 10]) == Estimate(value=0.5, low=0.0, high=1.0)


def test_users_without_trials_change_nothing():
    assert pooled_rate([3, 1, 0, 2, 0], [5, 10, 0, 5, 0]) == pooled_rate([3, 1, 2], [5, 10, 5])


def test_the_unit_is_the_user_and_not_the_impression():
    # The same 200 clicks in 2,000 impressions, evenly among users and all with one in ten of them.
    even = pooled_rate([1] * 200, [10] * 200)
    uneven = pooled_rate([10] * 20 + [0] * 180, [10] * 200)

    assert even.high - even.low == pytest.approx(0.0, abs=1e-12)
    assert uneven.high - uneven.low == pytest.approx(2 * Z * (0.1 * 0.9 / 199) ** 0.5, rel=1e-12)


def test_no_trial_is_no_rate():
    unknown = Estimate(value=None, low=None, high=None)

    assert pooled_rate([0, 0], [0, 0]) == unknown
    assert pooled_rate([], []) == unknown


@pytest.mark.parametrize(("clicks", "value"), [(0, 0.0), (3, 0.003), (1000, 1.0)])
def test_one_user_has_a_rate_and_no_interval(clicks, value):
    expected = Estimate(value=value, low=None, high=None)

    assert pooled_rate([clicks], [1000]) == expected
    assert pooled_rate([clicks, 0], [1000, 0]) == expected


def test_without_a_click_the_interval_is_the_exact_binomial_one():
    from scipy.stats import binomtest

    none, all_ = pooled_rate([0, 0], [30, 70]), pooled_rate([30, 70], [30, 70])

    exact = binomtest(0, 100).proportion_ci(method="exact")
    assert none.value == none.low == 0.0
    assert none.high == pytest.approx(exact.high, rel=1e-9)  # 0.0362
    assert all_.value == all_.high == 1.0
    assert all_.low == pytest.approx(1 - exact.high, rel=1e-9)


def beta_binomial_clicks(rng, *, n_users, mean, precision):
    impressions = rng.geometric(1 / 23, n_users)
    rates = rng.beta(mean * precision, (1 - mean) * precision, n_users)
    return rng.binomial(impressions, rates), impressions


def test_the_interval_holds_the_true_rate_95_times_in_100_and_the_impressions_does_not():
    """2,000 logs of 400 users whose own CTRs differ: Beta of mean 5 %, worth 20 impressions."""
    rng, n_logs, by_user, by_impression = np.random.default_rng(10), 2000, 0, 0
    for _ in range(n_logs):
        clicks, impressions = beta_binomial_clicks(rng, n_users=400, mean=0.05, precision=20)
        rate = pooled_rate(clicks, impressions)
        by_user += rate.low <= 0.05 <= rate.high
        error = (rate.value * (1 - rate.value) / impressions.sum()) ** 0.5
        by_impression += abs(rate.value - 0.05) <= Z * error

    # Binomial deviation of a coverage of 95 % in 2,000 logs: 0.5 %; linearising costs as much.
    assert 0.93 <= by_user / n_logs <= 0.965
    assert by_impression / n_logs < 0.80


def test_the_interval_holds_the_rate_of_users_that_are_alike_as_well():
    rng, n_logs = np.random.default_rng(11), 2000
    n_held = 0
    for _ in range(n_logs):
        clicks, impressions = beta_binomial_clicks(rng, n_users=400, mean=0.05, precision=1e6)
        rate = pooled_rate(clicks, impressions)
        n_held += rate.low <= 0.05 <= rate.high

    assert 0.935 <= n_held / n_logs <= 0.965
