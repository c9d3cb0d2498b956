"""Columns of a user table: as numbers, weighted or not, or as levels written in one way."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.errors import SchemaError
from segmentry.schema.arrays import FloatVector

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_LARGEST_EXACT = 2.0**53


def numeric_values(column: pl.Series) -> FloatVector:
    """Return the values of a numeric or ordinal feature, shape (n_users,).

    Takes numbers, booleans, or text that is nothing but numbers; what is unknown or not finite
    is NaN.

    Raises SchemaError if it holds text that is not a number, or is of another type.

    >>> numeric_values(pl.Series("age", [31, None, 47]))
    array([31., nan, 47.])
    >>> numeric_values(pl.Series("education", ["PhD", "Basic", None]))
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: user table: feature 'education' holds 'PhD' (2 of 2 known values \
are no numbers); expected numbers for a numeric or ordinal feature; declare it categorical
    """
    if column.dtype in _TEXTS:
        numbers = column.cast(pl.String).cast(pl.Float64, strict=False)
        is_text = column.is_not_null() & numbers.is_null()
        if is_text.any():
            raise SchemaError(
                f"user table: feature {column.name!r} holds {column.filter(is_text)[0]!r} "
                f"({is_text.sum()} of {column.len() - column.null_count()} known values are no "
                "numbers); expected numbers for a numeric or ordinal feature; declare it "
                "categorical"
            )
    elif column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        numbers = column.cast(pl.Float64)
    else:
        raise _not_readable(column, "numbers")
    values = numbers.to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def level_texts(column: pl.Series) -> pl.Series:
    """Return the levels of a categorical feature as text; null where unknown or not finite.

    Of text, numbers or booleans: 1 and 1.0 are "1", true is "true". Text stays as it is.

    Raises SchemaError if the column is of another type.

    >>> level_texts(pl.Series("city_tier", [4.0, None, 2.5])).to_list()
    ['4', None, '2.5']
    >>> level_texts(pl.Series("country", ["de", "1.0"])).to_list()
    ['de', '1.0']
    """
    if column.dtype in (*_TEXTS, pl.Boolean, pl.Null) or column.dtype.is_integer():
        return column.cast(pl.String)
    if not column.dtype.is_numeric():
        raise _not_readable(column, "levels")
    value = pl.col("value")
    is_whole = (value == value.floor()) & (value.abs() < _LARGEST_EXACT)
    whole = pl.when(is_whole).then(value).cast(pl.Int64).cast(pl.String)
    written = pl.when(is_whole).then(whole).when(value.is_finite()).then(value.cast(pl.String))
    numbers = column if column.dtype.is_float() else column.cast(pl.Float64)
    return numbers.alias("value").to_frame().select(written).to_series().alias(column.name)


def ordered_levels(levels: Iterable[str]) -> list[str] | None:
    """Sort levels by their number, or return nothing where one of them is not a number.

    >>> ordered_levels({"10", "9", "-1.5"})
    ['-1.5', '9', '10']
    >>> ordered_levels(["10", "nine"]) is None
    True
    """
    try:
        pairs = sorted((float(level), level) for level in levels)
    except ValueError:
        return None
    return [level for _, level in pairs] if np.isfinite([n for n, _ in pairs]).all() else None


def _not_readable(column: pl.Series, expected: str) -> SchemaError:
    return SchemaError(
        f"user table: feature {column.name!r} is of type {column.dtype}, which cannot be read as "
        f"{expected}; convert it, or leave it out"
    )


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
