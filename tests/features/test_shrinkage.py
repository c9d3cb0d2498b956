"""The beta prior of the click-through rate against the oracle, planted values and the edges."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.reference import HIGHEST_PRECISION, reference_beta_binomial_loglik, reference_fit

from segmentry.features import BetaPrior, fit_beta_prior, shrink

SPREAD = [(0, 5), (1, 5), (2, 5), (5, 5), (0, 1), (1, 1), (3, 20), (0, 20), (9, 20), (0, 0)]
CASES = {
    "spread": SPREAD,
    "each user ten times": SPREAD * 10,
    "on paper, a 1 and b 1": [(0, 2), (1, 2), (2, 2)],
    "on paper, a 7/3 and b 25/3": [(0, 2)] * 10 + [(1, 2)] * 5 + [(2, 2)],
    "mostly silent": [(0, n) for n in range(1, 30)] + [(1, 7), (2, 15), (4, 40)],
    "one heavy user": [(0, 3), (1, 4), (0, 2), (40, 345)],
    "all here or all there": [(0, 2), (0, 2), (0, 2), (2, 2)],
    "where a first step that is too long gets lost": [
        *((0, 1), (0, 4), (4, 5), (4, 6), (0, 7), (4, 7)),
        *((6, 16), (6, 17), (7, 17), (17, 18), (4, 24), (6, 29)),
    ],
}


def fit(pairs):
    clicks, impressions = zip(*pairs, strict=True)
    return fit_beta_prior(clicks, impressions)


def loglik(prior, pairs):
    a, b = prior.mean * prior.precision, (1 - prior.mean) * prior.precision
    return reference_beta_binomial_loglik(a, b, pairs)


@pytest.mark.parametrize("pairs", CASES.values(), ids=CASES.keys())
def test_fit_is_the_maximum_that_the_oracle_finds(pairs):
    a, b = reference_fit(pairs)

    prior = fit(pairs)

    assert prior.mean == pytest.approx(a / (a + b), rel=1e-4)
    assert prior.precision == pytest.approx(a + b, rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    pairs=st.lists(
        st.integers(0, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=1,
        max_size=12,
    ),
    mean=st.floats(0.01, 0.99),
    precision=st.floats(0.01, 1e4),
)
@example(pairs=[(1, 1), (1, 14)], mean=0.386, precision=1.63)  # two peaks
@example(pairs=[(2, 2), (0, 3), (1, 3), (20, 30)], mean=0.52, precision=6.66)
def test_no_other_prior_is_more_likely(pairs, mean, precision):
    assume(0 < sum(clicks for clicks, _ in pairs) < sum(n for _, n in pairs))

    prior = fit(pairs)

    # At the highest precision the likelihood is flat and lgamma rounds: hence 1e-4.
    assert loglik(prior, pairs) >= loglik(BetaPrior(mean, precision), pairs) - 1e-4


@pytest.mark.parametrize(("a", "b"), [(2.0, 38.0), (0.5, 9.5), (5.0, 15.0)])
def test_planted_prior_is_recovered(a, b):
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        impressions = rng.geometric(1 / 20, size=20_000)
        clicks = rng.binomial(impressions, rng.beta(a, b, size=20_000))
        found.append(fit_beta_prior(clicks, impressions))

    means = [prior.mean for prior in found]
    precisions = [prior.precision for prior in found]
    assert np.mean(means) == pytest.approx(a / (a + b), rel=0.01)
    assert np.mean(precisions) == pytest.approx(a + b, rel=0.02)
    assert max(abs(np.array(precisions) / (a + b) - 1)) < 0.12


def test_users_with_one_true_rate_are_shrunk_to_it():
    rng = np.random.default_rng(0)
    impressions = rng.geometric(1 / 20, size=50_000)
    clicks = rng.binomial(impressions, 0.05)

    prior = fit_beta_prior(clicks, impressions)

    assert prior.mean == pytest.approx(0.05, abs=0.001)
    assert prior.precision > 500
    assert np.ptp(shrink(clicks, impressions, prior)) < np.ptp(clicks / impressions) / 5


@pytest.mark.parametrize(
    ("pairs", "mean"),
    [
        ([(0, 3), (0, 1), (0, 0)], 0.0),
        ([(3, 3), (1, 1)], 1.0),
        ([(0, 0), (0, 0)], 0.0),
        ([(0, 5)], 0.0),
        ([(5, 5)], 1.0),
    ],
)
def test_without_both_clicks_and_misses_all_users_are_alike(pairs, mean):
    prior = fit(pairs)

    assert prior == BetaPrior(mean=mean, precision=HIGHEST_PRECISION)
    clicks, impressions = zip(*pairs, strict=True)
    assert shrink(clicks, impressions, prior) == pytest.approx([mean] * len(pairs), abs=1e-4)


def test_nobody_at_all_has_a_prior_too():
    assert fit_beta_prior([], []) == BetaPrior(mean=0.0, precision=HIGHEST_PRECISION)


def test_one_user_does_not_differ_from_others():
    assert fit([(2, 10)]) == BetaPrior(mean=0.2, precision=HIGHEST_PRECISION)


def test_users_without_impressions_do_not_change_the_prior():
    assert fit([*SPREAD, *[(0, 0)] * 1000]) == fit(SPREAD)


def test_order_of_users_does_not_change_a_digit():
    assert fit(SPREAD[::-1]) == fit(SPREAD)


def test_users_with_one_impression_each_are_taken_to_be_alike():
    """How unlike they are cannot be told: their own click must not count as their rate."""
    assert fit_beta_prior([1] * 40 + [0] * 60, [1] * 100) == BetaPrior(0.4, HIGHEST_PRECISION)


def test_counts_beyond_those_summed_step_by_step_are_summed_too():
    pairs = [(400, 9_000), (2_500, 12_000), (90, 4_096), (10, 50)] * 5
    prior = fit(pairs)

    beside = [replace(prior, precision=prior.precision * factor) for factor in (0.99, 1.01)]

    assert all(loglik(prior, pairs) > loglik(other, pairs) for other in beside)


def test_shrunk_rate_lies_between_the_mean_and_the_own_rate():
    prior = fit(SPREAD)

    for clicks, impressions in SPREAD:
        shrunk = shrink([clicks], [impressions], prior)[0]
        own = clicks / impressions if impressions else prior.mean
        assert min(own, prior.mean) <= shrunk <= max(own, prior.mean)


def test_shrink_is_the_posterior_mean():
    prior = BetaPrior(mean=0.25, precision=4.0)  # a = 1, b = 3

    assert shrink([0, 0, 1, 6], [0, 1, 1, 8], prior).tolist() == [0.25, 0.2, 0.4, 7 / 12]
