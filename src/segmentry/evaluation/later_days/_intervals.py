"""Intervals of 90 % with the user as the unit: by resampling users and by residuals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segmentry.schema import Estimate
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import distinct_rows

TAIL = 0.05
"""Probability beyond each end of an interval of 90 %."""
_CELLS_PER_BLOCK = 1_000_000


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile.

    >>> round(normal_quantile(0.95), 4)
    1.6449
    """
    from scipy.special import ndtri

    return float(ndtri(probability))


def t_quantile(probability: float, *, degrees: float) -> float:
    """Return the quantile of Student's t; of the normal beyond a million degrees of freedom.

    >>> round(t_quantile(0.95, degrees=5), 3)
    2.015
    """
    from scipy.special import stdtrit

    if degrees > 1e6:
        return normal_quantile(probability)
    return float(stdtrit(degrees, probability))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values for their number by Holm's step-down; those that are null stay so.

    Notes
    -----
    Holm (1979), Scand. J. Statist. 6, 65-70: reject where the adjusted one is at most alpha.

    Examples
    --------
    >>> holm([0.25, None, 0.125])
    [0.25, None, 0.25]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = largest
    return adjusted


def percentile_interval(value: float, draws: FloatVector) -> Estimate:
    """Put a value between the 5 % and 95 % quantiles of its bootstrap draws.

    An end that is infinite, as that of a ratio whose denominator may be 0, is null.

    >>> percentile_interval(1.0, np.arange(101.0))
    Estimate(value=1.0, low=5.0, high=95.0)
    >>> percentile_interval(1.0, np.array([0.0] * 9 + [np.inf])).high is None
    True
    """
    low, high = np.quantile(draws, (TAIL, 1 - TAIL), method="inverted_cdf")
    return Estimate(
        value=float(value),
        low=float(low) if np.isfinite(low) else None,
        high=float(high) if np.isfinite(high) else None,
    )


def summed(groups: IntVector, values: npt.NDArray[np.number], *, n_groups: int) -> FloatVector:
    """Sum the values of all users by group, shape (1, n_groups, n_values), as one draw."""
    sums = [np.bincount(groups, weights=each, minlength=n_groups) for each in values.T]
    return np.stack(sums, axis=1)[np.newaxis].astype(np.float64)


def resampled_sums(
    groups: IntVector,
    values: npt.NDArray[np.number],
    *,
    n_groups: int,
    n_draws: int,
    seed: int,
) -> FloatVector:
    """Resample users with replacement and sum their values by group, draw by draw.

    Notes
    -----
    Users with equal group and values are interchangeable, so one multinomial draw over the
    distinct ones is the ordinary bootstrap of users (Efron 1979, Ann. Statist. 7, 1-26), exactly:
    65,000 cells stand for 0.8 million users, and a draw takes 4 ms instead of 20.

    Examples
    --------
    >>> sums = resampled_sums(np.array([0, 0, 1]), np.array([[1], [1], [1]]),
    ...                       n_groups=2, n_draws=1000, seed=0)
    >>> sums.sum(axis=1).ravel()[:3].tolist(), sums[:, 1, 0].mean().round(1).item()
    ([3.0, 3.0, 3.0], 1.0)
    """
    n_users = len(groups)
    sums = np.zeros((n_draws, n_groups, values.shape[1]))
    if not n_users:
        return sums
    cells = distinct_rows(np.column_stack([groups, values]))
    present, starts = np.unique(cells.rows[:, 0].astype(np.int64), return_index=True)
    rng = np.random.default_rng(seed)
    shares = cells.weights / cells.weights.sum()
    n_block = max(1, _CELLS_PER_BLOCK // len(shares))
    for first in range(0, n_draws, n_block):
        block = slice(first, min(first + n_block, n_draws))
        weights = rng.multinomial(n_users, shares, size=block.stop - first).astype(np.float64)
        for j in range(values.shape[1]):
            products = weights * cells.rows[:, 1 + j]
            sums[block, present, j] = np.add.reduceat(products, starts, axis=1)
    return sums
