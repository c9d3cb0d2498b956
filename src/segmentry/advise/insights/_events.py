"""Insights on events without clicks, such as purchases: what they brought, and how long ago."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
    TIME,
    VALUE,
    Facts,
    Finding,
    InsightKind,
    Worth,
    numeric_of,
)
from segmentry.advise.insights._worth import exactly
from segmentry.describe.profiles import NumericStatistics, SegmentProfile
from segmentry.formats import count, percent
from segmentry.results.summary import Evidence
from segmentry.schema import UNKNOWN, Estimate

_MUCH = 1.5
_AS_BEFORE = ("The users go on as they did in the window.",)


def _find_valuable(facts: Facts) -> Iterator[Finding]:
    summary = facts.summary
    total = _sum_of(summary.population)
    for segment in _several(facts):
        own, brought = numeric_of(segment, "value_sum"), _sum_of(segment)
        if own is None or not total or brought is None or not _is_above(own):
            continue
        share = brought / total
        if share >= _MUCH * segment.share:
            yield Finding(
                segment,
                f"{percent(segment.share, digits=0)} of the users bring "
                f"{percent(share, digits=0)} of the total value.",
                (
                    Evidence(
                        "share of the value against users", exactly(share / segment.share), "ratio"
                    ),
                ),
                Worth(
                    "value that a user here brought beyond the mean of all users",
                    _beyond(own, numeric_of(summary.population, "value_sum")),
                    _AS_BEFORE,
                ),
            )


def _find_lapsed(facts: Facts) -> Iterator[Finding]:
    everyone = numeric_of(facts.summary.population, "recency_days")
    for segment in _several(facts):
        own = numeric_of(segment, "recency_days")
        if own is None or everyone is None or not _is_above(own):
            continue
        least, middle = own.lower_quartile, everyone.median
        if least is not None and middle is not None and least > middle:
            event = facts.summary.traits.event
            yield Finding(
                segment,
                f"Three quarters of its users had their last {event} more than {count(least)} days "
                f"before the end; the median of all users is {count(middle)}.",
                (Evidence("days, lower quartile", exactly(least), "count"),),
                Worth(
                    "days that a user here has been away beyond the mean of all users",
                    _beyond(own, everyone),
                    _AS_BEFORE,
                ),
            )


def _several(facts: Facts) -> tuple[SegmentProfile, ...]:
    """Return the segments where there is more than one to compare."""
    return facts.shown if len(facts.summary.segments) > 1 else ()


def _sum_of(segment: SegmentProfile) -> float | None:
    """Return the total value, where every user has a known one or is counted as none."""
    own = numeric_of(segment, "value_sum")
    if own is None or own.mean is None or own.missing_share is None:
        return None
    return own.mean * segment.n_users * (1 - own.missing_share)


def _beyond(own: NumericStatistics, everyone: NumericStatistics | None) -> Estimate:
    """Return how far the mean lies above that of all users, with its 95 % interval."""
    difference = own.standardised_difference
    if everyone is None or own.mean is None or everyone.mean is None or not difference.value:
        return UNKNOWN
    deviation = (own.mean - everyone.mean) / difference.value
    low, high = difference.low, difference.high
    return Estimate(
        value=own.mean - everyone.mean,
        low=None if low is None else low * deviation,
        high=None if high is None else high * deviation,
    )


def _is_above(own: NumericStatistics) -> bool:
    return (own.standardised_difference.low or 0.0) > 0


KINDS = (
    InsightKind(
        "SEG-017",
        "Most of the value",
        "opportunity",
        "The segment brings at least 1.5 times its share of the total value, and its mean value "
        "per user lies above that of all users (95 % interval).",
        "Few users carry much of the value. It says what they brought, not what they will bring.",
        "Keep these users: serve them first, and measure what an offer adds: make it to a random "
        "half of them, and compare what both halves bring.",
        _find_valuable,
        needs=VALUE,
        data="no clicks",
        is_held_out=True,
        wants=("value_sum",),
    ),
    InsightKind(
        "SEG-018",
        "Not seen for long",
        "caution",
        "Three quarters of its users have been away for longer than the median of all users, and "
        "their mean lies above that of all users (95 % interval).",
        "They may be gone, or may come rarely by habit: who bought once is most often here.",
        "Try to win back a random half of them and leave the others alone; spend on all only if "
        "more of that half come back, by enough to pay for it.",
        _find_lapsed,
        needs=TIME,
        data="no clicks",
        is_held_out=True,
        wants=("recency_days",),
    ),
)
