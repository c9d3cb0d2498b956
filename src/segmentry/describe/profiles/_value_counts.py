"""The distinct values of each feature and how many users of each segment have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.runtime.threads import map_in_threads
from segmentry.schema import Feature
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.preprocessing import numeric_values

_MAX_TABLE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class ValueCounts:
    """The known values of one feature, each of them once.

    Most features take few values, so that what is summed over users is summed over these.
    """

    values: FloatVector
    """Shape (n_values,): rising."""
    n_users: npt.NDArray[np.int32]
    """Shape (n_segments, n_values)."""

    @property
    def population(self) -> IntVector:
        """Users of all segments by value, shape (n_values,)."""
        found: IntVector = self.n_users.sum(axis=0, dtype=np.int64)
        return found


def count_values(
    table: pl.DataFrame, segment_ids: IntVector, features: Sequence[Feature], *, n_segments: int
) -> Mapping[str, ValueCounts]:
    """Count the users of each segment by the values of each numeric or ordinal feature.

    `segment_ids`, shape (n_users,), are 1..K, and 0 for users who are left out.

    >>> clicks = Feature(
    ...     name="clicks", family="activity", label="clicks", unit="", kind="count", fill="zero",
    ...     description="",
    ... )
    >>> users = pl.DataFrame({"clicks": [3, 0, 3, None, 7]})
    >>> found = count_values(users, np.array([1, 1, 2, 2, 0]), [clicks], n_segments=2)["clicks"]
    >>> found.values.tolist(), found.n_users.tolist()
    ([0.0, 3.0], [[1, 1], [0, 1]])
    """
    order = np.argsort(segment_ids, kind="stable")
    bounds = np.searchsorted(segment_ids[order], np.arange(1, n_segments + 2))
    groups = [order[bounds[i] : bounds[i + 1]] for i in range(n_segments)]
    names = [each.name for each in features if each.kind not in ("categorical", "time")]
    found = map_in_threads(lambda name: _counted(table[name], segment_ids, groups), names)
    return dict(zip(names, found, strict=True))


def _counted(column: pl.Series, ids: IntVector, groups: Sequence[IntVector]) -> ValueCounts:
    if column.dtype.is_integer() and column.len() and column.null_count() == 0:
        numbers = column.to_numpy()
        low, n_values = int(numbers.min()), int(numbers.max()) - int(numbers.min()) + 1
        if n_values <= _MAX_TABLE:
            # Small whole numbers are places in a table: nothing is sorted.
            cells = np.bincount(
                ids * n_values + (numbers - low), minlength=(len(groups) + 1) * n_values
            )
            n_users = cells.reshape(-1, n_values)[1:]
            is_there = n_users.any(axis=0)
            values = (np.flatnonzero(is_there) + low).astype(np.float64)
            return ValueCounts(values, n_users[:, is_there].astype(np.int32))
    numbers = numeric_values(column)
    sorted_own = []
    for members in groups:
        own = numbers[members]
        own = own[~np.isnan(own)]
        own.sort()
        starts = np.flatnonzero(np.diff(own, prepend=-np.inf))
        sorted_own.append((own[starts], np.diff(starts, append=own.size)))
    values = np.unique(np.concatenate([own for own, _ in sorted_own]))
    by_segment: npt.NDArray[np.int32] = np.zeros((len(groups), values.size), dtype=np.int32)
    for row, (own, counts) in zip(by_segment, sorted_own, strict=True):
        row[np.searchsorted(values, own)] = counts
    return ValueCounts(values, by_segment)


def quantile_of(values: FloatVector, n_users: IntVector, q: float) -> float:
    """Return the quantile of values that so many users have, as `numpy.quantile` of all users.

    >>> quantile_of(np.array([1.0, 2.0, 5.0]), np.array([1, 2, 1]), 0.75)
    2.75
    """
    place = (int(n_users.sum()) - 1) * q
    low, high = values_at(values, n_users, [int(np.floor(place)), int(np.ceil(place))])
    return low + (high - low) * (place % 1)


def values_at(values: FloatVector, n_users: IntVector, ranks: Sequence[int]) -> list[float]:
    """Return the values at ranks from 0 on, of users in the order of their values."""
    found: list[float] = values[np.searchsorted(np.cumsum(n_users), ranks, side="right")].tolist()
    return found
