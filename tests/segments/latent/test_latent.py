"""Latent classes: the densities, the climb, what is planted, and what is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.repeats import examples

from segmentry.features import fit_beta_prior
from segmentry.segments.clustering import distinct_rows
from segmentry.segments.latent import LatentModel, Part, fit_latent, posterior, soft_rates
from segmentry.segments.latent._blocks import CountBlock, click_block, tally

CLICKS = Part(kind="clicks", feature="ctr")
IMPRESSIONS = Part(kind="count", feature="n_impressions", offset=1)
CITY = Part(kind="levels", feature="city", levels=("1", "2", "unknown"))
PARTS = (CLICKS, IMPRESSIONS, CITY)
SHARES = np.array([0.55, 0.3, 0.15])
RATES, PRECISIONS = np.array([0.04, 0.2, 0.1]), np.array([60.0, 40.0, 200.0])
MEANS, SIZES = np.array([6.0, 15.0, 120.0]), np.array([1.2, 2.0, 4.0])
CITIES = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])


def planted(n_users, *, seed):
    """Users of three classes: impressions, clicks, impressions again, city; and their class."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n_users, p=SHARES)
    n = 1 + rng.negative_binomial(SIZES[kind], SIZES[kind] / (SIZES[kind] + MEANS[kind]))
    own = rng.beta(RATES[kind] * PRECISIONS[kind], (1 - RATES[kind]) * PRECISIONS[kind])
    city = (rng.random(n_users)[:, np.newaxis] > np.cumsum(CITIES[kind], axis=1)).sum(axis=1)
    return np.stack([n, rng.binomial(n, own), n, city], axis=1), kind


def test_clicks_have_the_density_of_scipy():
    n, c = np.divmod(np.arange(12 * 12), 12)
    n, c = n[c <= n], c[c <= n]
    law = np.array([[0.05, 30.0], [0.6, 1.5]])
    block = click_block(n, c)

    density = block.log_density(law)[block.of_row]

    for column, (mean, precision) in zip(density.T, law, strict=True):
        expected = stats.betabinom(n, mean * precision, (1 - mean) * precision).logpmf(c)
        np.testing.assert_allclose(column, expected, atol=1e-10)


@pytest.mark.parametrize("counts", [[0, 1, 5, 40], [0, 1, 5, 40, 300_000]])
def test_counts_have_the_density_of_scipy(counts):
    counts = np.array(counts)  # few large ones by gamma functions, else by cumulative sums
    law = np.array([[3.0, 0.4], [50.0, 20.0]])

    density = CountBlock(tally(counts)).log_density(law)

    for column, (mean, size) in zip(density.T, law, strict=True):
        expected = stats.nbinom(size, size / (size + mean)).logpmf(counts)
        np.testing.assert_allclose(column, expected, rtol=1e-9)


@examples(6, 60)
@given(st.integers(0, 2**16), st.integers(2, 5))
def test_the_likelihood_never_falls(seed, n_classes):
    matrix, _ = planted(300, seed=seed)

    fit = fit_latent(matrix, PARTS, n_classes=n_classes, n_starts=2, seed=seed)

    assert np.diff(fit.trace).min(initial=0.0) >= -1e-9 * abs(fit.trace[-1])
    assert fit.log_likelihood >= fit.trace[-1] - 1e-9 * abs(fit.trace[-1])
    assert np.isfinite(fit.bic)
    assert fit.icl >= fit.bic


def test_one_class_is_the_beta_binomial_by_maximum_likelihood():
    matrix, _ = planted(4000, seed=1)

    fit = fit_latent(matrix[:, :2], [CLICKS], n_classes=1, tolerance=1e-13)

    prior = fit_beta_prior(matrix[:, 1], matrix[:, 0])
    assert fit.model.laws[0][0] == pytest.approx((prior.mean, prior.precision), rel=1e-4)


def test_one_class_is_the_negative_binomial_by_maximum_likelihood():
    from scipy.optimize import minimize_scalar

    counts = np.random.default_rng(2).negative_binomial(0.7, 0.05, 3000)
    mean = counts.mean()

    fit = fit_latent(
        counts[:, np.newaxis], [Part(kind="count", feature="n")], n_classes=1, tolerance=1e-13
    )

    best = minimize_scalar(
        lambda size: -stats.nbinom(size, size / (size + mean)).logpmf(counts).sum(),
        bounds=(0.01, 50),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert fit.model.laws[0][0] == pytest.approx((mean, best.x), rel=1e-5)
    assert fit.log_likelihood == pytest.approx(-best.fun, rel=1e-10)


def test_criteria_of_one_class_are_those_worked_out_by_hand():
    codes = np.repeat([0, 1], [30, 10])[:, np.newaxis]

    fit = fit_latent(codes, [Part(kind="levels", feature="x", levels=("a", "b"))], n_classes=1)

    expected = 30 * np.log(0.75) + 10 * np.log(0.25)
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-9)
    assert fit.n_parameters == 1
    assert fit.bic == fit.icl == pytest.approx(-2 * expected + np.log(40), rel=1e-9)


def test_planted_classes_are_recovered():
    matrix, kind = planted(20_000, seed=3)
    distinct = distinct_rows(matrix)
    rows = distinct.rows.astype(np.int64)

    fits = [
        fit_latent(rows, PARTS, n_classes=k, weights=distinct.weights, seed=0) for k in (2, 3, 4)
    ]

    assert min(fits, key=lambda fit: fit.bic).model.n_classes == 3
    model = fits[1].model
    clicks, counts, cities = (np.array(law) for law in model.laws)
    np.testing.assert_allclose(model.shares, SHARES, atol=0.03)
    np.testing.assert_allclose(clicks[:, 0], RATES, rtol=0.1)
    np.testing.assert_allclose(counts[:, 0], MEANS, rtol=0.1)
    np.testing.assert_allclose(cities, CITIES, atol=0.05)
    # Twice the log likelihood ratio against the truth is chi-squared with 20 degrees of freedom.
    truth = LatentModel(
        shares=tuple(SHARES),
        parts=PARTS,
        laws=(
            tuple(zip(RATES, PRECISIONS, strict=True)),
            tuple(zip(MEANS, SIZES, strict=True)),
            tuple(map(tuple, CITIES)),
        ),
    )
    ratio = 2 * (fits[1].log_likelihood - log_likelihood_of(truth, rows, distinct.weights))
    assert fits[1].n_parameters == 20
    assert stats.chi2(20).ppf(0.0005) < ratio < stats.chi2(20).ppf(0.9995)
    found = posterior(model, matrix).argmax(axis=1)
    assert (found == kind).mean() > SHARES.max() + 0.2  # more than all in the largest class


def log_likelihood_of(model, rows, weights):
    """Log likelihood by scipy, class by class."""
    n, c, _, city = rows.T
    density = 0.0
    for place, share in enumerate(model.shares):
        (mean, precision), (expected, size), cities = (law[place] for law in model.laws)
        density += (
            share
            * stats.betabinom(n, mean * precision, (1 - mean) * precision).pmf(c)
            * stats.nbinom(size, size / (size + expected)).pmf(n - 1)
            * np.array(cities)[city]
        )
    return float(weights @ np.log(density))


def test_memberships_are_those_of_bayes_rule():
    model = LatentModel(shares=(0.6, 0.4), parts=(CLICKS,), laws=(((0.05, 40.0), (0.3, 10.0)),))
    clicks = np.array([[12, 0], [12, 4], [0, 0]])

    found = posterior(model, clicks)

    joint = np.stack(
        [
            share * stats.betabinom(clicks[:, 0], a, b).pmf(clicks[:, 1])
            for share, a, b in ((0.6, 2.0, 38.0), (0.4, 3.0, 7.0))
        ],
        axis=1,
    )
    np.testing.assert_allclose(found, joint / joint.sum(axis=1, keepdims=True), atol=1e-12)
    rates = soft_rates(model, clicks, found)
    in_class = (clicks[1, 1] + np.array([2.0, 3.0])) / (12 + np.array([40.0, 10.0]))
    assert rates[1] == pytest.approx(float(found[1] @ in_class))
    assert rates[2] == pytest.approx(0.6 * 0.05 + 0.4 * 0.3)


def test_weights_are_the_same_as_repeated_users():
    matrix, _ = planted(400, seed=4)
    distinct = distinct_rows(np.repeat(matrix, 3, axis=0))
    rows = distinct.rows.astype(np.int64)

    weighted = fit_latent(rows, PARTS, n_classes=1, weights=distinct.weights)
    repeated = fit_latent(np.repeat(matrix, 3, axis=0), PARTS, n_classes=1)

    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-9)
    assert weighted.bic == pytest.approx(repeated.bic, rel=1e-9)


def test_the_same_seed_gives_the_same_model():
    matrix, _ = planted(1500, seed=5)

    first, again = (fit_latent(matrix, PARTS, n_classes=3, seed=9) for _ in range(2))

    assert first.model == again.model


def test_more_classes_than_there_is_to_tell_apart_are_counted_as_lost():
    codes = np.repeat([0, 1], [30, 10])[:, np.newaxis]

    fit = fit_latent(codes, [Part(kind="levels", feature="x", levels=("a", "b"))], n_classes=4)

    assert fit.n_empty >= 2
    assert np.isfinite([*fit.model.shares, fit.bic, fit.icl]).all()


def test_too_few_iterations_are_said_to_be_too_few():
    matrix, _ = planted(2000, seed=6)

    fit = fit_latent(matrix, PARTS, n_classes=3, max_iterations=1, tolerance=1e-12)

    assert not fit.is_converged


@pytest.mark.parametrize("c", [0, 5])
def test_users_without_any_click_or_with_nothing_else_give_finite_numbers(c):
    matrix = np.stack([np.full(50, 5), np.full(50, c)], axis=1)

    fit = fit_latent(matrix, [CLICKS], n_classes=2)

    assert np.isfinite([value for row in fit.model.laws[0] for value in row]).all()
    assert fit.model.class_rates[0] == pytest.approx(c / 5, abs=1e-4)


def test_counts_below_the_offset_and_unseen_levels_are_placed():
    model = fit_latent(planted(500, seed=7)[0], PARTS, n_classes=2).model

    found = posterior(model, np.array([[0, 0, 0, 3]]))

    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0)


# From `python benchmarks/against_stepmix.py` with StepMix 2.2: log likelihood and shares, rising.
STEPMIX = {
    2: (-13799.66267, (0.48388, 0.51612)),
    3: (-13700.68336, (0.20138, 0.29962, 0.49900)),
}


@pytest.mark.parametrize("n_classes", STEPMIX)
def test_mixtures_of_levels_are_those_of_stepmix(n_classes):
    from benchmarks.stepmix_data import PARTS as LEVELS
    from benchmarks.stepmix_data import users

    fit = fit_latent(users(), LEVELS, n_classes=n_classes, tolerance=1e-11, max_iterations=5000)

    log_likelihood, shares = STEPMIX[n_classes]
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-4)
    np.testing.assert_allclose(np.sort(fit.model.shares), shares, atol=1e-4)
