"""Rates with intervals that take the user, not the impression, as the unit."""

import numpy as np
import numpy.typing as npt

from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector

NORMAL_95 = 1.959963984540054


def pooled_ratio(amounts: npt.ArrayLike, trials: npt.ArrayLike) -> Estimate:
    """Estimate amounts per trial of a group of users, with a 95 % interval.

    As `pooled_rate`, but an amount may be larger than its trials: money, or views per user. It is
    not negative. Where all amounts are 0 there is no interval: their spread says nothing.

    >>> ratio = pooled_ratio([30, 10, 20, 20], [1, 1, 1, 1])
    >>> round(ratio.low, 1), ratio.value, round(ratio.high, 1)
    (12.0, 20.0, 28.0)
    """
    c, n = np.asarray(amounts, np.float64), np.asarray(trials, np.float64)
    c, n = c[n > 0], n[n > 0]
    total = float(n.sum())
    if total == 0:
        return UNKNOWN
    value = float(c.sum()) / total
    if c.size < 2 or value == 0:
        return Estimate(value=value, low=None, high=None)
    half = _half_width(c, n, value)
    return Estimate(value=value, low=max(0.0, value - half), high=value + half)


def pooled_rate(events: npt.ArrayLike, trials: npt.ArrayLike) -> Estimate:
    """Estimate the rate of events over trials of a group of users, with a 95 % interval.

    Both are per user, such as clicks and impressions. All is null without trials, and the ends with
    one user. With no event of several users (or nothing but events) their spread says nothing: then
    the exact binomial interval over trials is given.

    Ratio estimator with the linearised variance of cluster sampling, the user being the cluster
    (Cochran 1977, Sampling Techniques, 3rd ed., eq. 6.13): events of one user are not independent.

    Two users that click always and two that never do tell much less than 40 impressions would.

    >>> rate = pooled_rate([10, 10, 0, 0], [10, 10, 10, 10])
    >>> round(rate.low, 2), rate.value, round(rate.high, 2)
    (0.0, 0.5, 1.0)
    >>> pooled_rate([0, 0], [0, 0])
    Estimate(value=None, low=None, high=None)
    """
    c, n = np.asarray(events, np.float64), np.asarray(trials, np.float64)
    c, n = c[n > 0], n[n > 0]
    total = float(n.sum())
    if total == 0:
        return UNKNOWN
    rate = float(c.sum()) / total
    if c.size < 2:
        return Estimate(value=rate, low=None, high=None)
    if rate in (0.0, 1.0):
        edge = float(0.025 ** (1 / total))
        low, high = (0.0, 1 - edge) if rate == 0 else (edge, 1.0)
        return Estimate(value=rate, low=low, high=high)
    half = _half_width(c, n, rate)
    return Estimate(value=rate, low=max(0.0, rate - half), high=min(1.0, rate + half))


def _half_width(c: FloatVector, n: FloatVector, rate: float) -> float:
    residual = c - rate * n
    variance = float(residual @ residual) / float(n.sum()) ** 2 * c.size / (c.size - 1)
    return float(NORMAL_95 * variance**0.5)
