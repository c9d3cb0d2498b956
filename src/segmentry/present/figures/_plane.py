"""The plane of the first two components: limits, axes, centres, users and hexagons on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from segmentry.formats import count, percent, signed
from segmentry.present.figures._altair import alt
from segmentry.present.figures._colouring import Value, colour_by, label_of, layers_of
from segmentry.present.figures._figure import Rows
from segmentry.present.figures._marks import (
    as_given,
    disc_of,
    numbered_discs,
    on,
    on_named,
    pixels_x,
    pixels_y,
)
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.theme import segment_colour
from segmentry.results.summary import MapPoint, MapSummary, Summary


@dataclass(frozen=True, slots=True)
class UserPlace:
    """A user on a map, and the raw values of the features to colour by.

    `x`, `y` and `z` are the first three components, or the two directions of a UMAP.
    """

    user_id: str
    segment_id: int
    x: float
    y: float
    values: dict[str, Value]
    z: float | None = None


@dataclass(frozen=True, slots=True)
class HexagonValue:
    """What is known of a feature in one hexagon of the map."""

    x: float
    y: float
    radius: float
    """From the centre to the corners."""
    n_users: int
    segment_id: int
    """The segment with most users here."""
    n_known: int | None
    """Users whose value is known; null where they are too few to be shown."""
    value: Value
    """The mean of the known values, or the most common level; null with too few."""
    share: float | None
    """Of the most common level among those known."""


_Drawn = TypeVar("_Drawn", "MapPoint", UserPlace)
WIDTH = 600


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


def thin(points: "Sequence[_Drawn]", *, most: int) -> "list[_Drawn]":
    """Return at most `most` points, evenly picked, and at least one of every segment.

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


def map_frame(points: Sequence[tuple[float, float]]) -> Frame:
    """Return limits that hold all points, on equal scales: distances on the map are true."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x_mid, y_mid = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    x_half = (max(xs) - min(xs)) / 2 * 1.06 or 1.0
    y_half = (max(ys) - min(ys)) / 2 * 1.06 or 1.0
    y_half = max(y_half, 0.55 * x_half)
    x_half = max(x_half, y_half)
    height = round(WIDTH * y_half / x_half)
    return Frame(x_mid - x_half, x_mid + x_half, y_mid - y_half, y_mid + y_half, WIDTH, height)


def map_axes(frame: Frame, plane: "MapSummary") -> tuple["alt.X", "alt.Y"]:
    """Return the axes of the first two components."""
    ratios = plane.explained_variance_ratio
    titles = [f"PC{i + 1}, {percent(r, digits=0)} of the variation" for i, r in enumerate(ratios)]
    across, up = (alt.Axis(tickCount=5, title=each, format="~g") for each in (*titles, "", "")[:2])
    wide = alt.Scale(domain=[frame.x0, frame.x1], nice=False)
    high = alt.Scale(domain=[frame.y0, frame.y1], nice=False)
    return alt.X("x:Q", axis=across, scale=wide), alt.Y("y:Q", axis=up, scale=high)


def center_marks(summary: "Summary", frame: Frame) -> "list[alt.Chart]":
    """Return the numbered discs of the centres."""
    rows: Rows = [
        {
            "x": frame.right(center.x),
            "y": frame.down(center.y or 0.0),
            **disc_of(center.segment_id, summary),
        }
        for center in summary.map.centers
    ]
    return numbered_discs(on(rows).encode(x=pixels_x(), y=pixels_y()), size=340)


def user_layers(
    summary: "Summary",
    users: Sequence[UserPlace],
    feature: str | None,
    *,
    axes: "tuple[alt.X, alt.Y]",
    name: str,
) -> "tuple[list[alt.Chart], dict[str, Rows]]":
    """Return the dots of users by segment or by a feature, and the data they are drawn from."""
    tooltip = [alt.Tooltip("user_id:N", title="user"), alt.Tooltip("segment:N", title="segment")]

    def draw(
        base: "alt.Chart", colour: "alt.Color", is_known: bool, *more: "alt.Tooltip"
    ) -> "alt.Chart":
        dots: alt.Chart = base.mark_point(size=26, opacity=0.85, filled=is_known).encode(
            x=axes[0], y=axes[1], color=colour, tooltip=[*tooltip, *more]
        )
        return dots

    names = {s.segment_id: s.name for s in summary.segments}
    rows: Rows = [
        {
            "user_id": user.user_id,
            "segment": f"{user.segment_id} {names.get(user.segment_id, '')}",
            "x": round(user.x, 3),
            "y": round(user.y, 3),
        }
        for user in users
    ]
    if feature is None:
        for row, user in zip(rows, users, strict=True):
            row["color"] = segment_colour(summary.colour_number(user.segment_id))
        return [draw(on_named(name), as_given(), True)], {name: rows}
    shown_value = alt.Tooltip("shown:N", title=label_of(summary, feature))
    coloured = colour_by(summary, rows, [user.values.get(feature) for user in users], feature)
    return layers_of(coloured, name, lambda *given: draw(*given, shown_value))


def values_note(users: Sequence[UserPlace], feature: str | None) -> str:
    """Say what the colours of a feature mean, and of how many of the users it is unknown."""
    if feature is None:
        return ""
    n_unknown = sum(user.values.get(feature) is None for user in users)
    if not n_unknown:
        return " Colour: the user’s own value; it is known of all of them."
    return (
        f" Colour: the user’s own value; hollow: unknown, {count(n_unknown)} of these users "
        f"({percent(n_unknown / len(users))})."
    )


def center_table(summary: "Summary") -> Table:
    """Return where the segments' centres stand on the components, and how many users they hold."""
    plane = summary.map
    by_id = {segment.segment_id: segment for segment in summary.segments}
    n_axes = min(3, len(plane.explained_variance_ratio))
    rows = (
        segment_row(s.segment_id, s.name, s.n_users, *(center.x, center.y, center.z)[:n_axes])
        for center in plane.centers
        if (s := by_id.get(center.segment_id)) is not None
    )
    return Table(
        name="centres",
        caption="Where the segments’ centres stand",
        columns=(
            Column("segment", "segment"),
            Column("n_users", "users", count),
            *(Column(f"pc{i + 1}", f"PC{i + 1}", hundredths) for i in range(n_axes)),
        ),
        rows=tuple(rows),
    )


def hundredths(value: float | None) -> str:
    """Write a place on a component."""
    return signed(value, digits=2)
