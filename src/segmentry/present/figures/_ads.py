"""What the figures of the ads have in common: small enough for a phone at its own size."""

from segmentry.describe.profiles import SegmentProfile
from segmentry.results.summary import SegmentSpending, Summary

WIDTH = 330


def rated(summary: "Summary") -> "list[SegmentProfile]":
    """Return the segments whose click rate can be expected and whose ads are known, best first."""
    found = [
        each
        for each in summary.segments
        if not each.is_withheld and each.expected_rate.value is not None and each.n_impressions
    ]
    return sorted(found, key=lambda each: (-(each.expected_rate.value or 0.0), each.segment_id))


def is_rated(summary: "Summary") -> bool:
    """Tell whether there is more than one such segment."""
    return summary.traits.has_clicks and len(rated(summary)) > 1


def parts(summary: "Summary") -> dict[int, SegmentSpending]:
    """Return what the decisions propose, by segment; empty where nothing moves."""
    spending = summary.spending
    return {} if spending is None else {each.segment_id: each for each in spending.segments}


def expected_clicks(summary: "Summary") -> dict[int, float]:
    """Return the share of the clicks to be expected, by segment, with today's ads."""
    clicks = {
        each.segment_id: each.impressions_share * (each.expected_rate.value or 0.0)
        for each in rated(summary)
    }
    total = sum(clicks.values())
    return {segment_id: value / total for segment_id, value in clicks.items()} if total else {}
