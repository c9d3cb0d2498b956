"""Insights that take the behaviour log: what segments view, put in the cart and buy."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
    Facts,
    Finding,
    index_evidence,
    is_confirmed,
    rate_evidence,
)
from segmentry.advise.insights._worth import MOVED, PER, clicks_gained, difference_per_thousand
from segmentry.describe.conversions import (
    ConversionReport,
    PurchaseVerdict,
    SegmentConversions,
    ShopRate,
)
from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, decimal, percent
from segmentry.results.summary import Evidence

_MUCH, _SELDOM = 150.0, 90.0
_KEPT = 0.8
_LOYAL, _EXPLORING = 125.0, 80.0
_MOVED_AWAY = f"clicks gained per {count(PER)} impressions moved from here to all users"
_ONLY_SEEN = "What was seen in the shop goes on."


def find_browsers(facts: Facts) -> Iterator[Finding]:
    """Find segments that view much and, as later days confirm, seldom click ads."""
    for segment, found, _ in _segments(facts):
        views, index = _rate(found, "views"), segment.forecast_index
        is_heavy = views is not None and (views.index.low or 0.0) >= _MUCH
        if views is not None and is_heavy and _seldom_clicks(segment):
            yield Finding(
                "SEG-019",
                segment,
                f"{decimal((views.index.value or 0.0) / 100)} times as many page views as all "
                f"users have, and {decimal((index.value or 0.0) / 100)} times as many clicks per "
                "impression.",
                (
                    index_evidence("views per user, index", views.index, 95),
                    index_evidence("index of clicks expected", index, 90),
                ),
                _MOVED_AWAY,
                clicks_gained(facts, index, sign=-1),
                MOVED,
            )


def find_ignoring_buyers(facts: Facts) -> Iterator[Finding]:
    """Find segments that buy more than all users and click less, both confirmed by later days."""
    for segment, found, _ in _segments(facts):
        bought = found.purchases
        if bought is None or not _buys(bought, more=True) or not _seldom_clicks(segment):
            continue
        alone = _rate(found, "purchases without a click")
        told = "" if alone is None else _without_click(alone)
        yield Finding(
            "SEG-020",
            segment,
            f"On later days its users bought on {percent(bought.later.value)} of the days, all "
            f"users on {percent(bought.level_later)}; they click "
            f"{decimal((segment.forecast_index.value or 0.0) / 100)} times as often as all.{told}",
            (
                rate_evidence("days with a purchase, later", bought.later, 90),
                index_evidence("index of clicks expected", segment.forecast_index, 90),
                *(() if alone is None else (_share("purchases without a click", alone),)),
            ),
            _MOVED_AWAY,
            clicks_gained(facts, segment.forecast_index, sign=-1),
            (
                "They buy as much without the ads: an assumption, which a group without ads tests.",
                *MOVED,
            ),
        )


def _without_click(alone: ShopRate) -> str:
    if alone.value.value is None:
        return ""
    share = percent(alone.value.value, digits=0)
    return (
        f" {share} of its purchases since the ad log begins followed no click on an ad of their "
        "category in 7 days."
    )


def find_abandoners(facts: Facts) -> Iterator[Finding]:
    """Find segments that buy less of what they put in the cart than all users do."""
    for segment, found, everyone in _segments(facts):
        left, of_all = _rate(found, "carts abandoned"), _rate(everyone, "carts abandoned")
        if left is None or of_all is None or left.value.low is None or of_all.value.value is None:
            continue
        if 1 - left.value.low > _KEPT * (1 - of_all.value.value):
            continue
        # Purchases that formed the segment would make abandoners of luck.
        if "n_purchases" in _forming(facts) and not (
            found.purchases is not None and _buys(found.purchases, more=False)
        ):
            continue
        yield Finding(
            "SEG-021",
            segment,
            f"Of the categories in which its users put something in the cart "
            f"{percent(left.value.value)} were not bought, of those of all users "
            f"{percent(of_all.value.value)}.",
            (_share("carts abandoned", left),),
            "categories bought per 1,000 put in the cart, if as many were as by all users",
            difference_per_thousand(left.value, of_all.value.value),
            ("A reminder makes buyers of them as all users are: an assumption, and the most.",),
        )


def find_brand_loyal(facts: Facts) -> Iterator[Finding]:
    """Find segments whose users come back to the same brand more than all users do."""
    for segment, found, everyone in _segments(facts):
        same, level = _rate(found, "same brand"), _level(everyone, "same brand")
        if same is not None and level is not None and (same.index.low or 0.0) >= _LOYAL:
            yield Finding(
                "SEG-022",
                segment,
                f"Two page views of one of its users are of the same brand "
                f"{decimal((same.index.value or 0.0) / 100)} times as often as two of all users.",
                (_share("chance of the same brand", same), _index(same)),
                "pairs of page views of one brand per 1,000 more than all users have",
                difference_per_thousand(same.value, level),
                (_ONLY_SEEN,),
            )


def find_explorers(facts: Facts) -> Iterator[Finding]:
    """Find segments whose users spread their views over more categories than all users do."""
    for segment, found, everyone in _segments(facts):
        same, level = _rate(found, "same category"), _level(everyone, "same category")
        high = None if same is None else same.index.high
        if same is not None and level is not None and high is not None and high <= _EXPLORING:
            yield Finding(
                "SEG-023",
                segment,
                f"Two page views of one of its users are of the same category "
                f"{decimal((same.index.value or 0.0) / 100)} times as often as two of all users.",
                (_share("chance of the same category", same), _index(same)),
                "pairs of page views of different categories per 1,000 more than all users have",
                difference_per_thousand(same.value, level, sign=-1),
                (_ONLY_SEEN,),
            )


def _segments(
    facts: Facts,
) -> Iterator[tuple[SegmentProfile, SegmentConversions, SegmentConversions]]:
    """Yield each segment that is shown with what is known of its purchases, and of all users'."""
    report = facts.summary.conversions
    if report is None or len(facts.summary.segments) < 2:
        return
    by_id = {each.segment_id: each for each in report.segments}
    for segment in facts.shown:
        if segment.segment_id in by_id:
            yield segment, by_id[segment.segment_id], by_id[0]


def _forming(facts: Facts) -> tuple[str, ...]:
    report: ConversionReport | None = facts.summary.conversions
    return () if report is None else report.features


def _rate(found: SegmentConversions, name: str) -> ShopRate | None:
    return next((e for e in found.shop if e.name == name and e.value.is_known), None)


def _level(everyone: SegmentConversions, name: str) -> float | None:
    found = _rate(everyone, name)
    return None if found is None else found.value.value


def _seldom_clicks(segment: SegmentProfile) -> bool:
    return is_confirmed(segment) and (segment.forecast_index.high or 0.0) < _SELDOM


def _buys(found: PurchaseVerdict, *, more: bool) -> bool:
    """Tell whether later days confirm that a segment buys more, or less, than all users."""
    level, later = found.level_later, found.later
    if found.verdict != "confirmed" or level is None or later.low is None or later.high is None:
        return False
    return later.low > level if more else later.high < level


def _share(label: str, found: ShopRate) -> Evidence:
    level = 95 if found.value.low is not None else None
    return Evidence(f"{label} ({count(found.n_users)} users)", found.value, "share", level)


def _index(found: ShopRate) -> Evidence:
    return index_evidence("index, all users 100", found.index, 95)
