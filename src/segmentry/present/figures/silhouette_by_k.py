"""The silhouette by the number of segments, with intervals."""

from segmentry.formats import decimal, interval
from segmentry.present.figures._altair import alt
from segmentry.present.figures._candidates import (
    HEIGHT,
    WIDTH,
    candidate,
    lines_and_dots,
    score_table,
    thousandths,
)
from segmentry.present.figures._figure import Caption, Drawing, Figure
from segmentry.present.figures._marks import layered, on
from segmentry.present.tables import Column, Table
from segmentry.present.theme import ROLES
from segmentry.results.summary import Summary


def _caption(summary: "Summary") -> Caption:
    """Say how clear the separation is at the chosen K, and what came second."""
    selection = summary.selection
    known = [row for row in selection.candidates if row.silhouette.is_known]
    is_exact = all(row.silhouette.low == row.silhouette.high for row in known)
    measured = "all users, exactly" if is_exact else "sampled users against all users"
    line = "" if is_exact else "Line: 95 % interval. "
    reading = (
        f"Euclidean silhouette of {measured}: 1 is far apart, 0 is on the border. {line}"
        "The axis does not start at 0."
    )
    if not known:
        text = (
            "No silhouette is known: it takes two segments to compare users with their neighbours"
        )
        return Caption(finding=text, reading=reading, alt=f"{text}.")
    chosen = next((row for row in known if row.is_selected), None)
    if chosen is None:
        finding = f"The chosen K = {selection.n_segments} has no silhouette"
    else:
        finding = f"K = {chosen.n_segments} has a silhouette of {decimal(chosen.silhouette.value)}"
        second = next((row for row in known if row.n_segments == selection.runner_up), None)
        if second is not None:
            is_larger = (second.silhouette.value or 0.0) > (chosen.silhouette.value or 0.0)
            how = "has the largest," if is_larger else "came second with"
            finding += f"; K = {second.n_segments} {how} {decimal(second.silhouette.value)}"
    rows = "; ".join(
        f"{row.algorithm} K = {row.n_segments}: {thousandths(row.silhouette.value)}, "
        f"interval {interval(row.silhouette, write=thousandths)}"
        for row in known
    )
    return Caption(
        finding=finding,
        reading=reading,
        alt=f"Dot chart of the silhouette by number of segments, with intervals. {rows}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw the silhouette by K with its intervals, the chosen K marked."""
    second = summary.selection.runner_up
    word = _word_for(second, summary)
    rows = [
        {
            **candidate(row, summary, is_marked=row.n_segments == second, word=word),
            "y": row.silhouette.value,
            "low": row.silhouette.low,
            "high": row.silhouette.high,
        }
        for row in summary.selection.candidates
        if row.silhouette.value is not None
    ]
    if not rows:
        return None
    layers = lines_and_dots(
        rows, title="silhouette", domain=_silhouette_domain(summary), number=".2f"
    )
    layers.insert(0, _intervals(rows))
    return Drawing(layered(layers, width=WIDTH, height=HEIGHT))


def _word_for(second: int | None, summary: "Summary") -> str:
    """Return the word next to the largest silhouette of those that were not chosen."""
    values = {row.n_segments: row.silhouette.value for row in summary.selection.candidates}
    chosen, other = values.get(summary.selection.n_segments), values.get(second or 0)
    return "largest" if other is not None and (chosen is None or other > chosen) else "second"


def _silhouette_domain(summary: "Summary") -> tuple[float, float]:
    known = [row.silhouette for row in summary.selection.candidates]
    lows = [v for e in known for v in (e.low, e.value) if v is not None]
    highs = [v for e in known for v in (e.high, e.value) if v is not None]
    margin = max(0.02, 0.12 * (max(highs) - min(lows)))
    return min(lows) - margin, max(highs) + 2 * margin


def _intervals(rows: list[dict[str, object]]) -> "alt.Chart":
    rules: alt.Chart = (
        on(rows)
        .mark_rule(color=ROLES["muted"].light, strokeWidth=2.5, strokeCap="round", opacity=0.55)
        .encode(x=alt.X("k:Q"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    return rules


def _tables(summary: "Summary") -> tuple[Table, ...]:
    column = Column("silhouette", "silhouette", thousandths, limits="95 % interval")
    return (score_table(summary, column),)


FIGURE = Figure(
    name="silhouette_by_k",
    title="Silhouette by K",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="number",
    order=9,
    tables=_tables,
)
