"""Which impression of the user it is, and which showing of the ad."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.features.events import Events
from segmentry.features.packing import order_within, run_firsts, run_starts, sort_rows
from segmentry.schema import MICRO
from segmentry.schema.arrays import IntVector

POSITION_BANDS = (1, 2, 3, 5, 9, 17, 33, 65)
"""First position of each band; the last one has no end."""
REPEAT_BANDS = (1, 2, 3, 5)
_MAX_REPEATS = 1 << 10
_MAX_POSITIONS = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Impressions user by user and by time; arrays of int of shape (n_rows,).

    `position` is 1 + the user's impressions in earlier seconds: those of one second share it.
    `showing` is 1 + earlier showings of the same ad to the user; 0 where the ad is not known.
    """

    user: IntVector
    second: IntVector
    is_click: IntVector
    position: IntVector
    showing: IntVector


def order_by_time(events: Events) -> Timeline:
    """Put impressions in order, where they are not, and number them.

    Rows of one user and second are in the order of their numbers and clicks: nothing here
    depends on how the log was stored.

    A user is shown one ad, then the same one and another in one second.

    >>> import polars as pl
    >>> one = Events(
    ...     user_id=pl.Series([7]), user=np.array([0, 0, 0]), second=np.array([9, 5, 9]),
    ...     is_click=np.array([1, 0, 0]), ad=np.array([3, 3, 4]), ad_place=None, placement=None,
    ...     amounts={}, midnight=0, first_day=0,
    ... )
    >>> line = order_by_time(one)
    >>> line.position.tolist(), line.showing.tolist(), line.is_click.tolist()
    ([1, 2, 2], [1, 1, 2], [0, 0, 1])
    """
    is_late = (events.second[1:] < events.second[:-1]) & (events.user[1:] == events.user[:-1])
    if is_late.any():
        events = events.taken(np.lexsort((events.second, events.user)))
    user, second, click = events.user, events.second, events.is_click.copy()
    showing = np.zeros(user.size, dtype=np.int64)
    if events.ad is not None:
        showing += events.ad >= 0
        key, by_ad = order_within(user, events.ad + 1)
        # Most ads are shown to a user once.
        is_same = (key[1:] == key[:-1]) & (user[1:] == user[:-1]) & (key[1:] > 0)
        again = np.flatnonzero(np.append(is_same, False) | np.append(False, is_same))
        rows = by_ad[again]
        rank = _rank((user[again], key[again]), second[rows])
        showing[rows] = np.minimum(rank, _MAX_REPEATS - 1)
    _order_ties(user, second, showing, click)
    return Timeline(user, second, click, _rank((user,), second), showing)


def _order_ties(user: IntVector, second: IntVector, showing: IntVector, click: IntVector) -> None:
    """Put rows of one user and second in the order of their showing and click, in place.

    Most are in that order: only the seconds in which some are not are sorted.
    """
    number = 2 * showing + click
    is_next = (user[1:] != user[:-1]) | (second[1:] != second[:-1])
    run = np.append(0, np.cumsum(is_next))
    is_mixed = np.zeros(user.size + 1, dtype=np.bool_)
    is_mixed[run[1:][(number[1:] < number[:-1]) & ~is_next]] = True
    rows = np.flatnonzero(is_mixed[run])
    _, number = sort_rows((run[rows], number[rows]), (user.size, 2 * _MAX_REPEATS))
    showing[rows], click[rows] = number >> 1, number & 1


def _rank(groups: tuple[IntVector, ...], second: IntVector) -> IntVector:
    """Number sorted rows within their group from 1; those of one second share the lowest."""
    return run_firsts(*groups, second) - run_firsts(*groups) + 1


def band_of(position: IntVector, bands: Sequence[int]) -> IntVector:
    """Return the number of the band of each position, from 0; -1 for position 0.

    >>> band_of(np.array([0, 1, 4, 70]), POSITION_BANDS).tolist()
    [-1, 0, 2, 7]
    """
    table = np.searchsorted(bands, np.arange(bands[-1] + 1), side="right") - 1
    found: IntVector = table[np.minimum(position, bands[-1])]
    return found


def no_bands(n_segments: int, bands: Sequence[int]) -> IntVector:
    """Return the counts of nothing, as `count_bands` returns those of some users."""
    return np.zeros((2, n_segments, len(bands), 7), dtype=np.int64)


def count_bands(
    user: IntVector,
    position: IntVector,
    is_click: IntVector,
    *,
    segment_of_user: IntVector,
    n_segments: int,
    bands: Sequence[int],
) -> IntVector:
    """Count impressions, clicks and users by segment and band of positions.

    The shape is (2, n_segments, n_bands, 7). First, over users with n impressions and c clicks in
    the band: users, n, c, n n, n c, c c; over impressions: log2 of the position in fixed point
    (`MICRO`). Then, over users with r impressions and d clicks in this band and all after it, of n
    and c in all: users, r, d, r r, r n, d d, d c. A cap below a band removes them; the first row is
    everything.

    >>> counts = count_bands(
    ...     np.array([0, 0, 0]), np.array([1, 2, 2]), np.array([1, 0, 0]),
    ...     segment_of_user=np.array([1]), n_segments=1, bands=(1, 2),
    ... )
    >>> counts[0].tolist()
    [[[1, 1, 1, 1, 1, 1, 0], [1, 2, 0, 4, 0, 0, 2000000]]]
    >>> counts[1].tolist()
    [[[1, 3, 1, 9, 9, 1, 1], [1, 2, 0, 4, 6, 0, 0]]]
    """
    band = band_of(position, bands)
    is_known = band >= 0
    n_users = segment_of_user.size
    # Users of one segment side by side: their sums are of runs.
    order = np.argsort(segment_of_user, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(n_users)
    cell = (band * n_users + place[user])[is_known]
    n, c = (
        np.bincount(each, minlength=n_users * len(bands)).reshape(-1, n_users)
        for each in (cell, cell[is_click[is_known] > 0])
    )
    r, d = (each[::-1].cumsum(axis=0)[::-1] for each in (n, c))
    found = np.zeros((2, n_segments, len(bands), 7), dtype=np.int64)
    starts = run_starts(segment_of_user[order])
    own = segment_of_user[order[starts]] - 1
    of_bands = (n > 0, n, c, n * n, n * c, c * c)
    of_tails = (r > 0, r, d, r * r, r * r[:1], d * d, d * d[:1])
    for sums, parts in zip(found, (of_bands, of_tails), strict=True):
        for column, each in enumerate(parts):
            sums[own, :, column] = np.add.reduceat(each, starts, axis=1, dtype=np.int64).T
    found[0, :, :, 6] = _logs_by_band(
        user, position, segment_of_user, n_segments=n_segments, bands=bands
    )
    return found


def _logs_by_band(
    user: IntVector,
    position: IntVector,
    segment_of_user: IntVector,
    *,
    n_segments: int,
    bands: Sequence[int],
) -> IntVector:
    """Sum log2 of the positions in fixed point, shape (n_segments, n_bands)."""
    cell = (segment_of_user[user] - 1) * _MAX_POSITIONS
    cell += np.minimum(position, _MAX_POSITIONS - 1)
    shown = np.bincount(cell, minlength=n_segments * _MAX_POSITIONS).reshape(n_segments, -1)
    logs = np.round(np.log2(np.arange(1, _MAX_POSITIONS)) * MICRO).astype(np.int64)
    found: IntVector = np.add.reduceat(shown[:, 1:] * logs, np.array(bands) - 1, axis=1)
    return found
