"""Statistics of weighted values: a weight of 2 is the value twice, bit for bit."""

from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatVector

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class WeightedValues:
    """Values in rising order and how many users have each.

    Sums run over distinct values in order, so that neither the order of the users nor whether
    one is weighted or repeated leaves a trace.
    """

    values: FloatVector
    """Shape (n_values,): finite; distinct as they were read, and not falling whatever was done to
    them since."""
    weights: FloatVector
    """Shape (n_values,): above 0."""

    @property
    def n_users(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())

    @property
    def is_constant(self) -> bool:
        """Whether values differ by no more than rounding: a shrunk CTR of 0.1 is 0.1 ± 1e-17."""
        low, high = float(self.values.min()), float(self.values.max())
        return high - low <= _ROUNDING * max(abs(low), abs(high))

    def quantiles(self, shares: FloatVector) -> FloatVector:
        """Return `numpy.quantile(repeated, shares)`, by linear interpolation of ranks.

        Examples
        --------
        >>> import numpy as np
        >>> sample = weigh_values(np.array([7.0, 1.0]), np.array([1.0, 3.0]))
        >>> sample.quantiles(np.array([0.5, 0.9]))  # of 1, 1, 1, 7
        array([1. , 5.2])
        """
        last_ranks = np.cumsum(self.weights)
        ranks = max(last_ranks[-1] - 1, 0.0) * shares
        below = np.floor(ranks)
        low, high = self._at(last_ranks, below), self._at(last_ranks, below + 1)
        t = ranks - below
        # As numpy does it: exact at both ends.
        near_low, near_high = low + (high - low) * t, high - (high - low) * (1 - t)
        found: FloatVector = np.where(t >= 0.5, near_high, near_low)
        return found

    def median(self) -> float:
        """Return the middle value, or the mean of the middle two."""
        last_ranks = np.cumsum(self.weights)
        middle = max(last_ranks[-1] - 1, 0.0) / 2
        low, high = self._at(last_ranks, np.array([np.floor(middle), np.ceil(middle)]))
        return float((low + high) / 2)

    def mode(self) -> float:
        """Return the most frequent value, the smallest of several."""
        return float(self.values[np.argmax(self.weights)])

    def mean(self) -> float:
        """Return the weighted mean."""
        return float((self.values * self.weights).sum() / self.weights.sum())

    def deviation(self) -> float:
        """Return the standard deviation, with divisor `n_users`."""
        off = self.values - self.mean()
        return float(np.sqrt((off * off * self.weights).sum() / self.weights.sum()))

    def _at(self, last_ranks: FloatVector, ranks: FloatVector) -> FloatVector:
        """Return the values of these ranks, counted from 0."""
        positions = np.searchsorted(last_ranks, ranks, side="right")
        return self.values[np.minimum(positions, self.values.size - 1)]


def weigh_values(values: FloatVector, weights: FloatVector | None = None) -> WeightedValues:
    """Count users by value.

    Examples
    --------
    >>> import numpy as np
    >>> weigh_values(np.array([3.0, 1.0, 3.0]))
    WeightedValues(values=array([1., 3.]), weights=array([1., 2.]))
    """
    # Adding 0.0 turns -0.0 into 0.0: which of the two is met first would depend on the order.
    if weights is None:
        distinct, counts = np.unique(values + 0.0, return_counts=True)
        return WeightedValues(distinct, counts.astype(np.float64))
    # Sums of fractions depend on their order, so give them one: by value, then by weight.
    order = np.lexsort((weights, values))
    distinct, first = np.unique(values[order] + 0.0, return_index=True)
    sums = np.add.reduceat(weights[order], first) if first.size else np.zeros(0)
    return WeightedValues(distinct, sums)
