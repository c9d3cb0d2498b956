"""Names of the array types of this package, and tallies of values."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """The different values of a column and where each row finds its own.

    Functions of a count are worked out once per value, not per row: a million users have about a
    thousand different numbers of impressions.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Rising.
    of_row : ndarray of shape (n_rows,)
    """

    values: FloatVector
    of_row: IntVector

    def held(self, weights: FloatMatrix) -> FloatMatrix:
        """Sum the weights (n_rows, k) of each value, shape (n_values, k)."""
        n_values = len(self.values)
        sums = [np.bincount(self.of_row, weights=each, minlength=n_values) for each in weights.T]
        return np.stack(sums, axis=1)


def tally(column: npt.NDArray[np.int64]) -> Tally:
    """Find the different values of a column.

    Examples
    --------
    >>> tally(np.array([3, 0, 3])).held(np.ones((3, 1))).ravel()
    array([1., 2.])
    """
    values, of_row = np.unique(column, return_inverse=True)
    return Tally(values=values.astype(np.float64), of_row=of_row.astype(np.int64, copy=False))
