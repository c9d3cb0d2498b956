"""Cells: fixed cuts, and the cell of each user."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentry.errors import SchemaError
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.preprocessing import numeric_values

RECENT, LONG_AWAY = 4, 1
"""Recency scores from which a user is recent, and down to which it has lapsed."""
REGULAR = 3.5
"""Mean score of frequency and value from which a user is a regular."""
LEVELS = ("regulars", "occasional users")
BANDS = ("recent", "slipping", "lapsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellColumn:
    """How one feature is scored 1 to 5."""

    feature: str
    is_recency: bool
    """Days since something: the fewer, the higher the score."""
    cuts: tuple[float, ...]
    """Upper ends of all classes but the last, in raw units, rising; a class holds its end."""
    scores: tuple[int, ...]
    """Of each class, one more than there are cuts."""

    def score(self, values: FloatVector) -> FloatVector:
        """Return the score of each value, NaN where it is unknown.

        >>> orders = CellColumn(feature="n", is_recency=False, cuts=(1.0, 4.0), scores=(2, 4, 5))
        >>> orders.score(np.array([1.0, 2.0, 99.0, np.nan]))
        array([ 2.,  4.,  5., nan])
        """
        places = np.searchsorted(np.array(self.cuts), values, side="left")
        found = np.array(self.scores, dtype=np.float64)[np.minimum(places, len(self.cuts))]
        return np.where(np.isnan(values), np.nan, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellModel:
    """Cut points and cells, all that places a user."""

    columns: tuple[CellColumn, ...]
    segments: tuple[int, ...]
    """Of each of the six groups, regulars before occasional and within these the recent before the
    lapsed: the place of its segment. A group that had no user at the fit has the segment of its
    nearest."""
    names: tuple[str, ...]
    """Of the segments."""

    def reordered(self, order: IntVector) -> "CellModel":
        """Return the same cells with segment `order[i]` at place `i`."""
        place = np.argsort(order)
        return replace(
            self,
            segments=tuple(int(place[each]) for each in self.segments),
            names=tuple(self.names[each] for each in order),
        )

    def multiplied(self, names: Collection[str], factor: float) -> "CellModel":
        """Return the same cells for values of some features that are counted in other windows."""
        return replace(
            self,
            columns=tuple(
                replace(each, cuts=tuple(cut / factor for cut in each.cuts))
                if each.feature in names
                else each
                for each in self.columns
            ),
        )

    def labels(self, table: pl.DataFrame) -> IntVector:
        """Return the place of the segment of each user, shape (n_users,).

        Raises SchemaError if the table lacks a feature.
        """
        missing = [each.feature for each in self.columns if each.feature not in table.columns]
        if missing:
            raise SchemaError(f"user table: no column {missing[0]}; found {table.columns}")
        return self.place(
            np.column_stack([numeric_values(table[each.feature]) for each in self.columns])
        )

    def place(self, values: FloatMatrix) -> IntVector:
        """Return the place of the segment of each row of raw values, NaN where unknown."""
        return np.array(self.segments, dtype=np.int64)[groups_of(self.columns, values)]


def groups_of(columns: Sequence[CellColumn], values: FloatMatrix) -> IntVector:
    """Return the group of each row, 0 to 5; what is unknown counts as never and as nothing."""
    scores = np.column_stack([each.score(values[:, i]) for i, each in enumerate(columns)])
    is_recency = np.array([each.is_recency for each in columns])
    recency = np.nan_to_num(scores[:, is_recency], nan=1.0).mean(axis=1)
    others = scores[:, ~is_recency]
    n_known = (~np.isnan(others)).sum(axis=1)
    mean = np.where(n_known > 0, np.nansum(others, axis=1) / np.maximum(n_known, 1), 1.0)
    band = np.where(recency >= RECENT, 0, np.where(recency > LONG_AWAY, 1, 2))
    return (np.where(mean >= REGULAR, 0, 1) * len(BANDS) + band).astype(np.int64)
