"""Flows between two runs: how many users went from which segment to which."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from segmentry.formats import count, percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent, quoted
from segmentry.present.figures._marks import (
    as_given,
    haloed,
    layered,
    on,
    on_named,
    pixels_x,
    pixels_y,
)
from segmentry.present.theme import segment_colour
from segmentry.schema import UNASSIGNED

_WIDTH = 660
_HEIGHT = 420
_NODE = 14
_SIDE = 210  # room for the names on either side
_GAP = 14
_LINE = 14.5  # pixels from one line of a name to the next
_LETTERS = 27  # of a line; two lines are as high as a thin bar and its gap
_N_STEPS = 24
_THINNEST = 0.4  # pixels under which a ribbon is not drawn; the table has it


@dataclass(frozen=True, slots=True)
class Flow:
    """Users who went from a segment of one run to a segment of the other; 0 is unassigned."""

    before: int
    after: int
    n_users: int


@dataclass(frozen=True, slots=True)
class Flows:
    """All users of both runs, and the names of the segments in either."""

    before: tuple[tuple[int, str], ...]
    after: tuple[tuple[int, str], ...]
    """`before`, `after`: segments of the earlier and of the later run."""
    flows: tuple[Flow, ...]
    n_gone: int
    n_new: int
    """`n_gone`, `n_new`: users that are only in the earlier run, and only in the later one."""

    @property
    def n_users(self) -> int:
        """Users that are in both runs."""
        return sum(flow.n_users for flow in self.flows)


def _caption(flows: Flows) -> Caption:
    """Say how many users kept the number of their segment."""
    total = flows.n_users
    if not total:
        return absent("No user is in both runs: nothing can be compared")
    kept = sum(flow.n_users for flow in flows.flows if flow.before == flow.after)
    finding = (
        f"{percent(kept / total, digits=0)} of the {count(total)} users in both runs stayed in the "
        "segment of the same number"
    )
    names_before, names_after = dict(flows.before), dict(flows.after)
    told = "; ".join(
        f"{_told(flow.before, names_before)} to {_told(flow.after, names_after)}: "
        f"{count(flow.n_users)}"
        for flow in flows.flows
    )
    moved = [flow for flow in flows.flows if flow.before != flow.after]
    if moved:
        largest = max(moved, key=lambda flow: flow.n_users)
        reading = (
            f"The largest move: {count(largest.n_users)} users from "
            f"{quoted(_told(largest.before, names_before))} to "
            f"{quoted(_told(largest.after, names_after))}. "
        )
    else:
        reading = ""
    return Caption(
        finding=finding,
        reading=reading + "Left: the first run; right: the second. A ribbon is as thick as its "
        "users are many, in the colour of where they come from. Equal numbers need not be equal "
        "segments unless the later run was aligned.",
        alt=f"Flow chart. {finding}. {told}.",
    )


def _draw(flows: Flows) -> Drawing | None:
    """Draw users going from the segments of one run to those of another, as ribbons."""
    if not flows.n_users:
        return None
    left = _stacked([(f.before, f.n_users) for f in flows.flows], flows.before)
    right = _stacked([(f.after, f.n_users) for f in flows.flows], flows.after)
    height = max(_HEIGHT, 26 * max(len(left), len(right)))
    unit = (height - _GAP * (max(len(left), len(right)) - 1)) / flows.n_users
    ribbons = _ribbons(flows, _tops(left, unit), _tops(right, unit), unit)
    areas = (
        on_named("ribbons")
        .mark_area(opacity=0.5, interpolate="linear")
        .encode(
            x=pixels_x(),
            y=pixels_y("top"),
            y2=alt.Y2("bottom:Q"),
            detail=alt.Detail("ribbon:N"),
            color=as_given(),
        )
    )
    nodes = _nodes(left, unit, dict(flows.before), is_left=True)
    nodes += _nodes(right, unit, dict(flows.after), is_left=False)
    bars = (
        on(nodes)
        .mark_rect()
        .encode(
            x=pixels_x(),
            x2=alt.X2("x2:Q"),
            y=pixels_y("top"),
            y2=alt.Y2("bottom:Q"),
            color=as_given(),
        )
    )
    layers = [areas, bars]
    for align in ("right", "left"):
        texts = [node for node in nodes if node["align"] == align]
        base = on(texts).encode(x=pixels_x("text_x"), y=pixels_y("text_y"), text=alt.Text("text:N"))
        layers += haloed(base, weight=600, limit=_SIDE - 10, align=align)
    return Drawing(layered(layers, width=_WIDTH, height=height), {"ribbons": ribbons})


def _lines(name: str) -> list[str]:
    """Return a name in at most two lines; what is longer ends in dots."""
    lines = textwrap.wrap(name, _LETTERS)
    return lines[:1] + ([" ".join(lines[1:])] if lines[1:] else [])


def _told(segment_id: int, names: dict[int, str]) -> str:
    if segment_id == UNASSIGNED:
        return "without a segment"
    return f"{segment_id} {names.get(segment_id, '')}".strip()


def _stacked(
    amounts: Sequence[tuple[int, int]], segments: Sequence[tuple[int, str]]
) -> dict[int, int]:
    """Return users per segment in the order of the segments, those without one last."""
    order = [*(segment_id for segment_id, _ in segments), UNASSIGNED]
    totals = dict.fromkeys(order, 0)
    for segment_id, n_users in amounts:
        totals[segment_id] = totals.get(segment_id, 0) + n_users
    return {segment_id: n for segment_id, n in totals.items() if n}


def _tops(totals: dict[int, int], unit: float) -> dict[int, float]:
    tops, y = {}, 0.0
    for segment_id, n_users in totals.items():
        tops[segment_id] = y
        y += n_users * unit + _GAP
    return tops


def _ribbons(flows: Flows, left: dict[int, float], right: dict[int, float], unit: float) -> Rows:
    """Return the upper and lower edge of every ribbon, along a smooth step."""
    left_used, right_used = dict(left), dict(right)
    x0, x1 = _SIDE + _NODE, _WIDTH - _SIDE - _NODE
    rows: Rows = []
    for flow in sorted(flows.flows, key=lambda each: (_last(each.before), _last(each.after))):
        thick = flow.n_users * unit
        start, end = left_used[flow.before], right_used[flow.after]
        left_used[flow.before] += thick
        right_used[flow.after] += thick
        if thick < _THINNEST:
            continue
        for i in range(_N_STEPS + 1):
            t = i / _N_STEPS
            top = start + (end - start) * t * t * (3 - 2 * t)
            rows.append(
                {
                    "ribbon": f"{flow.before}-{flow.after}",
                    "x": round(x0 + (x1 - x0) * t, 2),
                    "top": round(top, 2),
                    "bottom": round(top + thick, 2),
                    "segment_id": flow.before,
                    "color": segment_colour(flow.before),
                }
            )
    return rows


def _last(segment_id: int) -> float:
    return float("inf") if segment_id == UNASSIGNED else segment_id


def _nodes(totals: dict[int, int], unit: float, names: dict[int, str], *, is_left: bool) -> Rows:
    rows: Rows = []
    x = _SIDE if is_left else _WIDTH - _SIDE - _NODE
    for segment_id, top in _tops(totals, unit).items():
        bottom = top + totals[segment_id] * unit
        text = _lines(_told(segment_id, names))
        rows.append(
            {
                "x": x,
                "x2": x + _NODE,
                "top": round(top, 2),
                "bottom": round(bottom, 2),
                "segment_id": segment_id,
                "color": segment_colour(segment_id),
                "text": text,
                "text_x": x - 8 if is_left else x + _NODE + 8,
                "text_y": round((top + bottom) / 2 - (len(text) - 1) * _LINE / 2, 2),
                "align": "right" if is_left else "left",
            }
        )
    return rows


FIGURE = Figure(
    name="flows",
    title="Who moved where",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
)
