"""Maps of the users on the first principal components."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from segmentry.formats import percent
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish
from segmentry.present.figures._marks import (
    as_given,
    haloed,
    layered,
    on,
    on_named,
    pixels_x,
    pixels_y,
)
from segmentry.present.theme import ROLES, segment_colour, segment_ink

if TYPE_CHECKING:
    import altair as alt

    from segmentry.present.figures._places import UserPlace
    from segmentry.results.summary import MapPoint, MapSummary, Summary


_Drawn = TypeVar("_Drawn", "MapPoint", "UserPlace")
PAIRS = (("x", "y"), ("x", "z"), ("y", "z"))
"""The pairs of the first three components, by the axes of a place."""
_WIDTH = 600
_PANEL = 252
_MOST_POINTS = 1500
_MOST_PAIR_POINTS = 600
_MOST_ARROWS = 6
_LINE = 15  # height of a label in pixels
_CHARACTER = 6.9  # width of its letters, in the widest font of the stack
_SAMPLE = "Dots: a sample of the users; numbered discs: the segments’ centres."


class _Place(Protocol):
    """Anything that stands on the components."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float | None: ...
    @property
    def z(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Frame:
    """Limits of a map in units of the components, equal on both axes, and its size in pixels."""

    x0: float
    x1: float
    y0: float
    y1: float
    width: int
    height: int

    def right(self, x: float) -> float:
        """Return pixels from the left."""
        return (x - self.x0) / (self.x1 - self.x0) * self.width

    def down(self, y: float) -> float:
        """Return pixels from the top."""
        return (self.y1 - y) / (self.y1 - self.y0) * self.height


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


def caption_map(summary: "Summary") -> Caption:
    """Say how much of the variation the first two components hold, and what they stand for.

    Examples
    --------
    >>> print(caption_map(summary).finding)  # doctest: +SKIP
    """
    plane = summary.map
    ratios = plane.explained_variance_ratio
    if not ratios or not plane.points:
        text = "There is no map: no principal components were found"
        return Caption(finding=text, reading="", alt=f"{text}.")
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
        reading=f"{_SAMPLE} Arrows: the features that stretch the map, by direction and relative "
        "strength; their length is not on the scale of the dots.",
        alt=f"Scatter plot of sampled users on the principal components. {finding}. "
        f"Segment centres: {centers}.",
    )


def plot_map(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw the sampled users on two principal components, with loadings and centres.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``map``; without components, a chart that says so.

    Examples
    --------
    >>> plot_map(summary).save("map.html")  # doctest: +SKIP
    """
    caption = caption_map(summary)
    plane = summary.map
    if not plane.points or not plane.explained_variance_ratio:
        return empty_chart(name="map", caption=caption, width=_WIDTH)
    frame = _frame([(p.x, p.y or 0.0) for p in (*plane.points, *plane.centers)], width=_WIDTH)
    taken = [
        _Box(frame.right(c.x) - 12, frame.down(c.y or 0.0), frame.right(c.x) + 12)
        for c in plane.centers
    ]
    arrows = _arrows(_longest(summary), frame, taken=taken)
    names = _names(summary, frame, taken=taken)
    layers = [
        _dots("points", frame, axes=("x", "y"), plane=plane),
        *arrows,
        *_centers(plane.centers, frame, axes=("x", "y")),
        *names,
    ]
    chart = layered(layers, width=frame.width, height=frame.height)
    rows = _rows(thin(plane.points, most=_MOST_POINTS), ("x", "y"))
    return finish(chart, name="map", caption=caption, width=_WIDTH, datasets={"points": rows})


def caption_map_pairs(summary: "Summary") -> Caption:
    """Say how much the third component adds.

    Examples
    --------
    >>> print(caption_map_pairs(summary).finding)  # doctest: +SKIP
    """
    ratios = summary.map.explained_variance_ratio
    if len(ratios) < 2 or not summary.map.points:
        text = "There are no pairs: fewer than two principal components were found"
        return Caption(finding=text, reading="", alt=f"{text}.")
    if len(ratios) == 2:
        finding = "The columns have two principal components: one pair shows all of them"
    else:
        finding = (
            f"The third direction adds {percent(ratios[2], digits=0)}: together the three hold "
            f"{percent(sum(ratios[:3]), digits=0)} of the variation"
        )
    shares = ", ".join(f"PC{i + 1} {percent(r, digits=0)}" for i, r in enumerate(ratios))
    return Caption(
        finding=finding,
        reading=f"{_SAMPLE} Segments that overlap in one pair may stand apart in another.",
        alt=f"Scatter plots of the pairs of principal components. Variation held: {shares}.",
    )


def plot_map_pairs(summary: "Summary") -> "alt.HConcatChart | alt.Chart":
    """Draw the pairs of the first three principal components side by side.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.HConcatChart or altair.Chart
        Figure ``map_pairs``; with fewer than two components, a chart that says so.

    Examples
    --------
    >>> plot_map_pairs(summary).save("map_pairs.html")  # doctest: +SKIP
    """
    import altair as alt

    caption = caption_map_pairs(summary)
    plane = summary.map
    n_axes = min(3, len(plane.explained_variance_ratio))
    if n_axes < 2 or not plane.points:
        return empty_chart(name="map_pairs", caption=caption, width=_WIDTH)
    pairs = PAIRS if n_axes == 3 else PAIRS[:1]
    panels = [_panel(plane, axes=axes) for axes in pairs]
    width = len(panels) * (_PANEL + 40)
    points = thin(plane.points, most=_MOST_PAIR_POINTS)
    datasets = {"".join(axes): _rows(points, axes) for axes in pairs}
    return finish(
        alt.hconcat(*panels), name="map_pairs", caption=caption, width=width, datasets=datasets
    )


def thin(points: "Sequence[_Drawn]", *, most: int) -> "list[_Drawn]":
    """Return at most `most` points, evenly picked, and at least one of every segment.

    Examples
    --------
    >>> thin([], most=3)
    []
    """
    if len(points) <= most:
        return list(points)
    step = len(points) / most
    picked = {math.floor(i * step) for i in range(most)}
    first: dict[int, int] = {}
    for i, point in enumerate(points):
        first.setdefault(point.segment_id, i)
    return [points[i] for i in sorted(picked | set(first.values()))]


def map_frame(points: list[tuple[float, float]], *, width: int) -> Frame:
    """Return limits that hold all points, on equal scales, and the size in pixels."""
    return _frame(points, width=width)


def pair_frame(places: Sequence["_Place"], pair: tuple[str, str], *, width: int) -> Frame:
    """Return limits of a square that hold all places on two components."""
    return _frame([_coordinates(each, pair) for each in places], width=width, is_square=True)


def map_axes(
    frame: Frame, *, plane: "MapSummary", pair: tuple[str, str] = ("x", "y")
) -> tuple["alt.X", "alt.Y"]:
    """Return the axes of two components, the first two if no others are asked for."""
    return _axes(frame, axes=pair, plane=plane)


def center_marks(
    centers: Sequence["MapPoint"],
    frame: Frame,
    *,
    pair: tuple[str, str] = ("x", "y"),
    size: int = 340,
) -> "list[alt.Chart]":
    """Return the numbered discs of the centres on two components."""
    return _centers(centers, frame, axes=pair, size=size)


def _panel(plane: "MapSummary", *, axes: tuple[str, str]) -> "alt.LayerChart":

    frame = pair_frame([*plane.points, *plane.centers], axes, width=_PANEL)
    layers = [_dots("".join(axes), frame, axes=axes, plane=plane, size=9)]
    layers += _centers(plane.centers, frame, axes=axes, size=190)
    return layered(layers, width=_PANEL, height=_PANEL)


def _coordinates(point: "_Place", axes: tuple[str, str]) -> tuple[float, float]:
    values = {"x": point.x, "y": point.y, "z": point.z}
    return values[axes[0]] or 0.0, values[axes[1]] or 0.0


def _frame(points: list[tuple[float, float]], *, width: int, is_square: bool = False) -> Frame:
    """Return limits that hold all points, on equal scales: distances on the map are true."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x_mid, y_mid = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    x_half = (max(xs) - min(xs)) / 2 * 1.06 or 1.0
    y_half = (max(ys) - min(ys)) / 2 * 1.06 or 1.0
    if is_square:
        x_half = y_half = max(x_half, y_half)
    y_half = max(y_half, 0.55 * x_half)
    x_half = max(x_half, y_half)
    height = round(width * y_half / x_half)
    return Frame(x_mid - x_half, x_mid + x_half, y_mid - y_half, y_mid + y_half, width, height)


def _axes(frame: Frame, *, axes: tuple[str, str], plane: "MapSummary") -> tuple["alt.X", "alt.Y"]:
    import altair as alt

    def title(axis: str) -> str:
        i = "xyz".index(axis)
        ratios = plane.explained_variance_ratio
        if i >= len(ratios):
            return ""
        return f"PC{i + 1}, {percent(ratios[i], digits=0)} of the variation"

    def style(axis: str) -> "alt.Axis":
        return alt.Axis(tickCount=5, title=title(axis), format="~g")

    x = alt.X("x:Q", axis=style(axes[0]), scale=alt.Scale(domain=[frame.x0, frame.x1], nice=False))
    y = alt.Y("y:Q", axis=style(axes[1]), scale=alt.Scale(domain=[frame.y0, frame.y1], nice=False))
    return x, y


def _rows(points: Sequence["MapPoint"], axes: tuple[str, str]) -> Rows:
    rows: Rows = []
    for point in points:
        x, y = _coordinates(point, axes)
        rows.append(
            {
                "x": round(x, 3),
                "y": round(y, 3),
                "segment_id": point.segment_id,
                "color": segment_colour(point.segment_id),
            }
        )
    return rows


def _dots(
    data: str, frame: Frame, *, axes: tuple[str, str], plane: "MapSummary", size: int = 14
) -> "alt.Chart":

    x_axis, y_axis = _axes(frame, axes=axes, plane=plane)
    dots: alt.Chart = (
        on_named(data)
        .mark_circle(size=size, opacity=0.5)
        .encode(x=x_axis, y=y_axis, color=as_given())
    )
    return dots


def _centers(
    centers: Sequence["MapPoint"], frame: Frame, *, axes: tuple[str, str], size: int = 340
) -> "list[alt.Chart]":

    import altair as alt

    rows: Rows = []
    for center in centers:
        x, y = _coordinates(center, axes)
        rows.append(
            {
                "x": frame.right(x),
                "y": frame.down(y),
                "segment_id": center.segment_id,
                "number": str(center.segment_id),
                "ink": segment_ink(center.segment_id),
                "color": segment_colour(center.segment_id),
            }
        )
    base = on(rows).encode(x=pixels_x(), y=pixels_y())
    discs = base.mark_circle(
        size=size, opacity=1, stroke=ROLES["paper"].light, strokeWidth=2
    ).encode(color=as_given())
    numbers = base.mark_text(fontWeight=700, fontSize=12 if size > 200 else 10).encode(
        text=alt.Text("number:N"), color=as_given("ink")
    )
    return [discs, numbers]


def _names(summary: "Summary", frame: Frame, *, taken: list[_Box]) -> "list[alt.Chart]":
    """Return the names right at the centres where there is room; numbers alone for many."""
    names = {s.segment_id: s.name for s in summary.segments}
    if not 1 < len(summary.map.centers) <= 8:
        return []
    rows: Rows = []
    for center in sorted(summary.map.centers, key=lambda c: -(c.y or 0.0)):
        text = textwrap.shorten(names.get(center.segment_id, ""), 30, placeholder="…")
        x, y = frame.right(center.x), frame.down(center.y or 0.0)
        width = _text_width(text)
        place = _beside(x, y, width, frame=frame, taken=taken)
        if place is not None:
            rows.append({"x": place[0], "y": place[1], "text": text})
    return _texts(rows, weight=600)


def _beside(
    x: float, y: float, width: float, *, frame: Frame, taken: list[_Box]
) -> tuple[float, float] | None:
    """Return left edge and line of a name right at its disc, and take it; None without room.

    A name pushed away would stand at another disc; the number and the table tell then.
    """
    middle = x - width / 2
    tries = [(x + 15, y), (middle, y - 20), (middle, y + 20), (x - 15 - width, y)]
    tries += [(x + 8, y - 16), (x + 8, y + 16), (x - 8 - width, y - 16), (x - 8 - width, y + 16)]
    for left, line in tries:
        is_inside = left > 2 and left + width < frame.width and 8 < line < frame.height - 8
        if is_inside and _is_free(left, line, width, taken):
            taken.append(_Box(left, line, left + width))
            return left, line
    return None


def _texts(rows: Rows, *, weight: Literal[400, 600]) -> "list[alt.Chart]":
    import altair as alt

    return haloed(
        on(rows).encode(x=pixels_x(), y=pixels_y(), text=alt.Text("text:N")), weight=weight
    )


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


def _strongest(plane: "MapSummary", summary: "Summary") -> str:
    labels = {row.name: row.label for row in summary.features}
    if not plane.loadings or not plane.columns:
        return ""
    first = max(zip(plane.columns, plane.loadings[0], strict=True), key=lambda c: abs(c[1]))[0]
    return f"; the first is mostly {labels.get(first, first)}"


def _longest(summary: "Summary") -> list[_Arrow]:
    plane = summary.map
    labels = {row.name: row.label for row in summary.features}
    second = plane.loadings[1] if len(plane.loadings) > 1 else [0.0] * len(plane.columns)
    first = plane.loadings[0] if plane.loadings else [0.0] * len(plane.columns)
    arrows = [
        _Arrow(labels.get(column, column), x, y)
        for column, x, y in zip(plane.columns, first, second, strict=True)
    ]
    arrows = [arrow for arrow in arrows if math.hypot(arrow.x, arrow.y) > 0]
    return sorted(arrows, key=lambda arrow: -math.hypot(arrow.x, arrow.y))[:_MOST_ARROWS]


def _reach(arrows: list[_Arrow], frame: Frame) -> float:
    """Return pixels per unit of loading, such that every arrow ends inside the frame."""
    x0, y0, edge = frame.right(0.0), frame.down(0.0), 10
    limits = [0.36 * min(frame.width, frame.height) / math.hypot(arrows[0].x, arrows[0].y)]
    for arrow in arrows:
        # A label that is longer than the room beside its arrow is moved inwards.
        room_x = frame.width - edge - x0 if arrow.x > 0 else x0 - edge
        room_y = y0 - edge if arrow.y > 0 else frame.height - edge - y0
        limits += [max(room_x, 20.0) / abs(arrow.x)] if arrow.x else []
        limits += [room_y / abs(arrow.y)] if arrow.y else []
    return max(min(limits), 0.0)


def _arrows(arrows: list[_Arrow], frame: Frame, *, taken: list[_Box]) -> "list[alt.Chart]":
    import altair as alt

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
    return [rules, heads, *_texts(texts, weight=400)]
