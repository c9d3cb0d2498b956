"""How large the segments are."""

from segmentry.formats import count, percent
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, quoted
from segmentry.present.figures._marks import as_given, layered, scaled_x
from segmentry.present.figures._per_segment import STEP, WIDTH, labels, rows_of, segment_fields
from segmentry.present.tables import Column, Table, cells_of, segment_row
from segmentry.present.theme import ROLES
from segmentry.results.summary import Summary


def _caption(summary: "Summary") -> Caption:
    """Say how large the segments are."""
    ranked = sorted(summary.segments, key=lambda segment: -segment.share)
    first, last = ranked[0], ranked[-1]
    finding = (
        f"The largest segment, {quoted(first.name)}, holds {percent(first.share, digits=0)} of "
        f"the users; the smallest, {quoted(last.name)}, {percent(last.share, digits=0)}"
        if len(ranked) > 1
        else f"All {count(first.n_users)} users are in one segment"
    )
    traits = summary.traits
    rows = "; ".join(
        f"{s.segment_id} {s.name}: {percent(s.share)} of users"
        + (f", {percent(s.impressions_share)} of {traits.events}" if traits.has_log else "")
        for s in summary.segments
    )
    shown = " they were shown" if traits.event == "impression" else ""
    line = f" Upright line: share of the {traits.events}{shown}." if traits.has_log else ""
    return Caption(
        finding=finding,
        reading=f"Bar: share of the users.{line}",
        alt=f"Bar chart of the segments by share of users. {rows}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw the segments as bars: share of users, with the share of impressions marked."""
    rows: Rows = [
        {
            **segment_fields(index, segment, summary),
            "share": segment.share,
            "impressions_share": segment.impressions_share,
            "value": f"{count(segment.n_users)} users, {percent(segment.share)}",
        }
        for index, segment in enumerate(summary.segments)
    ]
    top = max(max(s.share, s.impressions_share) for s in summary.segments)
    base = rows_of(rows)
    bars = base.mark_bar(height=14, yOffset=8).encode(
        x=scaled_x("share", top=top), color=as_given()
    )
    ticks = base.mark_tick(size=22, thickness=2, yOffset=8, color=ROLES["ink"].light).encode(
        x=scaled_x("impressions_share", top=top)
    )
    layers = [bars, *([ticks] if summary.traits.has_log else []), *labels(base)]
    return Drawing(layered(layers, width=WIDTH, height=len(rows) * STEP))


def _tables(summary: "Summary") -> tuple[Table, ...]:
    traits = summary.traits
    columns = [
        Column("n_users", "users", count),
        Column("share", "share of users", percent),
    ]
    if traits.has_log:
        columns += [
            Column("n_impressions", traits.events, count),
            Column("impressions_share", f"share of {traits.events}", percent),
        ]
    if traits.has_clicks:
        columns += [
            Column("n_clicks", "clicks", count),
            Column("clicks_share", "share of clicks", percent),
        ]
    rows = tuple(segment_row(s.segment_id, s.name, *cells_of(s, columns)) for s in summary.segments)
    head = Column("segment", "segment")
    return (Table("sizes", "Sizes of the segments", (head, *columns), rows),)


FIGURE = Figure(
    name="sizes",
    title="Sizes",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="sizes",
    order=5,
    tables=_tables,
)
