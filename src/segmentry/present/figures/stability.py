"""How often every segment comes back when everything is done again on other users."""

from segmentry.evaluation.stability import STABLE, Stability
from segmentry.formats import MISSING, count, decimal_under, percent
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._forest import FOREST_WIDTH, Against, forest
from segmentry.present.tables import Column, Shown, Table, segment_row
from segmentry.present.theme import segment_colour
from segmentry.results.summary import Summary


def _caption(summary: "Summary") -> Caption:
    """Say how many segments come back, and which comes back least."""
    found = _found(summary)
    if found is None:
        return absent("Whether the segments come back was not measured in this run")
    n_stable = sum(each.is_stable for each in found.segments)
    least = min(found.segments, key=lambda each: each.jaccard)
    finding = (
        f"{count(n_stable)} of {count(len(found.segments))} segments come back; segment "
        f"{least.segment_id} least often, with a mean Jaccard of {_shown(least.jaccard)}"
    )
    rows = "; ".join(
        f"segment {each.segment_id}: {_shown(each.jaccard)}, lost {count(each.n_lost)} times"
        for each in found.segments
    )
    return Caption(
        finding=finding,
        reading=f"Mean over {count(found.n_runs)} repetitions on resampled users of the share of "
        "users that a segment and its nearest match have in common (Jaccard): 1 is the same "
        "users, 0 is lost.",
        alt=f"Dot chart of the mean Jaccard by segment. {finding}. {rows}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw how often every segment comes back, against the value from which it counts as stable."""
    found = _found(summary)
    if found is None:
        return None
    names = {segment.segment_id: segment.name for segment in summary.segments}
    rows: Rows = [
        {
            "row": index,
            "segment_id": each.segment_id,
            "label": f"{each.segment_id}  {names.get(each.segment_id, '')}".strip(),
            "color": segment_colour(summary.colour_number(each.segment_id)),
            "value": each.jaccard,
            "low": None,
            "high": None,
            "text": f"{_shown(each.jaccard)}, lost in {count(each.n_lost)}",
        }
        for index, each in enumerate(found.segments)
    ]
    chart = forest(
        rows,
        title="mean Jaccard",
        against=Against(STABLE, f"stable from {STABLE}"),
        domain=(0.0, 1.02),
    )
    return Drawing(chart)


def _shown(jaccard: float | None) -> str:
    return MISSING if jaccard is None else decimal_under(jaccard, STABLE)


def _found(summary: "Summary") -> "Stability | None":
    found = None if summary.evidence is None else summary.evidence.stability
    return None if found is None or len(summary.segments) < 2 or not found.segments else found


def _tables(summary: "Summary") -> tuple[Table, ...]:
    found, names = _found(summary), {s.segment_id: s.name for s in summary.segments}
    if found is None:
        return ()

    def lost(n_lost: int) -> Shown:
        return Shown(n_lost, f"{count(n_lost)} ({percent(n_lost / found.n_runs, digits=0)})")

    return (
        Table(
            name="stability",
            caption="How the segments come back",
            columns=(
                Column("segment", "segment"),
                Column("jaccard", "mean Jaccard", _shown),
                Column("n_lost", "repetitions that lost it"),
                Column("is_stable", "stable", is_words=True),
            ),
            rows=tuple(
                segment_row(
                    each.segment_id,
                    names.get(each.segment_id, ""),
                    each.jaccard,
                    lost(each.n_lost),
                    "yes" if each.is_stable else "no",
                )
                for each in found.segments
            ),
        ),
    )


FIGURE = Figure(
    name="stability",
    title="Stability",
    width=FOREST_WIDTH,
    caption=_caption,
    draw=_draw,
    section="stability",
    order=12,
    needs=lambda summary: _found(summary) is not None,
    tables=_tables,
)
