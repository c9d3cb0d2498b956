"""The counts of one refresh that alarms are found from; plain numbers, so that they keep."""

from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatVector, IntVector


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFacts:
    """Trials and successes of some users, with the sums that make the user the unit.

    >>> import numpy as np
    >>> facts = OutcomeFacts.of(successes=np.array([1, 0, 2]), trials=np.array([10, 20, 10]))
    >>> facts.rate, facts.sum_product
    (0.075, 30.0)
    """

    n_users: int
    n_trials: float
    n_successes: float
    sum_squared_successes: float
    sum_product: float
    sum_squared_trials: float
    """`sum_squared_successes`, `sum_product`, `sum_squared_trials`: sums over users of s², s n and
    n², where s are a user's successes and n the trials."""

    @classmethod
    def of(
        cls, *, successes: FloatVector | IntVector, trials: FloatVector | IntVector
    ) -> "OutcomeFacts":
        """Count from one number of successes and of trials per user, shape (n_users,)."""
        s, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
        return cls(
            n_users=len(s),
            n_trials=float(n.sum()),
            n_successes=float(s.sum()),
            sum_squared_successes=float(s @ s),
            sum_product=float(s @ n),
            sum_squared_trials=float(n @ n),
        )

    @property
    def rate(self) -> float | None:
        """Successes per trial; None without trials."""
        return self.n_successes / self.n_trials if self.n_trials > 0 else None

    @property
    def relative_variance(self) -> float | None:
        """Squared relative standard error of the rate, by linearisation with users as clusters.

        Sum of (s - r n)² over (sum of s)², times m / (m - 1) for m users (Cochran 1977, 6.3).
        None with fewer than two users or without successes.
        """
        if self.n_users < 2 or self.n_successes <= 0 or self.n_trials <= 0:
            return None
        rate = self.n_successes / self.n_trials
        residual = (
            self.sum_squared_successes
            - 2 * rate * self.sum_product
            + rate**2 * self.sum_squared_trials
        )
        correction = self.n_users / (self.n_users - 1)
        return max(residual, 0.0) * correction / self.n_successes**2


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """One segment in one refresh.

    `n_users` are those that the frozen model places here in this window, `n_users_range` the
    fewest and the most that it might place here if the level had not moved; null where no click
    rate places users. `outcome` is of the users who were here *before* the window (by the refresh
    before), so that their clicks in the window did not place them; `expected_rate` and
    `expected_error` (its standard error) are the forecast for such users.
    """

    key: str
    n_users: int
    outcome: OutcomeFacts
    expected_rate: float | None
    expected_error: float | None
    n_users_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFacts:
    """One feature in one refresh: users per bin, with bins fixed by the forming window.

    `unit_value` is the median of a number, shown in plain units; it raises no alarm. `n_unseen`
    are users with a level that the forming window did not have; they are in no bin. `edges` bound
    the bins of a number, which hold their lower edge; `levels` are those that have a bin of their
    own, `known_levels` all of the forming window.
    """

    name: str
    bins: tuple[int, ...]
    n_missing: int
    n_unseen: int = 0
    unit_value: float | None = None
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    known_levels: tuple[str, ...] = ()

    @property
    def n_users(self) -> int:
        """All users, with and without a value."""
        return sum(self.bins) + self.n_missing + self.n_unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """Trials and successes of all users on one day."""

    n_trials: float
    n_successes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """Where the rows of the files went."""

    n_rows: int
    n_rejected: int
    n_duplicates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFacts:
    """All counts of one refresh; the first one of a `model` is the window that formed it.

    `start` and `end` are epoch seconds, half-open. `days` are the days of the window with rows:
    how they scatter tells how much the level moves by itself.
    """

    start: int
    end: int
    model: str
    n_users: int
    segments: tuple[SegmentFacts, ...]
    days: tuple[DayFacts, ...]
    features: tuple[FeatureFacts, ...] = ()
    rows: RowFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """What a run keeps of the windows before it, for the next refresh and not for people.

    The last of `periods` is the window of this run, as the model that it refreshes sees it. If that
    is kept, the next refresh adds its window; after a refit it first adds this window again, as
    the refit sees it.
    """

    periods: tuple[PeriodFacts, ...]
