"""What follows an impression, up to the purchase.

In: counts of the behaviour log and segments. Out: a `ConversionReport`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from segmentry.describe.profiles import pooled_rate, pooled_ratio
from segmentry.evaluation.later_days import (
    Added,
    AddedGain,
    OutcomeWords,
    Validation,
    forecast_ctr,
    purchase_counts,
    purchase_days,
    verdicts,
)
from segmentry.features import ATTRIBUTION_DAYS, FOLLOW_DAYS
from segmentry.features.user_days import UserCounts
from segmentry.features.users import BehaviourData, EarlyUsers, UserData
from segmentry.privacy import hidden_cells, is_small, published_ids
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector
from segmentry.segments.forming import Segmentation


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step from impression to purchase; intervals are of 95 %, users being the unit."""

    step: Literal["impression", "click", "view", "cart", "purchase"]
    """Each after the step before it, in the same category, within 7 days of the impression."""
    n: int | None
    """Impressions that got so far; null where too few users stand behind it."""
    of_before: Estimate
    """Share of those of the step before; of impressions that were clicked for "click"."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Purchases that followed an impression of their category; an association."""

    kind: Literal["view", "click"]
    """View-through: any impression; click-through: a clicked one."""
    days: int
    """How long after the impression."""
    n_purchases: int | None
    """Null where too few users stand behind it."""
    per_impression: Estimate
    """Purchases / impressions of known category, 95 %, users being the unit."""


@dataclass(frozen=True, slots=True)
class ShopRate:
    """Something that the users of a segment do in the shop, against all users."""

    name: str
    """One of "views", "purchases", "carts abandoned", "same brand", "same category", "purchases
    without a click"."""
    value: Estimate
    """95 %, users being the unit."""
    index: Estimate
    """`value` / that of all users x 100, that of all users taken as known; null of all users."""
    n_users: int
    """The users it rests on."""


@dataclass(frozen=True, slots=True)
class PurchaseVerdict:
    """What later days say of how often a segment buys; rates are days with a purchase per day.

    `verdict` is one of those of clicks; intervals are of 90 %.
    """

    verdict: str
    reason: str
    expected: Estimate
    later: Estimate
    level_later: float | None


@dataclass(frozen=True, slots=True)
class SegmentConversions:
    """One segment, or all users (segment 0); of one too small to be shown only the id."""

    segment_id: int
    n_users: int
    steps: tuple[FunnelStep, ...]
    click_conversion: Estimate
    """Clicks followed by a purchase of their category within 7 days / clicks, 95 %."""
    attributions: tuple[Attribution, ...]
    value_proxy: Estimate
    """Per impression of known category, 95 %: the price of the ad (at most the 99th percentile of
    all ads), if its click was followed by a purchase of its category within 7 days. What was
    bought, and for how much, is not known."""
    shop: tuple[ShopRate, ...]
    purchases: PurchaseVerdict | None
    """Null where nothing was checked."""


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """From impression to purchase."""

    features: tuple[str, ...]
    """Features of the behaviour log that formed the segments."""
    added: tuple[AddedGain, ...]
    """What the family adds to predicting clicks and purchases; empty where nothing was checked."""
    added_reason: str
    """Why not, or empty."""
    n_users_with: int
    """Users of the table with a behaviour."""
    n_users: int
    segments: tuple[SegmentConversions, ...]
    """All users first, then by segment."""
    days: int
    """Within which something counts as having followed an impression."""
    notes: tuple[str, ...]
    """What is absent and why, and what must be known to read it; whole sentences."""


_STEPS = (
    ("impression", "n_placed_impressions"),
    ("click", "n_placed_clicks"),
    ("view", "n_viewed_clicks"),
    ("cart", "n_carted_clicks"),
    ("purchase", "n_bought_clicks"),
)
_ASSOCIATION = (
    "What followed an impression is an association: what is shown follows what is browsed, and "
    "many would have bought without the ad. A randomised test tells what ads bring."
)
_CENSORED = (
    f"What came after the last day is not known, so that impressions of the last {FOLLOW_DAYS} "
    "days are followed by less, for all segments alike. Nor is it known what was shown before the "
    "first day: purchases before it are held against no ad."
)
_PROXY = (
    "The value proxy takes the price of an ad (at most the 99th percentile of all ads) for each of "
    f"its clicks that a purchase of its category followed within {FOLLOW_DAYS} days. What was "
    "bought, and for how much, is not in the log."
)
_NO_PROXY = (
    "There is no value proxy: no click on an ad of known price was followed by a purchase of its "
    "category, or too few users have one to tell."
)

_OF_PURCHASES = OutcomeWords(
    rate="days with a purchase per day",
    trial="day",
    success="day with a purchase",
    successes="days with a purchase",
)


def report_conversions(
    users: UserData,
    segmentation: Segmentation,
    validation: Validation | None,
    added: Added,
    *,
    min_size: int,
) -> ConversionReport | None:
    """Return what the report shows of the behaviour log; null where it was not read.

    Nothing is shown of fewer than `min_size` users, nor what would give it away.
    """
    data = users.behaviours
    if data is None:
        return None
    k = segmentation.n_segments
    ids, withheld = published_ids(segmentation.segment_ids, n_segments=k, min_size=min_size)
    shown = [n for n in range(1, k + 1) if n not in withheld]
    counted = _Counted(data, users.table, ids, shown, min_size)
    judged = _judge_purchases(users.early, validation, min_size=min_size)
    forming = [
        feature.name
        for feature in users.features
        if feature.family == "behaviour" and feature.name in segmentation.preprocessing.features
    ]
    segments = tuple(_segments(counted, judged, withheld.tolist()))
    has_done = (data.counts["n_behaviours"] > 0).to_numpy()
    return ConversionReport(
        features=tuple(forming),
        added=added.gains,
        added_reason=added.reason,
        n_users_with=int(has_done.sum()),
        n_users=data.counts.height,
        segments=segments,
        days=FOLLOW_DAYS,
        notes=tuple(_notes(data, segments, min_size=min_size)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Counts per user with the segments under which they may be shown."""

    data: BehaviourData
    table: pl.DataFrame
    ids: IntVector
    shown: list[int]
    min_size: int

    def column(self, name: str) -> IntVector:
        return self.data.counts[name].to_numpy()

    def members(self, segment_id: int) -> BoolVector:
        """Return who is in a segment; in any for 0."""
        found: BoolVector = self.ids != UNASSIGNED if segment_id == 0 else self.ids == segment_id
        return found

    def hidden(self, reached: BoolVector) -> set[int]:
        """Return the segments (0: all users) in which too few users got so far to be shown."""
        n = [int((reached & self.members(s)).sum()) for s in self.shown]
        hidden = hidden_cells(n, min_size=self.min_size)
        found = {s for s, is_hidden in zip(self.shown, hidden, strict=True) if is_hidden}
        if is_small(sum(n), min_size=self.min_size):
            found.add(0)
        return found


def _segments(
    counted: _Counted, judged: dict[int, PurchaseVerdict], withheld: Sequence[int]
) -> Iterator[SegmentConversions]:
    funnel, attributions = _funnel(counted), _attributions(counted)
    money, rates = _money(counted), _shop_rates(counted)
    for segment_id in (0, *counted.shown):
        yield SegmentConversions(
            segment_id=segment_id,
            n_users=int(counted.members(segment_id).sum()),
            steps=funnel.get(segment_id, ()),
            click_conversion=money.get(segment_id, (UNKNOWN, UNKNOWN))[0],
            attributions=attributions.get(segment_id, ()),
            value_proxy=money.get(segment_id, (UNKNOWN, UNKNOWN))[1],
            shop=rates[segment_id],
            purchases=judged.get(segment_id),
        )
    for segment_id in withheld:
        yield SegmentConversions(segment_id, 0, (), UNKNOWN, (), UNKNOWN, (), None)


def _funnel(counted: _Counted) -> dict[int, tuple[FunnelStep, ...]]:
    if not counted.data.has_journeys:
        return {}
    hidden = {name: counted.hidden(counted.column(name) > 0) for _, name in _STEPS}
    found = {}
    for segment_id in (0, *counted.shown):
        is_in = counted.members(segment_id)
        steps, before, is_cut = [], None, False
        for step, name in _STEPS:
            n = counted.column(name)[is_in]
            # What comes after a hidden step is of fewer users still.
            is_cut = is_cut or segment_id in hidden[name]
            share = UNKNOWN if before is None or is_cut else pooled_rate(n, before)
            steps.append(FunnelStep(step, None if is_cut else int(n.sum()), share))  # type: ignore[arg-type]  # one of the steps
            before = n
        found[segment_id] = tuple(steps)
    return found


def _attributions(counted: _Counted) -> dict[int, tuple[Attribution, ...]]:
    if not counted.data.has_journeys or "purchases" not in counted.data.provides:
        return {}
    named = [(kind, days) for kind in ("view", "click") for days in ATTRIBUTION_DAYS]
    columns = {each: counted.column(f"n_{each[0]}_through_{each[1]}d") for each in named}
    hidden = {each: counted.hidden(columns[each] > 0) for each in named}
    shown = counted.column("n_placed_impressions")
    found = {}
    for segment_id in (0, *counted.shown):
        is_in, own = counted.members(segment_id), []
        for kind, days in named:
            n, per_impression = None, UNKNOWN
            if segment_id not in hidden[kind, days]:
                purchases = columns[kind, days][is_in]
                n, per_impression = int(purchases.sum()), pooled_ratio(purchases, shown[is_in])
            own.append(Attribution(kind, days, n, per_impression))  # type: ignore[arg-type]  # one of both
        found[segment_id] = tuple(own)
    return found


def _money(counted: _Counted) -> dict[int, tuple[Estimate, Estimate]]:
    """Return the conversion after a click and the value proxy by segment."""
    if not counted.data.has_journeys or "purchases" not in counted.data.provides:
        return {}
    converted, priced = counted.column("n_converted_clicks"), counted.column("n_priced_clicks")
    hidden, unpriced = counted.hidden(converted > 0), counted.hidden(priced > 0)
    is_priced = bool(priced.sum())
    found = {}
    for segment_id in (0, *counted.shown):
        is_in = counted.members(segment_id)
        rate, value = UNKNOWN, UNKNOWN
        if segment_id not in hidden:
            rate = pooled_rate(converted[is_in], counted.column("n_placed_clicks")[is_in])
        if is_priced and segment_id not in unpriced | hidden:
            value = pooled_ratio(
                counted.column("cents")[is_in] / 100, counted.column("n_placed_impressions")[is_in]
            )
        found[segment_id] = (rate, value)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _UserRate:
    """A rate by its amounts and trials per user.

    `rests_on` are the users it rests on: those with a trial, and those without which it would
    be 0 or 1 - from a rate of 0.998 whoever knows the trials could tell the few. A share is of
    its trials: it and its interval end at 1.
    """

    name: str
    amounts: FloatVector
    trials: FloatVector
    rests_on: tuple[BoolVector, ...]
    is_share: bool = True

    def of(self, is_in: BoolVector) -> Estimate:
        """Return the rate of some users, these being the unit."""
        pooled = pooled_rate if self.is_share else pooled_ratio
        return pooled(self.amounts[is_in], self.trials[is_in])


def _shop_rates(counted: _Counted) -> dict[int, tuple[ShopRate, ...]]:
    """Return what users do in the shop; all on users of which enough is known."""
    everyone = counted.members(0)
    found: dict[int, list[ShopRate]] = {segment_id: [] for segment_id in (0, *counted.shown)}
    for each in _rates_of_users(counted):
        level = each.of(everyone).value
        hidden = set().union(*(counted.hidden(users) for users in each.rests_on))
        for segment_id, own in found.items():
            is_in = counted.members(segment_id)
            if segment_id in hidden:
                own.append(ShopRate(each.name, UNKNOWN, UNKNOWN, 0))
                continue
            value = each.of(is_in)
            # All users against themselves are 100, whatever the interval.
            index = _index(value, None if segment_id == 0 or 0 in hidden else level)
            n_users = int((is_in & (each.trials > 0)).sum())
            own.append(ShopRate(each.name, value, index, n_users))
    return {segment_id: tuple(own) for segment_id, own in found.items()}


def _index(value: Estimate, level: float | None) -> Estimate:
    if not level or value.value is None:
        return UNKNOWN
    ends = (value.value, value.low, value.high)
    return Estimate(*(None if end is None else 100 * end / level for end in ends))


def _rates_of_users(counted: _Counted) -> Iterator[_UserRate]:
    """Yield the rates that the log allows.

    The chance that two of a user's views are of one brand is free of how many there are
    (Simpson 1949, Nature 163, 688), where the share of the top brand would rise with few views.
    """
    provides, one = counted.data.provides, np.ones(counted.data.counts.height)
    for name, column in (("views", "n_views"), ("purchases", "n_purchases")):
        if name in provides:
            n = counted.column(column)
            yield _UserRate(name, n.astype(np.float64), one, (n > 0,), is_share=False)
    if {"times", "carts", "purchases", "categories"} <= provides:
        carted, kept = counted.column("n_carted_categories"), counted.column("n_kept_carts")
        yield _share_left("carts abandoned", carted, kept)
    for name, need, pairs, total in (
        ("same brand", "brands", "n_brand_pairs", "n_branded_views"),
        ("same category", "categories", "n_category_pairs", "n_categorised_views"),
    ):
        if {"views", need} <= provides:
            yield _chance(name, counted.column(pairs), counted.column(total))
    if counted.data.has_journeys and "purchases" in provides:
        bought = counted.column("n_ad_log_purchases")
        clicked = counted.column("n_click_through_7d")
        yield _share_left("purchases without a click", bought, clicked)


def _share_left(name: str, trials: IntVector, taken: IntVector) -> _UserRate:
    """Return the share of trials that are not taken away."""
    left = (trials - taken).astype(np.float64)
    return _UserRate(name, left, trials.astype(np.float64), (trials > 0, taken > 0))


def _chance(name: str, pairs: IntVector, total: IntVector) -> _UserRate:
    """Return the chance that two of a user's views are alike, of users with two at least."""
    n = total.astype(np.float64)
    chances = n * (n - 1)
    share = np.divide(pairs, chances, out=np.zeros(n.size), where=chances > 0)
    return _UserRate(name, share, (chances > 0).astype(np.float64), (chances > 0,))


def _judge_purchases(
    early: EarlyUsers | None, validation: Validation | None, *, min_size: int
) -> dict[int, PurchaseVerdict]:
    """Judge by the outcome window how often each segment of the feature window buys."""
    if early is None or validation is None:
        return {}
    counts, days = purchase_counts(early), purchase_days(early)
    if counts is None or days is None or counts[1] is None or not counts[1].n_successes.any():
        return {}
    ids = validation.feature_segment_ids
    forecast = forecast_ctr(
        days,
        validation.relabelling.labels,
        days=days.days,
        n_segments=len(validation.verdicts),
        n_outcome_days=validation.early.n_outcome_days,
    )
    found = verdicts(ids, forecast=forecast, later=counts[1], words=_OF_PURCHASES)
    is_in = ids != UNASSIGNED
    level = UserCounts(counts[1].n_trials[is_in], counts[1].n_successes[is_in]).rate
    kept = {
        event.new_ids[0]
        for event in validation.alignment.events
        if event.kind == "kept" and event.old_ids == event.new_ids
    }
    return {
        each.segment_id: PurchaseVerdict(
            each.verdict, each.reason, expected, each.ctr_outcome, level
        )
        for each, expected in zip(found, forecast.ctr, strict=True)
        if each.segment_id in kept and not is_small(each.n_users, min_size=min_size)
    }


def _notes(
    data: BehaviourData, segments: Sequence[SegmentConversions], *, min_size: int
) -> Iterator[str]:
    """Say what is absent and why, and what must be known to read the rest."""
    if data.has_journeys:
        yield _ASSOCIATION
        yield _CENSORED
        if "purchases" in data.provides:
            yield _PROXY if any(each.value_proxy.is_known for each in segments) else _NO_PROXY
        if min_size > 1:
            yield (
                f"A dash stands where fewer than {min_size} users got so far, or where a figure "
                "would give such a one away."
            )
    elif "times" not in data.provides:
        yield (
            "A log has no times: nothing can be said to have followed an impression, and nothing "
            "is checked on later days. What needs the order of things is left out."
        )
    elif "ads" not in data.provides:
        yield (
            "The ads have no categories: what followed an impression is unknown, because "
            "behaviours have the category only."
        )
    for need, what in (("purchases", "purchases"), ("carts", "carts"), ("brands", "brands")):
        if need not in data.provides:
            yield f"The behaviour log has no {what}: what is made of them is left out."
