"""Click rate and size of each segment day by day, next to the rate that is expected of it."""

from collections.abc import Sequence

from segmentry.describe.profiles import SegmentProfile
from segmentry.evaluation.later_days import DayLevel, SegmentDays
from segmentry.formats import count, day, interval, listed, rate
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import as_given, at_x, layered, on, pixels_y
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary
from segmentry.schema import SECONDS_PER_DAY

_RATES, _SIZES = 330, 120  # pixels of the two panels
_HIGH, _GAP = 48, 28
_MAX_SEGMENTS = 12


def _days_of(summary: "Summary") -> "list[tuple[SegmentProfile, SegmentDays]]":
    """Return the segments with two days or more of which a rate is shown."""
    validation = summary.validation
    found = {} if validation is None else {e.segment_id: e for e in validation.by_segment}
    return [
        (segment, found[segment.segment_id])
        for segment in summary.segments[:_MAX_SEGMENTS]
        if segment.segment_id in found and len(_shown(found[segment.segment_id])) > 1
    ]


def _shown(found: "SegmentDays") -> "Sequence[DayLevel]":
    return [each for each in found.levels.days if each.ctr.value is not None]


def _caption(summary: "Summary") -> Caption:
    """Say which segments move from day to day by more than chance."""
    known = _days_of(summary)
    if not known:
        return absent("Click rates by segment and day are not known in this run")
    moved = [str(segment.segment_id) for segment, found in known if found.levels.has_moved]
    finding = "No segment\u2019s click rate changes from day to day by more than chance"
    if moved:
        start = "Segment" if len(moved) == 1 else "Segments"
        verb = "changes its" if len(moved) == 1 else "change their"
        finding = f"{start} {listed(moved)} {verb} click rate from day to day by more than chance"
    text = "; ".join(
        f"{segment.segment_id} {segment.name}: "
        f"{rate(min(each.ctr.value or 0.0 for each in _shown(found)))} to "
        f"{rate(max(each.ctr.value or 0.0 for each in _shown(found)))}"
        for segment, found in known
    )
    return Caption(
        finding=finding,
        reading="Left: clicks per impression, one scale for all, with its 90\u00a0% interval as a "
        "band; dashed: expected rate. Right: users who saw ads. On each day users stand in the "
        "segment that the other days put them into, so that luck does not flatter a day.",
        alt=f"Lines of click rates by day, one panel per segment. {finding}. {text}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw a panel per segment: the rate with its band and expectation, and the users as bars."""
    known = _days_of(summary)
    if not known:
        return None
    rows = [
        row for place, (s, found) in enumerate(known) for row in _rows(summary, place, s, found)
    ]
    labels = sorted({str(row["day"]): str(row["label"]) for row in rows}.items())
    height = len(known) * (_HIGH + _GAP)
    heads = [_head(place, segment, found) for place, (segment, found) in enumerate(known)]
    panels = [
        layered(_rate_layers(rows, heads, labels), width=_RATES, height=height),
        layered(_size_layers(rows, heads, labels), width=_SIZES, height=height),
    ]
    return Drawing(alt.hconcat(*panels, spacing=24), width=_RATES + _SIZES + 24)


def _rows(summary: "Summary", place: int, segment: "SegmentProfile", found: "SegmentDays") -> Rows:
    """Return a row per day with its places in pixels; one scale of rates for all segments."""
    known = _days_of(summary)
    everything = [each.ctr for _, days in known for each in _shown(days)]
    top = max(each.high or each.value or 0.0 for each in everything) or 1.0
    top = max([top, *(s.expected_rate.value or 0.0 for s, _ in known)])
    most = max(each.n_users or 0 for _, days in known for each in _shown(days)) or 1
    foot = (place + 1) * (_HIGH + _GAP)
    expected = segment.expected_rate.value

    def at(value: float) -> float:
        return round(foot - _HIGH * value / top, 2)

    return [
        {
            "segment_id": segment.segment_id,
            "color": segment_colour(summary.colour_number(segment.segment_id)),
            "day": f"{each.day:08d}",
            "label": _date(summary, each).rsplit(" ", 1)[0],
            "rate": at(each.ctr.value or 0.0),
            "low": None if each.ctr.low is None else at(each.ctr.low),
            "high": None if each.ctr.high is None else at(each.ctr.high),
            "expected": None if expected is None else at(expected),
            "top": round(foot - _HIGH * (each.n_users or 0) / most, 2),
            "foot": foot,
            "text": f"{rate(each.ctr.value)} ({interval(each.ctr, write=rate)}), "
            f"{count(each.n_users)} users",
        }
        for each in _shown(found)
    ]


def _date(summary: "Summary", each: "DayLevel") -> str:
    hours = summary.data.utc_offset_hours
    return day(each.day * SECONDS_PER_DAY - round(hours * 3600), utc_offset_hours=hours)


def _head(place: int, segment: "SegmentProfile", found: "SegmentDays") -> dict[str, object]:
    expected = segment.expected_rate.value
    value = "" if expected is None else f"expected {rate(expected)}"
    name = f"{segment.segment_id}  {segment.name}"
    most = max(each.n_users or 0 for each in _shown(found))
    return {
        "name": name,
        "value": value,
        "users": f"up to {count(most)} users",
        "y": place * (_HIGH + _GAP) + _GAP - 14,
        "foot": (place + 1) * (_HIGH + _GAP),
    }


def _x(labels: "Sequence[tuple[str, str]]", *, n_ticks: int) -> "alt.X":
    cases = "{" + ",".join(f"'{key}':'{label}'" for key, label in labels) + "}"
    step = max(1, -(-len(labels) // n_ticks))
    axis = alt.Axis(
        labelAngle=0,
        labelExpr=f"({cases})[datum.value]",
        title=None,
        values=[key for key, _ in labels[::step]],
        grid=False,
    )
    scale = alt.Scale(domain=[key for key, _ in labels], padding=0.4)
    return alt.X("day:O", axis=axis, scale=scale)


def _rate_layers(rows: Rows, heads: Rows, labels: "Sequence[tuple[str, str]]") -> "list[alt.Chart]":
    base = on(rows).encode(
        x=_x(labels, n_ticks=5), color=as_given(), detail=alt.Detail("segment_id:N")
    )
    band = base.transform_filter("isValid(datum.low)").mark_area(opacity=0.22)
    expected = (
        base.transform_filter("isValid(datum.expected)")
        .mark_line(strokeDash=[4, 3], strokeWidth=1.2, color=ROLES["muted"].light)
        .encode(y=pixels_y("expected"), color=alt.ColorValue(ROLES["muted"].light))
    )
    line = base.mark_line(strokeWidth=1.8).encode(y=pixels_y("rate"))
    dots = base.mark_point(size=26, filled=True, opacity=1).encode(
        y=pixels_y("rate"), tooltip=alt.Tooltip("text:N", title="clicks per impression")
    )
    names = on(heads).mark_text(align="left", fontWeight=600, fontSize=12, limit=_RATES - 110)
    values = on(heads).mark_text(align="right", fontSize=12, color=ROLES["muted"].light)
    return [
        _feet(heads),
        band.encode(y=pixels_y("low"), y2=alt.Y2("high:Q")),
        expected,
        line,
        dots,
        names.encode(text=alt.Text("name:N"), x=at_x(0), y=pixels_y()),
        values.encode(text=alt.Text("value:N"), x=at_x(_RATES), y=pixels_y()),
    ]


def _feet(heads: Rows) -> "alt.Chart":
    """Return the lines of 0."""
    rule = on(heads).mark_rule(color=ROLES["rule"].light, opacity=0.6)
    feet: alt.Chart = rule.encode(y=pixels_y("foot"))
    return feet


def _size_layers(rows: Rows, heads: Rows, labels: "Sequence[tuple[str, str]]") -> "list[alt.Chart]":
    bars = (
        on(rows)
        .mark_bar(opacity=0.75)
        .encode(
            x=_x(labels, n_ticks=2),
            y=pixels_y("top"),
            y2=alt.Y2("foot:Q"),
            color=as_given(),
            tooltip=alt.Tooltip("text:N", title="clicks per impression"),
        )
    )
    sizes = on(heads).mark_text(align="left", fontSize=12, color=ROLES["muted"].light)
    words = sizes.encode(text=alt.Text("users:N"), x=at_x(0), y=pixels_y())
    return [_feet(heads), bars, words]


def _tables(summary: "Summary") -> tuple[Table, ...]:
    """Return the rates and users of every segment and day."""
    rows = [
        segment_row(segment.segment_id, segment.name, _date(summary, each), each.n_users, each.ctr)
        for segment, found in _days_of(summary)
        for each in found.levels.days
    ]
    columns = (
        Column("segment", "segment"),
        Column("day", "day"),
        Column("n_users", "users", count),
        Column("ctr", "clicks per impression", rate, limits="90 % interval"),
    )
    return (Table("rate_by_day", "Click rate and users by segment and day", columns, tuple(rows)),)


FIGURE = Figure(
    name="rate_by_day",
    title="Click rate by day",
    width=_RATES + _SIZES + 24,
    caption=_caption,
    draw=_draw,
    section="days",
    order=22,
    needs=lambda summary: bool(_days_of(summary)),
    tables=_tables,
)
