"""Rows numbered, put in order and counted by several columns at once.

In: integer columns, or ids. Out: numbers, orders and counts.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.schema.arrays import IntVector

_MAX_TABLE = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The places of known distinct ids, to be looked up again and again.

    >>> places = Places.among(pl.Series([5, 7]))
    >>> places.of(pl.Series([7, 8, None])).tolist(), places.of(pl.Series([-5, 5])).tolist()
    ([1, -1, -1], [-1, 0])
    >>> Places.among(pl.Series(["a", "b"])).of(pl.Series(["b", "c"])).tolist()
    [1, -1]
    """

    known: pl.Series
    table: IntVector | None

    @classmethod
    def among(cls, known: pl.Series) -> "Places":
        """Make ready for distinct ids."""
        if known.len() and _is_narrow(known):
            table: Any = np.full(_MAX_TABLE + 1, -1, dtype=np.int32)
            table[known.to_numpy()] = np.arange(known.len(), dtype=np.int32)
            return cls(known, table)
        return cls(known, None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Hand over the ids alone: the table takes 32 MB."""
        return Places.among, (self.known,)

    def of(self, ids: pl.Series) -> IntVector:
        """Return the place of each id; -1 if it is not there."""
        if self.table is not None and _is_narrow(ids):
            # Ids are often small numbers: a table takes a tenth of the time of a join.
            found: IntVector = self.table[ids.cast(pl.Int32).fill_null(_MAX_TABLE).to_numpy()]
            return found
        wanted, places = ids.to_frame("id"), self.known.to_frame("id").with_row_index("place")
        if ids.len() < self.known.len():
            # Few of them: a table of the few takes a ninth of the time of one of all.
            places = places.join(wanted, on="id", how="semi")
        joined = wanted.join(places, on="id", how="left", maintain_order="left")
        return joined["place"].cast(pl.Int64).fill_null(-1).to_numpy()


def numbers_of(ids: pl.Series) -> tuple[pl.Series, IntVector]:
    """Return the distinct ids, rising, and the number of each row's among them; -1 for null.

    >>> known, number = numbers_of(pl.Series([70, 50, None, 70]))
    >>> known.to_list(), number.tolist()
    ([50, 70], [1, 0, -1, 1])
    >>> numbers_of(pl.Series(["b", "a"]))[1].tolist()
    [1, 0]
    """
    if ids.null_count() == 0 and _is_narrow(ids):
        # Small ids are places in a table: no sorting, no join.
        places = ids.cast(pl.Int32).to_numpy()
        is_here = np.zeros(int(places.max(initial=-1)) + 1, dtype=np.bool_)
        is_here[places] = True
        numbers: Any = np.cumsum(is_here, dtype=np.int32) - 1
        return pl.Series(ids.name, np.flatnonzero(is_here), dtype=ids.dtype), numbers[places]
    known = ids.drop_nulls().unique().sort()
    return known, Places.among(known).of(ids)


def _is_narrow(ids: pl.Series) -> bool:
    if not ids.dtype.is_integer():
        return False
    low, high = ids.min(), ids.max()
    return isinstance(low, int) and isinstance(high, int) and low >= 0 and high < _MAX_TABLE


_MAX_BUCKETS = 1 << 20


def order_by(number: IntVector, size: int, carried: IntVector) -> tuple[IntVector, IntVector]:
    """Return the places of rows in the order of a number, and another column in that order.

    Rows of one number keep their order. The columns have shape (n_rows,); ``0 <= number < size``.

    Notes
    -----
    Nothing is compared: rows go into one bucket per number, which is how scipy turns rows of a
    sparse matrix into columns. Of half a million rows that takes 3 to 8 ns each, where
    `numpy.sort` takes 10 to 48, by the processor.

    Examples
    --------
    >>> places, letters = order_by(np.array([2, 0, 2]), 3, np.array([7, 8, 9]))
    >>> places.tolist(), letters.tolist()
    ([1, 0, 2], [8, 7, 9])
    """
    if size <= _MAX_BUCKETS:
        return _into_buckets(number, size, carried)
    # By the last digits first: the order by the others keeps theirs.
    places, first = _into_buckets(number & (_MAX_BUCKETS - 1), _MAX_BUCKETS, number // _MAX_BUCKETS)
    _, places = order_by(first, -(-size // _MAX_BUCKETS), places)
    return places, carried[places]


def _into_buckets(number: IntVector, size: int, carried: IntVector) -> tuple[IntVector, IntVector]:
    from scipy.sparse import csr_array

    rows = np.arange(number.size + 1, dtype=np.int32)
    one_per_row = (carried, number.astype(np.int32, copy=False), rows)
    columns = csr_array(one_per_row, shape=(number.size, size)).tocsc()
    return columns.indices, columns.data


_MAX_BITS = 63


def sort_rows(columns: Sequence[IntVector], sizes: Sequence[int]) -> tuple[IntVector, ...]:
    """Sort rows by their columns, the first one first, and return the sorted columns.

    Each column, shape (n_rows,), is within ``0 <= column < size``.

    Notes
    -----
    Columns are packed into one integer and only that is sorted: at 2.4 million rows 0.06 s, where
    `numpy.lexsort` takes 0.9 s. Rows that do not fit into 63 bits are sorted by the latter.

    Examples
    --------
    >>> first, second = sort_rows([np.array([1, 0, 1]), np.array([2, 5, 1])], [2, 6])
    >>> first.tolist(), second.tolist()
    ([0, 1, 1], [5, 1, 2])
    """
    widths = [max(0, size - 1).bit_length() for size in sizes]
    if sum(widths) > _MAX_BITS:
        order = np.lexsort(tuple(reversed(columns)))
        return tuple(column[order] for column in columns)
    packed = columns[0].astype(np.int64)
    for column, width in zip(columns[1:], widths[1:], strict=True):
        packed <<= width
        packed |= column
    packed.sort()
    found = []
    for width in reversed(widths[1:]):
        found.append(packed & ((1 << width) - 1))
        packed >>= width
    return (packed, *reversed(found))


_USERS_OF_A_BLOCK = 1 << 11


def sort_within(user: IntVector, key: IntVector, *, n_keys: int) -> IntVector:
    """Return the keys with those of each user in rising order.

    The columns have shape (n_rows,); the rows come user by user, ``0 <= key < n_keys``.

    Notes
    -----
    Some users at a time are packed into four bytes a row, with their key, and sorted where the
    processor has them at hand: 7 ns a row of a million where buckets take 50 to 80.

    >>> sort_within(np.array([0, 0, 1, 1]), np.array([7, 2, 9, 1]), n_keys=10).tolist()
    [2, 7, 1, 9]
    """
    width = (n_keys - 1).bit_length()
    of_user = _USERS_OF_A_BLOCK.bit_length() - 1
    if width + of_user > 64:
        found: IntVector = key[np.lexsort((key, user))]
        return found
    kind: Any = np.uint32 if width + of_user <= 32 else np.uint64
    found = np.empty_like(key)
    n_users = int(user[-1:].max(initial=-1)) + 1
    bounds = np.arange(0, n_users + _USERS_OF_A_BLOCK, _USERS_OF_A_BLOCK)
    for start, end in itertools.pairwise(np.searchsorted(user, bounds).tolist()):
        packed = user[start:end].astype(kind)
        packed &= kind(_USERS_OF_A_BLOCK - 1)
        packed <<= kind(width)
        packed |= key[start:end].astype(kind)
        packed.sort()
        packed &= kind((1 << width) - 1)
        found[start:end] = packed
    return found


def order_within(user: IntVector, key: IntVector) -> tuple[IntVector, IntVector]:
    """Return the keys of each user in rising order, and the row of each; equal ones stay in order.

    The columns have shape (n_rows,); the rows come user by user; no key is negative.

    >>> [each.tolist() for each in order_within(np.array([0, 0, 1, 1]), np.array([7, 2, 9, 9]))]
    [[2, 7, 9, 9], [1, 0, 2, 3]]
    """
    width = key.size.bit_length()
    packed = key.astype(np.int64)
    packed <<= width
    packed |= np.arange(key.size)
    packed = sort_within(user, packed, n_keys=(int(key.max(initial=0)) + 1) << width)
    rows = packed & ((1 << width) - 1)
    packed >>= width
    return packed, rows


def run_starts(*columns: npt.NDArray[np.signedinteger[Any]]) -> IntVector:
    """Return where rows begin that differ from the one before in any of the sorted columns.

    >>> run_starts(np.array([0, 0, 1, 1]), np.array([3, 3, 3, 4])).tolist()
    [0, 2, 3]
    """
    n_rows = len(columns[0])
    is_start = np.zeros(n_rows, dtype=np.bool_)
    is_start[:1] = True
    for column in columns:
        is_start[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(is_start)


def run_firsts(*columns: npt.NDArray[np.signedinteger[Any]]) -> IntVector:
    """Return for each row where the run of rows begins that are equal to it in sorted columns.

    >>> run_firsts(np.array([0, 0, 1, 1]), np.array([3, 3, 3, 4])).tolist()
    [0, 0, 2, 3]
    """
    starts = run_starts(*columns)
    return np.repeat(starts, np.diff(starts, append=len(columns[0])))


_MAX_DENSE = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A user and a key: impressions after the first, and the clicks of those with any."""

    user: IntVector
    key: IntVector
    n_more: IntVector
    """`user`, `key`, `n_more`: shape (n_pairs,), in no order."""
    is_clicked: IntVector
    """Shape (n_clicked,): which pairs have clicks."""
    n_clicks: IntVector
    """Shape (n_clicked,)."""


def count_pairs(
    user: IntVector, key: IntVector, is_click: IntVector, *, n_users: int, n_keys: int
) -> Pairs:
    """Count impressions and clicks of each user at each key.

    The columns, of shape (n_rows,), are below `n_users`, below `n_keys`, and 0 or 1; the rows come
    user by user.

    >>> pairs = count_pairs(
    ...     np.array([0, 1, 1]), np.array([0, 2, 2]), np.array([0, 0, 1]), n_users=2, n_keys=3
    ... )
    >>> pairs.user.tolist(), pairs.key.tolist(), pairs.n_more.tolist()
    ([0, 1], [0, 2], [0, 1])
    >>> pairs.is_clicked.tolist(), pairs.n_clicks.tolist()
    ([1], [1])
    """
    if n_users * n_keys <= _MAX_DENSE:
        return _dense(user, key, is_click, n_users, n_keys)
    return _sparse(user, key, is_click, n_keys)


def _dense(
    user: IntVector, key: IntVector, is_click: IntVector, n_users: int, n_keys: int
) -> Pairs:
    """Count in a table of all pairs."""
    place = user.astype(np.int64)
    place *= n_keys
    place += key
    size = n_users * n_keys
    n = np.bincount(place, minlength=size)
    c = np.bincount(place[is_click > 0], minlength=size)
    found = np.flatnonzero(n)
    clicks = c[found]
    is_clicked = np.flatnonzero(clicks)
    # Five times as fast as `divmod`: numpy divides by one number without dividing.
    of_user = found // n_keys
    of_key = found - of_user * n_keys
    return Pairs(of_user, of_key, n[found] - 1, is_clicked, clicks[is_clicked])


def _sparse(user: IntVector, key: IntVector, is_click: IntVector, n_keys: int) -> Pairs:
    """Do the same where most users met few of many keys."""
    packed: Any = key.astype(np.int32 if 2 * n_keys <= 1 << 31 else np.int64)
    packed <<= 1
    packed |= is_click
    packed = sort_within(user, packed, n_keys=2 * n_keys)
    is_click = packed & 1
    packed >>= 1
    starts = run_starts(user, packed)
    n_more = np.diff(starts, append=user.size)
    n_more -= 1
    run = np.searchsorted(starts, np.flatnonzero(is_click), side="right") - 1
    first = run_starts(run)
    return Pairs(user[starts], packed[starts], n_more, run[first], np.diff(first, append=run.size))
