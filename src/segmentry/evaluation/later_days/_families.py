"""What the behaviour log adds: segments with and without it, on the same later days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentry.evaluation.later_days._added_gain import (
    AddedGain,
    Forming,
    added_gain,
    segment_rates,
)
from segmentry.evaluation.later_days._check import clicks_forecast
from segmentry.features.behaviour_days import BehaviourDays
from segmentry.features.user_days import UserCounts, UserDays
from segmentry.features.users import EarlyUsers
from segmentry.features.windows import local_days
from segmentry.schema import Window
from segmentry.segments.forming import Segmentation


@dataclass(frozen=True, slots=True)
class Added:
    """What the family adds on later days, or why it was not measured."""

    gains: tuple[AddedGain, ...] = ()
    reason: str = ""


def purchase_counts(early: EarlyUsers) -> tuple[UserCounts, UserCounts | None] | None:
    """Return days and days with a purchase of each user, in the feature and the outcome window."""
    behaviours = early.behaviours
    if behaviours is None:
        return None
    outcome = early.split.outcome
    later = None if outcome is None else _purchase_counts(behaviours, outcome)
    return _purchase_counts(behaviours, early.split.feature), later


def _purchase_counts(behaviours: BehaviourDays, window: Window) -> UserCounts:
    days = local_days(window)
    n_days = np.full(behaviours.n_users, len(days), dtype=np.int64)
    return UserCounts(n_days, behaviours.purchase_days(days))


def purchase_days(early: EarlyUsers) -> UserDays | None:
    """Return the feature window with a row for each user and day: one trial, a purchase or none."""
    behaviours = early.behaviours
    if behaviours is None:
        return None
    days, n_users = local_days(early.split.feature), behaviours.n_users
    bought = np.zeros((len(days), n_users), dtype=np.int64)
    is_in = np.isin(behaviours.day, list(days)) & (behaviours.values["n_purchases"] > 0)
    bought[behaviours.day[is_in] - days[0], behaviours.user_index[is_in]] = 1
    return UserDays(
        n_users=n_users,
        days=tuple(days),
        starts=np.arange(len(days) + 1, dtype=np.int64) * n_users,
        user_index=np.tile(np.arange(n_users, dtype=np.int64), len(days)),
        n_impressions=np.ones(bought.size, dtype=np.int64),
        n_clicks=bought.ravel(),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Segments of the feature window, and the users as they were formed on."""

    segmentation: Segmentation
    early: EarlyUsers

    def clicks(self) -> Forming | None:
        """Return the CTRs that its segments forecast, cross-fitted over the feature window."""
        rates = clicks_forecast(self.segmentation, self.early)
        return None if rates is None else Forming(self.segmentation.segment_ids, rates)

    def purchases(self, counts: UserCounts) -> Forming:
        """Return the rates of its segments in the feature window."""
        ids, k = self.segmentation.segment_ids, self.segmentation.n_segments
        return Forming(ids, segment_rates(ids, counts, n_segments=k))


def permuted_family(early: EarlyUsers, names: Sequence[str], *, seed: int) -> EarlyUsers:
    """Put the behaviours of other users in the place of each user's own."""
    behaviours = early.behaviours
    assert behaviours is not None, "checked before"  # noqa: S101  # by the caller
    order = np.random.default_rng([seed, len(names)]).permutation(early.table.height)
    return replace(
        early,
        table=early.table.with_columns(early.table[name][order] for name in names),
        behaviours=behaviours.permuted(order),
    )


def compare_families(first: Way, second: Way, *, seed: int) -> tuple[AddedGain, ...]:
    """Compare two ways to form as many segments by the clicks and purchases of later days.

    The users of `first` are as they are; those of `second` may hold a placebo.
    """
    early, gains = first.early, []
    outcome = early.split.outcome
    assert outcome is not None, "checked before"  # noqa: S101  # by the caller
    counts = early.counts()
    seen, later = (counts.totals(local_days(each)) for each in (early.split.feature, outcome))
    ours, theirs = first.clicks(), second.clicks()
    if ours is not None and theirs is not None:
        gains.append(
            added_gain(
                ours,
                theirs,
                outcome="clicks",
                seen=seen,
                later=later,
                prior=early.prior,
                seed=seed,
            )
        )
    bought = purchase_counts(early)
    if bought is not None and bought[1] is not None:
        gains.append(
            added_gain(
                first.purchases(bought[0]),
                second.purchases(bought[0]),
                outcome="purchases",
                seen=bought[0],
                later=bought[1],
                seed=seed,
            )
        )
    return tuple(gains)
