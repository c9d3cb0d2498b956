"""Impressions, clicks and users by segment and value of a dimension, with what luck allows."""

from dataclasses import dataclass

import numpy as np

from segmentry.features.packing import count_pairs
from segmentry.schema.arrays import IntVector


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


def add_cells(
    total: CellCounts,
    user: IntVector,
    key: IntVector,
    is_click: IntVector,
    *,
    segment_of_user: IntVector,
) -> None:
    """Count by segment and key, and add that to a total, in place.

    There may be millions of cells: sums of their own for each part would take twice the room, and
    longer to make than to fill.

    Parameters
    ----------
    total : CellCounts
    user : ndarray of int, shape (n_rows,)
        Of each impression.
    key : ndarray of int, shape (n_rows,)
        -1 where it is not known: such impressions are left out.
    is_click : ndarray of int, shape (n_rows,)
    segment_of_user : ndarray of int, shape (n_users,)
        1..K.

    Examples
    --------
    Two users of one segment: the first is shown key 0 twice, the second key 0 and key 1.

    >>> counts = no_counts(1, 2)
    >>> add_cells(
    ...     counts, np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), np.array([1, 0, 0, 1]),
    ...     segment_of_user=np.array([1, 1]),
    ... )
    >>> counts.n_users.tolist(), counts.n_impressions.tolist(), counts.n_clicks.tolist()
    ([[2, 1]], [[3, 1]], [[1, 1]])
    >>> counts.squares.tolist()
    [[6, 3, 2, 8]]
    """
    n_segments, n_keys = total.n_users.shape
    is_known = key >= 0
    if not is_known.all():
        user, key, is_click = user[is_known], key[is_known], is_click[is_known]
    totals = np.bincount(user, minlength=segment_of_user.size)
    pairs = count_pairs(user, key, is_click, n_users=segment_of_user.size, n_keys=n_keys)
    place = segment_of_user[pairs.user] - 1
    cell = place * n_keys + pairs.key
    n, c, is_clicked = pairs.n_more + 1, pairs.n_clicks, pairs.is_clicked
    _add_at(total.n_users, cell, 1)
    _add_at(total.n_impressions, cell, 1)
    # Most pairs are of one impression without a click: the rest is a fraction of them.
    has_more = np.flatnonzero(pairs.n_more)
    _add_at(total.n_impressions, cell[has_more], pairs.n_more[has_more])
    _add_at(total.n_clicks, cell[is_clicked], c)

    def by_segment(members: IntVector, values: IntVector) -> IntVector:
        return np.bincount(members, weights=values, minlength=n_segments).astype(np.int64)

    more, of_clicked = n[has_more], place[is_clicked]
    total.squares[:, 0] += np.bincount(place, minlength=n_segments)
    total.squares[:, 0] += by_segment(place[has_more], more * more - 1)
    total.squares[:, 1] += by_segment(of_clicked, n[is_clicked] * c)
    total.squares[:, 2] += by_segment(of_clicked, c * c)
    total.squares[:, 3] += by_segment(segment_of_user - 1, totals * totals)


def _add_at(table: IntVector, cell: IntVector, values: IntVector | int) -> None:
    np.add.at(table.reshape(-1), cell, values)
