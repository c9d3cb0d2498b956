"""Impressions and clicks per user and local day: all that the checks read of a log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.features.behaviour_days import BehaviourDays
from segmentry.features.packing import Places, numbers_of, order_by
from segmentry.schema import MICRO, OF_CLICKS, Outcome
from segmentry.schema.arrays import FloatVector, IntVector

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class UserCounts:
    """Trials and successes of each user over some days, shape (n_users,) each.

    Clicks out of impressions, days with a purchase out of days, credited purchases out of
    impressions, or the value of events over days: then `n_events` says how many events it is of.
    """

    n_trials: IntVector
    n_successes: IntVector | FloatVector
    n_events: IntVector | None = None

    def __post_init__(self) -> None:
        if self.n_trials.shape != self.n_successes.shape:
            raise ValueError(
                f"n_trials and n_successes: found shapes {self.n_trials.shape} and "
                f"{self.n_successes.shape}, expected one entry per user in both"
            )
        if self.n_events is not None:
            return
        if np.any(self.n_successes > self.n_trials) or np.any(self.n_successes < 0):
            raise ValueError("n_successes: found a user outside 0..n_trials")

    def of_known(self, is_known: npt.NDArray[np.bool_]) -> "UserCounts":
        """Return the same counts without trials and successes of other users."""
        return UserCounts(
            self.n_trials * is_known,
            self.n_successes * is_known,
            None if self.n_events is None else self.n_events * is_known,
        )

    @property
    def counted(self) -> "UserCounts":
        """Events per trial, where successes are their value."""
        return self if self.n_events is None else UserCounts(self.n_trials, self.n_events)

    @property
    def rate(self) -> float | None:
        """Successes per trial of all users; null without trials."""
        total = int(self.n_trials.sum())
        return float(self.n_successes.sum()) / total if total else None


@dataclass(frozen=True, slots=True, eq=False)
class DayCounts:
    """What adds up over days, shape (n_users,) each: impressions, clicks, days with either."""

    n_impressions: IntVector
    n_clicks: IntVector
    n_active_days: IntVector
    n_click_days: IntVector

    def of(self, users: IntVector) -> "DayCounts":
        """Return those of some users."""
        return DayCounts(
            n_impressions=self.n_impressions[users],
            n_clicks=self.n_clicks[users],
            n_active_days=self.n_active_days[users],
            n_click_days=self.n_click_days[users],
        )


@dataclass(frozen=True, slots=True, eq=False)
class UserDays:
    """Impressions and clicks by day and user, without the empty cells.

    Rows are sorted by day and then by user, one row per pair; make one with `from_frame`.

    >>> frame = pl.DataFrame({"user_id": ["b", "a", "b"], "day": [1, 2, 2],
    ...                       "n_impressions": [3, 5, 4], "n_clicks": [1, 0, 2]})
    >>> counts = UserDays.from_frame(frame, users=pl.Series(["a", "b", "c"]))
    >>> counts.totals().n_trials.tolist(), counts.totals([2]).n_successes.tolist()
    ([5, 7, 0], [0, 2, 0])
    >>> counts.active_days()[0].tolist()
    [1, 2, 0]
    """

    n_users: int
    """Users in all, those without rows included."""
    days: tuple[int, ...]
    """Numbers of the local days that occur, rising."""
    starts: IntVector
    """Shape (n_days + 1,): rows of day `days[j]` are ``starts[j]:starts[j + 1]``."""
    user_index: IntVector
    n_impressions: IntVector
    n_clicks: IntVector
    """`user_index`, `n_impressions`, `n_clicks`: shape (n_rows,), of 32 bits where that is enough:
    `user_index` is the position of the user in the user table."""
    behaviours: BehaviourDays | None = None
    """Of the same users, where the behaviour log was read."""
    values: IntVector | None = None
    """Value of the events of each row in fixed point, where the log has values and no clicks."""
    outcome: Outcome = OF_CLICKS
    """What `outcomes` counts."""

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        *,
        users: pl.Series,
        behaviours: BehaviourDays | None = None,
        outcome: Outcome = OF_CLICKS,
    ) -> "UserDays":
        """Take the rows of a frame: ``user_id, day, n_impressions, n_clicks``, in any order.

        There is one row per user and day. `users` are all users in the order of the user table,
        each once; `behaviours` are of the same users; `outcome` is what `outcomes` counts.

        Raises ValueError if a user of the frame is not among `users` or a pair of user and day
        comes twice.
        """
        index = Places.among(users).of(frame["user_id"])
        n_unknown = int(np.count_nonzero(index < 0))
        if n_unknown:
            raise ValueError(f"user days: found {n_unknown} rows of users not in the user table")
        days, number = numbers_of(frame["day"])
        by_user, number = order_by(index, len(users), number)
        _, order = order_by(number, days.len(), by_user)
        starts = np.append(0, np.cumsum(np.bincount(number, minlength=days.len())))
        user_index: IntVector = index[order].astype(np.int32, copy=False)
        is_again = np.diff(user_index) == 0
        is_again[starts[1:-1] - 1] = False
        if np.any(is_again):
            raise ValueError("user days: found a user and day twice, expected one row for each")

        def in_order(name: str) -> IntVector:
            column = frame[name].to_numpy()
            # Four bytes, or as many as it has.
            return column[order].astype(np.promote_types(column.dtype, np.int32), copy=False)

        return cls(
            n_users=len(users),
            days=tuple(days.to_list()),
            starts=starts,
            user_index=user_index,
            n_impressions=in_order("n_impressions"),
            n_clicks=in_order("n_clicks"),
            behaviours=behaviours,
            values=in_order("value") if "value" in frame.columns else None,
            outcome=outcome,
        )

    def rows_of(self, days: Collection[int]) -> Sequence[slice]:
        """Return the rows of each of the requested days that has some."""
        requested = set(days)
        return [
            slice(int(self.starts[j]), int(self.starts[j + 1]))
            for j, day in enumerate(self.days)
            if day in requested
        ]

    def totals(self, days: Collection[int] | None = None) -> UserCounts:
        """Sum impressions and clicks of each user over a set of days; over all by default."""
        n_impressions = np.zeros(self.n_users, dtype=np.int64)
        n_clicks = np.zeros(self.n_users, dtype=np.int64)
        for rows in self.rows_of(self.days if days is None else days):
            # A user comes once a day, so plain fancy indexing adds every row.
            n_impressions[self.user_index[rows]] += self.n_impressions[rows]
            n_clicks[self.user_index[rows]] += self.n_clicks[rows]
        return UserCounts(n_impressions, n_clicks)

    @property
    def day(self) -> IntVector:
        """Day of each row."""
        return np.repeat(np.array(self.days, dtype=np.int64), np.diff(self.starts))

    def first_days(self) -> IntVector:
        """Return the first day of each user; later than any for one without rows."""
        first = np.full(self.n_users, _NEVER, dtype=np.int64)
        # The last to be written stays, and that is the earliest.
        first[self.user_index[::-1]] = self.day[::-1]
        return first

    def outcomes(self, days: Collection[int]) -> UserCounts:
        """Count what segments are checked on over some days.

        Of clicks these are impressions and clicks. Of events a trial is a day after the user's
        first one, and a success such a day with an event; of value, the value on these days.

        >>> frame = pl.DataFrame({"user_id": [0, 0, 1], "day": [1, 3, 3], "n_impressions": 2,
        ...                       "n_clicks": 0, "value": 5_000_000})
        >>> users = pl.Series([0, 1])
        >>> events = Outcome(kind="events", event="visit", events="visits")
        >>> found = UserDays.from_frame(frame, users=users, outcome=events).outcomes(range(1, 5))
        >>> found.n_trials.tolist(), found.n_successes.tolist()
        ([3, 1], [1, 0])
        >>> value = Outcome(kind="value", event="order", events="orders")
        >>> found = UserDays.from_frame(frame, users=users, outcome=value).outcomes([3, 4])
        >>> found.n_successes.tolist(), found.n_events.tolist()
        ([5.0, 0.0], [1, 0])
        """
        if self.outcome.kind == "clicks":
            return self.totals(days)
        first, requested = self.first_days(), np.array(sorted(set(days)), dtype=np.int64)
        n_trials = requested.size - np.searchsorted(requested, first, side="right")
        is_in = np.isin(self.day, requested) & (self.day > first[self.user_index])
        user = self.user_index[is_in]
        n_events = np.bincount(user, minlength=self.n_users)
        if self.outcome.kind == "events":
            return UserCounts(n_trials, n_events)
        amounts = np.zeros(self.n_users, dtype=np.int64)
        if self.values is not None:
            np.add.at(amounts, user, self.values[is_in])
        return UserCounts(n_trials, amounts / MICRO, n_events)

    def counted(self, days: Collection[int]) -> DayCounts:
        """Sum all that adds up over a set of days."""
        totals = self.totals(days)
        n_clicks = totals.n_successes.astype(np.int64, copy=False)
        active, clicked = self.active_days(days)
        return DayCounts(totals.n_trials, n_clicks, active, clicked)

    def without(self, whole: DayCounts, days: Collection[int]) -> DayCounts:
        """Take some days out of a sum that holds them: less to do where they are few.

        >>> frame = pl.DataFrame({"user_id": [0, 1, 1], "day": [1, 1, 2],
        ...                       "n_impressions": [3, 1, 4], "n_clicks": [2, 0, 4]})
        >>> counts = UserDays.from_frame(frame, users=pl.Series([0, 1]))
        >>> counts.without(counts.counted([1, 2]), [1]).n_impressions.tolist()
        [0, 4]
        """
        n, c = whole.n_impressions.copy(), whole.n_clicks.copy()
        active, clicked = whole.n_active_days.copy(), whole.n_click_days.copy()
        for rows in self.rows_of(days):
            user, shown, clicks = (
                self.user_index[rows],
                self.n_impressions[rows],
                self.n_clicks[rows],
            )
            n[user] -= shown
            c[user] -= clicks
            active[user] -= shown > 0
            clicked[user] -= clicks > 0
        return DayCounts(n, c, active, clicked)

    def days_since(self, days: Collection[int]) -> pl.Series:
        """Return each user's whole days from the last impression to the end of a set of days.

        A user seen on the last of them has 1 day, as its end is the end of that day; null for one
        not seen on any.
        """
        last = np.full(self.n_users, -1, dtype=np.int64)
        requested = sorted(set(days))
        for day, rows in zip(
            (d for d in self.days if d in requested), self.rows_of(days), strict=True
        ):
            seen = self.user_index[rows][self.n_impressions[rows] > 0]
            last[seen] = requested[-1] + 1 - day
        return pl.Series(last).replace(-1, None).cast(pl.Float64)

    def clicks_by_days(
        self, days: Collection[int], *, is_in: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        """Return the clicks of each user that the CTR of each day leads to expect.

        That CTR is of the users `is_in`, shape (n_users,).

        >>> frame = pl.DataFrame({"user_id": [0, 1, 1], "day": [1, 1, 2],
        ...                       "n_impressions": [3, 1, 4], "n_clicks": [2, 0, 4]})
        >>> counts = UserDays.from_frame(frame, users=pl.Series([0, 1]))
        >>> counts.clicks_by_days([1, 2], is_in=np.array([True, True])).tolist()
        [1.5, 4.5]
        """
        expected = np.zeros(self.n_users)
        for rows in self.rows_of(days):
            user, n, c = self.user_index[rows], self.n_impressions[rows], self.n_clicks[rows]
            n_shown = int(n[is_in[user]].sum())
            if n_shown:
                expected[user] += n * (int(c[is_in[user]].sum()) / n_shown)
        return expected

    def active_days(self, days: Collection[int] | None = None) -> tuple[IntVector, IntVector]:
        """Count each user's days with an impression and days with a click, over a set of days."""
        n_active = np.zeros(self.n_users, dtype=np.int64)
        n_clicked = np.zeros(self.n_users, dtype=np.int64)
        for rows in self.rows_of(self.days if days is None else days):
            n_active[self.user_index[rows]] += self.n_impressions[rows] > 0
            n_clicked[self.user_index[rows]] += self.n_clicks[rows] > 0
        return n_active, n_clicked
