"""Which users a curve is made of, and which of their impressions stand against each click."""

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.exposure._matched import MatchedSets
from segmentry.describe.exposure._positions import POSITION_BANDS, REPEAT_BANDS, Timeline, band_of
from segmentry.features.packing import order_of
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import SECONDS_PER_DAY, Window
from segmentry.schema.arrays import IntVector

FACTORS = ("position", "showing", "day", "hour")
"""Factors of the codes: bands of the position and of the showing, local days, quarters of 4 h."""
CLICKS_PER_CURVE = 60_000
_N_CONTROLS = 5
_MOST_DAYS = 31
_HOURS = 4
_BITS_OF_A_USERS_CLICKS = 20


def user_shares(n_clicks: IntVector) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the share of users to take for everybody's curve and for each segment's.

    Parameters
    ----------
    n_clicks : ndarray of int, shape (n_segments,)

    Examples
    --------
    >>> everybody, segments = user_shares(np.array([240_000, 30_000]))
    >>> round(everybody, 3), segments.tolist()
    (0.222, [0.25, 1.0])
    """
    total = max(1, int(n_clicks.sum()))
    shares = np.minimum(1.0, CLICKS_PER_CURVE / np.maximum(1, n_clicks))
    return min(1.0, CLICKS_PER_CURVE / total), shares


def n_levels_of(window: Window) -> tuple[int, ...]:
    """Return how many levels each of `FACTORS` has."""
    n_days = -(-(window.end - window.start) // (SECONDS_PER_DAY * _days_per_level(window))) + 1
    return (len(POSITION_BANDS), len(REPEAT_BANDS) + 1, int(n_days), 24 // _HOURS)


def _days_per_level(window: Window) -> int:
    """Return 1 for up to a month, else so many that there is a month of levels."""
    return max(1, int(-(-window.n_days // _MOST_DAYS)))


def draw_sets(
    line: Timeline,
    users: IntVector,
    is_sampled: npt.NDArray[np.bool_],
    *,
    window: Window,
    seed: int,
) -> tuple[MatchedSets, IntVector]:
    """Match each click of the sampled users with impressions of the same user without a click.

    Up to 5 of them; those drawn twice count once, which leaves each as likely as any other.

    Parameters
    ----------
    line : Timeline
        Of one part.
    users : ndarray of int, shape (n_part_users,)
        Places in the user table.
    is_sampled : ndarray of bool, shape (n_part_users,)
    window : Window
    seed : int

    Returns
    -------
    sets : MatchedSets
        Users by their place in the user table.
    click : ndarray of int, shape (n_sets,)
        Number of the click among those of its user: it orders the sets.
    """
    is_taken = is_sampled[line.user]
    case = np.flatnonzero(is_taken & (line.is_click == 1))
    other = np.flatnonzero(is_taken & (line.is_click == 0))
    n_others = np.bincount(line.user[other], minlength=users.size)
    case = case[n_others[line.user[case]] > 0]
    of_case = line.user[case]
    first_other = np.cumsum(n_others) - n_others
    click = _count_within(of_case)
    keys = (users[of_case] << _BITS_OF_A_USERS_CLICKS) + click
    room = n_others[of_case]
    picks = np.empty((case.size, _N_CONTROLS), dtype=np.int64)
    for member in range(_N_CONTROLS):
        drawn = hash_shares(pl.Series(keys), salt=f"segmentry control {member} of seed {seed}")
        picks[:, member] = np.where(room > _N_CONTROLS, (drawn * room).astype(np.int64), member)
    is_new = picks < room[:, None]
    for member in range(1, _N_CONTROLS):
        is_new[:, member] &= (picks[:, :member] != picks[:, member : member + 1]).all(axis=1)
    picks = np.minimum(picks, room[:, None] - 1) + first_other[of_case][:, None]
    rows = np.concatenate([case[:, None], other[picks] if other.size else picks], axis=1)
    is_member = np.concatenate([np.ones((case.size, 1), dtype=np.bool_), is_new], axis=1)
    codes = np.stack([factor[rows] for factor in _factors(line, window)], axis=2)
    return MatchedSets(users[of_case], codes.astype(np.int16), is_member), click


def _factors(line: Timeline, window: Window) -> tuple[IntVector, ...]:
    local = line.second + window.start + round(window.utc_offset_hours * 3600)
    first_day = (window.start + round(window.utc_offset_hours * 3600)) // SECONDS_PER_DAY
    return (
        band_of(line.position, POSITION_BANDS),
        band_of(line.showing, REPEAT_BANDS) % (len(REPEAT_BANDS) + 1),
        (local // SECONDS_PER_DAY - first_day) // _days_per_level(window),
        local % SECONDS_PER_DAY // (3600 * _HOURS),
    )


def _count_within(groups: IntVector) -> IntVector:
    """Number the rows of each run of equal values from 0."""
    row = np.arange(groups.size)
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    first = np.zeros(groups.size, dtype=np.int64)
    first[starts] = starts
    counted: IntVector = row - np.maximum.accumulate(first)
    return counted


def join_sets(drawn: list[tuple[MatchedSets, IntVector]]) -> MatchedSets:
    """Put the sets of all parts together, in the order of users and their clicks."""
    user = np.concatenate([sets.user for sets, _ in drawn])
    order = order_of((user, np.concatenate([click for _, click in drawn])))
    return MatchedSets(
        user[order],
        np.concatenate([sets.codes for sets, _ in drawn])[order],
        np.concatenate([sets.is_member for sets, _ in drawn])[order],
    )
