"""Round numbers between two values."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["round_cut"]


def round_cut(ordered: npt.NDArray[np.float64], cut: float) -> float:
    """Return the roundest number that divides the values as `cut` does.

    Parameters
    ----------
    ordered : ndarray of float, shape (n_values,)
        Rising.
    cut : float
        Values up to it are on one side.

    Examples
    --------
    >>> round_cut(np.array([1.0, 2.0, 13.0, 40.0]), 26.5)
    20.0
    >>> round_cut(np.array([0.0312, 0.0318]), 0.0315)
    0.0315
    """
    place = int(np.searchsorted(ordered, cut, side="right"))
    if place in (0, ordered.size):
        return cut
    low, high = float(ordered[place - 1]), float(ordered[place])
    if low <= 0.0 < high:
        return 0.0
    for digits in range(1, 17):
        found = _rounded((low + high) / 2, digits)
        if low <= found < high:
            return found
    return low


def _rounded(value: float, digits: int) -> float:
    """Round to so many significant digits, towards 0."""
    power = digits - 1 - math.floor(math.log10(abs(value)))
    return float(f"{math.trunc(value * 10.0**power)}e{-power}")
