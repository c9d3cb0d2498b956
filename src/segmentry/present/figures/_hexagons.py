"""The map of all users: hexagons counted beforehand, drawn in the colour of who is in them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segmentry.formats import count, percent
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish
from segmentry.present.figures._colouring import Value, colour_by, label_of, largest_in, layers_of
from segmentry.present.figures._map import center_marks, map_axes, map_frame
from segmentry.present.figures._marks import as_given, layered, on_named, own_colours
from segmentry.present.theme import segment_colour

if TYPE_CHECKING:
    import altair as alt

    from segmentry.present.figures._map import Frame
    from segmentry.results.summary import Summary


_WIDTH = 600
_HEXAGON = "M0,-1L0.866,-0.5L0.866,0.5L0,1L-0.866,0.5L-0.866,-0.5Z"
_FAINTEST = 0.16
_MOST_ROUNDED = 1.1


def caption_map_hexagons(summary: "Summary") -> Caption:
    """Say how many users stand where segments mix on the map.

    Examples
    --------
    >>> print(caption_map_hexagons(summary).finding)  # doctest: +SKIP
    """
    cells = () if summary.pictures is None else summary.pictures.hexagons
    if not cells:
        text = "There is no map of all users: this run has fewer than two components, or kept none"
        return Caption(finding=text, reading="", alt=f"{text}.")
    finding = f"All {count(summary.population.n_users)} users on the map"
    mixed = None if summary.pictures is None else summary.pictures.mixed_share
    if len(summary.segments) > 1 and mixed is not None:
        finding += f"; {percent(mixed, digits=0)} stand where segments mix on these two directions"
    # A hexagon of few users is counted as more, for privacy.
    is_counted = sum(cell.n_users for cell in cells) <= _MOST_ROUNDED * summary.population.n_users
    busiest = max(cells, key=lambda cell: cell.n_users)
    return Caption(
        finding=finding,
        reading="Each hexagon: the users in it, in the colour of the segment most of them belong "
        "to; the stronger, the more users (logarithmic)"
        + ("" if is_counted else "; those of few users are drawn as one of the fewest shown")
        + ". Users outside the inner 99.8 % are in it too. Numbered discs: the segments’ centres.",
        alt=f"Map of {len(cells)} hexagons. {finding}. The fullest holds {count(busiest.n_users)} "
        f"users, {percent(busiest.share, digits=0)} of them of segment {busiest.segment_id}.",
    )


def plot_map_hexagons(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw all users on the first two principal components, counted in hexagons.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``map_hexagons``; without them, a chart that says so.

    Examples
    --------
    >>> plot_map_hexagons(summary).save("map_hexagons.html")  # doctest: +SKIP
    """
    import altair as alt

    caption, pictures = caption_map_hexagons(summary), summary.pictures
    if pictures is None or not pictures.hexagons or not pictures.hexagon_radius:
        return empty_chart(name="map_hexagons", caption=caption, width=_WIDTH)
    most = max(cell.n_users for cell in pictures.hexagons)
    rows: Rows = [
        {
            "x": cell.x,
            "y": cell.y,
            "segment_id": cell.segment_id,
            "color": segment_colour(cell.segment_id),
            "o": round(_strength(cell.n_users, most), 3),
            "n": count(cell.n_users),
            "share": percent(cell.share, digits=0),
        }
        for cell in pictures.hexagons
    ]
    tooltip = [
        alt.Tooltip("segment_id:N", title="mostly segment"),
        alt.Tooltip("n:N", title="users here"),
        alt.Tooltip("share:N", title="of that segment"),
    ]
    strength = alt.Opacity("o:Q", scale=None)
    frame = map_frame([(cell.x, cell.y) for cell in pictures.hexagons], width=_WIDTH)
    x, y = map_axes(frame, plane=summary.map)
    hexagons = _marked(on_named("hexagons"), _pixels(pictures.hexagon_radius, frame)).encode(
        x=x, y=y, color=as_given(), opacity=strength, tooltip=tooltip
    )
    layers = [hexagons, *center_marks(summary.map.centers, frame)]
    chart = layered(layers, width=frame.width, height=frame.height)
    return finish(
        chart, name="map_hexagons", caption=caption, width=_WIDTH, datasets={"hexagons": rows}
    )


@dataclass(frozen=True, slots=True)
class HexagonValue:
    """What is known of a feature in one hexagon of the map.

    Parameters
    ----------
    x, y : float
    radius : float
        From the centre to the corners.
    n_users : int
    segment_id : int
        The segment with most users here.
    n_known : int or None
        Users whose value is known; null where they are too few to be told of.
    value : float, str or None
        The mean of the known values, or the most common level; null with too few.
    share : float or None
        Of the most common level among those known.
    """

    x: float
    y: float
    radius: float
    n_users: int
    segment_id: int
    n_known: int | None
    value: Value
    share: float | None


def caption_hexagon_values(
    summary: "Summary", cells: Sequence[HexagonValue], *, feature: str
) -> Caption:
    """Say in which segment a feature is largest, and what the colour of a hexagon is.

    Examples
    --------
    >>> caption_hexagon_values(summary, (), feature="n_clicks").finding  # doctest: +SKIP
    'There is no map of all users by clicks'
    """
    label = label_of(summary, feature)
    if not cells:
        text = f"There is no map of all users by {label}"
        return Caption(finding=text, reading="", alt=f"{text}.")
    is_level = _is_level(summary, feature)
    n_empty = sum(cell.value is None for cell in cells)
    finding = (
        f"All {count(summary.population.n_users)} users by {label}{largest_in(summary, feature)}"
    )
    what = "the most common value" if is_level else "the mean"
    empty = f" Grey: too few users with a known value, {n_empty} of {len(cells)} hexagons."
    return Caption(
        finding=finding,
        reading=f"Colour of a hexagon: {what} among its users whose value is known, however few or "
        "many they are: hover over it, or read the table, for their number. Numbered discs: the "
        f"segments’ centres.{empty if n_empty else ''}",
        alt=f"Map of {len(cells)} hexagons in the colour of {what} of {label}. {finding}.",
    )


def plot_hexagon_values(
    summary: "Summary", cells: Sequence[HexagonValue], *, feature: str
) -> "alt.LayerChart | alt.Chart":
    """Draw all users on the first two components, each hexagon in the colour of a feature.

    Parameters
    ----------
    summary : Summary
        The run.
    cells : sequence of HexagonValue
        What was counted beforehand, in ``hexagons.parquet`` of the run.
    feature : str

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``hexagon_values``; without hexagons, a chart that says so.

    Examples
    --------
    >>> plot_hexagon_values(summary, cells, feature="n_clicks")  # doctest: +SKIP
    """
    import altair as alt

    caption = caption_hexagon_values(summary, cells, feature=feature)
    if not cells:
        return empty_chart(name="hexagon_values", caption=caption, width=_WIDTH)
    ends = [(c.x + side * c.radius, c.y + side * c.radius) for c in cells for side in (-1, 1)]
    frame = map_frame(ends, width=_WIDTH)
    axes, radius = map_axes(frame, plane=summary.map), _pixels(cells[0].radius, frame)
    rows: Rows = [_told(cell) for cell in cells]
    is_level = _is_level(summary, feature)
    of = "most common" if is_level else "mean"
    coloured = colour_by(
        summary,
        rows,
        [cell.value for cell in cells],
        feature,
        of=of,
        unknown="too few known",
        grey="grid",
    )
    tooltip = [
        alt.Tooltip("told:N", title=f"{of} {label_of(summary, feature)}"),
        *([alt.Tooltip("share:N", title="of those known")] if is_level else []),
        alt.Tooltip("known:N", title="users whose value is known"),
        alt.Tooltip("n:N", title="users here"),
        alt.Tooltip("segment_id:N", title="mostly segment"),
    ]
    layers, datasets = layers_of(
        coloured,
        "hexagons",
        lambda base, colour, _: _marked(base, radius).encode(
            x=axes[0], y=axes[1], color=colour, opacity=alt.value(1), tooltip=tooltip
        ),
    )
    layers += center_marks(summary.map.centers, frame)
    chart = own_colours(layered(layers, width=frame.width, height=frame.height))
    return finish(chart, name="hexagon_values", caption=caption, width=_WIDTH, datasets=datasets)


def _told(cell: HexagonValue) -> dict[str, object]:
    return {
        "x": cell.x,
        "y": cell.y,
        "segment_id": cell.segment_id,
        "n": count(cell.n_users),
        "known": "too few" if cell.n_known is None else count(cell.n_known),
        "share": percent(cell.share, digits=0),
    }


def _is_level(summary: "Summary", feature: str) -> bool:
    return any(row.name == feature and row.kind == "categorical" for row in summary.features)


def _pixels(radius: float, frame: "Frame") -> float:
    return radius / (frame.x1 - frame.x0) * frame.width


def _marked(base: "alt.Chart", radius: float) -> "alt.Chart":
    hexagons: alt.Chart = base.mark_point(
        shape=_HEXAGON, size=4 * radius * radius, filled=True, strokeWidth=0
    )
    return hexagons


def _strength(n_users: int, most: int) -> float:
    if most <= 1:
        return 1.0
    return _FAINTEST + (1 - _FAINTEST) * math.log(n_users) / math.log(most)
