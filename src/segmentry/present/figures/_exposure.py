"""Exposure curves: how the odds of a click change with each further impression, within users."""

import math
from functools import partial

from segmentry.describe.exposure import CurvePoint, ExposureCurve
from segmentry.formats import count, decimal, interval, rate
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import as_given, layered, limits_of, on
from segmentry.present.tables import Column, Table, record_rows
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary

_WIDTH = 560
_HEIGHT = 260
_MANY_TIMES = 4.0
_MAX_TICKS = 7
_UNITS = {"impression": "number of ads a user has seen", "repeat": "frequency of one ad"}


def _caption(summary: "Summary", *, segment_id: int = 0, kind: str) -> Caption:
    """Say how the odds of a click change each time the exposure doubles."""
    curve = curve_of(summary, segment_id, kind)
    if curve is None:
        why = "this run did not read the log again" if summary.log is None else summary.log.reason
        return absent(f"There is no exposure curve: {why or 'too few clicks'}")
    if not curve.per_doubling.is_known:
        return absent(f"Not enough data for an exposure curve: {curve.reason}")
    change = (
        f"Each doubling of the {_UNITS.get(kind, kind)} multiplies the odds of a click by "
        f"{decimal(curve.per_doubling.value)} (90 % interval {interval(curve.per_doubling)})"
    )
    low, high = curve.per_doubling.low, curve.per_doubling.high
    is_flat = low is not None and high is not None and low <= 1 <= high
    finding = f"No change with exposure is shown. {change}" if is_flat else change
    doubt = "" if curve.is_identified else (
        " Exposure reacts to clicks here, so the curve mixes cause and effect."
    )  # fmt: skip
    return Caption(
        finding=finding,
        reading="Odds of a click against the first, compared within the same users; bars: 90 % "
        "intervals. Dashed, as a warning and no curve: those of whoever got so far, who differ "
        f"from the others.{doubt}",
        alt=f"Exposure curve of {count(curve.n_users)} users. {finding}.",
    )


def _draw(summary: "Summary", *, segment_id: int = 0, kind: str) -> Drawing | None:
    """Draw the odds of a click by exposure with their intervals."""
    curve = curve_of(summary, segment_id, kind)
    rows = [] if curve is None else _rows(curve, summary.colour_number(curve.segment_id))
    if not rows:
        return None
    naive = _naive_rows(curve)
    scale = alt.Scale(type="log", nice=False, padding=12)
    order = alt.Scale(domain=[str(row["label"]) for row in rows])
    axis = alt.Axis(labelAngle=0, title=_UNITS.get(kind, kind))
    x = alt.X("label:O", scale=order, axis=axis)
    marks = alt.Axis(title="odds of a click, first = 1", format="~g", values=_ticks(rows, naive))
    y = alt.Y("value:Q", scale=scale, axis=marks)
    base = on(rows).encode(x=x)
    bars = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2.5, strokeCap="round", opacity=0.5)
        .encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=as_given())
    )
    line = base.mark_line(strokeWidth=1.5).encode(y=y, color=as_given())
    dots = base.mark_point(size=60, filled=True, opacity=1).encode(y=y, color=as_given())
    survivors = (
        on(naive)
        .mark_line(strokeDash=[5, 4], strokeWidth=1.5, color=ROLES["muted"].light)
        .encode(x=x, y=alt.Y("naive:Q", scale=scale))
    )
    one = on([{"one": 1.0}]).mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3])
    layers = [
        one.encode(y=alt.Y("one:Q", scale=scale)),
        *([survivors] if naive else []),
        bars,
        line,
        dots,
    ]
    return Drawing(layered(layers, width=_WIDTH, height=_HEIGHT))


def _ticks(rows: Rows, naive: Rows) -> list[float]:
    """Return round odds to mark: even steps, or 1-2-5 where the largest is many times the least.

    Vega marks a logarithmic scale unevenly and leaves out every label that finds no room.
    """
    parts = [
        row[name]
        for row in (*rows, *naive)
        for name in ("value", "low", "high", "naive")
        if name in row
    ]
    known = [1.0, *(value for value in parts if isinstance(value, float) and value > 0)]
    low, high = min(known), max(known)
    if high > _MANY_TIMES * low:
        found = [first * 10.0**power for power in range(-4, 5) for first in (1, 2, 5)]
    else:
        step = next(
            s for s in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if high - low <= _MAX_TICKS * s
        )
        found = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [round(tick, 4) for tick in found if low <= tick <= high]


def _naive_rows(curve: "ExposureCurve | None") -> Rows:
    """Return the odds of whoever got so far against those at the first."""
    rates = [] if curve is None else [point.naive_ctr.value for point in curve.points]
    if curve is None or not rates or not rates[0] or rates[0] >= 1:
        return []
    first = rates[0] / (1 - rates[0])
    return [
        {"label": _positions(point.first, point.last), "naive": rate / (1 - rate) / first}
        for point, rate in zip(curve.points, rates, strict=True)
        if rate is not None and 0 < rate < 1
    ]


def curve_of(summary: "Summary", segment_id: int, kind: str) -> "ExposureCurve | None":
    """Return the curve of a segment, or of all users where the id is 0."""
    curves = () if summary.log is None else summary.log.curves
    return next((c for c in curves if c.segment_id == segment_id and c.kind == kind), None)


def _rows(curve: "ExposureCurve", colour: int) -> Rows:
    return [
        {
            "label": _positions(point.first, point.last),
            **limits_of(point.odds_ratio),
            "segment_id": curve.segment_id,
            "color": segment_colour(colour),
        }
        for point in curve.points
        if point.odds_ratio.value is not None and point.odds_ratio.value > 0
    ]


def _positions(first: int, last: int | None) -> str:
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def exposure_figure(kind: str, *, name: str, title: str, order: int) -> "Figure[...]":
    """Return the figure of a kind of exposure: "impression" or "repeat".

    Its caption and its chart may be drawn for one segment by ``segment_id``; 0 is all users.
    """

    def tables(summary: "Summary") -> tuple[Table, ...]:
        curve = curve_of(summary, 0, kind)
        return () if curve is None else (curve_table(summary, curve),)

    def needs(summary: "Summary") -> bool:
        # Also of a curve that cannot be drawn: the caption says why.
        return curve_of(summary, 0, kind) is not None

    return Figure(
        name=name,
        title=title,
        width=_WIDTH,
        caption=partial(_caption, kind=kind),
        draw=partial(_draw, kind=kind),
        section="exposure",
        order=order,
        needs=needs,
        tables=tables,
    )


def curve_table(summary: "Summary", curve: "ExposureCurve") -> Table:
    """Return an exposure curve as numbers, of all users or of one segment."""
    names = {s.segment_id: f"{s.segment_id} {s.name}" for s in summary.segments}
    of = names.get(curve.segment_id, str(curve.segment_id)) if curve.segment_id else "all users"
    caption = f"By {_UNITS.get(curve.kind, curve.kind)}: {of}"
    if curve.reason:
        caption += f" – {curve.reason}"
    elif curve.per_doubling.is_known:
        caption += (
            f" – odds x {decimal(curve.per_doubling.value)} with each doubling "
            f"({interval(curve.per_doubling)}, 90 %)"
        )
    if not curve.is_identified:
        caption += " – not identified"

    def span(point: CurvePoint) -> str:
        end = "and later" if point.last is None else f"to {point.last}"
        return str(point.first) if point.last == point.first else f"{point.first} {end}"

    columns = (
        Column("position", _UNITS.get(curve.kind, curve.kind), of=span),
        Column("n_users", "users", count),
        Column("n_impressions", "impressions", count),
        Column("naive_ctr", "CTR of those who got so far", rate),
        Column("odds_ratio", "odds within users", decimal),
    )
    return Table(
        name=f"exposure_{curve.kind}_{curve.segment_id}",
        caption=caption,
        columns=columns,
        rows=record_rows(curve.points, columns),
    )
