"""Values under one another, each with its interval, against a line."""

from dataclasses import dataclass

from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Rows
from segmentry.present.figures._marks import (
    PLAIN_ZERO,
    as_given,
    at_x,
    haloed,
    layered,
    marked_value,
    on,
)

FOREST_WIDTH = 560
_STEP = 44
_LARGE = 1000
_LONGEST = 360
_LATIN = 0x24F


@dataclass(frozen=True, slots=True)
class Against:
    """The line that values are compared with."""

    value: float
    text: str


def forest(
    rows: Rows,
    *,
    title: str,
    against: Against | None = None,
    domain: tuple[float, float] | None = None,
) -> "alt.LayerChart":
    """Draw rows of ``row, label, value, low, high, text, color``; null limits draw no interval."""
    low, high = domain or _domain(rows, against)
    # Prefixes are read for thousands; those of small numbers, as m for 0.001, are not.
    is_large = max(abs(low), abs(high)) >= _LARGE
    plain = PLAIN_ZERO if is_large else alt.Undefined
    axis = alt.Axis(title=title, tickCount=5, format="~s" if is_large else "~r", labelExpr=plain)
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    base = on(rows).encode(y=alt.Y("row:O", axis=None, sort=None))
    ranges = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=3, strokeCap="round", yOffset=8)
        .encode(x=alt.X("low:Q", axis=axis, scale=scale), x2=alt.X2("high:Q"), color=as_given())
    )
    dots = base.mark_point(size=90, filled=True, opacity=1, yOffset=8).encode(
        x=alt.X("value:Q", axis=axis, scale=scale), color=as_given()
    )
    limit = _LONGEST if any(_width(str(row["label"])) > _LONGEST for row in rows) else None
    labels = base.encode(text=alt.Text("label:N"), x=at_x(0))
    # Nothing but the line lies behind names.
    names = haloed(labels, weight=600, rise=10, limit=limit)[0 if against else 1 :]
    text = base.mark_text(align="right", yOffset=-10).encode(
        text=alt.Text("text:N"), x=at_x(FOREST_WIDTH)
    )
    layers = [*_line(against), ranges, dots, *names, text]
    return layered(layers, width=FOREST_WIDTH, height=len(rows) * _STEP)


def _width(text: str) -> float:
    """Return the most pixels that a label takes."""
    return sum(13.0 if ord(each) > _LATIN else 11.0 if each.isupper() else 8.0 for each in text)


def _domain(rows: Rows, against: Against | None) -> tuple[float, float]:
    known = [row[name] for row in rows for name in ("value", "low", "high")]
    values = [value for value in known if isinstance(value, int | float)]
    values += [] if against is None else [against.value]
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _line(against: Against | None) -> "list[alt.Chart]":
    if against is None:
        return []
    # Its text stands above all rows: next to the last one it would lie over its dot.
    return marked_value(against.value, against.text, field="value", dy=-5)
