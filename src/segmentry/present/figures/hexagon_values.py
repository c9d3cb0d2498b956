"""The map of all users, each hexagon in the colour of a feature."""

from collections.abc import Sequence
from functools import partial

from segmentry.formats import MISSING, count, feature_value, percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._colouring import colour_by, kind_of, label_of, largest_in, layers_of
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import layered, own_colours
from segmentry.present.figures._plane import (
    WIDTH,
    HexagonValue,
    center_marks,
    hundredths,
    map_axes,
    map_frame,
)
from segmentry.present.figures.map_hexagons import hexagon_marks
from segmentry.present.tables import Cell, Column, Row, Shown, Table
from segmentry.results.summary import Summary


def _caption(summary: "Summary", cells: Sequence[HexagonValue], *, feature: str) -> Caption:
    """Say in which segment a feature is largest, and what the colour of a hexagon is."""
    label = label_of(summary, feature)
    if not cells:
        return absent(f"There is no map of all users by {label}")
    is_level = kind_of(summary, feature)[0] == "categorical"
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


def _draw(summary: "Summary", cells: Sequence[HexagonValue], *, feature: str) -> Drawing | None:
    """Draw all users on the first two components, each hexagon in the colour of a feature."""
    if not cells:
        return None
    ends = [(c.x + side * c.radius, c.y + side * c.radius) for c in cells for side in (-1, 1)]
    frame = map_frame(ends)
    axes = map_axes(frame, summary.map)
    rows: Rows = [_row(cell) for cell in cells]
    is_level = kind_of(summary, feature)[0] == "categorical"
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
        alt.Tooltip("shown:N", title=f"{of} {label_of(summary, feature)}"),
        *([alt.Tooltip("share:N", title="of those known")] if is_level else []),
        alt.Tooltip("known:N", title="users whose value is known"),
        alt.Tooltip("n:N", title="users here"),
        alt.Tooltip("segment_id:N", title="mostly segment"),
    ]
    layers, datasets = layers_of(
        coloured,
        "hexagons",
        lambda base, colour, _: hexagon_marks(base, cells[0].radius, frame).encode(
            x=axes[0], y=axes[1], color=colour, opacity=alt.value(1), tooltip=tooltip
        ),
    )
    layers += center_marks(summary, frame)
    return Drawing(own_colours(layered(layers, width=frame.width, height=frame.height)), datasets)


def _row(cell: HexagonValue) -> dict[str, object]:
    return {
        "x": cell.x,
        "y": cell.y,
        "segment_id": cell.segment_id,
        "n": count(cell.n_users),
        "known": "too few" if cell.n_known is None else count(cell.n_known),
        "share": percent(cell.share, digits=0),
    }


def hexagon_table(
    summary: "Summary", cells: Sequence[HexagonValue], feature: str, *, n_rows: int | None = None
) -> Table:
    """Return what is known of a feature in the hexagons of the map, the fullest first.

    `n_rows` is how many to return; all if not given.
    """
    kind, unit = kind_of(summary, feature)
    is_level = kind == "categorical"
    levels = (each.levels for each in summary.population.levels if each.feature == feature)
    labels = {level.level: level.label for found in levels for level in found}
    offset = summary.data.utc_offset_hours

    def shown(value: float | str | None) -> Shown:
        if value is None or isinstance(value, str):
            return Shown(value, MISSING if value is None else labels.get(value, value))
        text = feature_value(value, kind=kind, unit=unit, utc_offset_hours=offset)
        return Shown(value, text)

    def row(cell: HexagonValue) -> Row:
        known: Cell = "too few" if cell.n_known is None else cell.n_known
        place = f"{hundredths(cell.x)}, {hundredths(cell.y)}"
        values = (place, cell.n_users, cell.segment_id, known, shown(cell.value), cell.share)
        return Row(values[: len(columns)])

    label = label_of(summary, feature)
    columns = [
        Column("place", "PC1, PC2"),
        Column("n_users", "users", count),
        Column("mostly_segment", "mostly segment"),
        Column("n_known", "users whose value is known", count),
        Column("value", f"{'most common' if is_level else 'mean'} {label}"),
    ]
    if is_level:
        columns.append(Column("share", "of those known", partial(percent, digits=0)))
    ordered = sorted(cells, key=lambda cell: -cell.n_users)[:n_rows]
    which = "All" if len(ordered) == len(cells) else f"The {len(ordered)} fullest of {len(cells)}"
    return Table(
        name="hexagons",
        caption=f"{which} hexagons, by {label}",
        columns=tuple(columns),
        rows=tuple(map(row, ordered)),
    )


FIGURE = Figure(
    name="hexagon_values", title="Map: all users", width=WIDTH, caption=_caption, draw=_draw
)
