"""Segments of a summary by their id: the profile, and a line of a table that is about one."""

from collections.abc import Sequence

from segmentry.describe.profiles import SegmentProfile
from segmentry.present.tables import Badge, Cell, Column, Row, segment_row
from segmentry.results.summary import Summary

_SHAPES = ("confirmed", "weaker", "reversed", "no difference")
JUDGED = (Column("segment", "segment"), Column("verdict", "verdict", is_words=True))
"""The first columns of lines as `judged_line` returns them."""


def segment_of(summary: Summary, segment_id: int | None) -> SegmentProfile | None:
    """Return a segment; null for all users."""
    found = (each for each in summary.segments if each.segment_id == segment_id)
    return next(found, None)


def line_of(summary: Summary, segment_id: int, *cells: Cell) -> Row:
    """Return a line about a segment, or about all users, which stands out, where the id is 0."""
    if not segment_id:
        return Row(("all users", *cells), is_strong=True)
    segment = segment_of(summary, segment_id)
    return segment_row(segment_id, "" if segment is None else segment.name, *cells)


def judged_line(segment: SegmentProfile, verdict: str, *cells: Cell) -> Row:
    """Return a line about a segment with a verdict on it, which is shown by a shape as well."""
    kind = verdict.replace(" ", "-") if verdict in _SHAPES else "open"
    badge = Badge(text=verdict, kind=kind)
    name = f"{segment.segment_id} {segment.name}"
    return Row((name, verdict, *cells), segment=segment.segment_id, badge=badge)


def feature_labels(summary: Summary, names: Sequence[str]) -> list[str]:
    """Return how people call features."""
    labels = {row.name: row.label for row in summary.features}
    return [labels.get(name, name) for name in names]
