"""Round numbers between two values."""

import math

import numpy as np
import numpy.typing as npt

_LEAST_ROUNDED = 1e-290
"""Below it the powers of ten that rounding takes are no numbers any more."""


def round_cut(values: npt.NDArray[np.float64], cut: float) -> float:
    """Return the roundest number that divides the values as `cut` does.

    Parameters
    ----------
    values : ndarray of float, shape (n_values,)
    cut : float
        Values up to it are on one side.

    Examples
    --------
    >>> round_cut(np.array([1.0, 2.0, 13.0, 40.0]), 26.5)
    20.0
    >>> round_cut(np.array([0.0312, 0.0318]), 0.0315)
    0.0315
    """
    is_below = values <= cut
    if is_below.all() or not is_below.any():
        return cut
    low, high = float(values[is_below].max()), float(values[~is_below].min())
    if low <= 0.0 < high:
        return 0.0
    middle = low / 2 + high / 2
    if abs(middle) < _LEAST_ROUNDED:
        return low
    for digits in range(1, 17):
        found = _rounded(middle, digits)
        if low <= found < high:
            return found
    return low


def _rounded(value: float, digits: int) -> float:
    """Round to so many significant digits, towards 0."""
    power = digits - 1 - math.floor(math.log10(abs(value)))
    return float(f"{math.trunc(value * 10.0**power)}e{-power}")
