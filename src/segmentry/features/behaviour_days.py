"""Views and purchases per user and local day, and the time before the ad log as one."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.schema.arrays import IntVector


@dataclass(frozen=True, slots=True, eq=False)
class BehaviourDays:
    """What users viewed and bought by day; make one with `from_frame`.

    >>> frame = pl.DataFrame({"user_id": ["a", "a", "b"], "day": [9, 10, 11], "n_views": [5, 2, 1],
    ...                       "n_purchases": [1, 0, 3], "n_view_credits": 0, "n_click_credits": 0})
    >>> days = BehaviourDays.from_frame(frame, users=pl.Series(["a", "b"]), first_day=10,
    ...                                 n_before=4)
    >>> days.total("n_views", [10], is_before_in=True).tolist()
    [7, 0]
    >>> days.purchase_days([10, 11]).tolist()
    [0, 1]
    """

    n_users: int
    n_before: int
    """Days of the behaviour log before the first day of the ad log."""
    before: dict[str, IntVector]
    """Shape (n_users,): ``n_views`` and ``n_purchases`` of these."""
    day: IntVector
    user_index: IntVector
    """`day`, `user_index`: shape (n_rows,): of the days of the ad log; `user_index` is the position
    in the user table."""
    values: dict[str, IntVector]
    """Shape (n_rows,): ``n_views, n_purchases, n_view_credits, n_click_credits``."""

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, *, users: pl.Series, first_day: int, n_before: int
    ) -> "BehaviourDays":
        """Take the rows of a frame; those of users who are not among `users` are left out.

        The frame is ``user_id, day`` and the values, one row per user and day; all days before
        `first_day`, that of the ad log, are one. The users are in the order of the user table.
        """
        index = pl.DataFrame({"user_id": users, "index": np.arange(len(users), dtype=np.int64)})
        rows = frame.join(index, on="user_id", how="inner").sort("day", "index")
        is_before = rows["day"] < first_day
        early, late = rows.filter(is_before), rows.filter(~is_before)
        before = {}
        for name in ("n_views", "n_purchases"):
            totals = np.zeros(len(users), dtype=np.int64)
            totals[early["index"].to_numpy()] = early[name].to_numpy()
            before[name] = totals
        names = [name for name in frame.columns if name not in ("user_id", "day")]
        return cls(
            n_users=len(users),
            n_before=n_before,
            before=before,
            day=late["day"].to_numpy().astype(np.int64),
            user_index=late["index"].to_numpy(),
            values={name: late[name].to_numpy().astype(np.int64) for name in names},
        )

    def total(self, name: str, days: Collection[int], *, is_before_in: bool = False) -> IntVector:
        """Sum a value of each user over some days of the ad log, and the time before it."""
        is_in = np.isin(self.day, list(days))
        summed = np.bincount(
            self.user_index[is_in], weights=self.values[name][is_in], minlength=self.n_users
        )
        found: IntVector = summed.astype(np.int64)
        return found + self.before[name] if is_before_in else found

    def purchase_days(self, days: Collection[int]) -> IntVector:
        """Count the days of each user with a purchase, of some days of the ad log."""
        is_in = np.isin(self.day, list(days)) & (self.values["n_purchases"] > 0)
        return np.bincount(self.user_index[is_in], minlength=self.n_users).astype(np.int64)

    def permuted(self, order: IntVector) -> "BehaviourDays":
        """Give user `i` what user `order[i]` did."""
        return BehaviourDays(
            n_users=self.n_users,
            n_before=self.n_before,
            before={name: values[order] for name, values in self.before.items()},
            day=self.day,
            user_index=np.argsort(order)[self.user_index],
            values=self.values,
        )

    def of(self, positions: IntVector) -> "BehaviourDays":
        """Return those of some users, by rising positions in the user table."""
        place = np.full(self.n_users, -1, dtype=np.int64)
        place[positions] = np.arange(positions.size)
        is_in = place[self.user_index] >= 0
        return BehaviourDays(
            n_users=positions.size,
            n_before=self.n_before,
            before={name: values[positions] for name, values in self.before.items()},
            day=self.day[is_in],
            user_index=place[self.user_index[is_in]],
            values={name: values[is_in] for name, values in self.values.items()},
        )
