"""The few ways in which the figures set marks: the typed door to Altair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, cast

from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Rows
from segmentry.present.theme import ROLES, segment_colour, segment_ink
from segmentry.results.summary import Summary
from segmentry.schema import Estimate

_ChartT = TypeVar("_ChartT", "alt.LayerChart", "alt.HConcatChart")


IN_PERCENT = "format(datum.value * 100, '~g') + ' %'"
"""Label of an axis of shares."""
PLAIN_ZERO = "datum.value === 0 ? '0' : datum.label"
"""Label of an axis in thousands, on which 0 would be 0k."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Rows that Altair hands on as they are.

    It would copy every value whenever a chart is put into another: two thirds of its time.
    """

    rows: Rows
    _schema: ClassVar[dict[str, str]] = {"type": "array"}  # so that Altair calls `to_dict`

    def to_dict(self) -> Rows:
        return self.rows


def on(rows: Rows) -> "alt.Chart":
    """Return a chart of a few rows."""
    held: Any = _Held(rows)
    return alt.Chart(alt.Data(values=held))  # type: ignore[no-untyped-call]  # Altair's own gap


def on_named(name: str) -> "alt.Chart":
    """Return a chart of many rows, which `finish` sets under this name."""
    return alt.Chart(alt.NamedData(name))


def layered(layers: "Sequence[alt.Chart]", *, width: float, height: float) -> "alt.LayerChart":
    """Put layers on one another, the first lowest."""
    return cast("alt.LayerChart", alt.layer(*layers, width=width, height=height))


def own_colours(chart: "_ChartT") -> "_ChartT":
    """Let each layer and panel have its own scale of colours and its own legend."""
    return cast("_ChartT", chart.resolve_scale(color="independent"))


def pixels_x(field: str = "x") -> "alt.X":
    """Return a place that is already in pixels."""
    return alt.X(f"{field}:Q", scale=None, axis=None)


def pixels_y(field: str = "y") -> "alt.Y":
    """Return a place that is already in pixels."""
    return alt.Y(f"{field}:Q", scale=None, axis=None)


def at_x(pixels: float) -> "alt.XValue":
    """Return one place in pixels for all marks; named, as Altair looks a plain value up: 6 ms."""
    return alt.XValue(pixels)  # type: ignore[no-untyped-call]


def at_y(pixels: float) -> "alt.YValue":
    """Return one height in pixels for all marks."""
    return alt.YValue(pixels)  # type: ignore[no-untyped-call]


def at_y2(pixels: float) -> "alt.Y2Value":
    """Return the other end of marks that span a height."""
    return alt.Y2Value(pixels)  # type: ignore[no-untyped-call]


def scaled_x(field: str, *, top: float) -> "alt.X":
    """Return a length from 0 to `top` without an axis."""
    return alt.X(f"{field}:Q", axis=None, scale=alt.Scale(domain=[0, top], nice=False))


def limits_of(estimate: Estimate) -> dict[str, object]:
    """Return what a row says of an estimate."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def disc_of(segment_id: int, summary: "Summary") -> dict[str, object]:
    """Return what a row says of a segment that is shown as a numbered disc."""
    return {
        "segment_id": segment_id,
        "number": str(segment_id),
        "ink": segment_ink(summary.colour_number(segment_id)),
        "color": segment_colour(summary.colour_number(segment_id)),
    }


def numbered_discs(base: "alt.Chart", *, size: int) -> "list[alt.Chart]":
    """Return discs in the colours of segments, ringed by the paper, and their numbers."""
    discs = base.mark_circle(size=size, opacity=1, stroke=ROLES["paper"].light, strokeWidth=2)
    numbers = base.mark_text(fontWeight=700, fontSize=12)
    return [
        discs.encode(color=as_given()),
        numbers.encode(text=alt.Text("number:N"), color=as_given("ink")),
    ]


def marked_value(
    value: float, text: str, *, field: str, dy: int, y: float = 0, y2: float | None = None
) -> "list[alt.Chart]":
    """Return a broken line at a value of the scale, and what it stands for next to its top."""
    base = on([{field: value, "text": text}]).encode(x=alt.X(f"{field}:Q"))
    rule = base.mark_rule(color=ROLES["rule"].light, strokeDash=[3, 3])
    words = base.mark_text(align="left", dx=5, dy=dy, color=ROLES["muted"].light, fontSize=12)
    return [
        rule if y2 is None else rule.encode(y=at_y(y), y2=at_y2(y2)),
        words.encode(text=alt.Text("text:N"), y=at_y(y)),
    ]


def as_given(field: str = "color") -> "alt.Color":
    """Return a colour that is already in the rows."""
    return alt.Color(f"{field}:N", scale=None, legend=None)


def haloed(
    base: "alt.Chart",
    *,
    weight: Literal[400, 600],
    size: float = 12.5,
    rise: float = 0.0,
    limit: float | None = 1000.0,
    align: Literal["left", "right"] = "left",
) -> "list[alt.Chart]":
    """Return text twice: a broad stroke in the colour of the paper, then the letters.

    Each text is measured again for its limit, 2 ms; None where no text can be as long.
    """
    paper = ROLES["paper"].light
    cut = alt.Undefined if limit is None else limit
    halo = base.mark_text(
        align=align,
        fontWeight=weight,
        fontSize=size,
        yOffset=-rise,
        stroke=paper,
        strokeWidth=4,
        strokeJoin="round",
        color=paper,
        limit=cut,
    )
    letters = base.mark_text(
        align=align, fontWeight=weight, fontSize=size, yOffset=-rise, limit=cut
    )
    return [halo, letters]
