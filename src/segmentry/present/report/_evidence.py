"""Why this number of segments, and whether they come back: two questions, all evidence."""

from collections.abc import Iterator, Mapping

from segmentry.evaluation.number import STRONG, EvidenceReport, GapCurve, InnerGain, NullTwins
from segmentry.evaluation.stability import STABLE
from segmentry.evaluation.stability import Stability as Repeated
from segmentry.formats import MISSING, count, decimal, interval, percent
from segmentry.present.figures import (
    caption_gain_by_k,
    caption_stability,
    has_gains,
    segment_colour,
)
from segmentry.present.report._views import Figure, Row, Stability, Table, Why
from segmentry.results.summary import Summary

_PER = 1000  # impressions by which nats are given


def make_why(summary: Summary, figures: Mapping[str, str]) -> Why | None:
    """Return both questions with their answers, or nothing where the silhouette chose."""
    evidence = summary.evidence
    if evidence is None:
        return None
    return Why(
        groups=_groups(evidence),
        gain=_gain(evidence),
        figure=_gain_figure(summary, figures),
        table=_by_number(evidence, chosen=summary.selection.n_segments),
        notes=tuple(_notes(evidence)),
    )


def _groups(evidence: EvidenceReport) -> str:
    if evidence.n_groups > 1:
        return (
            f"Yes: {evidence.n_groups}. Both references of the gap, prediction strength and the "
            "null twins agree."
        )
    return f"No. What speaks against them: {'; '.join(evidence.objections)}."


def _gain(evidence: EvidenceReport) -> str:
    if evidence.has_gain is None:
        return "Not known: there were no later days with clicks to ask."
    best = max(
        (each for each in evidence.gains if each.gain.value is not None),
        key=lambda each: each.gain.value or 0.0,
    )
    told = (
        f"the largest gain is {_nats(best.gain.value)} nats per {count(_PER)} impressions "
        f"(90 % interval {interval(best.gain, write=_nats)}) at K = {best.n_segments}"
    )
    if not evidence.has_gain:
        return f"No: {told}; that may be chance."
    if evidence.n_groups == evidence.n_by_evidence:
        return f"Yes: {told}."
    return f"Yes: {told}. It is a graded division, not natural groups."


def _gain_figure(summary: Summary, figures: Mapping[str, str]) -> Figure | None:
    """Return the picture of the gains; their numbers are in the table of all evidence."""
    if not has_gains(summary):
        return None
    return Figure(
        name="gain_by_k",
        heading="What each number gains",
        caption=caption_gain_by_k(summary),
        svg=figures.get("gain_by_k", ""),
        tables=(),
    )


def _by_number(evidence: EvidenceReport, *, chosen: int) -> Table:
    gains = {each.n_segments: each for each in evidence.gains}
    repeated = dict(evidence.stability.numbers) if evidence.stability is not None else {}
    curves = {curve.reference: curve for curve in evidence.gaps}
    numbers = sorted({1, chosen, *gains, *repeated, *(n for c in evidence.gaps for n in c.numbers)})
    n_runs = evidence.stability.n_runs if evidence.stability is not None else 0
    columns: dict[str, list[str]] = {}
    if gains:
        columns |= {
            f"gain on later days, nats per {count(_PER)} impressions (90\u00a0%)": [
                _with_interval(gains[k]) if k in gains else MISSING for k in numbers
            ],
            "within one standard error of the largest": [
                "tie" if k in evidence.ties else MISSING for k in numbers
            ],
        }
    columns |= {
        "gap, uniform reference": [_at(curves.get("uniform"), k) for k in numbers],
        "gap, PCA reference": [_at(curves.get("pca"), k) for k in numbers],
        "prediction strength": [_strength(evidence, k) for k in numbers],
        f"chosen in {count(n_runs)} repetitions" if n_runs else "repetitions": [
            count(repeated.get(k, 0)) if n_runs else MISSING for k in numbers
        ],
    }
    rows = zip(numbers, zip(*columns.values(), strict=True), strict=True)
    return Table(
        caption="All evidence by number of segments; the chosen one is set strong",
        heads=("K", *columns),
        rows=tuple(Row(str(k), cells, is_strong=k == chosen) for k, cells in rows),
        text_columns=(2,) if gains else (),
    )


def _with_interval(gain: InnerGain) -> str:
    limits = interval(gain.gain, write=_nats)
    value = _nats(gain.gain.value)
    return value if limits == MISSING else f"{value}\n{limits}"


def _at(curve: GapCurve | None, k: int) -> str:
    if curve is None or k not in curve.numbers:
        return MISSING
    place = curve.numbers.index(k)
    mark = " ←" if k == curve.n_groups else ""
    return (
        f"{decimal(curve.gaps[place], digits=3)}{mark}\n± {decimal(curve.errors[place], digits=3)}"
    )


def _strength(evidence: EvidenceReport, k: int) -> str:
    strength = evidence.strength
    if strength is None or k not in strength.numbers:
        return MISSING
    place = strength.numbers.index(k)
    value = decimal(strength.strengths[place])
    return f"{value}\n± {decimal(strength.errors[place])}" if k > 1 else value


def _nats(value: float | None) -> str:
    return decimal(None if value is None else value * _PER, digits=3)


def _notes(evidence: EvidenceReport) -> Iterator[str]:
    if evidence.n_last_days:
        yield (
            f"Gain: segments formed on the first {_days(evidence.n_first_days)} of the feature "
            f"window foretell the clicks of its last {_days(evidence.n_last_days)}, compared with "
            f"one click rate for all; on {count(evidence.n_users)} users. The outcome window had "
            "no part in it."
        )
    if evidence.gaps:
        yield (
            f"Gap: {count(evidence.gaps[0].n_users)} users against reference sets without groups; "
            "the arrow marks the smallest K within one standard error of the largest gap. "
            f"Prediction strength: groups count from {STRONG}."
        )
    if evidence.ties and len(evidence.ties) > 1:
        listed = ", ".join(str(k) for k in evidence.ties)
        yield f"K = {listed} are ties: the data do not say which of them gains most."
    yield from _twins(evidence)
    yield from evidence.caveats


def _days(n_days: int) -> str:
    return "day" if n_days == 1 else f"{count(n_days)} days"


def _twins(evidence: EvidenceReport) -> Iterator[str]:
    clicks, columns = evidence.clicks, evidence.columns
    if clicks is not None and clicks.p_value is not None:
        yield (
            f"Null twins, clicks redrawn at one rate for all, everything done again: {_p(clicks)} "
            f"that chance gains as much ({clicks.n_twins} twins)."
        )
    if columns is not None and columns.p_value is not None:
        yield (
            f"Null twins, columns permuted: {_p(columns)} ({columns.n_twins} twins). They show "
            "that columns depend on each other, not that there are groups; they never decide alone."
        )

    again = evidence.group_clicks
    if again is not None and again.p_value is not None:
        yield (
            f"Null twins, clicks redrawn at one rate for all, groups looked for: {_p(again)} "
            f"({again.n_twins} twins). Users without a click, with one and with two lie apart by "
            "chance alone."
        )


def _p(twins: NullTwins) -> str:
    return f"p = {decimal(twins.p_value, digits=3)}"


def make_stability(summary: Summary, figures: Mapping[str, str]) -> Stability | None:
    """Return how often each segment comes back, or nothing where that was not measured."""
    evidence = summary.evidence
    if evidence is None or evidence.stability is None or len(summary.segments) < 2:
        return None
    found = evidence.stability
    names = {segment.segment_id: segment.name for segment in summary.segments}
    n_stable = sum(each.is_stable for each in found.segments)
    told = {0: "None of the segments comes", 1: "One of the segments comes"}.get(
        n_stable, f"{n_stable} of the segments come"
    )
    if n_stable == len(found.segments):
        told = "All segments come"
    how = "the number of segments was kept" if summary.selection.is_forced else "K included"
    return Stability(
        lead=(
            f"{told} back when everything is done again on resampled users ({how}): "
            f"{count(found.n_runs)} repetitions on {count(evidence.n_users)} users, mean adjusted "
            f"Rand index {decimal(found.adjusted_rand)}. A segment counts as stable from a mean "
            f"Jaccard of {STABLE}; a repetition that lost it counts\u00a00."
            + _of_other_days(summary)
        ),
        figure=Figure(
            name="stability",
            heading="How the segments come back",
            caption=caption_stability(summary),
            svg=figures.get("stability", ""),
            tables=(_stability_table(found, names),),
        ),
    )


def _of_other_days(summary: Summary) -> str:
    """Tell other users, on which this is measured, from other days, which an insight speaks of."""
    insights = () if summary.decisions is None else summary.decisions.insights
    found = [str(each.segment_id) for each in insights if each.code == "SEG-011"]
    if not found:
        return ""
    listed = f"segment {found[0]}" if len(found) == 1 else f"segments {', '.join(found)}"
    return (
        " That is of other users on the same days. Other days are another matter: "
        f"{listed} changed more than a quarter of the users when all days were taken (SEG-011)."
    )


def _stability_table(found: Repeated, names: Mapping[int, str]) -> Table:
    return Table(
        caption="How the segments come back",
        heads=("segment", "mean Jaccard", "repetitions that lost it", "stable"),
        rows=tuple(
            Row(
                head=f"{each.segment_id} {names.get(each.segment_id, '')}".strip(),
                cells=(
                    decimal(each.jaccard),
                    f"{count(each.n_lost)} ({percent(each.n_lost / found.n_runs, digits=0)})",
                    "yes" if each.is_stable else "no",
                ),
                colour=segment_colour(each.segment_id),
            )
            for each in found.segments
        ),
        text_columns=(3,),
    )
