"""Users who stayed in their segment and users who moved, from the window before to this one."""

from collections.abc import Sequence

from segmentry.formats import count, percent
from segmentry.lifecycle.records import Flow
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows
from segmentry.present.figures._marks import (
    as_given,
    haloed,
    layered,
    on,
    pixels_x,
    pixels_y,
)
from segmentry.present.tables import Column, Row, Table
from segmentry.present.theme import segment_colour
from segmentry.results.summary import Summary

_WIDTH, _HEIGHT, _TOP = 600, 340, 8
_LEFT, _RIGHT, _BAR = 222, 378, 10
_GAP = 14  # between segments
_N_STEPS = 16  # of the curve of a ribbon


def has_flows(summary: "Summary") -> bool:
    """Return whether users of the window before were found again.

    >>> has_flows(summary)  # doctest: +SKIP
    True
    """
    return bool(_known(summary))


def _known(summary: "Summary") -> list[Flow]:
    """Return the flows that are large enough to be shown."""
    if summary.changes is None:
        return []
    return [flow for flow in summary.changes.moves.by_users if flow.n_users]


def _caption(summary: "Summary") -> Caption:
    flows = _known(summary)
    moves = None if summary.changes is None else summary.changes.moves
    finding = "Too few users of the window before were found again"
    if moves is not None and moves.n_both:
        moved = 0 if moves.n_by_users is None else moves.n_by_users
        finding = f"{percent(moved / moves.n_both)} of the {count(moves.n_both)} users of both "
        finding += "windows changed segment"
    names = _names(summary)
    rows = "; ".join(
        f"{names.get(flow.from_key, flow.from_key)} to {names.get(flow.to_key, flow.to_key)}: "
        f"{count(flow.n_users)}"
        for flow in flows
        if flow.from_key != flow.to_key
    )
    return Caption(
        finding=finding,
        reading="Left: segment in the window before. Right: segment in this window, by the same "
        "model. The width of a ribbon is users; too few users are not drawn.",
        alt=f"Ribbons between segments of two windows. {finding}. {rows}.",
    )


def _names(summary: "Summary") -> dict[str, str]:
    return {
        **{each.key: each.name for each in (summary.changes.segments if summary.changes else ())},
        **{each.segment_key: each.name for each in summary.segments},
    }


def _order(summary: "Summary", flows: Sequence[Flow]) -> list[str]:
    """Return the keys in order of the segments of this run, then those that are gone."""
    there = [each.segment_key for each in summary.segments]
    keys = {key for flow in flows for key in (flow.from_key, flow.to_key)}
    return [key for key in there if key in keys] + sorted(keys - set(there))


def _draw(summary: "Summary") -> Drawing | None:
    flows = _known(summary)
    if not flows:
        return None
    order = _order(summary, flows)
    own = {each.segment_key: summary.colour_number(each.segment_id) for each in summary.segments}
    colours = {key: segment_colour(own.get(key, 0)) for key in order}
    total = sum(flow.n_users or 0 for flow in flows)
    scale = (_HEIGHT - 2 * _TOP - _GAP * (len(order) - 1)) / total
    rank = {key: number for number, key in enumerate(order)}
    ordered = sorted(flows, key=lambda flow: (rank[flow.from_key], rank[flow.to_key]))
    across = sorted(flows, key=lambda flow: (rank[flow.to_key], rank[flow.from_key]))
    left = _places(ordered, order, scale, by="from_key")
    right = _places(across, order, scale, by="to_key")
    ribbons: Rows = [
        row
        for flow in ordered
        for row in _ribbon(flow, left[flow], right[flow], scale, colours[flow.from_key])
    ]
    bars = [*_bars(left, "from_key", _LEFT - _BAR), *_bars(right, "to_key", _RIGHT)]
    rows: Rows = [
        {
            "x": x,
            "x2": x + _BAR,
            "y": top,
            "y2": bottom,
            "middle": (top + bottom) / 2,
            "color": colours[key],
            "label": _names(summary).get(key, key),
        }
        for key, x, top, bottom in ((key, x, top, top + n * scale) for key, x, top, n in bars)
    ]
    return Drawing(layered([*_marks(ribbons, rows)], width=_WIDTH, height=_HEIGHT))


def _places(
    flows: Sequence[Flow], order: Sequence[str], scale: float, *, by: str
) -> dict[Flow, float]:
    """Return the top of each flow on one side, where flows of one segment stand together."""
    tops: dict[Flow, float] = {}
    y = float(_TOP)
    for key in order:
        own = [flow for flow in flows if getattr(flow, by) == key]
        for flow in own:
            tops[flow] = y
            y += (flow.n_users or 0) * scale
        y += _GAP
    return tops


def _bars(tops: dict[Flow, float], by: str, x: float) -> list[tuple[str, float, float, int]]:
    bars: dict[str, tuple[float, int]] = {}
    for flow, top in tops.items():
        key = getattr(flow, by)
        before = bars.get(key, (top, 0))
        bars[key] = (min(before[0], top), before[1] + (flow.n_users or 0))
    return [(key, x, top, n) for key, (top, n) in bars.items()]


def _ribbon(flow: Flow, left: float, right: float, scale: float, colour: str) -> Rows:
    """Return the upper and lower edge of a ribbon as points of a smooth step."""
    height = (flow.n_users or 0) * scale
    rows: Rows = []
    for step in range(_N_STEPS + 1):
        part = step / _N_STEPS
        top = left + (right - left) * part * part * (3 - 2 * part)
        rows.append(
            {
                "flow": f"{flow.from_key} {flow.to_key}",
                "color": colour,
                "strength": 0.22 if flow.from_key == flow.to_key else 0.6,
                "x": round(_LEFT + (_RIGHT - _LEFT) * part, 2),
                "y": round(top, 2),
                "y2": round(top + height, 2),
            }
        )
    return rows


def _marks(ribbons: Rows, bars: Rows) -> "list[alt.Chart]":
    areas = [
        on([row for row in ribbons if row["strength"] == strength])
        .mark_area(opacity=strength)
        .encode(x=pixels_x(), y=pixels_y(), y2=alt.Y2("y2:Q"), color=as_given(), detail="flow:N")
        for strength in (0.22, 0.6)
    ]
    blocks = (
        on(bars)
        .mark_rect()
        .encode(
            x=pixels_x(),
            x2=alt.X2("x2:Q"),
            y=pixels_y(),
            y2=alt.Y2("y2:Q"),
            color=as_given(),
        )
    )
    left = [row for row in bars if row["x"] != _RIGHT]
    right = [row for row in bars if row["x"] == _RIGHT]
    words = [
        mark
        for rows, field, align, limit in (
            (left, "x", "right", _LEFT - _BAR - 8),
            (right, "x2", "left", _WIDTH - _RIGHT - _BAR - 8),
        )
        for mark in haloed(
            on([{**row, "x": row[field] + (-6 if align == "right" else 6)} for row in rows]).encode(  # type: ignore[operator]  # a number
                x=pixels_x(), y=pixels_y("middle"), text=alt.Text("label:N")
            ),
            weight=400,
            limit=limit,
            align=align,  # type: ignore[arg-type]  # one of the two
        )
    ]
    return [*areas, blocks, *words]


def _tables(summary: "Summary") -> tuple[Table, ...]:
    names = _names(summary)
    rows = tuple(
        Row(
            (
                names.get(flow.from_key, flow.from_key),
                names.get(flow.to_key, flow.to_key),
                flow.n_users,
            )
        )
        for flow in _known(summary)
    )
    columns = (
        Column("segment_before", "segment before", is_words=True),
        Column("segment", "segment now", is_words=True),
        Column("n_users", "users", count),
    )
    return (Table("flows", "Users by segment before and now", columns, rows),)


FIGURE = Figure(
    name="flows",
    title="Who moved",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
    section="over time",
    order=41,
    needs=has_flows,
    tables=_tables,
)
