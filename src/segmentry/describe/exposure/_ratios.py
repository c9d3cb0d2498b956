"""Observed over expected counts, shrunk towards 1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.schema.arrays import FloatVector

_SPREADS = np.linspace(0.02, 1.4, 47)


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkRatios:
    """Posterior means of ratios and the variances of their logarithms."""

    value: FloatVector
    log_variance: FloatVector


def shrink_ratios(
    observed: npt.ArrayLike, expected: npt.ArrayLike, *, lost: float = 0.0
) -> ShrunkRatios:
    """Shrink ratios of counts towards 1, the more the less the cells differ beyond luck.

    Parameters
    ----------
    observed, expected : array_like of float, shape (n_cells,)
        Effective counts: divided by their design effect.
    lost : float
        Share of the variance between cells that went into what is expected of them (of three
        segments alike, a third): the true ratios vary by so much more than they seem to.

    Returns
    -------
    ShrunkRatios
        Arrays of shape (n_cells,).

    Notes
    -----
    Poisson counts with gamma-distributed true ratios of mean 1 (Clayton and Kaldor 1987, Biometrics
    43, 671-681). The standard deviation of the true ratios is not set to one estimate, which few
    cells determine badly, but averaged over its posterior on a grid from 0.02 to 1.4 with a uniform
    prior (Gelman 2006, Bayesian Analysis 1, 515-534).

    Examples
    --------
    Ten cells as expected, and one of three times as much: it is pulled down, the less the more
    there is of it.

    >>> few = shrink_ratios([10] * 10 + [30], [10] * 11)
    >>> many = shrink_ratios([1000] * 10 + [3000], [1000] * 11)
    >>> [round(float(value), 2) for value in (few.value[-1], many.value[-1], few.value[0])]
    [2.06, 2.99, 1.0]
    """
    from scipy.special import gammaln

    o, e = np.asarray(observed, np.float64), np.asarray(expected, np.float64)
    fits = np.empty(_SPREADS.size)
    for place, spread in enumerate(_SPREADS):
        a = spread**-2
        terms = gammaln(a + o) - gammaln(a) - o * np.log(a + e) - a * np.log1p(e / a)
        fits[place] = terms.sum()
    weights = np.exp(fits - fits.max())
    weights /= weights.sum()
    value, log_mean, log_square = np.zeros((3, *o.shape))
    for weight, spread in zip(weights, _SPREADS, strict=True):
        if weight < 1e-9:
            continue
        a = (1 - lost) * spread**-2
        ratio = (a + o) / (a + e)
        value += weight * ratio
        log_mean += weight * np.log(ratio)
        log_square += weight * (np.log(ratio) ** 2 + 1 / (a + o))
    return ShrunkRatios(value, log_square - log_mean**2)
