"""From impression to purchase: who goes on at each step."""

import textwrap
from dataclasses import dataclass
from functools import partial

from segmentry.describe.conversions import SegmentConversions
from segmentry.formats import count, interval, rate, stacked, thousandfold
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import (
    IN_PERCENT,
    as_given,
    at_x,
    at_y,
    haloed,
    layered,
    limits_of,
    on,
)
from segmentry.present.tables import Cell, Column, Row, Shown, Table
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary
from segmentry.schema import Estimate

_PANEL, _GAP, _ROW, _NAMES = 146, 22, 46, 200
_MAX_LINES, _LINE_HEIGHT = 3, 14
_LATIN, _PIXELS_PER_LETTER, _PIXELS_PER_SIGN = 0x24F, 7.0, 13.0
_WIDTH = _NAMES + 4 * (_PANEL + _GAP)
_STEPS = {
    "click": "impressions clicked",
    "view": "clicks, then a view",
    "cart": "views, then the cart",
    "purchase": "carts, then bought",
}
_HEADS = {
    "impression": "impressions of known category",
    "click": "clicked",
    "view": "then viewed",
    "cart": "then put in the cart",
    "purchase": "then bought",
}
_NONE_FURTHER = "Too few users got beyond a click to say where they are lost"
_hundredths = partial(thousandfold, digits=2)
_AFTER = {
    "view": "from a click to a view",
    "cart": "from the view to the cart",
    "purchase": "from the cart to the purchase",
}


@dataclass(frozen=True, slots=True)
class _Share:
    """The share of a segment that goes on at a step; segment 0 is all users."""

    segment_id: int
    value: float
    estimate: "Estimate"


def _caption(summary: "Summary") -> Caption:
    """Say after which step most users are lost, and between which segments it differs most."""
    if not _shown_segments(summary):
        return absent("What followed the impressions is not known in this run")
    if not _has_funnel(summary):
        return absent(_NONE_FURTHER)
    finding = _finding(summary)
    text = "; ".join(
        f"{_STEPS[step]}: {', '.join(_text(each) for each in _shares(summary, step))}"
        for step in _STEPS
        if _shares(summary, step)
    )
    days = 0 if summary.conversions is None else summary.conversions.days
    return Caption(
        finding=finding,
        reading=f"Share of those of the step before, in the same category, within {days} days of "
        "the impression. Lines: 95 % intervals, users being the unit. What is missing rests on "
        "too few users. Each step has its own scale.",
        alt=f"Dot charts, one per step, by segment. {finding}. {text}.",
    )


def _finding(summary: "Summary") -> str:
    """Return the step after the click at which fewest go on, and how segments differ there."""
    levels = {
        step: own[0]
        for step in _AFTER
        if (own := _shares(summary, step)) and own[0].segment_id == 0
    }
    if not levels:
        return _NONE_FURTHER
    is_whole = len(levels) == len(_AFTER)
    # Of a hidden step nothing is known: it may be the one at which fewest go on.
    step = min(levels, key=lambda each: levels[each].value) if is_whole else list(levels)[-1]
    level = levels[step]
    text = f"{rate(level.value)} ({interval(level.estimate, write=rate)}) among all users"
    finding = (
        f"After a click, fewest go on {_AFTER[step]}: {text}"
        if is_whole
        else f"After a click, {text} go on {_AFTER[step]}, and too few further to be shown"
    )
    segments = [each for each in _shares(summary, step) if each.segment_id]
    if len(segments) < 2:
        return finding
    most, least = (pick(segments, key=lambda each: each.value) for pick in (max, min))
    if not _is_above(most.estimate, least.estimate):
        return f"{finding}; segments are not shown separately there"
    return (
        f"{finding}; most often in segment {most.segment_id} ({rate(most.value)}), least in "
        f"segment {least.segment_id} ({rate(least.value)})"
    )


def _is_above(one: "Estimate", other: "Estimate") -> bool:
    """Whether the intervals do not overlap."""
    return one.low is not None and other.high is not None and one.low > other.high


def _draw(summary: "Summary") -> Drawing | None:
    """Draw for each step the share of all users and of each segment that goes on."""
    if not _has_funnel(summary):
        return None
    order = [each.segment_id for each in _shown_segments(summary)]
    panels = [_names(summary, order)]
    panels += [_panel(summary, step, order, title=title) for step, title in _STEPS.items()]
    chart: alt.HConcatChart = alt.hconcat(*panels, spacing=_GAP)
    return Drawing(chart)


def _names(summary: "Summary", order: list[int]) -> "alt.LayerChart":
    names = {
        0: "all users",
        **{s.segment_id: f"{s.segment_id}  {s.name}" for s in summary.segments},
    }
    rows: Rows = [
        {
            "segment_id": each,
            "color": _colour(summary, each),
            "label": _lines(names.get(each, str(each))),
        }
        for each in order
    ]
    base = on(rows).encode(y=_place(order), x=at_x(12), text=alt.Text("label:N"))
    dots = on(rows).encode(y=_place(order), x=at_x(3), color=as_given())
    text = base.mark_text(
        align="left",
        baseline="middle",
        fontWeight=600,
        fontSize=12.5,
        lineHeight=_LINE_HEIGHT,
        # The first line stands at its place and the others below it: half of them above.
        dy=alt.ExprRef(f"{-_LINE_HEIGHT / 2} * (length(datum.label) - 1)"),
        limit=_NAMES - 14,
    )
    layers = [dots.mark_point(size=70, filled=True, opacity=1), text]
    return layered(layers, width=_NAMES, height=len(order) * _ROW)


def _lines(name: str) -> list[str]:
    """Break a name into the lines that fit next to its row: 60 letters do, the most a name has.

    >>> _lines("2  Often in the shop, rarely clicks ads")
    ['2  Often in the shop,', 'rarely clicks ads']
    """
    is_latin = all(ord(letter) <= _LATIN for letter in name)
    n_letters = int((_NAMES - 14) / (_PIXELS_PER_LETTER if is_latin else _PIXELS_PER_SIGN))
    return textwrap.wrap(name, n_letters, max_lines=_MAX_LINES, placeholder="…")


def _panel(summary: "Summary", step: str, order: list[int], *, title: str) -> "alt.LayerChart":
    """Draw one step; segments of which too few got so far have no mark."""
    shares = _shares(summary, step)
    rows: Rows = [
        {
            "segment_id": each.segment_id,
            "color": _colour(summary, each.segment_id),
            **limits_of(each.estimate),
            "text": rate(each.value),
        }
        for each in shares
    ]
    ends = [end for each in shares for end in (each.value, each.estimate.high) if end is not None]
    top = max(ends, default=0.0) * 1.08 or 1.0
    scale = alt.Scale(domain=[0, top], nice=False)
    axis = alt.Axis(title=title, tickCount=3, labelExpr=IN_PERCENT, format="~g")
    base = on(rows).encode(y=_place(order))
    x = alt.X("value:Q", axis=axis, scale=scale)
    ranges = base.transform_filter("isValid(datum.low)").encode(
        x=alt.X("low:Q", axis=axis, scale=scale), x2=alt.X2("high:Q"), color=as_given()
    )
    layers = [
        ranges.mark_rule(strokeWidth=3, strokeCap="round"),
        base.mark_point(size=80, filled=True, opacity=1).encode(x=x, color=as_given()),
        *haloed(
            base.encode(x=x, text=alt.Text("text:N")), weight=400, size=11.5, rise=13, align="left"
        ),
    ]
    if not rows:
        nothing = on([{"text": "too few users"}]).encode(
            x=at_x(_PANEL / 2), y=at_y(len(order) * _ROW / 2), text=alt.Text("text:N")
        )
        layers.append(nothing.mark_text(fontSize=12, color=ROLES["muted"].light))
    return layered(layers, width=_PANEL, height=len(order) * _ROW)


def _place(order: list[int]) -> "alt.Y":
    return alt.Y("segment_id:O", axis=None, sort=None, scale=alt.Scale(domain=order))


def _colour(summary: "Summary", segment_id: int) -> str:
    return segment_colour(summary.colour_number(segment_id)) if segment_id else ROLES["ink"].light


def _shown_segments(summary: "Summary") -> "list[SegmentConversions]":
    report = summary.conversions
    return [] if report is None else [each for each in report.segments if each.steps]


def _shares(summary: "Summary", step: str) -> list[_Share]:
    """Return who goes on at a step, all users first; those of too few users are left out."""
    return [
        _Share(each.segment_id, found.of_before.value, found.of_before)
        for each in _shown_segments(summary)
        for found in each.steps
        if found.step == step and found.of_before.value is not None
    ]


def _text(share: _Share) -> str:
    name = f"segment {share.segment_id}" if share.segment_id else "all users"
    return f"{name} {rate(share.value)} ({interval(share.estimate, write=rate)})"


def _has_funnel(summary: "Summary") -> bool:
    return any(_shares(summary, step) for step in _STEPS)


def _tables(summary: "Summary") -> tuple[Table, ...]:
    shown = _shown_segments(summary)
    if not shown or summary.conversions is None:
        return ()
    names = {0: "all users", **{s.segment_id: f"{s.segment_id} {s.name}" for s in summary.segments}}
    columns = (
        Column("segment", "segment"),
        *(Column(each.step, _HEADS[each.step]) for each in shown[0].steps),
        Column("click_conversion", "clicks followed by a purchase", rate),
        Column("value_proxy", "value proxy per 1,000 impressions", _hundredths),
    )

    def row(found: "SegmentConversions") -> Row:
        head = names.get(found.segment_id, str(found.segment_id))
        steps = (Shown(each.n, _step(each.n, each.of_before)) for each in found.steps)
        cells: tuple[Cell, ...] = (head, *steps, found.click_conversion, found.value_proxy)
        return Row(cells, found.segment_id or None, is_strong=not found.segment_id)

    caption = (
        "From impression to purchase: each step after the one before, in the same category, within "
        f"{summary.conversions.days} days of the impression; shares are of the step before "
        "(95\u00a0%, users being the unit)"
    )
    return (Table("funnel", caption, columns, tuple(map(row, shown))),)


def _step(n: int | None, share: "Estimate") -> str:
    return f"{count(n)}\n{stacked(share, rate)}" if share.is_known else count(n)


FIGURE = Figure(
    name="funnel",
    title="From impression to purchase",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
    section="purchases",
    order=17,
    needs=lambda summary: bool(_shown_segments(summary)),  # counts are known also without shares
    tables=_tables,
)
