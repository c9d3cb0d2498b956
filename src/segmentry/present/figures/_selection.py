"""Figures of the choice of K: elbow and silhouette."""

from typing import TYPE_CHECKING

from segmentry.formats import compact, decimal, interval
from segmentry.present.figures._caption import Caption, empty_chart, finish
from segmentry.present.figures._marks import PLAIN_ZERO, layered, on
from segmentry.present.theme import ROLES

if TYPE_CHECKING:
    import altair as alt

    from segmentry.results.summary import Summary
    from segmentry.segments.forming import Candidate


_WIDTH = 400
_HEIGHT = 250


def caption_elbow(summary: "Summary") -> Caption:
    """Say where the curve bends and which K was chosen.

    Examples
    --------
    >>> print(caption_elbow(summary).finding)  # doctest: +SKIP
    """
    selection = summary.selection
    chosen = f"K = {selection.n_segments} was {'forced' if selection.is_forced else 'chosen'}"
    if selection.knee is None:
        finding = f"The curve has no clear bend; {chosen}"
    elif selection.knee == selection.n_segments:
        finding = f"The curve bends at K = {selection.knee}, which is the K that was chosen"
    else:
        finding = f"The curve bends at K = {selection.knee}, but {chosen}"
    rows = "; ".join(
        f"{row.algorithm} K = {row.n_segments}: {compact(row.inertia)}"
        for row in selection.candidates
    )
    return Caption(
        finding=finding,
        reading="Inertia: sum of squared distances to the segment centres. It always falls with "
        "K, so the bend alone never decides.",
        alt=f"Line chart of inertia by number of segments. {finding}. {rows}.",
    )


def plot_elbow(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw inertia by K, the knee and the chosen K marked.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``elbow``; without candidates, a chart that says so.

    Examples
    --------
    >>> plot_elbow(summary).save("elbow.html")  # doctest: +SKIP
    """
    caption = caption_elbow(summary)
    candidates = summary.selection.candidates
    if not candidates:
        return empty_chart(name="elbow", caption=caption, width=_WIDTH)
    rows = [
        {**_row(row, summary, is_marked=row.is_knee, word="knee"), "y": row.inertia}
        for row in candidates
    ]
    top = max(row.inertia for row in candidates)
    layers = _lines_and_dots(rows, title="inertia", domain=(0.0, top * 1.08), number="~s")
    return finish(
        layered(layers, width=_WIDTH, height=_HEIGHT), name="elbow", caption=caption, width=_WIDTH
    )


def caption_silhouette_by_k(summary: "Summary") -> Caption:
    """Say how clear the separation is at the chosen K, and what came second.

    Examples
    --------
    >>> print(caption_silhouette_by_k(summary).finding)  # doctest: +SKIP
    """
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
        f"{row.algorithm} K = {row.n_segments}: {decimal(row.silhouette.value, digits=3)}, "
        f"interval {interval(row.silhouette, write=lambda v: decimal(v, digits=3))}"
        for row in known
    )
    return Caption(
        finding=finding,
        reading=reading,
        alt=f"Dot chart of the silhouette by number of segments, with intervals. {rows}.",
    )


def plot_silhouette_by_k(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw the silhouette by K with its intervals, the chosen K marked.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``silhouette_by_k``; without any silhouette, a chart that says so.

    Examples
    --------
    >>> plot_silhouette_by_k(summary).save("silhouette_by_k.html")  # doctest: +SKIP
    """
    caption = caption_silhouette_by_k(summary)
    second = summary.selection.runner_up
    word = _word_for(second, summary)
    rows = [
        {
            **_row(row, summary, is_marked=row.n_segments == second, word=word),
            "y": row.silhouette.value,
            "low": row.silhouette.low,
            "high": row.silhouette.high,
        }
        for row in summary.selection.candidates
        if row.silhouette.value is not None
    ]
    if not rows:
        return empty_chart(name="silhouette_by_k", caption=caption, width=_WIDTH)
    layers = _lines_and_dots(
        rows, title="silhouette", domain=_silhouette_domain(summary), number=".2f"
    )
    layers.insert(0, _intervals(rows))
    return finish(
        layered(layers, width=_WIDTH, height=_HEIGHT),
        name="silhouette_by_k",
        caption=caption,
        width=_WIDTH,
    )


def _word_for(second: int | None, summary: "Summary") -> str:
    """Return the word beside the largest silhouette of those that were not chosen."""
    values = {row.n_segments: row.silhouette.value for row in summary.selection.candidates}
    chosen, other = values.get(summary.selection.n_segments), values.get(second or 0)
    return "largest" if other is not None and (chosen is None or other > chosen) else "second"


def _silhouette_domain(summary: "Summary") -> tuple[float, float]:
    known = [row.silhouette for row in summary.selection.candidates]
    lows = [v for e in known for v in (e.low, e.value) if v is not None]
    highs = [v for e in known for v in (e.high, e.value) if v is not None]
    margin = max(0.02, 0.12 * (max(highs) - min(lows)))
    return min(lows) - margin, max(highs) + 2 * margin


def _row(row: "Candidate", summary: "Summary", *, is_marked: bool, word: str) -> dict[str, object]:
    """Return a candidate as a row; besides the chosen one only the marked one bears a word."""
    chosen = "forced" if summary.selection.is_forced else "chosen"
    other = word if is_marked and not row.is_selected else ""
    return {
        "k": row.n_segments,
        "algorithm": row.algorithm,
        "mark": chosen if row.is_selected else other,
        "role": "chosen" if row.is_selected else "marked" if is_marked else "other",
    }


def _lines_and_dots(
    rows: list[dict[str, object]], *, title: str, domain: tuple[float, float], number: str
) -> "list[alt.Chart]":
    import altair as alt

    keys = sorted({int(str(row["k"])) for row in rows})
    ticks = keys if len(keys) <= 12 else [k for k in keys if k % 5 == 0]
    x = alt.X(
        "k:Q",
        axis=alt.Axis(values=ticks, format="d", grid=False, title="number of segments, K"),
        scale=alt.Scale(domain=[keys[0] - 0.4, keys[-1] + 0.6], nice=False),
    )
    y = alt.Y(
        "y:Q",
        axis=alt.Axis(
            format=number,
            labelExpr=PLAIN_ZERO if number == "~s" else alt.Undefined,
            tickCount=5,
            title=title,
            titleAngle=0,
            titleAlign="left",
            titleX=0,
            titleY=-8,
            titleAnchor="start",
        ),
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
    )
    base = on(rows).encode(x=x, y=y)
    ink, accent, paper = (ROLES[name].light for name in ("muted", "accent", "paper"))
    lines = base.mark_line(color=ROLES["rule"].light, strokeWidth=1.5).encode(
        detail=alt.Detail("algorithm:N")
    )
    dots = base.mark_point(size=46, filled=True, opacity=1, color=ink).transform_filter(
        "datum.role === 'other'"
    )
    marked = base.mark_point(
        size=90, filled=True, opacity=1, fill=paper, stroke=ink, strokeWidth=2
    ).transform_filter("datum.role === 'marked'")
    chosen = base.mark_point(size=130, filled=True, opacity=1, color=accent).transform_filter(
        "datum.role === 'chosen'"
    )
    words = base.mark_text(
        dx=7, dy=-11, align="left", fontWeight=600, color=accent
    ).transform_filter("datum.role === 'chosen'")
    others = base.mark_text(dy=26, color=ROLES["ink"].light).transform_filter(
        "datum.role !== 'chosen'"
    )
    texts = [mark.encode(text=alt.Text("mark:N")) for mark in (words, others)]
    return [lines, dots, marked, chosen, *texts]


def _intervals(rows: list[dict[str, object]]) -> "alt.Chart":
    import altair as alt

    rules: alt.Chart = (
        on(rows)
        .mark_rule(color=ROLES["muted"].light, strokeWidth=2.5, strokeCap="round", opacity=0.55)
        .encode(x=alt.X("k:Q"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    return rules
