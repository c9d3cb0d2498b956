"""Share and click rate of every segment from window to window."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentry.formats import count, day, percent, rate
from segmentry.lifecycle.alarms import OverTime, Reading
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows
from segmentry.present.figures._marks import (
    as_given,
    at_y,
    haloed,
    layered,
    on,
    pixels_x,
    pixels_y,
)
from segmentry.present.tables import Column, Row, Table
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary
from segmentry.schema import Estimate, Window

_WIDTH = 600
_PANELS = {"mix_changed": (0, 210), "segment_rate_changed": (320, 530)}  # from and to, in pixels
_HEADS = {"mix_changed": "share of users", "segment_rate_changed": "clicks per impression"}
_WRITE = {"mix_changed": percent, "segment_rate_changed": rate}
_TOP, _STEP = 24, 74
_NAME, _LINE_FROM, _LINE_TO = 8, 24, 62  # within a row
_MIN_RANGE = 0.2  # of the value: less would make noise look like a change


@dataclass(frozen=True, slots=True)
class Point:
    """A number of a segment in one window; limits are null in the window that formed it."""

    period: int
    value: float
    low: float | None
    high: float | None
    expected: float


def has_windows(summary: "Summary") -> bool:
    """Return whether there is a window to compare with.

    >>> has_windows(summary)  # doctest: +SKIP
    True
    """
    over_time = _of(summary)
    return over_time.formed + 1 < len(over_time.windows)


def points_of(over_time: OverTime, key: str, code: str) -> tuple[Point, ...]:
    """Return the shares ("mix_changed") or rates ("segment_rate_changed") of a segment.

    >>> points_of(over_time, "k7f3", "mix_changed")[0].low is None  # doctest: +SKIP
    True
    """
    found = [_point(each) for each in over_time.readings if (each.code, each.name) == (code, key)]
    if not found or code != "mix_changed":
        return tuple(found)
    share = found[0].expected
    return (Point(over_time.formed, share, None, None, share), *found)


def _of(summary: "Summary") -> OverTime:
    return summary.over_time or OverTime(windows=(), formed=0, readings=(), alarms=())


def _point(reading: Reading) -> Point:
    return Point(reading.period, reading.observed, reading.low, reading.high, reading.expected)


def _caption(summary: "Summary") -> Caption:
    over_time = _of(summary)
    n_windows = len(over_time.windows) - 1 - over_time.formed
    names = {each.segment_key: each.name for each in summary.segments}
    rung = {each.name for each in over_time.alarms if not each.is_over and each.name in names}
    windows = "one window" if n_windows == 1 else f"{count(n_windows)} windows"
    finding = (
        f"{count(len(rung))} of {count(len(names))} segments left their expectation in {windows}"
        if rung
        else f"All segments are as expected in {windows} after they were formed"
    )
    rows = "; ".join(
        f"{names[key]}: share {percent(shares[0].value)} when formed, {percent(shares[-1].value)} "
        "in the last window"
        for key in names
        if (shares := points_of(over_time, key, "mix_changed"))
    )
    return Caption(
        finding=finding,
        reading="Band: interval; all intervals of all windows hold together with 95 %. Broken "
        "line: expected; of rates at the level of the window. Each row has its own scale. Shares "
        "are of users where the model alone places them; the first screen leaves users near a "
        "border where they were, so that its shares can differ.",
        alt=f"Lines of the share of users and of the click rate by window. {finding}. {rows}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    if not has_windows(summary):
        return None
    over_time = _of(summary)
    windows = over_time.windows[over_time.formed :]
    rows = [
        row
        for i, segment in enumerate(summary.segments)
        for code in _PANELS
        for row in _rows(
            points_of(over_time, segment.segment_key, code),
            f"{code} {segment.segment_id}",
            segment_colour(summary.colour_number(segment.segment_id)),
            code,
            top=_TOP + i * _STEP,
            windows=(over_time.formed, len(over_time.windows) - 1),
        )
    ]
    height = _TOP + len(summary.segments) * _STEP + 18
    layers = [*_lines(rows), *_words(summary, windows, height=height)]
    return Drawing(layered(layers, width=_WIDTH, height=height))


def _rows(
    points: Sequence[Point],
    line: str,
    colour: str,
    code: str,
    *,
    top: int,
    windows: tuple[int, int],
) -> Rows:
    """Place the numbers of a segment in its row, in pixels."""
    if not points:
        return []
    ends = [
        each for p in points for each in (p.value, p.low, p.high, p.expected) if each is not None
    ]
    middle, half = (max(ends) + min(ends)) / 2, (max(ends) - min(ends)) / 2
    half = max(half, _MIN_RANGE * middle / 2, 1e-9)
    left, right = _PANELS[code]

    def y(value: float | None) -> float | None:
        if value is None:
            return None
        part = (value - middle) / (2 * half) + 0.5
        return round(top + _LINE_TO - part * (_LINE_TO - _LINE_FROM), 2)

    span = max(1, windows[1] - windows[0])
    return [
        {
            "line": line,
            "color": colour,
            "x": round(left + (right - left) * (point.period - windows[0]) / span, 2),
            "y": y(point.value),
            "low": y(point.low),
            "high": y(point.high),
            "expected": y(point.expected),
            "text": _WRITE[code](point.value) if point is points[-1] else None,
        }
        for point in points
    ]


def _lines(rows: Rows) -> "list[alt.Chart]":
    base = on(rows).encode(x=pixels_x(), detail="line:N")
    band = base.mark_area(opacity=0.22).encode(
        y=pixels_y("low"), y2=alt.Y2("high:Q"), color=as_given()
    )
    last = base.transform_filter("isValid(datum.text)")
    return [
        band.transform_filter("isValid(datum.low)"),
        base.mark_line(strokeDash=[3, 3], color=ROLES["rule"].light, strokeWidth=1.2).encode(
            y=pixels_y("expected")
        ),
        base.mark_line(strokeWidth=2).encode(y=pixels_y(), color=as_given()),
        base.mark_point(size=18, filled=True, opacity=1).encode(y=pixels_y(), color=as_given()),
        last.mark_text(align="left", dx=8, fontSize=12.5, fontWeight=600).encode(
            y=pixels_y(), text=alt.Text("text:N")
        ),
    ]


def _words(summary: "Summary", windows: Sequence[Window], *, height: int) -> "list[alt.Chart]":
    offset = summary.data.utc_offset_hours
    names: Rows = [
        {
            "x": 0,
            "y": _TOP + i * _STEP + _NAME,
            "label": f"{segment.segment_id}  {segment.name}",
        }
        for i, segment in enumerate(summary.segments)
    ]
    heads: Rows = [{"x": _PANELS[code][0], "label": text} for code, text in _HEADS.items()]
    dates: Rows = [
        {"x": x, "label": day(window.start, utc_offset_hours=offset), "align": align}
        for left, right in _PANELS.values()
        for x, window, align in ((left, windows[0], "left"), (right, windows[-1], "right"))
    ]
    named = on(names).encode(x=pixels_x(), y=pixels_y(), text=alt.Text("label:N"))
    headed = on(heads).encode(x=pixels_x(), y=at_y(8), text=alt.Text("label:N"))
    muted = ROLES["muted"].light
    return [
        *haloed(named, weight=600, limit=_WIDTH),
        headed.mark_text(align="left", color=muted, fontSize=12),
        *(
            on([each for each in dates if each["align"] == align])
            .mark_text(align=align, color=muted, fontSize=12)
            .encode(x=pixels_x(), y=at_y(height - 8), text=alt.Text("label:N"))
            for align in ("left", "right")
        ),
    ]


def _tables(summary: "Summary") -> tuple[Table, ...]:
    offset = summary.data.utc_offset_hours
    over_time = _of(summary)
    rows = []
    for segment in summary.segments:
        shares = {p.period: p for p in points_of(over_time, segment.segment_key, "mix_changed")}
        rates = {
            p.period: p for p in points_of(over_time, segment.segment_key, "segment_rate_changed")
        }
        for number, share in shares.items():
            ctr = rates.get(number)
            cells = (
                f"{segment.segment_id} {segment.name}",
                day(over_time.windows[number].start, utc_offset_hours=offset),
                _estimate(share),
                _estimate(ctr),
                None if ctr is None else ctr.expected,
            )
            rows.append(Row(cells, segment=segment.segment_id))
    columns = (
        Column("segment", "segment"),
        Column("window", "window from", is_words=True),
        Column("share", "share of users", percent, limits="interval"),
        Column("ctr", "clicks per impression", rate, limits="interval"),
        Column("expected", "expected", rate),
    )
    return (Table("segments_over_time", "Segments from window to window", columns, tuple(rows)),)


def _estimate(point: Point | None) -> Estimate:
    if point is None:
        return Estimate(None, None, None)
    return Estimate(point.value, point.low, point.high)


FIGURE = Figure(
    name="over_time",
    title="Segments over time",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
    section="over time",
    order=40,
    needs=has_windows,
    tables=_tables,
)
