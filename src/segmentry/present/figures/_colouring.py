"""Marks in the colour of a feature: steps of one scale, unknown values in grey, and named."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segmentry.formats import feature_value
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Rows, quoted
from segmentry.present.figures._marks import on_named
from segmentry.present.theme import ROLES, SCALE
from segmentry.results.summary import Summary

Value = float | str | None
"""A number; a level of a categorical feature as text; null where unknown."""
_MAX_LEVELS = 7
_OTHERS = "others"
UNKNOWN = "unknown"
"""What a mark without a value is called."""


@dataclass(frozen=True, slots=True)
class Coloured:
    """Rows of marks whose value is known, and of those whose value is not, with their colours.

    The marks must not share a scale of colours: a number and "unknown" have none in common.
    """

    known: Rows
    unknown: Rows
    colour: "alt.Color"
    grey: "alt.Color"


def colour_names(summary: "Summary") -> tuple[str, ...]:
    """Return the features that marks can be coloured by, those that formed segments first.

    >>> colour_names(summary)[:2]  # doctest: +SKIP
    ('n_impressions', 'n_active_days')
    """
    forming = [row.name for row in summary.features if row.weight is not None]
    describing = [row.name for row in summary.features if row.weight is None]
    return (*forming, *describing)


def label_of(summary: "Summary", feature: str) -> str:
    """Return what people read for a feature."""
    return next((row.label for row in summary.features if row.name == feature), feature)


def kind_of(summary: "Summary", feature: str) -> tuple[str, str]:
    """Return kind and unit of a feature; what a summary does not know is a count."""
    found = (row for row in summary.features if row.name == feature)
    return next(((row.kind, row.unit) for row in found), ("count", ""))


def largest_in(summary: "Summary", feature: str) -> str:
    """Say in which segment a feature is largest on average; empty where no mean is known."""
    means = [
        (row.mean, segment.name)
        for segment in summary.segments
        for row in segment.numeric
        if row.feature == feature and row.mean is not None
    ]
    return f": largest on average in {quoted(max(means)[1])}" if len(means) > 1 else ""


def colour_by(
    summary: "Summary",
    rows: Rows,
    values: Sequence[Value],
    feature: str,
    *,
    of: str = "",
    unknown: str = UNKNOWN,
    grey: str = "rule",
) -> Coloured:
    """Give rows, a mark each, the colour of a feature; they get ``value`` and ``shown``.

    In the legend `of`, such as "mean", stands before its label. A mark without a value is called
    `unknown` and has the colour of the role `grey`.
    """
    pairs = list(zip(rows, values, strict=True))
    one = alt.Scale(domain=[unknown], range=[ROLES[grey].light])
    of_unknown = alt.Color("shown:N", scale=one, legend=_legend(""))
    missing: Rows = [{**row, "shown": unknown} for row, value in pairs if value is None]
    label = label_of(summary, feature)
    title = label if not of or label.startswith(of) else f"{of} {label}"
    is_level = kind_of(summary, feature)[0] == "categorical"
    known, colour = (_by_level if is_level else _by_number)(summary, pairs, feature, title)
    return Coloured(known, missing, colour, of_unknown)


def layers_of(
    coloured: Coloured, name: str, draw: "Callable[[alt.Chart, alt.Color, bool], alt.Chart]"
) -> "tuple[list[alt.Chart], dict[str, Rows]]":
    """Return the layers of marks, unknown ones lowest, and the data they are drawn from.

    `draw` takes a chart of the rows, their colour, and whether their values are known.
    """
    layers, datasets = [], {}
    for rows, colour, own in (
        (coloured.unknown, coloured.grey, f"{name}_unknown"),
        (coloured.known, coloured.colour, name),
    ):
        if rows:
            layers.append(draw(on_named(own), colour, rows is coloured.known))
            datasets[own] = rows
    return layers, datasets


def _by_number(
    summary: "Summary", pairs: "list[tuple[dict[str, object], Value]]", feature: str, title: str
) -> "tuple[Rows, alt.Color]":
    kind, unit = kind_of(summary, feature)
    offset = summary.data.utc_offset_hours
    known: Rows = []
    numbers: list[float] = []
    for row, value in pairs:
        if value is not None:
            number = float(value)
            numbers.append(number)
            text = feature_value(number, kind=kind, unit=unit, utc_offset_hours=offset)
            known.append({**row, "value": number, "shown": text})
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    is_wide = kind not in ("time", "ordinal", "share")
    kind_of_scale: Literal["symlog", "linear"] = "symlog" if is_wide else "linear"
    scale = alt.Scale(
        domain=[low, high if high > low else low + 1],
        range=[role.light for role in SCALE],
        type=kind_of_scale,
        nice=False,
    )
    axis = _legend(title, **_written(kind, unit, offset), **_places(low, high, kind, is_wide))
    return known, alt.Color("value:Q", scale=scale, legend=axis)


def _places(low: float, high: float, kind: str, is_wide: bool) -> dict[str, Any]:
    """Return the values that a legend names: the ends and, where steps grow, few between."""
    levels = list(range(math.ceil(low), math.floor(high) + 1))
    if kind == "ordinal" and 2 < len(levels) <= 12:
        return {"values": levels}
    if not is_wide or low < 0 or high <= 10:
        return {}
    top = math.floor(math.log10(high))
    places = [each * 10.0**power for power in range(top + 1) for each in (1, 3)]
    return {"values": [each for each in (0.0, *places) if low <= each <= high]}


def _written(kind: str, unit: str, offset: float) -> dict[str, Any]:
    if kind == "time":
        return {"labelExpr": f"utcFormat((datum.value + {offset * 3600:g}) * 1000, '%-d %b %H:%M')"}
    if kind == "share" or (kind == "rate" and (not unit or unit.startswith("clicks"))):
        return {"format": ".3~p"}
    return {"format": ",.3~r"}


def _by_level(
    summary: "Summary", pairs: "list[tuple[dict[str, object], Value]]", feature: str, title: str
) -> "tuple[Rows, alt.Color]":
    """Give each of the most common levels of all users a colour, and one to all others."""
    levels = [
        level
        for each in summary.population.levels
        if each.feature == feature
        for level in each.levels
        if level.level is not None
    ]
    labels = {level.level: level.label for level in levels}
    common = sorted(levels, key=lambda level: -level.population_share)[: _MAX_LEVELS - 1]
    if len(levels) <= _MAX_LEVELS:
        common = levels
    shown = [level.label for level in levels if level in common]
    known: Rows = []
    for row, value in pairs:
        if value is not None:
            text = labels.get(str(value), str(value))
            known.append({**row, "value": text if text in shown else _OTHERS, "shown": text})
    domain = [*shown, *([_OTHERS] if any(row["value"] == _OTHERS for row in known) else [])]
    steps = max(1, len(domain) - 1)
    colours = [SCALE[round(i * (len(SCALE) - 1) / steps)].light for i in range(len(domain))]
    scale = alt.Scale(domain=domain, range=colours)
    return known, alt.Color("value:N", scale=scale, legend=_legend(title))


def _legend(title: str, **more: Any) -> "alt.Legend":
    return alt.Legend(title=title or None, orient="bottom", **more)
