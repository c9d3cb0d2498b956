"""The map in three dimensions: a still axonometric projection that a chart or page may turn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segmentry.formats import percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._colouring import Value, colour_by, label_of, largest_in, layers_of
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import (
    as_given,
    disc_of,
    layered,
    numbered_discs,
    on,
    on_named,
    own_colours,
)
from segmentry.present.figures._plane import UserPlace, center_table, thin, values_note
from segmentry.present.figures.map import loading_table
from segmentry.present.theme import ROLES
from segmentry.results.summary import MapPoint, Summary

AZIMUTH = 35
"""Degrees by which the still picture is turned about the third component."""
ELEVATION = 22
"""Degrees by which it is seen from above."""
_SIZE = 520
_MAX_POINTS = 900
LOWEST, HIGHEST = 4, 40
"""Degrees of elevation between which the floor can be read."""

Position = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """Points around 0 within a box whose longest half is 1, and their segments.

    One scale for all axes: distances are true.
    """

    half: Position
    """Half the box that holds all points."""
    wide: float
    """Half the width that holds the box however it is turned."""
    bottom: float
    top: float
    """`bottom`, `top`: ends of the picture, by what is drawn in the box."""
    points: tuple[Position, ...]
    point_segments: tuple[int, ...]
    centers: tuple[Position, ...]
    center_segments: tuple[int, ...]
    axes: tuple[str, str, str]
    """What stands at the end of each axis."""


def map_scene(summary: "Summary", users: Sequence[UserPlace] = ()) -> Scene | None:
    """Return the points of the map in space, or None with fewer than three components.

    Drawn are the `users`; those of the summary's own map when absent.

    >>> map_scene(summary).axes  # doctest: +SKIP
    ('PC1 46 %', 'PC2 21 %', 'PC3 12 %')
    """
    plane = summary.map
    ratios = plane.explained_variance_ratio
    if len(ratios) < 3 or not plane.points:
        return None
    chosen: Sequence[MapPoint | UserPlace] = (
        thin(users, most=_MAX_POINTS) if users else thin(plane.points, most=_MAX_POINTS)
    )
    everything = [_position(point) for point in (*chosen, *plane.centers)]
    lows = [min(p[i] for p in everything) for i in range(3)]
    highs = [max(p[i] for p in everything) for i in range(3)]
    middle = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
    spans = [(high - low) / 2 for low, high in zip(lows, highs, strict=True)]
    unit = max(spans) or 1.0
    half = (spans[0] / unit, spans[1] / unit, spans[2] / unit)

    def scaled(points: "Sequence[MapPoint | UserPlace]") -> tuple[Position, ...]:
        moved = (zip(_position(point), middle, strict=True) for point in points)
        found = ([round((place - mid) / unit, 3) for place, mid in pairs] for pairs in moved)
        return tuple((x, y, z) for x, y, z in found)

    inside = scaled(chosen)
    names = [f"PC{i + 1} {percent(ratio, digits=0)}" for i, ratio in enumerate(ratios[:3])]
    around = math.hypot(half[0], half[1])
    tilts = [math.radians(tilt) for tilt in (LOWEST, ELEVATION, HIGHEST)]
    return Scene(
        half=half,
        wide=around * 1.12,
        bottom=-max(half[2] * math.cos(t) + around * math.sin(t) for t in tilts) * 1.03,
        top=max(_top(inside, tilt) for tilt in tilts) + 0.12,
        points=inside,
        point_segments=tuple(point.segment_id for point in chosen),
        centers=scaled(plane.centers),
        center_segments=tuple(point.segment_id for point in plane.centers),
        axes=(names[0], names[1], names[2]),
    )


def _caption(
    summary: "Summary", users: Sequence[UserPlace] = (), *, feature: str | None = None
) -> Caption:
    """Say how much of the variation the space holds; with a `feature`, where it is large."""
    ratios = summary.map.explained_variance_ratio
    if len(ratios) < 3 or not summary.map.points:
        return absent("There is no space to show: fewer than three principal components were found")
    held = percent(sum(ratios[:3]), digits=0)
    finding = f"Three directions hold {held} of the variation between users"
    if feature is not None:
        finding += f"; colour: {label_of(summary, feature)}{largest_in(summary, feature)}"
    return Caption(
        finding=finding,
        reading="Sampled users seen from above; nearer dots are larger. Discs: the segments’ "
        f"centres, with a line down to where they stand on the floor."
        f"{values_note(users, feature)}",
        alt=f"Axonometric picture of sampled users on three principal components. {finding}. "
        "The same centres are drawn flat, with their places, on the two-dimensional map.",
    )


def _draw(
    summary: "Summary", users: Sequence[UserPlace] = (), *, feature: str | None = None
) -> Drawing | None:
    """Draw the users on three principal components; sliders turn the picture where charts live."""
    scene = map_scene(summary, users)
    if scene is None:
        return None
    azimuth = alt.param(
        name="azimuth", value=AZIMUTH, bind=alt.binding_range(min=0, max=360, step=5)
    )
    elevation = alt.param(
        name="elevation", value=ELEVATION, bind=alt.binding_range(min=LOWEST, max=HIGHEST, step=2)
    )
    dots, datasets = _dots(summary, scene, users, feature)
    layers = [*_box(scene), *dots, *_centers(summary, scene)]
    height = round(_SIZE * (scene.top - scene.bottom) / 2 / scene.wide)
    chart = layered(layers, width=_SIZE, height=height)
    if feature is not None:
        chart = own_colours(chart)
    chart = chart.add_params(azimuth, elevation)
    return Drawing(chart, datasets)


def _top(points: Sequence[Position], tilt: float) -> float:
    """Return how high any of the points comes when the box is turned around."""
    return max(p[2] * math.cos(tilt) + math.hypot(p[0], p[1]) * math.sin(tilt) for p in points)


def _position(point: "MapPoint | UserPlace") -> Position:
    return point.x, point.y or 0.0, point.z or 0.0


def _depth(position: Position) -> float:
    """Return how far from the eye a position is in the still picture."""
    turn, tilt = math.radians(AZIMUTH), math.radians(ELEVATION)
    away = position[0] * math.sin(turn) + position[1] * math.cos(turn)
    return away * math.cos(tilt) - position[2] * math.sin(tilt)


def _turned(chart: "alt.Chart", *, suffix: str = "") -> "alt.Chart":
    """Add the projected place ``u``, ``v`` and depth ``w`` of the fields x, y, z."""
    x, y, z = (f"datum.{axis}{suffix}" for axis in "xyz")
    turn, tilt = "azimuth * PI / 180", "elevation * PI / 180"
    away = f"({x} * sin({turn}) + {y} * cos({turn}))"
    calculations = {
        f"u{suffix}": f"{x} * cos({turn}) - {y} * sin({turn})",
        f"v{suffix}": f"{z} * cos({tilt}) + {away} * sin({tilt})",
        f"w{suffix}": f"{away} * cos({tilt}) - {z} * sin({tilt})",
    }
    return chart.transform_calculate(**calculations)


def _place(scene: Scene) -> "tuple[alt.X, alt.Y]":
    wide = alt.Scale(domain=[-scene.wide, scene.wide], nice=False)
    high = alt.Scale(domain=[scene.bottom, scene.top], nice=False)
    return alt.X("u:Q", axis=None, scale=wide), alt.Y("v:Q", axis=None, scale=high)


def _lines(rows: Rows, scene: Scene, *, color: str, width: float) -> "alt.Chart":
    """Return straight lines from (x, y, z) to (x2, y2, z2)."""
    u, v = _place(scene)
    base = _turned(_turned(on(rows)), suffix="2")
    rules: alt.Chart = base.mark_rule(color=color, strokeWidth=width).encode(
        x=u, y=v, x2=alt.X2("u2:Q"), y2=alt.Y2("v2:Q")
    )
    return rules


def _line(start: Position, end: Position) -> dict[str, object]:
    return dict(zip(("x", "y", "z", "x2", "y2", "z2"), (*start, *end), strict=True))


def _box(scene: Scene) -> "list[alt.Chart]":
    """Return the floor's grid and three edges of the box, each with its component."""
    x, y, z = scene.half
    ticks = (-1.0, -0.5, 0.0, 0.5, 1.0)
    grid = [_line((t * x, -y, -z), (t * x, y, -z)) for t in ticks]
    grid += [_line((-x, t * y, -z), (x, t * y, -z)) for t in ticks]
    edges = [
        _line((-x, -y, -z), (x, -y, -z)),
        _line((x, -y, -z), (x, y, -z)),
        _line((-x, y, -z), (-x, y, z)),
    ]
    places = ((0.0, -y - 0.14, -z), (x + 0.14, 0.0, -z), (-x, y, z + 0.09))
    rows: Rows = [
        {**dict(zip("xyz", place, strict=True)), "text": text}
        for place, text in zip(places, scene.axes, strict=True)
    ]
    u, v = _place(scene)
    texts = (
        _turned(on(rows))
        .mark_text(color=ROLES["muted"].light, fontSize=12)
        .encode(x=u, y=v, text=alt.Text("text:N"))
    )
    return [
        _lines(grid, scene, color=ROLES["grid"].light, width=1),
        _lines(edges, scene, color=ROLES["rule"].light, width=1.5),
        texts,
    ]


def _rows(points: Sequence[Position], segments: Sequence[int], summary: "Summary") -> Rows:
    """Return rows from far to near, so that near marks cover far ones."""
    return [
        {**dict(zip("xyz", points[i], strict=True)), **disc_of(segments[i], summary)}
        for i in _far_to_near(points)
    ]


def _far_to_near(points: Sequence[Position]) -> list[int]:
    return sorted(range(len(points)), key=lambda i: -_depth(points[i]))


def _dots(
    summary: "Summary", scene: Scene, users: Sequence[UserPlace], feature: str | None
) -> "tuple[list[alt.Chart], dict[str, Rows]]":
    u, v = _place(scene)
    near = alt.Scale(domain=[-1.4, 1.4], range=[26, 6], clamp=True)
    size = alt.Size("w:Q", scale=near, legend=None)

    def draw(base: "alt.Chart", colour: "alt.Color", is_known: bool) -> "alt.Chart":
        dots: alt.Chart = (
            _turned(base)
            .mark_point(opacity=0.55 if feature is None else 0.85, filled=is_known)
            .encode(x=u, y=v, size=size, color=colour)
        )
        return dots

    rows = _rows(scene.points, scene.point_segments, summary)
    if feature is None:
        return [draw(on_named("points"), as_given(), True)], {"points": rows}
    drawn = thin(users, most=_MAX_POINTS)
    values: list[Value] = [drawn[i].values.get(feature) for i in _far_to_near(scene.points)]
    return layers_of(colour_by(summary, rows, values, feature), "points", draw)


def _centers(summary: "Summary", scene: Scene) -> "list[alt.Chart]":
    u, v = _place(scene)
    drops = [_line(center, (center[0], center[1], -scene.half[2])) for center in scene.centers]
    lines = _lines(drops, scene, color=ROLES["ink"].light, width=1)
    base = _turned(on(_rows(scene.centers, scene.center_segments, summary))).encode(x=u, y=v)
    return [lines, *numbered_discs(base, size=320)]


FIGURE = Figure(
    name="map_3d",
    title="Map: in space",
    width=_SIZE,
    caption=_caption,
    draw=_draw,
    section="maps",
    order=20,
    needs=lambda summary: (
        len(summary.map.explained_variance_ratio) >= 3 and bool(summary.map.points)
    ),
    tables=lambda summary: (center_table(summary), loading_table(summary)),
)
