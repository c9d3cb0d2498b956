"""The map of sampled users, and which features stretch it."""

import math
from dataclasses import dataclass

from segmentry.formats import percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._colouring import label_of
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import (
    as_given,
    haloed,
    layered,
    on,
    on_named,
    pixels_x,
    pixels_y,
)
from segmentry.present.figures._plane import (
    WIDTH,
    Frame,
    center_marks,
    center_table,
    hundredths,
    map_axes,
    map_frame,
    thin,
)
from segmentry.present.tables import Column, Row, Table
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import MapSummary, Summary

_MAX_POINTS = 1500
_MAX_ARROWS = 6
_LINE = 15  # height of a label in pixels
_CHARACTER = 6.9  # width of its letters, in the widest font of the stack


@dataclass(frozen=True, slots=True)
class _Arrow:
    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class _Box:
    """The place of a label: one line high around y."""

    left: float
    y: float
    right: float


def _caption(summary: "Summary") -> Caption:
    """Say how much of the variation the first two components hold, and what they stand for."""
    plane = summary.map
    ratios = plane.explained_variance_ratio
    if not ratios or not plane.points:
        return absent("There is no map: no principal components were found")
    n = min(2, len(ratios))
    subject = "one direction holds" if n == 1 else "two directions hold"
    finding = (
        f"The map’s {subject} {percent(sum(ratios[:n]), digits=0)} of the variation"
        f"{_strongest(plane, summary)}"
    )
    centers = "; ".join(
        f"{c.segment_id} at {c.x:.1f}, {c.y or 0.0:.1f}".replace("-", "−") for c in plane.centers
    )
    return Caption(
        finding=finding,
        reading="Dots: a sample of the users; numbered discs: the segments’ centres. Arrows: the "
        "features that stretch the map, by direction and relative strength; their "
        "length is not on the scale of the dots.",
        alt=f"Scatter plot of sampled users on the principal components. {finding}. "
        f"Segment centres: {centers}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw the sampled users on two principal components, with loadings and centres."""
    plane = summary.map
    if not plane.points or not plane.explained_variance_ratio:
        return None
    frame = map_frame([(p.x, p.y or 0.0) for p in (*plane.points, *plane.centers)])
    x, y = map_axes(frame, plane)
    dots = on_named("points").mark_circle(size=14, opacity=0.5).encode(x=x, y=y, color=as_given())
    taken = [
        _Box(frame.right(c.x) - 12, frame.down(c.y or 0.0), frame.right(c.x) + 12)
        for c in plane.centers
    ]
    arrows = _arrows(_longest(summary), frame, taken=taken)
    layers = [dots, *arrows, *center_marks(summary, frame)]
    rows: Rows = [
        {
            "x": round(point.x, 3),
            "y": round(point.y or 0.0, 3),
            "segment_id": point.segment_id,
            "color": segment_colour(summary.colour_number(point.segment_id)),
        }
        for point in thin(plane.points, most=_MAX_POINTS)
    ]
    return Drawing(layered(layers, width=frame.width, height=frame.height), {"points": rows})


def _strongest(plane: "MapSummary", summary: "Summary") -> str:
    if not plane.loadings or not plane.columns:
        return ""
    first = max(zip(plane.columns, plane.loadings[0], strict=True), key=lambda c: abs(c[1]))[0]
    return f"; the first is mostly {label_of(summary, first)}"


def _longest(summary: "Summary") -> list[_Arrow]:
    plane = summary.map
    second = plane.loadings[1] if len(plane.loadings) > 1 else [0.0] * len(plane.columns)
    first = plane.loadings[0] if plane.loadings else [0.0] * len(plane.columns)
    arrows = [
        _Arrow(label_of(summary, column), x, y)
        for column, x, y in zip(plane.columns, first, second, strict=True)
    ]
    arrows = [arrow for arrow in arrows if math.hypot(arrow.x, arrow.y) > 0]
    return sorted(arrows, key=lambda arrow: -math.hypot(arrow.x, arrow.y))[:_MAX_ARROWS]


def _reach(arrows: list[_Arrow], frame: Frame) -> float:
    """Return pixels per unit of loading, such that every arrow ends inside the frame."""
    x0, y0, edge = frame.right(0.0), frame.down(0.0), 10
    limits = [0.36 * min(frame.width, frame.height) / math.hypot(arrows[0].x, arrows[0].y)]
    for arrow in arrows:
        # A label that is longer than the room next to its arrow is moved inwards.
        room_x = frame.width - edge - x0 if arrow.x > 0 else x0 - edge
        room_y = y0 - edge if arrow.y > 0 else frame.height - edge - y0
        limits += [max(room_x, 20.0) / abs(arrow.x)] if arrow.x else []
        limits += [room_y / abs(arrow.y)] if arrow.y else []
    return max(min(limits), 0.0)


def _arrows(arrows: list[_Arrow], frame: Frame, *, taken: list[_Box]) -> "list[alt.Chart]":
    if not arrows:
        return []
    x0, y0, reach = frame.right(0.0), frame.down(0.0), _reach(arrows, frame)
    lines: Rows = []
    texts: Rows = []
    for arrow in sorted(arrows, key=lambda a: -a.y):
        x, y = x0 + arrow.x * reach, y0 - arrow.y * reach
        width = _text_width(arrow.label)
        angle = math.degrees(math.atan2(arrow.x, arrow.y))
        lines.append({"x": x, "y": y, "x2": x0, "y2": y0, "angle": angle})
        left = x + 7 if arrow.x >= 0 else x - 7 - width
        left = min(max(left, 2), frame.width - width)
        texts.append({"x": left, "y": _free_line(left, y, width, taken), "text": arrow.label})
    ink = ROLES["ink"].light
    base = on(lines).encode(x=pixels_x(), y=pixels_y())
    rules = base.mark_rule(color=ink, strokeWidth=1.2).encode(x2=alt.X2("x2"), y2=alt.Y2("y2"))
    heads = base.mark_point(shape="triangle", filled=True, size=55, color=ink, opacity=1).encode(
        angle=alt.Angle("angle:Q", scale=None)
    )
    labels = on(texts).encode(x=pixels_x(), y=pixels_y(), text=alt.Text("text:N"))
    return [rules, heads, *haloed(labels, weight=400)]


def _text_width(text: str) -> float:
    return sum(2 * _CHARACTER if ord(each) > 0x2E80 else _CHARACTER for each in text)


def _free_line(left: float, y: float, width: float, taken: list[_Box]) -> float:
    """Return the first free line from `y` downwards for a label, and take the place."""
    while not _is_free(left, y, width, taken):
        y += 2
    taken.append(_Box(left, y, left + width))
    return y


def _is_free(left: float, y: float, width: float, taken: list[_Box]) -> bool:
    return not any(
        abs(y - box.y) < _LINE and left < box.right and left + width > box.left for box in taken
    )


def loading_table(summary: "Summary") -> Table:
    """Return how much each column weighs in each component."""
    plane = summary.map
    ratios = plane.explained_variance_ratio
    return Table(
        name="loadings",
        caption="Loadings: how much each column weighs in each direction of the map",
        columns=(
            Column("column", "column"),
            *(
                Column(f"pc{i + 1}", f"PC{i + 1}, {percent(r)} of the variation", hundredths)
                for i, r in enumerate(ratios)
            ),
        ),
        rows=tuple(
            Row((label_of(summary, column), *(row[i] for row in plane.loadings)))
            for i, column in enumerate(plane.columns)
        ),
    )


FIGURE = Figure(
    name="map",
    title="Map: a sample, and loadings",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="maps",
    order=19,
    needs=lambda summary: bool(summary.map.points and summary.map.explained_variance_ratio),
    tables=lambda summary: (center_table(summary), loading_table(summary)),
)
