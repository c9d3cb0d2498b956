"""Users who look like one another's copies: every check takes users to be independent."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.features.user_days import UserDays

UintVector = npt.NDArray[np.uint64]

MIN_IMPRESSIONS = 50
MIN_DAYS = 4


@dataclass(frozen=True, slots=True)
class CopiedUsers:
    """Busy users, and those of them who share every day's counts with another one."""

    n_copied: int
    n_compared: int


def copied_users(counts: UserDays) -> CopiedUsers:
    """Count users whose impressions and clicks are, on every day, exactly those of another user.

    Only users with at least 50 impressions on at least 4 days are compared: two of those are rarely
    alike by chance. One person under several ids, or rows that came twice under another id, make
    every interval too narrow and groups out of nothing.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"user_id": np.repeat([0, 1, 2], 4), "day": [0, 1, 2, 3] * 3,
    ...                       "n_impressions": [20, 30, 10, 7] * 2 + [20, 30, 10, 8],
    ...                       "n_clicks": 1})
    >>> copied_users(UserDays.from_frame(frame, users=pl.Series([0, 1, 2])))
    CopiedUsers(n_copied=2, n_compared=3)
    """
    busy = counts.totals().n_trials >= MIN_IMPRESSIONS
    busy &= counts.active_days()[0] >= MIN_DAYS
    keys = np.zeros(counts.n_users, dtype=np.uint64)
    for day, rows in zip(counts.days, counts.rows_of(counts.days), strict=True):
        cells = counts.n_impressions[rows].astype(np.uint64) * 1_000_003
        cells += counts.n_clicks[rows].astype(np.uint64)
        # A user comes once a day, so plain fancy indexing adds every row.
        keys[counts.user_index[rows]] += _mixed(cells, day)
    _, copies = np.unique(keys[busy], return_counts=True)
    return CopiedUsers(n_copied=int(copies[copies > 1].sum()), n_compared=int(busy.sum()))


def _mixed(cells: UintVector, day: int) -> UintVector:
    """Scatter numbers over 64 bits (splitmix64; Steele, Lea and Flood 2014, OOPSLA, 453-472)."""
    mixed = cells * np.uint64(0x9E3779B97F4A7C15) + np.uint64((day * 0xD1B54A32D192ED03) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
