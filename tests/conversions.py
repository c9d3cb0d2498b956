"""Hand-made conversions of segments that are all alike; tests change what they are about."""

from dataclasses import replace

from segmentry.describe.conversions import (
    Attribution,
    ConversionReport,
    FunnelStep,
    PurchaseVerdict,
    SegmentConversions,
    ShopRate,
)
from segmentry.evaluation.later_days import AddedGain
from segmentry.schema import Estimate

UNKNOWN = Estimate(value=None, low=None, high=None)
LEVELS = {
    "views": 170.0,
    "purchases": 2.5,
    "carts abandoned": 0.8,
    "same brand": 0.01,
    "same category": 0.05,
    "purchases without a click": 0.9,
}


def near(value, width):
    return Estimate(value=value, low=value - width, high=value + width)


def shop_rate(name, value, width):
    """Return what a segment does in the shop, with the index against all users."""
    level = LEVELS[name]
    index = Estimate(*(100 * end / level for end in (value, value - width, value + width)))
    return ShopRate(name, near(value, width), index, 900)


def alike(segment_id):
    """Return a segment of which there is nothing to say."""
    steps = (
        FunnelStep("impression", 1000, UNKNOWN),
        FunnelStep("click", 50, near(0.05, 0.01)),
        FunnelStep("view", 20, near(0.4, 0.1)),
        FunnelStep("cart", 10, near(0.5, 0.2)),
        FunnelStep("purchase", None, UNKNOWN),
    )
    shop = tuple(shop_rate(name, level, level / 50) for name, level in LEVELS.items())
    if not segment_id:
        shop = tuple(replace(each, index=UNKNOWN) for each in shop)
    judged = PurchaseVerdict(
        "no difference", "nothing differs", near(0.1, 0.02), near(0.1, 0.01), 0.1
    )
    return SegmentConversions(
        segment_id=segment_id,
        n_users=900,
        steps=steps,
        click_conversion=near(0.1, 0.02),
        attributions=(Attribution("view", 7, 30, near(0.03, 0.005)),),
        value_proxy=near(0.5, 0.1),
        shop=shop,
        purchases=judged if segment_id else None,
    )


def added(outcome, value, width, *, verdict):
    return AddedGain(
        outcome=outcome,
        n_users=800,
        n_trials=9000,
        n_events=400,
        kept_with=near(0.8, 0.1),
        kept_without=near(0.5, 0.1),
        nats_of_users=near(0.02, 0.002),
        nats_with=near(0.016, 0.002),
        nats_without=near(0.01, 0.002),
        nats_added=near(value, width),
        nats_over_placebo=near(value, width) if verdict == "adds" else UNKNOWN,
        verdict=verdict,
        reason="",
    )


def with_conversions(summary, *, features=("n_views", "n_purchases"), **first):
    """Put conversions beside a summary, with what is changed of the first segment."""
    segments = [alike(each) for each in range(len(summary.segments) + 1)]
    segments[1] = replace(segments[1], **first)
    report = ConversionReport(
        features=features,
        added=(
            added("clicks", 0.0001, 0.001, verdict="cannot be determined"),
            added("purchases", 0.006, 0.001, verdict="adds"),
        ),
        added_reason="",
        n_users_with=4000,
        n_users=5000,
        segments=tuple(segments),
        days=7,
        notes=("Association.",),
    )
    return replace(summary, conversions=report)


def shop_with(name, value, width):
    """Return the shop rates of a segment that differs in one."""
    return tuple(
        shop_rate(name, value, width) if each == name else shop_rate(each, level, level / 50)
        for each, level in LEVELS.items()
    )
