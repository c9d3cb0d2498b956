"""The map of all users: hexagons counted beforehand, drawn in the colour of who is in them."""

import math

from segmentry.formats import count, percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import as_given, layered, on_named
from segmentry.present.figures._plane import (
    WIDTH,
    Frame,
    center_marks,
    center_table,
    map_axes,
    map_frame,
)
from segmentry.present.theme import segment_colour
from segmentry.results.summary import Summary

_HEXAGON = "M0,-1L0.866,-0.5L0.866,0.5L0,1L-0.866,0.5L-0.866,-0.5Z"
_FAINTEST = 0.16
_MAX_ROUNDED = 1.1


def _caption(summary: "Summary") -> Caption:
    """Say how many users stand where segments mix on the map."""
    cells = () if summary.pictures is None else summary.pictures.hexagons
    if not cells:
        return absent(
            "There is no map of all users: this run has fewer than two components, or kept none"
        )
    finding = f"All {count(summary.population.n_users)} users on the map"
    mixed = None if summary.pictures is None else summary.pictures.mixed_share
    if len(summary.segments) > 1 and mixed is not None:
        finding += f"; {percent(mixed, digits=0)} stand where segments mix on these two directions"
    # A hexagon of few users is counted as more, for privacy.
    is_counted = sum(cell.n_users for cell in cells) <= _MAX_ROUNDED * summary.population.n_users
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


def _draw(summary: "Summary") -> Drawing | None:
    """Draw all users on the first two principal components, counted in hexagons."""
    pictures = summary.pictures
    if pictures is None or not pictures.hexagons or not pictures.hexagon_radius:
        return None
    most = max(cell.n_users for cell in pictures.hexagons)
    rows: Rows = [
        {
            "x": cell.x,
            "y": cell.y,
            "segment_id": cell.segment_id,
            "color": segment_colour(summary.colour_number(cell.segment_id)),
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
    frame = map_frame([(cell.x, cell.y) for cell in pictures.hexagons])
    x, y = map_axes(frame, summary.map)
    hexagons = hexagon_marks(on_named("hexagons"), pictures.hexagon_radius, frame).encode(
        x=x, y=y, color=as_given(), opacity=strength, tooltip=tooltip
    )
    layers = [hexagons, *center_marks(summary, frame)]
    return Drawing(layered(layers, width=frame.width, height=frame.height), {"hexagons": rows})


def hexagon_marks(base: "alt.Chart", radius: float, frame: Frame) -> "alt.Chart":
    """Return hexagons with corners `radius` units of the components from their centres."""
    pixels = radius / (frame.x1 - frame.x0) * frame.width
    hexagons: alt.Chart = base.mark_point(
        shape=_HEXAGON, size=4 * pixels * pixels, filled=True, strokeWidth=0
    )
    return hexagons


def _strength(n_users: int, most: int) -> float:
    if most <= 1:
        return 1.0
    return _FAINTEST + (1 - _FAINTEST) * math.log(n_users) / math.log(most)


FIGURE = Figure(
    name="map_hexagons",
    title="Map: all users",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="maps",
    order=18,
    needs=lambda summary: summary.pictures is not None and bool(summary.pictures.hexagons),
    tables=lambda summary: (center_table(summary),),
)
