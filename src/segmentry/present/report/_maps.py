"""The maps: pictures with the tables that hold their numbers, and the one that turns."""

import json
from collections.abc import Mapping, Sequence

from segmentry.formats import MISSING, count, decimal, feature_value, percent, signed
from segmentry.present import figures as plots
from segmentry.present.figures import HexagonValue
from segmentry.present.report._tables import segment_row
from segmentry.present.report._views import Figure, Row, Table, Turn
from segmentry.results.summary import Summary


def make_maps(summary: Summary, figures: Mapping[str, str]) -> tuple[Figure, ...]:
    """Return the maps that were drawn, each with the tables that hold its numbers."""
    centers: tuple[Table, ...] = (center_table(summary),)
    loadings = (*centers, loading_table(summary))
    plane = "A sample of users, and what stretches the plane"
    captions = {
        "map_hexagons": ("All users on a plane", plots.caption_map_hexagons(summary), centers),
        "map": (plane, plots.caption_map(summary), loadings),
        "map_pairs": ("The three pairs of directions", plots.caption_map_pairs(summary), loadings),
        "map_3d": ("The users in space", plots.caption_map_3d(summary), loadings),
        "umap": ("Neighbours, by UMAP", plots.caption_umap(summary), (umap_table(summary),)),
    }
    has_space = len(summary.map.explained_variance_ratio) >= 3
    return tuple(
        Figure(
            name=name, heading=heading, caption=caption, svg=figures.get(name, ""), tables=tables
        )
        for name, (heading, caption, tables) in captions.items()
        if figures.get(name) and (has_space or name in ("map", "map_hexagons", "umap"))
    )


def make_turn(summary: Summary) -> Turn | None:
    """Return what the page's script draws when somebody turns the picture in space."""
    scene = plots.map_scene(summary)
    if scene is None:
        return None
    ids = sorted({*scene.point_segments, *scene.center_segments})
    record = {
        "half": scene.half,
        "wide": scene.wide,
        "bottom": scene.bottom,
        "top": scene.top,
        "points": [[*p, s] for p, s in zip(scene.points, scene.point_segments, strict=True)],
        "centers": [[*p, s] for p, s in zip(scene.centers, scene.center_segments, strict=True)],
        "colours": {each: plots.segment_colour(each) for each in ids},
        "inks": {each: plots.segment_ink(each) for each in ids},
        "axes": scene.axes,
    }
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Turn(
        scene=text,
        azimuth=plots.AZIMUTH,
        elevation=plots.ELEVATION,
        lowest=plots.LOWEST,
        highest=plots.HIGHEST,
    )


def loading_table(summary: Summary) -> Table:
    """Return the loadings of the components."""
    labels = {row.name: row.label for row in summary.features}
    plane = summary.map
    ratios = plane.explained_variance_ratio
    return Table(
        caption="Loadings: how much each column weighs in each direction of the map",
        heads=(
            "column",
            *(f"PC{i + 1}, {percent(r)} of the variation" for i, r in enumerate(ratios)),
        ),
        rows=tuple(
            Row(
                labels.get(column, column),
                tuple(signed(row[i], digits=2) for row in plane.loadings),
            )
            for i, column in enumerate(plane.columns)
        ),
    )


def center_table(summary: Summary) -> Table:
    """Return where the segments' centres stand on the components, and how many users they hold."""
    plane = summary.map
    by_id = {segment.segment_id: segment for segment in summary.segments}
    n_axes = min(3, len(plane.explained_variance_ratio))
    rows = tuple(
        segment_row(
            by_id[center.segment_id],
            (
                count(by_id[center.segment_id].n_users),
                *(
                    MISSING if place is None else signed(place, digits=2)
                    for place in (center.x, center.y, center.z)[:n_axes]
                ),
            ),
        )
        for center in plane.centers
        if center.segment_id in by_id
    )
    heads = ("segment", "users", *(f"PC{i + 1}" for i in range(n_axes)))
    return Table(caption="Where the segments’ centres stand", heads=heads, rows=rows)


def hexagon_table(
    summary: Summary,
    cells: Sequence[HexagonValue],
    feature: str,
    *,
    most: int | None = None,
) -> Table:
    """Return what is known of a feature in the hexagons of the map, the fullest first.

    Parameters
    ----------
    summary : Summary
    cells : sequence of HexagonValue
    feature : str
    most : int, optional
        So many rows; all when absent.
    """
    found = next((row for row in summary.features if row.name == feature), None)
    kind, unit = ("count", "") if found is None else (found.kind, found.unit)
    is_level = kind == "categorical"
    labels = {
        level.level: level.label
        for each in summary.population.levels
        if each.feature == feature
        for level in each.levels
    }
    offset = summary.data.utc_offset_hours

    def told(value: float | str | None) -> str:
        if value is None or isinstance(value, str):
            return MISSING if value is None else labels.get(value, value)
        return feature_value(value, kind=kind, unit=unit, utc_offset_hours=offset)

    ordered = sorted(cells, key=lambda cell: -cell.n_users)[:most]
    label = plots.label_of(summary, feature)
    named = (f"most common {label}", "of those known") if is_level else (f"mean {label}",)
    heads = ("PC1, PC2", "users", "mostly segment", "users whose value is known", *named)
    rows = tuple(
        Row(
            f"{signed(cell.x, digits=2)}, {signed(cell.y, digits=2)}",
            (
                count(cell.n_users),
                str(cell.segment_id),
                "too few" if cell.n_known is None else count(cell.n_known),
                told(cell.value),
                *([percent(cell.share, digits=0)] if is_level else []),
            ),
        )
        for cell in ordered
    )
    which = "All" if len(ordered) == len(cells) else f"The {len(ordered)} fullest of {len(cells)}"
    return Table(caption=f"{which} hexagons, by {label}", heads=heads, rows=rows)


def umap_table(summary: Summary) -> Table:
    """Return how far the UMAP keeps who is near whom."""
    found = summary.embedding
    rows: tuple[Row, ...] = ()
    if found is not None:
        formed = (found.n_fitted, found.trustworthiness_fitted, found.overlap_fitted)
        placed = (found.n_placed, found.trustworthiness_placed, found.overlap_placed)
        rows = tuple(
            Row(head, (count(n), decimal(trust, digits=3), percent(overlap)))
            for head, (n, trust, overlap) in (
                ("users that formed the map", formed),
                ("users put into it afterwards", placed),
            )
        )
        chance = percent(found.overlap_of_chance, digits=2)
        rows += (Row("a map without any order", (MISSING, "0.500", chance)),)
    heads = ("", "users", "trustworthiness", "nearest neighbours kept")
    return Table(caption="How far the UMAP keeps who is near whom", heads=heads, rows=rows)
