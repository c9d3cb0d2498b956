"""Observed over expected counts, shrunk towards 1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ShrunkRatios", "fit_ratio_precision", "shrink_ratios"]

Floats = npt.NDArray[np.float64]

# True ratios are taken to spread by 5 % at least: from few cells a spread of nothing is often
# estimated, and an interval of nothing would follow.
_MOST_PRECISION = 400.0
_LEAST_PRECISION = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkRatios:
    """Posterior means of ratios and the variances of their logarithms."""

    value: Floats
    log_variance: Floats


def fit_ratio_precision(observed: npt.ArrayLike, expected: npt.ArrayLike) -> float:
    """Fit the precision of the gamma distribution of mean 1 that true ratios are drawn from.

    Parameters
    ----------
    observed, expected : array_like of float, shape (n_cells,)
        Effective counts: divided by their design effect.

    Returns
    -------
    float
        Between 0.5 and 400; its inverse is the variance of the true ratios.

    Notes
    -----
    Maximum likelihood of the negative binomial (Clayton and Kaldor 1987, Biometrics 43, 671-681).

    Examples
    --------
    >>> fit_ratio_precision([100, 101, 99], [100, 100, 100]) > 350
    True
    >>> fit_ratio_precision([20, 100, 300], [100, 100, 100]) < 5
    True
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    o, e = np.asarray(observed, np.float64), np.asarray(expected, np.float64)
    o, e = o[e > 0], e[e > 0]
    if o.size < 2:
        return _MOST_PRECISION

    def loss(log_a: float) -> float:
        a = np.exp(log_a)
        terms = gammaln(a + o) - gammaln(a) - o * np.log(a + e) - a * np.log1p(e / a)
        return -float(terms.sum())

    bounds = (float(np.log(_LEAST_PRECISION)), float(np.log(_MOST_PRECISION)))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def shrink_ratios(
    observed: npt.ArrayLike, expected: npt.ArrayLike, *, precision: float
) -> ShrunkRatios:
    """Shrink ratios of effective counts towards 1.

    Examples
    --------
    >>> shrunk = shrink_ratios([0, 30], [10, 10], precision=10.0)
    >>> shrunk.value.tolist(), shrunk.log_variance.tolist()
    ([0.5, 2.0], [0.1, 0.025])
    """
    o, e = np.asarray(observed, np.float64), np.asarray(expected, np.float64)
    return ShrunkRatios((precision + o) / (precision + e), 1 / (precision + o))
