"""How often every segment comes back when everything is done again on other users."""

from typing import TYPE_CHECKING

from segmentry.evaluation.stability import STABLE
from segmentry.formats import count, decimal
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish
from segmentry.present.figures._forest import Against, forest
from segmentry.present.theme import segment_colour

if TYPE_CHECKING:
    import altair as alt

    from segmentry.evaluation.stability import Stability
    from segmentry.results.summary import Summary


_WIDTH = 560


def has_stability(summary: "Summary") -> bool:
    """Return whether the segments were looked for again on resampled users."""
    return _found(summary) is not None


def caption_stability(summary: "Summary") -> Caption:
    """Say how many segments come back, and which comes back least.

    Examples
    --------
    >>> print(caption_stability(summary).finding)  # doctest: +SKIP
    """
    found = _found(summary)
    if found is None:
        text = "Whether the segments come back was not measured in this run"
        return Caption(finding=text, reading="", alt=f"{text}.")
    n_stable = sum(each.is_stable for each in found.segments)
    least = min(found.segments, key=lambda each: each.jaccard)
    finding = (
        f"{count(n_stable)} of {count(len(found.segments))} segments come back; segment "
        f"{least.segment_id} least often, with a mean Jaccard of {decimal(least.jaccard)}"
    )
    rows = "; ".join(
        f"segment {each.segment_id}: {decimal(each.jaccard)}, lost {count(each.n_lost)} times"
        for each in found.segments
    )
    return Caption(
        finding=finding,
        reading=f"Mean over {count(found.n_runs)} repetitions on resampled users of the share of "
        "users that a segment and its nearest match have in common (Jaccard): 1 is the same "
        "users, 0 is lost.",
        alt=f"Dot chart of the mean Jaccard by segment. {finding}. {rows}.",
    )


def plot_stability(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw how often every segment comes back, against the value from which it counts as stable.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``stability``; where it was not measured, a chart that says so.

    Examples
    --------
    >>> plot_stability(summary).save("stability.html")  # doctest: +SKIP
    """
    caption, found = caption_stability(summary), _found(summary)
    if found is None:
        return empty_chart(name="stability", caption=caption, width=_WIDTH)
    names = {segment.segment_id: segment.name for segment in summary.segments}
    rows: Rows = [
        {
            "row": index,
            "segment_id": each.segment_id,
            "label": f"{each.segment_id}  {names.get(each.segment_id, '')}".strip(),
            "color": segment_colour(each.segment_id),
            "value": each.jaccard,
            "low": None,
            "high": None,
            "text": f"{decimal(each.jaccard)}, lost in {count(each.n_lost)}",
        }
        for index, each in enumerate(found.segments)
    ]
    chart = forest(
        rows,
        title="mean Jaccard",
        against=Against(STABLE, f"stable from {STABLE}"),
        domain=(0.0, 1.02),
        width=_WIDTH,
    )
    return finish(chart, name="stability", caption=caption, width=_WIDTH)


def _found(summary: "Summary") -> "Stability | None":
    found = None if summary.evidence is None else summary.evidence.stability
    return None if found is None or len(summary.segments) < 2 or not found.segments else found
