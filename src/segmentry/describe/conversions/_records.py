"""What a summary holds of the behaviour log: from impression to purchase."""

from dataclasses import dataclass
from typing import Literal

from segmentry.evaluation.later_days import AddedGain
from segmentry.schema import Estimate


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step from impression to purchase; intervals are of 95 %, users being the unit.

    Parameters
    ----------
    step : {"impression", "click", "view", "cart", "purchase"}
        Each after the step before it, in the same category, within 7 days of the impression.
    n : int or None
        Impressions that got so far; null where too few users stand behind it.
    of_before : Estimate
        Share of those of the step before; of impressions that were clicked for "click".
    """

    step: Literal["impression", "click", "view", "cart", "purchase"]
    n: int | None
    of_before: Estimate


@dataclass(frozen=True, slots=True)
class Attribution:
    """Purchases that followed an impression of their category; an association.

    Parameters
    ----------
    kind : {"view", "click"}
        View-through: any impression; click-through: a clicked one.
    days : int
        How long after the impression.
    n_purchases : int or None
        Null where too few users stand behind it.
    per_impression : Estimate
        Purchases / impressions of known category, 95 %, users being the unit.
    """

    kind: Literal["view", "click"]
    days: int
    n_purchases: int | None
    per_impression: Estimate


@dataclass(frozen=True, slots=True)
class ShopRate:
    """Something that the users of a segment do in the shop, against all users.

    Parameters
    ----------
    name : str
        "views", "purchases", "carts abandoned", "same brand", "same category",
        "purchases without a click".
    value : Estimate
        95 %, users being the unit.
    index : Estimate
        `value` / that of all users x 100, that of all users taken as known; null of all users.
    n_users : int
        On whom it rests.
    """

    name: str
    value: Estimate
    index: Estimate
    n_users: int


@dataclass(frozen=True, slots=True)
class PurchaseVerdict:
    """What later days say of how often a segment buys; rates are days with a purchase per day.

    `verdict` is one of those of clicks; intervals are of 90 %. `expected` is forecast from the
    forming days alone.
    """

    verdict: str
    reason: str
    expected: Estimate
    later: Estimate
    level_later: float | None


@dataclass(frozen=True, slots=True)
class SegmentConversions:
    """One segment, or all users (segment 0); of one too small to be shown only the id.

    Parameters
    ----------
    segment_id : int
    n_users : int
    steps : tuple of FunnelStep
    click_conversion : Estimate
        Clicks followed by a purchase of their category within 7 days / clicks, 95 %.
    attributions : tuple of Attribution
    value_proxy : Estimate
        Per impression of known category, 95 %: the price of the ad (at most the 99th percentile of
        all ads), if its click was followed by a purchase of its category within 7 days. What was
        bought, and for how much, is not known.
    shop : tuple of ShopRate
    purchases : PurchaseVerdict or None
        Null where nothing was checked.
    """

    segment_id: int
    n_users: int
    steps: tuple[FunnelStep, ...]
    click_conversion: Estimate
    attributions: tuple[Attribution, ...]
    value_proxy: Estimate
    shop: tuple[ShopRate, ...]
    purchases: PurchaseVerdict | None


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """From impression to purchase.

    Parameters
    ----------
    features : tuple of str
        Features of the behaviour log that formed the segments.
    added : tuple of AddedGain
        What the family adds to foretelling clicks and purchases; empty where nothing was checked.
    added_reason : str
        Why not, or empty.
    n_users_with : int
        Users of the table with a behaviour.
    n_users : int
    segments : tuple of SegmentConversions
        All users first, then by segment.
    days : int
        Within which something counts as having followed an impression.
    notes : tuple of str
        What is absent and why, and what must be known to read it; whole sentences.
    """

    features: tuple[str, ...]
    added: tuple[AddedGain, ...]
    added_reason: str
    n_users_with: int
    n_users: int
    segments: tuple[SegmentConversions, ...]
    days: int
    notes: tuple[str, ...]
