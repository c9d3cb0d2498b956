import numpy as np
import pytest
from tests.evaluation.purchases import cdnow_users

from segmentry.evaluation.later_days import (
    BetaGeometric,
    GammaGamma,
    GammaPoisson,
    fit_beta_geometric,
    fit_events,
    fit_gamma_gamma,
    fit_gamma_poisson,
)


@pytest.mark.real_data("cdnow")
def test_the_published_fits_to_cdnow_are_found(real_data):
    """BG/NBD and NBD: Fader, Hardie and Lee 2005, table 2; gamma-gamma: Fader and Hardie 2013."""
    x, last, T, mean = cdnow_users(real_data)

    users = fit_beta_geometric(x, last, T)
    found = [round(each, 3) for each in (users.shape, users.rate, users.a, users.b)]
    assert found == [0.243, 4.414, 0.793, 2.426]
    assert round(users.log_likelihood, 1) == -9582.4

    plain = fit_gamma_poisson(x, T)
    assert [round(plain.shape, 3), round(plain.rate, 3)] == [0.385, 12.072]
    assert round(plain.log_likelihood, 1) == -9763.7
    assert isinstance(fit_events(x, last, T), BetaGeometric)

    value = fit_gamma_gamma(x, mean)
    assert [round(each, 2) for each in (value.p, value.q, value.gamma)] == [6.25, 3.74, 15.44]


def simulated(model, T, *, seed):
    """Draw events of users of a BG/NBD one by one, before and after the end of their time."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(model.shape, 1 / model.rate, size=T.size)
    leaving = rng.beta(model.a, model.b, size=T.size)
    x, last, later = (np.zeros(T.size) for _ in range(3))
    for i, (rate, p) in enumerate(zip(rates, leaving, strict=True)):
        at = rng.exponential(1 / rate)
        while at < 2 * T[i]:
            if at < T[i]:
                x[i], last[i] = x[i] + 1, at
            else:
                later[i] += 1
            if rng.random() < p:
                break
            at += rng.exponential(1 / rate)
    return x, last, later


def test_what_is_expected_comes_true_among_users_with_the_same_past():
    model = BetaGeometric(shape=0.6, rate=6.0, a=0.8, b=2.5)
    T = np.full(8000, 40.0)
    x, last, later = simulated(model, T, seed=1)
    expected = model.expected(x, last, T, horizon=40)
    is_recent = last > 25
    for group in (x == 0, (x > 0) & is_recent, (x > 0) & ~is_recent):
        error = np.sqrt(np.sum((later - expected)[group] ** 2)) / group.sum()
        assert abs(later[group].mean() - expected[group].mean()) < 4 * error
    fitted = fit_events(x, last, T)
    again = fitted.expected(x, last, T, horizon=40)
    assert np.corrcoef(again, expected)[0, 1] > 0.99


def test_a_beta_geometric_at_its_singular_point_is_met_from_both_sides():
    at, below, above = (
        BetaGeometric(shape=0.5, rate=5.0, a=a, b=2.0).expected(
            [0, 3], [0, 9], [20, 20], horizon=20
        )
        for a in (1.0, 0.999, 1.001)
    )
    assert (np.minimum(below, above) < at).all()
    assert (at < np.maximum(below, above)).all()


def test_users_who_are_all_alike_are_given_one_rate():
    rng = np.random.default_rng(3)
    T = np.full(2000, 30.0)
    x = rng.poisson(0.1 * T)
    last = np.where(x > 0, T * rng.random(2000) ** (1 / np.maximum(x, 1)), 0)
    found = fit_events(x, last, T)
    expected = found.expected(x, last, T, horizon=30)
    assert isinstance(found, GammaPoisson)
    assert expected.std() < 0.1 * expected.mean()


@pytest.mark.parametrize("x", [[0, 0, 0], []])
def test_without_an_event_there_is_no_model(x):
    T = np.full(len(x), 9.0)
    assert fit_events(x, np.zeros(len(x)), T) is None
    assert fit_gamma_gamma(x, np.zeros(len(x))) is None


def test_amounts_at_or_below_zero_are_left_to_the_mean_of_all():
    found = fit_gamma_gamma([1, 2, 3, 2], [10.0, 20.0, 15.0, -5.0])
    assert found.expected([2, 0], [-5.0, 0.0]).tolist() == [found.mean] * 2
    assert found.mean == pytest.approx((10 + 40 + 45) / 6)


def test_the_mean_of_a_user_is_shrunk_the_less_the_more_events_there_are():
    model = GammaGamma(p=6.25, q=3.74, gamma=15.44, mean=35.0)
    few, many = model.expected([1, 100], [100.0, 100.0])
    assert 35 < few < many < 100
