"""Inertia by the number of segments, its bend and the chosen number."""

from segmentry.formats import compact, score
from segmentry.present.figures._candidates import (
    HEIGHT,
    WIDTH,
    candidate,
    lines_and_dots,
    score_table,
)
from segmentry.present.figures._figure import Caption, Drawing, Figure
from segmentry.present.figures._marks import layered
from segmentry.present.tables import Column
from segmentry.results.summary import Summary


def _caption(summary: "Summary") -> Caption:
    """Say where the curve bends and which K was chosen."""
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


def _draw(summary: "Summary") -> Drawing | None:
    """Draw inertia by K, the knee and the chosen K marked."""
    candidates = summary.selection.candidates
    if not candidates:
        return None
    rows = [
        {**candidate(row, summary, is_marked=row.is_knee, word="knee"), "y": row.inertia}
        for row in candidates
    ]
    top = max(row.inertia for row in candidates)
    layers = lines_and_dots(rows, title="inertia", domain=(0.0, top * 1.08), number="~s")
    return Drawing(layered(layers, width=WIDTH, height=HEIGHT))


FIGURE = Figure(
    name="elbow",
    title="Elbow",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="number",
    order=8,
    tables=lambda summary: (score_table(summary, Column("inertia", "inertia", score)),),
)
