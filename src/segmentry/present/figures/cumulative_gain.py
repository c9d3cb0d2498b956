"""How many of the clicks the best part of the ads brings."""

from collections.abc import Sequence

import numpy as np

from segmentry.formats import percent
from segmentry.present.figures._ads import WIDTH, expected_clicks, is_rated, rated
from segmentry.present.figures._altair import alt
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import IN_PERCENT, layered, on
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.theme import ROLES
from segmentry.results.summary import Summary

_HEIGHT = 220
_FIRST = 0.2


def _curve(summary: "Summary") -> tuple[Sequence[float], Sequence[float]]:
    """Return cumulated shares of ads and of expected clicks, the best segment first."""
    clicks = expected_clicks(summary)
    found = rated(summary)
    total = sum(e.impressions_share for e in found)
    ads = np.cumsum([0.0, *(e.impressions_share / total for e in found)])
    brought = np.cumsum([0.0, *(clicks[e.segment_id] for e in found)])
    return ads.tolist(), brought.tolist()


def _caption(summary: "Summary") -> Caption:
    """Say what the best fifth of the ads brings."""
    if not is_rated(summary):
        return absent("No click rate can be expected")
    ads, clicks = _curve(summary)
    share = float(np.interp(_FIRST, ads, clicks))
    finding = (
        f"The {percent(_FIRST, digits=0)} of the ads that go to the best segments bring "
        f"{percent(share, digits=0)} of the expected clicks"
    )
    return Caption(finding, "Dashed: all ads alike.", f"Cumulative gain curve. {finding}.")


def _draw(summary: "Summary") -> Drawing | None:
    if not is_rated(summary):
        return None
    ads, clicks = _curve(summary)
    rows: Rows = [{"x": x, "y": y} for x, y in zip(ads, clicks, strict=True)]
    even: Rows = [{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}]
    across = alt.X("x:Q", axis=_axis("share of the ads"), scale=alt.Scale(domain=[0, 1]))
    down = alt.Y("y:Q", axis=_axis("share of the clicks"), scale=alt.Scale(domain=[0, 1]))
    plain = on(even).mark_line(color=ROLES["rule"].light, strokeDash=[3, 3], strokeWidth=1.5)
    accent = ROLES["accent"].light
    line = on(rows).mark_line(color=accent, strokeWidth=2)
    dots = on(rows).mark_point(color=accent, filled=True, size=50, opacity=1)
    layers = [each.encode(x=across, y=down) for each in (plain, line, dots)]
    return Drawing(layered(layers, width=WIDTH - 40, height=_HEIGHT))


def _axis(title: str) -> "alt.Axis":
    return alt.Axis(title=title, labelExpr=IN_PERCENT, values=[0, 0.2, 0.5, 1])


def _tables(summary: "Summary") -> tuple[Table, ...]:
    ads, clicks = _curve(summary)
    columns = (
        Column("segment", "segment"),
        Column("ads", "ads up to here", percent),
        Column("clicks", "expected clicks up to here", percent),
    )
    rows = (
        segment_row(e.segment_id, e.name, ads[i], clicks[i])
        for i, e in enumerate(rated(summary), start=1)
    )
    return (Table("cumulative_gain", "Ads and clicks, best segments first", columns, tuple(rows)),)


FIGURE = Figure(
    name="cumulative_gain",
    title="Gain of the best ads",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="ads",
    order=4,
    needs=is_rated,
    tables=_tables,
)
