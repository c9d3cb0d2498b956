"""Why this number of segments, and whether they come back."""

from functools import partial

from segmentry.evaluation.number import EvidenceReport, GapCurve, InnerGain
from segmentry.formats import count, decimal, percent, thousandfold
from segmentry.present.tables import Cell, Column, Row, Shown, Table
from segmentry.results.summary import Summary
from segmentry.schema import UNKNOWN


def best_gain(evidence: EvidenceReport) -> InnerGain | None:
    """Return the number of segments that gains most on later days; null if no gain is known."""
    known = [each for each in evidence.gains if each.gain.is_known]
    return max(known, key=lambda each: each.gain.value or 0.0, default=None)


def unlike_on_other_days(summary: Summary) -> tuple[int, ...]:
    """Return the segments that hold other users when all days are taken.

    That is another matter than coming back on other users of the same days.
    """
    insights = () if summary.decisions is None else summary.decisions.insights
    return tuple(each.segment_id for each in insights if each.code == "SEG-011" and each.segment_id)


def number_table(summary: Summary) -> Table | None:
    """Return all evidence by number of segments; null where the silhouette chose."""
    evidence, chosen = summary.evidence, summary.selection.n_segments
    if evidence is None:
        return None
    drawn = {} if evidence.number is None else dict(evidence.number.numbers)
    n_draws = 0 if evidence.number is None else evidence.number.n_draws
    gains = {each.n_segments: each for each in evidence.gains}
    of_gaps = (n for curve in evidence.gaps for n in curve.numbers)
    numbers = sorted({1, chosen, *gains, *drawn, *of_gaps})
    separate = dict(zip(evidence.separation.numbers, evidence.separation.shares, strict=True))
    curves = {curve.reference: curve for curve in evidence.gaps}
    of_gains = (
        Column(
            "gain",
            f"gain on held-out days, nats per 1,000 {summary.outcome.trials} (90\u00a0%)",
            thousandfold,
        ),
        Column("gain_share", "of the largest gain", percent),
    )
    three = partial(decimal, digits=3)
    return Table(
        name="evidence",
        caption="All evidence by number of segments; the chosen one is set strong",
        columns=(
            Column("n_segments", "K"),
            *(of_gains if gains else ()),
            Column("apart_share", "halves with all clusters separate", partial(percent, digits=0)),
            Column("gap_uniform", "gap, uniform reference", three),
            Column("gap_pca", "gap, PCA reference", three),
            Column("prediction_strength", "prediction strength", decimal),
            Column(
                "n_chosen",
                f"chosen in {count(n_draws)} draws of users" if n_draws else "draws of users",
                count,
            ),
        ),
        rows=tuple(
            Row(
                (
                    k,
                    *(_gain_cells(evidence, k) if gains else ()),
                    separate.get(k),
                    _at(curves.get("uniform"), k),
                    _at(curves.get("pca"), k),
                    _strength(evidence, k),
                    drawn.get(k, 0) if n_draws else None,
                ),
                is_strong=k == chosen,
            )
            for k in numbers
        ),
    )


def _gain_cells(evidence: EvidenceReport, k: int) -> tuple[Cell, Cell]:
    gain = next((each.gain for each in evidence.gains if each.n_segments == k), UNKNOWN)
    best = best_gain(evidence)
    largest = 0.0 if best is None else best.gain.value or 0.0
    return gain, None if gain.value is None or largest <= 0 else gain.value / largest


def _at(curve: GapCurve | None, k: int) -> Cell:
    """Return the gap of a number, its error below it, and a mark where the gap sees groups."""
    if curve is None or k not in curve.numbers:
        return None
    place = curve.numbers.index(k)
    gap, error = curve.gaps[place], decimal(curve.errors[place], digits=3)
    mark = " ←" if k == curve.n_groups else ""
    return Shown(gap, f"{decimal(gap, digits=3)}{mark}\n± {error}")


def _strength(evidence: EvidenceReport, k: int) -> Cell:
    strength = evidence.strength
    if k not in strength.numbers:
        return None
    place = strength.numbers.index(k)
    value = strength.strengths[place]
    text = decimal(value)
    return Shown(value, f"{text}\n± {decimal(strength.errors[place])}" if k > 1 else text)
