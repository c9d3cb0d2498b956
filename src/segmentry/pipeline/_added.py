"""What the behaviour log adds: segments with and without it, on the same later days."""

from dataclasses import dataclass

import numpy as np

from segmentry.pipeline._truth import EarlyUsers, clicks_foretold
from segmentry.schema import Window
from segmentry.segmentation import Segmentation
from segmentry.summary import AddedGain
from segmentry.validation import (
    BehaviourDays,
    Forming,
    UserCounts,
    added_gain,
    local_days,
    segment_rates,
)

__all__ = ["Added", "compare_families", "purchase_counts"]


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


def compare_families(
    with_family: Segmentation, without: Segmentation, early: EarlyUsers, *, seed: int
) -> Added:
    """Compare two ways to form as many segments by the clicks and purchases of later days.

    Clicks are foretold as the report foretells them, cross-fitted over the days of the feature
    window; purchases by the rate of the segment in the feature window.
    """
    gains = []
    outcome, ways = early.split.outcome, (with_family, without)
    assert outcome is not None, "asked before"  # noqa: S101  # by the caller
    counts = early.counts()
    seen, later = (counts.totals(local_days(each)) for each in (early.split.feature, outcome))
    clicks = [clicks_foretold(way, early) for way in ways]
    if clicks[0] is not None and clicks[1] is not None:
        first, second = (
            Forming(way.segment_ids, rates)
            for way, rates in zip(ways, clicks, strict=True)
            if rates is not None
        )
        gains.append(
            added_gain(
                first,
                second,
                outcome="clicks",
                seen=seen,
                later=later,
                prior=early.prior,
                seed=seed,
            )
        )
    bought = purchase_counts(early)
    if bought is not None and bought[1] is not None:
        first, second = (
            Forming(
                way.segment_ids,
                segment_rates(way.segment_ids, bought[0], n_segments=way.n_segments),
            )
            for way in ways
        )
        gains.append(
            added_gain(
                first, second, outcome="purchases", seen=bought[0], later=bought[1], seed=seed
            )
        )
    return Added(tuple(gains))
