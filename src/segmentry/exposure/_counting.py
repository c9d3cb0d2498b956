"""Impressions, clicks and users by segment and value of a dimension, with what luck allows."""

from dataclasses import dataclass

import numpy as np

from segmentry.exposure._packing import IntVector, run_starts, sort_rows

__all__ = ["CellCounts", "add_counts", "count_cells", "no_counts"]

_MOST_DENSE = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class CellCounts:
    """Sums by segment and key; integers, so that parts add up in any order.

    Parameters
    ----------
    n_users, n_impressions, n_clicks : ndarray of int, shape (n_segments, n_keys)
    squares : ndarray of int, shape (n_segments, 4)
        Over users and keys, with n impressions and c clicks of a user at a key: sums of n n, of
        n c and of c c; over users, with N impressions of a user at any key: the sum of N N.
    """

    n_users: IntVector
    n_impressions: IntVector
    n_clicks: IntVector
    squares: IntVector


def no_counts(n_segments: int, n_keys: int) -> CellCounts:
    """Return the sums over nothing."""
    users, impressions, clicks = np.zeros((3, n_segments, n_keys), dtype=np.int64)
    return CellCounts(users, impressions, clicks, np.zeros((n_segments, 4), dtype=np.int64))


def add_counts(total: CellCounts, part: CellCounts) -> None:
    """Add the sums of a part to a total, in place: a new one for each part takes twice the room."""
    np.add(total.n_users, part.n_users, out=total.n_users)
    np.add(total.n_impressions, part.n_impressions, out=total.n_impressions)
    np.add(total.n_clicks, part.n_clicks, out=total.n_clicks)
    np.add(total.squares, part.squares, out=total.squares)


def count_cells(
    user: IntVector,
    key: IntVector,
    is_click: IntVector,
    *,
    segment_of_user: IntVector,
    n_segments: int,
    n_keys: int,
) -> CellCounts:
    """Count by segment and key.

    Parameters
    ----------
    user : ndarray of int, shape (n_rows,)
        Of each impression.
    key : ndarray of int, shape (n_rows,)
        -1 where it is not known: such impressions are left out.
    is_click : ndarray of int, shape (n_rows,)
    segment_of_user : ndarray of int, shape (n_users,)
        1..K.
    n_segments, n_keys : int

    Examples
    --------
    Two users of one segment: the first is shown key 0 twice, the second key 0 and key 1.

    >>> counts = count_cells(
    ...     np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), np.array([1, 0, 0, 1]),
    ...     segment_of_user=np.array([1, 1]), n_segments=1, n_keys=2,
    ... )
    >>> counts.n_users.tolist(), counts.n_impressions.tolist(), counts.n_clicks.tolist()
    ([[2, 1]], [[3, 1]], [[1, 1]])
    >>> counts.squares.tolist()
    [[6, 3, 2, 8]]
    """
    is_known = key >= 0
    if not is_known.all():
        user, key, is_click = user[is_known], key[is_known], is_click[is_known]
    group = _dense if segment_of_user.size * n_keys <= _MOST_DENSE else _sparse
    of_user, of_key, n, c = group(user, key, is_click, segment_of_user.size, n_keys)
    place = segment_of_user[of_user] - 1
    cell = place * n_keys + of_key
    shape = (n_segments, n_keys)
    size = n_segments * n_keys
    has_more, has_click = n > 1, c > 0
    n_users = np.bincount(cell, minlength=size)
    more = np.bincount(cell[has_more], weights=n[has_more] - 1, minlength=size)
    clicks = np.bincount(cell[has_click], weights=c[has_click], minlength=size)
    totals = np.bincount(user, minlength=segment_of_user.size)
    squares = [
        np.bincount(place, weights=n * n, minlength=n_segments),
        np.bincount(place[has_click], weights=(n * c)[has_click], minlength=n_segments),
        np.bincount(place[has_click], weights=(c * c)[has_click], minlength=n_segments),
        np.bincount(segment_of_user - 1, weights=totals * totals, minlength=n_segments),
    ]
    return CellCounts(
        n_users=n_users.reshape(shape),
        n_impressions=(n_users + more.astype(np.int64)).reshape(shape),
        n_clicks=clicks.astype(np.int64).reshape(shape),
        squares=np.stack(squares, axis=1).astype(np.int64),
    )


_Groups = tuple[IntVector, IntVector, IntVector, IntVector]


def _dense(
    user: IntVector, key: IntVector, is_click: IntVector, n_users: int, n_keys: int
) -> _Groups:
    """Count impressions and clicks of each user at each of few keys."""
    place = user * n_keys + key
    size = n_users * n_keys
    n = np.bincount(place, minlength=size)
    c = np.bincount(place[is_click > 0], minlength=size)
    found = np.flatnonzero(n)
    of_user, of_key = np.divmod(found, n_keys)
    return of_user, of_key, n[found], c[found]


def _sparse(
    user: IntVector, key: IntVector, is_click: IntVector, n_users: int, n_keys: int
) -> _Groups:
    """Do the same where most users are shown few of many keys."""
    pairs, click = sort_rows((user * n_keys + key, is_click), (n_users * n_keys, 2))
    starts = run_starts(pairs)
    n = np.diff(starts, append=pairs.size)
    c = np.add.reduceat(click, starts) if starts.size else starts
    of_user, of_key = np.divmod(pairs[starts], n_keys)
    return of_user, of_key, n, c
