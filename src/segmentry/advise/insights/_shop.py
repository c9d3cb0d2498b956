"""Insights that take the behaviour log: what segments view, put in the cart and buy."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
    EXCEPT_MORE,
    SHOP,
    Facts,
    Finding,
    InsightKind,
    Worth,
    index_evidence,
    is_confirmed,
    rate_evidence,
    times,
)
from segmentry.advise.insights._worth import difference_per_thousand, moved_away
from segmentry.describe.conversions import PurchaseVerdict, SegmentConversions, ShopRate
from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, percent
from segmentry.results.summary import Evidence

_MUCH, _SELDOM = 150.0, 90.0
_KEPT = 0.8
_LOYAL, _EXPLORING = 125.0, 80.0
_ONLY_SEEN = "What was seen in the shop goes on."


def _find_browsers(facts: Facts) -> Iterator[Finding]:
    for segment, found, _ in _segments(facts):
        views, index = _rate(found, "views"), segment.forecast_index
        is_heavy = views is not None and (views.index.low or 0.0) >= _MUCH
        if views is not None and is_heavy and _seldom_clicks(segment):
            yield Finding(
                segment,
                f"{times(views.index)} as many page views as all users have, and {times(index)} "
                "as many clicks per impression.",
                (
                    index_evidence("views per user, index", views.index, 95),
                    index_evidence("index of clicks expected", index, 90),
                ),
                moved_away(facts, index),
            )


def _find_ignoring_buyers(facts: Facts) -> Iterator[Finding]:
    for segment, found, _ in _segments(facts):
        bought, index = found.purchases, segment.forecast_index
        if bought is None or not _buys(bought, more=True) or not _seldom_clicks(segment):
            continue
        alone = _rate(found, "purchases without a click")
        yield Finding(
            segment,
            f"On later days its users bought on {percent(bought.later.value)} of the days, all "
            f"users on {percent(bought.level_later)}; they click {times(index)} as often as all."
            f"{'' if alone is None else _without_click(alone)}",
            (
                rate_evidence("days with a purchase, later", bought.later, 90),
                index_evidence("index of clicks expected", index, 90),
                *(() if alone is None else (_share("purchases without a click", alone),)),
            ),
            moved_away(
                facts,
                index,
                "They buy as much without the ads: an assumption, which a group without ads tests.",
            ),
        )


def _without_click(alone: ShopRate) -> str:
    share = percent(alone.value.value, digits=0)
    return (
        f" {share} of its purchases since the ad log begins followed no click on an ad of their "
        "category in 7 days."
    )


def _find_abandoners(facts: Facts) -> Iterator[Finding]:
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
            segment,
            f"Of the categories in which its users put something in the cart "
            f"{percent(left.value.value)} were not bought, of those of all users "
            f"{percent(of_all.value.value)}.",
            (_share("carts abandoned", left),),
            Worth(
                "categories bought per 1,000 put in the cart, if as many were as by all users",
                difference_per_thousand(left.value, of_all.value.value),
                ("A reminder makes buyers of them as all users are: an assumption, and the most.",),
            ),
        )


def _find_brand_loyal(facts: Facts) -> Iterator[Finding]:
    for segment, same, level in _pairs_of_views(facts, "brand"):
        if (same.index.low or 0.0) >= _LOYAL:
            effect = "pairs of page views of one brand per 1,000 more than all users have"
            worth = Worth(effect, difference_per_thousand(same.value, level), (_ONLY_SEEN,))
            yield _alike(segment, same, "brand", worth)


def _find_explorers(facts: Facts) -> Iterator[Finding]:
    for segment, same, level in _pairs_of_views(facts, "category"):
        if same.index.high is not None and same.index.high <= _EXPLORING:
            effect = (
                "pairs of page views of different categories per 1,000 more than all users have"
            )
            gain = difference_per_thousand(same.value, level, sign=-1)
            yield _alike(segment, same, "category", Worth(effect, gain, (_ONLY_SEEN,)))


def _pairs_of_views(facts: Facts, what: str) -> Iterator[tuple[SegmentProfile, ShopRate, float]]:
    """Yield how often two views of a user are of one brand or category, and that of all users."""
    for segment, found, everyone in _segments(facts):
        same, of_all = _rate(found, f"same {what}"), _rate(everyone, f"same {what}")
        if same is not None and of_all is not None and of_all.value.value is not None:
            yield segment, same, of_all.value.value


def _alike(segment: SegmentProfile, same: ShopRate, what: str, worth: Worth) -> Finding:
    return Finding(
        segment,
        f"Two page views of one of its users are of the same {what} {times(same.index)} as often "
        "as two of all users.",
        (
            _share(f"chance of the same {what}", same),
            index_evidence("index, all users 100", same.index, 95),
        ),
        worth,
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
    report = facts.summary.conversions
    return () if report is None else report.features


def _rate(found: SegmentConversions, name: str) -> ShopRate | None:
    return next((e for e in found.shop if e.name == name and e.value.is_known), None)


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


KINDS = (
    InsightKind(
        "SEG-019",
        "Heavy browsers who rarely click ads",
        "caution",
        "Page views per user are at least 1.5 times those of all users (lower end of the index), "
        "the verdict is “confirmed”, and the upper end of the forecast index of clicks is below "
        "90.",
        "They are in the shop much and respond to ads little. It does not say that ads have no "
        "effect on them: what is seen may be bought without a click.",
        "Reach them in the shop itself, or by other creatives, and compare with a group that is "
        "left alone.",
        _find_browsers,
        needs=SHOP,
        is_held_out=True,
        wants=("views",),
        suits=EXCEPT_MORE,
    ),
    InsightKind(
        "SEG-020",
        "Buyers who ignore ads",
        "opportunity",
        "On later days its users bought on more days than all users (verdict on purchases "
        "“confirmed”, lower end of the rate above that of all), and click less (verdict "
        "“confirmed”, upper end of the forecast index below 90).",
        "They buy much and click little: most of what they buy does not come by a click. Whether "
        "it would have been bought without the ads is not known from a log.",
        "Do not pay for these clicks and impressions without a test: leave the ads out for a part "
        "of them, and see whether they buy less.",
        _find_ignoring_buyers,
        needs=SHOP,
        is_held_out=True,
        wants=("purchases",),
        suits=EXCEPT_MORE,
    ),
    InsightKind(
        "SEG-021",
        "Cart abandoners",
        "opportunity",
        "Of the categories put in the cart at most 0.8 times the share of all users was bought "
        "at or after the first cart (upper end). Where purchases formed the segments, later days "
        "must confirm that it buys less.",
        "What is in the cart is left there more than by others. Users who do little in the shop "
        "leave more of it too, and a purchase after the window is not known.",
        "Remind a part of them of what is in the cart, and compare with those who were not.",
        _find_abandoners,
        needs=SHOP,
        is_held_out=True,
        wants=("carts abandoned",),
    ),
    InsightKind(
        "SEG-022",
        "Brand-loyal",
        "note",
        "The chance that two page views of a user are of the same brand is at least 1.25 times "
        "that of all users (lower end of the index); it does not depend on how much is viewed.",
        "They come back to the same brands.",
        "Show them news of these brands rather than others, and test.",
        _find_brand_loyal,
        needs=SHOP,
        wants=("same brand",),
    ),
    InsightKind(
        "SEG-023",
        "Category explorers",
        "note",
        "The chance that two page views of a user are of the same category is at most 0.8 times "
        "that of all users (upper end of the index); it does not depend on how much is viewed.",
        "They look around rather than for one thing.",
        "Show them a wide range, and test.",
        _find_explorers,
        needs=SHOP,
        wants=("same category",),
    ),
)
