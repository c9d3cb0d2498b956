"""How often each user met each key, and clicked there."""

from dataclasses import dataclass

import numpy as np

from segmentry.features.packing._sorting import run_starts
from segmentry.schema.arrays import IntVector

_MAX_DENSE = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A user and a key: impressions after the first, and the clicks of those with any."""

    user: IntVector
    key: IntVector
    n_more: IntVector
    """`user`, `key`, `n_more`: shape (n_pairs,): by user, then by key."""
    is_clicked: IntVector
    """Shape (n_clicked,): which pairs have clicks."""
    n_clicks: IntVector
    """Shape (n_clicked,)."""


def count_pairs(
    user: IntVector, key: IntVector, is_click: IntVector, *, n_users: int, n_keys: int
) -> Pairs:
    """Count impressions and clicks of each user at each key.

    The columns, of shape (n_rows,), are below `n_users`, below `n_keys`, and 0 or 1.

    Examples
    --------
    >>> pairs = count_pairs(
    ...     np.array([1, 0, 1]), np.array([2, 0, 2]), np.array([0, 0, 1]), n_users=2, n_keys=3
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
    width = max(1, (n_keys - 1).bit_length())
    packed = user.astype(np.int64)
    packed <<= width
    packed |= key
    packed <<= 1
    packed |= is_click
    packed.sort()
    clicked = np.flatnonzero(packed & 1)
    packed >>= 1
    starts = run_starts(packed)
    n_more = np.diff(starts, append=packed.size)
    n_more -= 1
    run = np.searchsorted(starts, clicked, side="right") - 1
    first = run_starts(run)
    found = packed[starts]
    of_key = found & ((1 << width) - 1)
    return Pairs(found >> width, of_key, n_more, run[first], np.diff(first, append=run.size))
