"""The profile heat map: in what every segment differs, feature by feature."""

import textwrap
from dataclasses import dataclass
from itertools import groupby

from segmentry.describe.profiles import NumericStatistics
from segmentry.formats import signed
from segmentry.present.figures._altair import alt
from segmentry.present.figures._colouring import label_of
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, quoted
from segmentry.present.figures._marks import as_given, at_x, at_y, layered, on, pixels_x, pixels_y
from segmentry.present.figures._plane import hundredths
from segmentry.present.tables import Column, Row, Table
from segmentry.present.theme import (
    HEAT_EDGES,
    ROLES,
    heat_colour,
    heat_ink,
    segment_colour,
    segment_ink,
)
from segmentry.results.summary import FeatureRow, Summary

_LABELS = 190
_ROW = 26
_WIDE = 84
_NARROW = 24
_MANY = 8  # beyond this many segments the cells are narrow and hold no numbers


@dataclass(frozen=True, slots=True)
class _Cell:
    feature: str
    label: str
    family: str
    segment_id: int
    difference: float
    is_clear: bool


def _caption(summary: "Summary") -> Caption:
    """Say which difference is the largest of all."""
    edges = ", ".join(f"{edge:g}" for edge in HEAT_EDGES)
    reading = (
        "(Segment mean − mean of all users) ÷ standard deviation of all users. Blue: below, "
        f"orange: above; classes at {edges}, beyond the last the colour stays the same. "
        "Blank: the 95\u00a0% interval holds 0; no cell: too few users with a value."
    )
    cells = [cell for cell in _cells(summary) if cell.is_clear]
    if not cells:
        text = "The segments differ in no numeric feature"
        return Caption(finding=text, reading=reading, alt=f"{text}.")
    names = {segment.segment_id: segment.name for segment in summary.segments}
    top = sorted(cells, key=lambda cell: -abs(cell.difference))
    first = top[0]
    side = "above" if first.difference > 0 else "below"
    finding = (
        f"The strongest difference: {quoted(names[first.segment_id])} lies "
        f"{signed(abs(first.difference)).lstrip('+')} standard deviations {side} all users in "
        f"{first.label}"
    )
    rows = "; ".join(
        f"{c.segment_id} {names[c.segment_id]}, {c.label}: {signed(c.difference)}" for c in top[:12]
    )
    return Caption(
        finding=finding,
        reading=reading,
        alt="Heat map of standardised differences, numeric features by segments. "
        f"The strongest: {rows}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw standardised differences of the numeric features, one column per segment."""
    cells = _cells(summary)
    if not cells:
        return None
    n_segments = len(summary.segments)
    step = _WIDE if n_segments <= _MANY else _NARROW
    tops = _tops(cells)
    height = (max(tops.values()) + 1) * _ROW
    layers = [
        *_cell_layers(cells, summary, tops, step=step),
        *_row_labels(cells, tops),
        *_column_labels(summary, step=step),
    ]
    width = _LABELS + n_segments * step
    return Drawing(layered(layers, width=width, height=height), width=max(420, width))


def _cells(summary: "Summary") -> list[_Cell]:
    """Return known cells by family, within it the most telling feature first."""
    features = {row.name: row for row in summary.features}
    strongest: dict[str, float] = {}
    found = []
    for segment in summary.segments:
        for row in segment.numeric:
            cell = _cell(row, segment_id=segment.segment_id, feature=features.get(row.feature))
            if cell is not None:
                found.append(cell)
                size = abs(cell.difference)
                strongest[row.feature] = max(size, strongest.get(row.feature, 0.0))
    families = list(dict.fromkeys(row.family for row in summary.features))
    order = {family: i for i, family in enumerate(families)}
    return sorted(
        found,
        key=lambda c: (
            order.get(c.family, len(order)),
            -strongest[c.feature],
            c.feature,
            c.segment_id,
        ),
    )


def _cell(
    row: "NumericStatistics", *, segment_id: int, feature: "FeatureRow | None"
) -> _Cell | None:
    estimate = row.standardised_difference
    if estimate.value is None:
        return None
    low, high = estimate.low, estimate.high
    holds_zero = low is not None and high is not None and low <= 0.0 <= high
    return _Cell(
        feature=row.feature,
        label=feature.label if feature else row.feature,
        family=feature.family if feature else "other",
        segment_id=segment_id,
        difference=estimate.value,
        is_clear=not holds_zero,
    )


def _tops(cells: list[_Cell]) -> dict[str, int]:
    """Return the row of every feature, and of every family's heading (its name and a colon)."""
    tops: dict[str, int] = {}
    for family, members in groupby(cells, key=lambda cell: cell.family):
        tops[f"{family}:"] = len(tops)
        for cell in members:
            tops.setdefault(cell.feature, len(tops))
    return tops


def _cell_layers(
    cells: list[_Cell], summary: "Summary", tops: dict[str, int], *, step: int
) -> "list[alt.Chart]":

    place = {s.segment_id: i for i, s in enumerate(summary.segments)}
    rows: Rows = [
        {
            "x": _LABELS + place[c.segment_id] * step,
            "x2": _LABELS + (place[c.segment_id] + 1) * step - 2,
            "y": tops[c.feature] * _ROW,
            "y2": (tops[c.feature] + 1) * _ROW - 2,
            "segment_id": c.segment_id,
            "feature": c.feature,
            "difference": c.difference,
            "fill": heat_colour(c.difference if c.is_clear else 0.0),
            "ink": heat_ink(c.difference if c.is_clear else 0.0),
            "text": signed(c.difference) if c.is_clear else "",
        }
        for c in cells
    ]
    base = on(rows)
    boxes = base.mark_rect().encode(
        x=pixels_x(), x2=alt.X2("x2"), y=pixels_y(), y2=alt.Y2("y2"), color=as_given("fill")
    )
    if step == _NARROW:
        return [boxes]
    numbers = base.mark_text(dx=step / 2 - 1, dy=_ROW / 2 - 1, fontSize=12).encode(
        x=pixels_x(), y=pixels_y(), text=alt.Text("text:N"), color=as_given("ink")
    )
    return [boxes, numbers]


def _row_labels(cells: list[_Cell], tops: dict[str, int]) -> "list[alt.Chart]":
    labels = {cell.feature: cell.label for cell in cells}
    rows: Rows = [
        {
            "y": (top + 0.5) * _ROW - 1,
            "text": labels.get(name, name.removesuffix(":").capitalize()),
            "is_heading": name not in labels,
        }
        for name, top in tops.items()
    ]
    base = on(rows).encode(x=at_x(0), y=pixels_y(), text=alt.Text("text:N"))
    plain = base.mark_text(align="left", limit=_LABELS - 12).transform_filter("!datum.is_heading")
    bold = base.mark_text(
        align="left", fontWeight=600, color=ROLES["muted"].light, dy=3
    ).transform_filter("datum.is_heading")
    return [plain, bold]


def _column_labels(summary: "Summary", *, step: int) -> "list[alt.Chart]":
    """Return a numbered disc above every column and, where it fits, the wrapped name."""
    is_wide = step == _WIDE
    rows: Rows = []
    for i, s in enumerate(summary.segments):
        lines = textwrap.wrap(s.name, 12, max_lines=3, placeholder="…") if is_wide else []
        rows.append(
            {
                "x": _LABELS + (i + 0.5) * step - 1,
                "number": str(s.segment_id),
                "ink": segment_ink(summary.colour_number(s.segment_id)),
                "name": lines,
                "color": segment_colour(summary.colour_number(s.segment_id)),
            }
        )
    base = on(rows).encode(x=pixels_x())
    top = -58 if is_wide else -14
    discs = base.mark_point(size=330, filled=True, opacity=1).encode(y=at_y(top), color=as_given())
    numbers = base.mark_text(fontWeight=700, fontSize=12).encode(
        y=at_y(top), text=alt.Text("number:N"), color=as_given("ink")
    )
    names = base.mark_text(fontSize=11, lineHeight=13, baseline="top", limit=step - 2).encode(
        y=at_y(top + 16), text=alt.Text("name:N")
    )
    return [discs, numbers, names] if is_wide else [discs, numbers]


def _tables(summary: "Summary") -> tuple[Table, ...]:
    found = [{row.feature: row for row in s.numeric} for s in summary.segments]
    rows = (
        Row((label_of(summary, name), *(each[name].standardised_difference for each in found)))
        for name in (row.feature for row in summary.population.numeric)
        if all(name in each for each in found)
    )
    return (
        Table(
            name="differences",
            caption="Standardised differences, and below them the 95\u00a0% interval",
            columns=(
                Column("feature", "feature"),
                *(
                    Column(f"segment_{s.segment_id}", f"{s.segment_id} {s.name}", hundredths)
                    for s in summary.segments
                ),
            ),
            rows=tuple(rows),
        ),
    )


FIGURE = Figure(
    name="profile_heatmap",
    title="Differences at a glance",
    width=500,
    caption=_caption,
    draw=_draw,
    section="differences",
    order=13,
    tables=_tables,
)
