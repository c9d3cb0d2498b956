"""What the figures with one row per segment have in common."""

from segmentry.describe.profiles import SegmentProfile
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Rows
from segmentry.present.figures._marks import at_x, haloed, on
from segmentry.present.theme import segment_colour
from segmentry.results.summary import Summary

WIDTH = 440
STEP = 46
FORMING_DAYS = "on the days that formed the segments"


def segment_fields(index: int, segment: "SegmentProfile", summary: "Summary") -> dict[str, object]:
    """Return what every row says of its segment."""
    return {
        "row": index,
        "segment_id": segment.segment_id,
        "label": f"{segment.segment_id}  {segment.name}",
        "color": segment_colour(summary.colour_number(segment.segment_id)),
    }


def rows_of(rows: Rows) -> "alt.Chart":
    """Return a chart of one row per segment."""
    return on(rows).encode(y=alt.Y("row:O", axis=None, sort=None))


def labels(base: "alt.Chart") -> "list[alt.Chart]":
    """Return the names at the left and the values at the right, above the marks."""
    names = haloed(base.encode(text=alt.Text("label:N"), x=at_x(0)), weight=600, rise=10, limit=320)
    values = base.mark_text(align="right", yOffset=-10).encode(
        text=alt.Text("value:N"), x=at_x(WIDTH)
    )
    return [*names, values]
