"""The number of segments and the evidence for it: what the report, its warnings and a table say."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import polars as pl

from segmentry.evaluation.number import EvidenceReport, NumberEvidence
from segmentry.evaluation.stability import STABLE
from segmentry.formats import decimal_under
from segmentry.segments.forming import Segmentation

__all__ = [
    "EVIDENCE_COLUMNS",
    "NO_EVIDENCE",
    "evidence_by_number",
    "report_evidence",
    "warn_of_number",
]

EVIDENCE_COLUMNS: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "inner_gain": pl.Float64,
        "inner_gain_low": pl.Float64,
        "inner_gain_high": pl.Float64,
        "is_sufficient": pl.Boolean,
        "apart_share": pl.Float64,
        "gap_uniform": pl.Float64,
        "gap_uniform_error": pl.Float64,
        "gap_pca": pl.Float64,
        "gap_pca_error": pl.Float64,
        "prediction_strength": pl.Float64,
        "n_draws": pl.Int64,
    }
)
"""What ``selection.parquet`` holds next to the scores; null where it was not measured."""

NO_EVIDENCE: Mapping[str, float | bool | None] = MappingProxyType(dict.fromkeys(EVIDENCE_COLUMNS))


def report_evidence(evidence: NumberEvidence, *, withheld: Collection[int]) -> EvidenceReport:
    """Return what the report shows of the choice; nothing of segments that are `withheld`."""
    weighed, split, stability = evidence.weighed, evidence.split, evidence.stability
    choice = weighed.choice
    if stability is not None:
        shown = tuple(s for s in stability.segments if s.segment_id not in withheld)
        stability = replace(stability, segments=shown)
    caveats = list(split.caveats) if split.has_later else []
    if not split.has_later:
        caveats.append(
            "No day of the feature window could be held out to see which number of segments is "
            "useful; the evidence of groups alone decides."
        )
    elif choice.has_gain is None:
        caveats.append(
            "The days of the feature window hold no clicks to learn from; the evidence of groups "
            "alone decides."
        )
    return EvidenceReport(
        n_users=split.n_users,
        n_days=len(split.days),
        n_blocks=len(split.held_out),
        n_by_evidence=choice.n_segments,
        division=choice.division,
        n_groups=choice.n_groups,
        separation=weighed.separation,
        has_gain=choice.has_gain,
        gain_share=choice.gain_share,
        sufficient=choice.sufficient,
        gains=choice.gains,
        number=weighed.number,
        gaps=weighed.gaps,
        strength=weighed.strength,
        stability=stability,
        caveats=tuple(caveats),
    )


def warn_of_number(
    evidence: NumberEvidence, segmentation: Segmentation, *, withheld: Collection[int]
) -> Iterator[str]:
    """Say what a careful reader must know of the number of segments and of their stability."""
    choice, stability = evidence.weighed.choice, evidence.stability
    n_segments = segmentation.n_segments
    if n_segments > 1 and choice.n_segments == 1:
        yield (
            f"The evidence speaks for one segment, not for {n_segments}: neither are there natural "
            "groups, nor is anything gained on held-out days."
        )
    shaky = [
        each
        for each in (() if stability is None else stability.segments)
        if not each.is_stable and each.segment_id not in withheld
    ]
    if stability is not None and shaky:
        names = ", ".join(str(each.segment_id) for each in shaky)
        plural = len(shaky) > 1
        worst = decimal_under(min(each.jaccard for each in shaky), STABLE)
        yield (
            f"Segment{'s' if plural else ''} {names} {'are' if plural else 'is'} not stable: "
            f"when {n_segments} segments are formed from other users of the same kind, "
            f"{'their' if plural else 'its'} overlap with the nearest one is below {STABLE} "
            f"({worst}{' at worst' if plural else ''}, mean of {stability.n_runs} repetitions)."
        )


def evidence_by_number(
    evidence: EvidenceReport | None,
) -> dict[int, dict[str, float | bool | None]]:
    """Return all evidence by number of segments, under the names of `EVIDENCE_COLUMNS`."""
    found: defaultdict[int, dict[str, float | bool | None]] = defaultdict(lambda: {**NO_EVIDENCE})
    if evidence is None:
        return found
    for each in evidence.gains:
        limits = each.gain.value, each.gain.low, each.gain.high
        names = "inner_gain", "inner_gain_low", "inner_gain_high"
        found[each.n_segments] |= dict(zip(names, limits, strict=True))
        found[each.n_segments]["is_sufficient"] = each.n_segments in evidence.sufficient
    for k, share in zip(evidence.separation.numbers, evidence.separation.shares, strict=True):
        found[k]["apart_share"] = share
    for curve in evidence.gaps:
        name = f"gap_{curve.reference}"
        for k, gap, error in zip(curve.numbers, curve.gaps, curve.errors, strict=True):
            found[k] |= {name: gap, f"{name}_error": error}
    for k, value in zip(evidence.strength.numbers, evidence.strength.strengths, strict=True):
        found[k]["prediction_strength"] = value
    if evidence.number is not None:
        drawn = dict(evidence.number.numbers)
        for k in {*found, *drawn}:
            found[k]["n_draws"] = drawn.get(k, 0)
    return found
