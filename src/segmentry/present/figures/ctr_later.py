"""The figure of later days: click rates as expected, and as they turned out."""

from collections import Counter
from collections.abc import Callable

from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, interval, rate, writer_of
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, quoted
from segmentry.present.figures._marks import (
    IN_PERCENT,
    as_given,
    at_x,
    haloed,
    layered,
    limits_of,
    marked_value,
    on,
    pixels_y,
)
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary
from segmentry.schema import Estimate

_WIDTH = 600
_RATES = 460  # pixels of the scale; right of it stand the numbers
_STEP = 66
_TOP = 6
_BAND = (18, 44)  # within a row: the band of the forecast
_LINES = {"expected": 31, "later": 31}  # within a row: where the marks lie
_NUMBERS = {"expected": 20, "later": 38}  # within a row: where the numbers stand
_NAME = 8  # within a row: where the name stands
_LONGEST_NAME = 48
_MAX_NAMED = 2
_SAYS = {"no difference": "without a difference"}


def was_checked(summary: "Summary") -> bool:
    """Return whether later days say anything of the segments.

    >>> was_checked(summary)  # doctest: +SKIP
    True
    """
    return summary.validation is not None and not summary.validation.reason


def horizon(summary: "Summary") -> str:
    """Return the days that a forecast is for, in words: as many as there were to check.

    >>> horizon(summary)  # doctest: +SKIP
    'the next 2 days'
    """
    n_days = 0 if summary.validation is None else len(summary.validation.outcome_weekdays)
    if n_days == 0:
        return "the days to come"
    return "the next day" if n_days == 1 else f"the next {count(n_days)} days"


def _caption(summary: "Summary") -> Caption:
    """Say how many segments are confirmed on later days, and which are not."""
    if not _is_drawn(summary):
        text = "No click rate of later days is known"
        return Caption(finding=text, reading="", alt=f"{text} for any segment.")
    finding = _finding(summary)
    write, what = rate_writer(summary), _what(summary)
    rows = "; ".join(
        f"{s.segment_id} {s.name}, {s.verdict}: expected {_text(s.forecast_early, write)}, "
        f"later {_text(s.ctr_outcome, write)}"
        for s in summary.segments
    )
    alt = f"Dot chart of {what} expected and on later days. {finding}. {rows}."
    return Caption(finding=finding, reading=_reading(), alt=alt)


def _reading() -> str:
    return (
        "Pale band with a line: expected for the later days from the forming days alone, 90 % "
        "interval. Dot with a line: what the later days brought, 90 % interval."
    )


def rate_writer(summary: "Summary") -> Callable[[float | None], str]:
    """Return what writes the rates that were forecast and checked.

    >>> rate_writer(summary)(0.05)  # doctest: +SKIP
    '5.00 %'
    """
    return writer_of(summary.outcome)


def _what(summary: "Summary") -> str:
    validation = summary.validation
    if validation is None or validation.outcome_of_rates.kind == "clicks":
        return "click rates"
    return validation.outcome_of_rates.unit


def _text(estimate: Estimate, write: Callable[[float | None], str]) -> str:
    limits = interval(estimate, write=write)
    return f"{write(estimate.value)}, 90 % interval {limits}" if estimate.is_known else "not known"


def _finding(summary: "Summary") -> str:
    segments = summary.segments
    if len(segments) == 1:
        later = segments[0].ctr_outcome
        turned_out = f"clicked on {rate(later.value)} of its impressions later"
        if _what(summary) != "click rates":
            turned_out = f"brought {rate_writer(summary)(later.value)} {_what(summary)} later"
        return "One segment: no other to compare it with" + (
            f"; it {turned_out}" if later.is_known else ""
        )
    found = Counter(s.verdict for s in segments)
    n_confirmed = found.pop("confirmed", 0)
    if not found:
        return f"On later days all {count(n_confirmed)} segments are confirmed"
    left = [s for s in segments if s.verdict != "confirmed"]
    others = (
        [f"{quoted(s.name)} is {_SAYS.get(s.verdict, s.verdict)}" for s in left]
        if len(left) <= _MAX_NAMED
        else [f"{n} {_SAYS.get(verdict, verdict)}" for verdict, n in found.most_common()]
    )
    many = f"{n_confirmed} of {len(segments)} segments {'is' if n_confirmed == 1 else 'are'}"
    first = many if n_confirmed else "no segment is"
    return f"On later days {first} confirmed; {', '.join(others)}"


def _draw(summary: "Summary") -> Drawing | None:
    """Draw the click rate of every segment as forecast and of the later days."""
    if not _is_drawn(summary):
        return None
    rows = [row for i, segment in enumerate(summary.segments) for row in _rows(i, segment, summary)]
    height = len(summary.segments) * _STEP + _TOP
    layers = [
        *_everybody(summary, height=height),
        *_expected([row for row in rows if row["kind"] == "expected"], summary=summary),
        *_dots(rows),
        *_words(summary, rows),
    ]
    return Drawing(layered(layers, width=_WIDTH, height=height))


def _is_drawn(summary: "Summary") -> bool:
    known = any(s.ctr_outcome.is_known or s.forecast_early.is_known for s in summary.segments)
    return was_checked(summary) and known


def _rows(index: int, segment: "SegmentProfile", summary: "Summary") -> Rows:
    write = rate_writer(summary)
    start = index * _STEP + _TOP
    estimates = {"expected": segment.forecast_early, "later": segment.ctr_outcome}
    return [
        {
            "segment_id": segment.segment_id,
            "color": segment_colour(summary.colour_number(segment.segment_id)),
            "kind": kind,
            **limits_of(estimate),
            "y": start + _LINES[kind],
            "from": start + _BAND[0],
            "to": start + _BAND[1],
            "text": f"{kind} {write(estimate.value)}",
            "text_y": start + _NUMBERS[kind],
        }
        for kind, estimate in estimates.items()
    ]


def _top(summary: "Summary") -> float:
    ends = [
        end
        for s in summary.segments
        for estimate in (s.forecast_early, s.ctr_outcome)
        for end in (estimate.value, estimate.high)
        if end is not None
    ]
    ends += [summary.population.ctr_outcome.value or 0.0]
    return max(ends) * 1.04 or 1.0


def _expected(rows: Rows, *, summary: "Summary") -> "list[alt.Chart]":
    """Return the bands of the forecasts, which hold the scale, and a line at each value."""
    label, title = IN_PERCENT, "clicks per impression"
    if summary.validation is not None and summary.validation.outcome_of_rates.kind != "clicks":
        outcome = summary.validation.outcome_of_rates
        label, title = f"format(datum.value * {outcome.n_days}, '~g')", outcome.unit
    axis = alt.Axis(labelExpr=label, tickCount=5, title=title, titleAnchor="start")
    scale = alt.Scale(domain=[0, _top(summary)], nice=False, range=[0, _RATES])
    base = on(rows).encode(color=as_given(), y=pixels_y("from"), y2=alt.Y2("to:Q"))
    bands = base.mark_rect(opacity=0.28, cornerRadius=2).encode(
        x=alt.X("low:Q", axis=axis, scale=scale), x2=alt.X2("high:Q")
    )
    return [
        bands.transform_filter("isValid(datum.low) && isValid(datum.high)"),
        base.mark_rule(strokeWidth=2)
        .encode(x=alt.X("value:Q"))
        .transform_filter("isValid(datum.value)"),
    ]


def _dots(rows: Rows) -> "list[alt.Chart]":
    """Return the dots and intervals of the later days."""
    base = on(rows).encode(color=as_given(), y=pixels_y()).transform_filter("isValid(datum.value)")
    later = "datum.kind === 'later'"
    return [
        base.mark_rule(strokeWidth=3, strokeCap="round")
        .encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
        .transform_filter(f"{later} && isValid(datum.low) && isValid(datum.high)"),
        base.mark_point(size=85, filled=True, opacity=1)
        .encode(x=alt.X("value:Q"))
        .transform_filter(later),
    ]


def _everybody(summary: "Summary", *, height: int) -> "list[alt.Chart]":
    value = summary.population.ctr_outcome.value
    if value is None:
        return []
    return marked_value(
        value, f"all users later {rate_writer(summary)(value)}", field="value", dy=-4, y2=height
    )


def _words(summary: "Summary", rows: Rows) -> "list[alt.Chart]":
    names: Rows = [
        {
            "label": f"{s.segment_id}  {_short(s.name)} – {s.verdict}",
            "y": i * _STEP + _TOP + _NAME,
        }
        for i, s in enumerate(summary.segments)
    ]
    base = on(names).encode(text=alt.Text("label:N"), x=at_x(0), y=pixels_y())
    values = on(rows).encode(text=alt.Text("text:N"), x=at_x(_WIDTH), y=pixels_y("text_y"))
    return [
        *haloed(base, weight=600, limit=_RATES),
        values.mark_text(align="right", color=ROLES["muted"].light).transform_filter(
            "datum.kind === 'expected'"
        ),
        values.mark_text(align="right").transform_filter("datum.kind === 'later'"),
    ]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


FIGURE = Figure(
    name="ctr_later",
    title="Click rates expected and later",
    width=_WIDTH,
    caption=_caption,
    draw=_draw,
    section="later days",
    order=7,
    needs=was_checked,
)
