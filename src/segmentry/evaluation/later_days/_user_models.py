"""Models of single users' events and their value: gamma-Poisson, BG/NBD, gamma-gamma.

They are the benchmark that segments are held against where the outcome is not a click: what each
user's own history predicts, without any segment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.runtime.threads import one_thread
from segmentry.schema.arrays import FloatVector
from segmentry.segments.clustering import distinct_rows

_WIDEST = 14.0  # in logarithms: beyond it users are alike, or never leave
_STARTS = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class GammaPoisson:
    """Events at a constant rate of each user, rates Gamma(shape, rate) among users (NBD).

    References
    ----------
    Ehrenberg, A. S. C. (1959). The pattern of consumer purchases. Applied Statistics 8, 26-41.

    Examples
    --------
    >>> GammaPoisson(shape=1.0, rate=10.0).expected([0, 4], [0, 9], [10, 10], horizon=20).tolist()
    [1.0, 5.0]
    """

    shape: float
    rate: float
    log_likelihood: float = 0.0

    def expected(
        self, x: npt.ArrayLike, last: npt.ArrayLike, T: npt.ArrayLike, *, horizon: float
    ) -> FloatVector:
        """Return the events to expect of each user over a time to come; `last` tells nothing."""
        del last
        x, T = np.asarray(x, np.float64), np.asarray(T, np.float64)
        found: FloatVector = horizon * (self.shape + x) / (self.rate + T)
        return found


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """Gamma-Poisson events of users who may leave for good after each one (BG/NBD).

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the easy way:
    an alternative to the Pareto/NBD model. Marketing Science 24, 275-284.

    Examples
    --------
    The published fit to CDNOW; two repeat purchases, the last after 30.43 of 38.86 weeks:

    >>> model = BetaGeometric(shape=0.243, rate=4.414, a=0.793, b=2.426)
    >>> round(model.expected([2], [30.43], [38.86], horizon=39).item(), 2)
    1.23
    """

    shape: float
    rate: float
    a: float
    b: float
    log_likelihood: float = 0.0

    def expected(
        self, x: npt.ArrayLike, last: npt.ArrayLike, T: npt.ArrayLike, *, horizon: float
    ) -> FloatVector:
        """Return the events to expect of each user over a time to come; equation 10."""
        from scipy.special import hyp2f1

        x, last, T = (np.asarray(each, np.float64) for each in (x, last, T))
        # At a = 1 the equation is 0 / 0; its limit is met from next to it.
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6
        r, alpha, b = self.shape + x, self.rate, self.b + x
        base = (alpha + T) / (alpha + T + horizon)
        lived = base**r * hyp2f1(r, b, a + b - 1, horizon / (alpha + T + horizon))
        gone = np.where(x > 0, a / np.maximum(b - 1, 1e-9), 0.0)
        gone = gone * ((alpha + T) / (alpha + last)) ** r
        found: FloatVector = (a + b - 1) / (a - 1) * (1 - lived) / (1 + gone)
        return found


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Mean value of an event of each user: gamma around a gamma-distributed mean.

    `mean` is that of all users, for those without an event of a value above zero.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013). The gamma-gamma model of monetary value.
    Colombo, R. and Jiang, W. (1999). Journal of Interactive Marketing 13 (3), 2-12.

    Examples
    --------
    >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44, mean=35.0)
    >>> model.expected([0, 1, 1000], [0.0, 20.0, 20.0]).round(2).tolist()
    [35.0, 24.64, 20.01]
    """

    p: float
    q: float
    gamma: float
    mean: float

    def expected(self, x: npt.ArrayLike, mean_value: npt.ArrayLike) -> FloatVector:
        """Return the mean value to expect of an event of each user."""
        x, m = np.asarray(x, np.float64), np.asarray(mean_value, np.float64)
        is_known = (x > 0) & (m > 0)
        below = np.where(is_known, self.p * x + self.q - 1, 1.0)
        found: FloatVector = np.where(is_known, self.p * (self.gamma + m * x) / below, self.mean)
        return found


def fit_gamma_poisson(x: npt.ArrayLike, T: npt.ArrayLike) -> GammaPoisson | None:
    """Fit the gamma-Poisson by maximum likelihood; null without an event or a time.

    Parameters
    ----------
    x : array_like, shape (n_users,)
        Events of each user.
    T : array_like, shape (n_users,)
        Time over which they were counted.

    Examples
    --------
    >>> fit_gamma_poisson([0, 0], [5, 5]) is None
    True
    >>> users = fit_gamma_poisson([0, 0, 0, 8] * 50, [10] * 200)
    >>> round(users.shape / users.rate, 3)  # the mean rate
    0.2
    """
    found = _prepared(x, T)
    if found is None:
        return None
    from scipy.special import gammaln

    (x, T), weights, unit = found

    def log_likelihood(theta: FloatVector) -> float:
        r, alpha = np.exp(theta)
        return float(weights @ (gammaln(r + x) - gammaln(r) + _gamma_part(r, alpha, x, T)))

    theta, value = _maximise(log_likelihood, n_parameters=2)
    r, alpha = (float(each) for each in np.exp(theta))
    return GammaPoisson(r, alpha * unit, value - float(weights @ x) * float(np.log(unit)))


def fit_beta_geometric(
    x: npt.ArrayLike, last: npt.ArrayLike, T: npt.ArrayLike
) -> BetaGeometric | None:
    """Fit the BG/NBD by maximum likelihood on distinct rows; null without an event or a time.

    Parameters
    ----------
    x : array_like, shape (n_users,)
        Events of each user after the first.
    last : array_like, shape (n_users,)
        Time from the first to the last; 0 where there is one.
    T : array_like, shape (n_users,)
        Time from the first to the end.
    """
    found = _prepared(x, T, last)
    if found is None:
        return None
    from scipy.special import betaln, gammaln

    (x, T, last), weights, unit = found

    def log_likelihood(theta: FloatVector) -> float:
        r, alpha, a, b = np.exp(theta)
        staying = betaln(a, b + x) - betaln(a, b) + _gamma_part(r, alpha, x, T)
        left = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b)
        left += _gamma_part(r, alpha, x, last)
        either = np.where(x > 0, np.logaddexp(staying, left), staying)
        return float(weights @ (gammaln(r + x) - gammaln(r) + either))

    theta, value = _maximise(log_likelihood, n_parameters=4)
    r, alpha, a, b = (float(each) for each in np.exp(theta))
    return BetaGeometric(r, alpha * unit, a, b, value - float(weights @ x) * float(np.log(unit)))


def fit_events(
    x: npt.ArrayLike, last: npt.ArrayLike, T: npt.ArrayLike
) -> GammaPoisson | BetaGeometric | None:
    """Fit the BG/NBD where users have left for good, else the gamma-Poisson.

    The first is taken where its likelihood pays for its two parameters (BIC, Schwarz 1978, Ann.
    Statist. 6, 461-464). Parameters are those of `fit_beta_geometric`.

    >>> rng = np.random.default_rng(0)
    >>> T = np.full(500, 50.0)
    >>> x = rng.poisson(T * rng.gamma(1.0, 0.1, size=500))
    >>> last = np.where(x > 0, T * rng.random(500) ** (1 / np.maximum(x, 1)), 0)
    >>> type(fit_events(x, last, T)).__name__
    'GammaPoisson'
    """
    plain, leaving = fit_gamma_poisson(x, T), fit_beta_geometric(x, last, T)
    if plain is None or leaving is None:
        return plain
    times = np.asarray(T, np.float64)
    n_users = int((times > 0).sum())
    if leaving.log_likelihood - plain.log_likelihood <= np.log(n_users):
        return plain
    horizon = float(times.mean())
    return leaving if np.isfinite(leaving.expected(x, last, T, horizon=horizon)).all() else plain


def fit_gamma_gamma(x: npt.ArrayLike, mean_value: npt.ArrayLike) -> GammaGamma | None:
    """Fit the gamma-gamma to users with events of a mean value above zero; null below two users.

    Parameters
    ----------
    x : array_like, shape (n_users,)
        Events of each user whose value is known.
    mean_value : array_like, shape (n_users,)
        Their mean value.
    """
    x, m = np.asarray(x, np.float64), np.asarray(mean_value, np.float64)
    is_known = (x > 0) & (m > 0)
    x, m = x[is_known], m[is_known]
    if x.size < 2:
        return None
    from scipy.special import gammaln

    overall = float(x @ m / x.sum())
    distinct = distinct_rows(np.column_stack([x, m / overall]))
    x, m, weights = distinct.rows[:, 0], distinct.rows[:, 1], distinct.weights

    def log_likelihood(theta: FloatVector) -> float:
        p, q, gamma = np.exp(theta)
        shapes = gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
        values = q * np.log(gamma) + (p * x - 1) * np.log(m) + p * x * np.log(x)
        return float(weights @ (shapes + values - (p * x + q) * np.log(gamma + m * x)))

    theta, _ = _maximise(log_likelihood, n_parameters=3)
    p, q, gamma = (float(each) for each in np.exp(theta))
    return GammaGamma(p, q, gamma * overall, overall)


def _gamma_part(r: float, alpha: float, x: FloatVector, T: FloatVector) -> FloatVector:
    """Log of alpha^r / (alpha + T)^(r + x), exact where alpha is large."""
    part: FloatVector = -r * np.log1p(T / alpha) - x * np.log(alpha + T)
    return part


def _prepared(
    x: npt.ArrayLike, T: npt.ArrayLike, *more: npt.ArrayLike
) -> tuple[tuple[FloatVector, ...], FloatVector, float] | None:
    """Return distinct rows in units of the mean time, how many users each is, and the unit."""
    columns = [np.asarray(each, np.float64) for each in (x, T, *more)]
    is_in = columns[1] > 0
    columns = [each[is_in] for each in columns]
    if not columns[0].sum() > 0:
        return None
    unit = float(columns[1].mean())
    distinct = distinct_rows(np.column_stack([columns[0], *(each / unit for each in columns[1:])]))
    return tuple(distinct.rows.T), distinct.weights, unit


def _maximise(
    log_likelihood: Callable[[FloatVector], float], *, n_parameters: int
) -> tuple[FloatVector, float]:
    """Maximise over the logarithms of the parameters, from two starts, and once more from there."""
    from scipy.optimize import minimize

    def climb(start: Sequence[float] | FloatVector) -> tuple[FloatVector, float]:
        found = minimize(
            lambda theta: -log_likelihood(theta) / scale,
            x0=start,
            jac="3-point",
            method="L-BFGS-B",
            bounds=[(-_WIDEST, _WIDEST)] * n_parameters,
            options={"ftol": 1e-13, "gtol": 1e-9, "maxiter": 500},
        )
        return found.x, -float(found.fun) * scale

    # Of a few parameters a second thread does nothing but wait, at several times the CPU time.
    with one_thread("blas"):
        scale = max(1.0, abs(log_likelihood(np.zeros(n_parameters))))
        best = max((climb([start] * n_parameters) for start in _STARTS), key=lambda each: each[1])
        return max(best, climb(best[0]), key=lambda each: each[1])
