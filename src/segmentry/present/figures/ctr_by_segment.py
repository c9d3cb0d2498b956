"""Which segments click more and less often than all users."""

from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, interval, rate
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, quoted
from segmentry.present.figures._marks import IN_PERCENT, as_given, layered, marked_value
from segmentry.present.figures._per_segment import (
    FORMING_DAYS,
    STEP,
    WIDTH,
    labels,
    rows_of,
    segment_fields,
)
from segmentry.present.figures.ctr_later import was_checked
from segmentry.present.tables import Column, Row, Table
from segmentry.results.summary import Summary
from segmentry.schema import Estimate


def _caption(summary: "Summary") -> Caption:
    """Say which segments click above and below all users, as far as the intervals tell."""
    known = [(s, s.ctr_seen.value) for s in summary.segments if s.ctr_seen.value is not None]
    reading = (
        f"Clicks per impression {FORMING_DAYS}: segments that were formed by clicks look better or "
        "worse here than they are. Line: 95\u00a0% interval, the user being the unit."
    )
    if not known:
        text = "No click rate is known for any segment"
        return Caption(finding=text, reading=reading, alt=f"{text}.")
    everybody = summary.population.ctr_seen
    finding = f"{_rate_finding(known, everybody)} – {FORMING_DAYS}"
    rows = "; ".join(
        f"{s.segment_id} {s.name}: {rate(s.ctr_seen.value)}, interval "
        f"{interval(s.ctr_seen, write=rate)}"
        for s, _ in known
    )
    return Caption(
        finding=finding,
        reading=reading,
        alt=f"Dot chart of click rates with 95 % intervals, {FORMING_DAYS}. {rows}. "
        f"All users: {rate(everybody.value)}.",
    )


def _rate_finding(known: "list[tuple[SegmentProfile, float]]", everybody: Estimate) -> str:
    """Name the segment that differs most, among those whose interval leaves all users out."""
    if len(known) == 1:
        return f"All users clicked on {rate(known[0][1])} of their impressions"
    middle = everybody.value
    clear = [(s, value) for s, value in known if middle is not None and _leaves_out(s, middle)]
    if middle is None or not clear:
        return f"No segment’s click rate differs clearly from that of all users, {rate(middle)}"
    first, value = max(clear, key=lambda row: abs(row[1] - middle))
    return (
        f"{quoted(first.name)} clicked on {rate(value)} of its impressions, "
        f"all users on {rate(middle)}"
    )


def _leaves_out(segment: "SegmentProfile", value: float) -> bool:
    low, high = segment.ctr_seen.low, segment.ctr_seen.high
    return low is not None and high is not None and not low <= value <= high


def _draw(summary: "Summary") -> Drawing | None:
    """Draw the click rate of every segment with its interval, against all users."""
    if not any(segment.ctr_seen.is_known for segment in summary.segments):
        return None
    rows: Rows = [
        {
            **segment_fields(index, segment, summary),
            "ctr": segment.ctr_seen.value,
            "low": segment.ctr_seen.low,
            "high": segment.ctr_seen.high,
            "value": rate(segment.ctr_seen.value),
        }
        for index, segment in enumerate(summary.segments)
    ]
    estimates = [s.ctr_seen for s in (*summary.segments, summary.population)]
    top = max(_upper(estimate) for estimate in estimates)
    base = rows_of(rows)
    ranges = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=8).encode(
        x=_ctr_axis(top=top * 1.02 or 1.0), x2=alt.X2("high:Q"), color=as_given()
    )
    dots = base.mark_point(size=90, filled=True, opacity=1, yOffset=8).encode(
        x=alt.X("ctr:Q"), color=as_given()
    )
    layers = [*_everybody(summary), ranges, dots, *labels(base)]
    return Drawing(layered(layers, width=WIDTH, height=len(rows) * STEP))


def _upper(estimate: Estimate) -> float:
    return estimate.high or estimate.value or 0.0


def _ctr_axis(*, top: float) -> "alt.X":
    axis = alt.Axis(
        labelExpr=IN_PERCENT,
        tickCount=5,
        title=f"clicks per impression, {FORMING_DAYS}",
    )
    return alt.X("low:Q", axis=axis, scale=alt.Scale(domain=[0, top], nice=False))


def _everybody(summary: "Summary") -> "list[alt.Chart]":
    value = summary.population.ctr_seen.value
    if value is None:
        return []
    return marked_value(value, f"all users {rate(value)}", field="ctr", dy=-2)


def _tables(summary: "Summary") -> tuple[Table, ...]:
    columns = [
        Column("segment", "segment"),
        Column("ctr_seen", "clicks per impression", rate, limits="95 % interval"),
        Column("ctr_index", "index (all users 100)", count),
    ]
    if was_checked(summary):
        columns.append(Column("ctr_later", "on later days", rate, limits="90 % interval"))

    def row(name: str, segment: "SegmentProfile", segment_id: int | None) -> Row:
        cells = (name, segment.ctr_seen, segment.ctr_index, segment.ctr_outcome)
        return Row(cells[: len(columns)], segment_id, is_strong=segment_id is None)

    rows = [row(f"{s.segment_id} {s.name}", s, s.segment_id) for s in summary.segments]
    rows.append(row("all users", summary.population, None))
    caption = f"Clicks per impression, {FORMING_DAYS}"
    return (Table("click_rates", caption, tuple(columns), tuple(rows)),)


FIGURE = Figure(
    name="ctr_by_segment",
    title="Click rates seen",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="sizes",
    order=6,
    needs=lambda summary: summary.traits.has_clicks,
    tables=_tables,
)
