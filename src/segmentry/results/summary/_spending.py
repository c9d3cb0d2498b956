"""What a summary holds of the budget that its decisions propose."""

from dataclasses import dataclass

from segmentry.schema import Estimate


@dataclass(frozen=True, slots=True)
class SegmentSpending:
    """The ads of one segment."""

    segment_id: int
    share_now: float
    """Its share of the impressions of the log."""
    share_proposed: float
    """Its share by the decisions of all segments."""
    gain: Estimate
    """Clicks that its change brings beyond the same impressions shown to all users, with a 90 %
    interval."""


@dataclass(frozen=True, slots=True)
class WearOut:
    """What the proposal brings if the clicks of a segment grow as impressions to a power.

    Power 1 means no wear-out; at 0.5 twice the impressions bring 1.4 times the clicks. Intervals
    are of 90 %.
    """

    power: float
    gain: Estimate
    gain_share: Estimate


@dataclass(frozen=True, slots=True)
class Spending:
    """The same impressions, divided by the decisions; found on half of the users, judged by others.

    `segments` are those that may be shown; `wear_out` goes from none to the strongest.
    """

    n_impressions: int
    """Those of the log, on `n_days` days."""
    n_days: int
    segments: tuple[SegmentSpending, ...]
    wear_out: tuple[WearOut, ...]
