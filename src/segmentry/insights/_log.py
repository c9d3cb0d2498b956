"""Insights that take segments counted against the log."""

from collections.abc import Iterator

from segmentry.exposure import Cell, ExposureCurve
from segmentry.insights._findings import (
    Facts,
    Finding,
    exposure_ratio,
    index_evidence,
)
from segmentry.plots.formats import count, decimal, percent
from segmentry.schema import Estimate
from segmentry.summary import Evidence

__all__ = ["find_category_affinity", "find_fatigue", "find_place_or_time", "find_price_mismatch"]

_OVER_EXPOSED = 1.5
_MUCH_SHOWN = 0.2
_MORE, _LESS, _TASTE = 110.0, 90.0, 120.0
_MOST_NAMED = 3


def find_fatigue(facts: Facts) -> Iterator[Finding]:
    """Find over-exposed segments whose users click less the more they are shown."""
    curves = () if facts.summary.log is None else facts.summary.log.curves
    for segment in facts.shown:
        if exposure_ratio(segment) < _OVER_EXPOSED:
            continue
        falling = [
            curve
            for curve in curves
            if curve.segment_id == segment.segment_id
            and curve.is_identified
            and curve.per_doubling.high is not None
            and curve.per_doubling.high < 1
        ]
        if not falling:
            continue
        curve = min(falling, key=lambda each: (each.per_doubling.value or 1.0, each.kind))
        effect, value = _removed(curve)
        yield Finding(
            "SEG-005",
            segment,
            f"Each time the {'repeat' if curve.kind == 'repeat' else 'exposure'} doubles, the odds "
            f"of a click are multiplied by {decimal(curve.per_doubling.value)} within users.",
            (Evidence("odds per doubling", curve.per_doubling, "ratio", 90),),
            effect,
            value,
            ("Nothing is assumed of what would be shown instead.",),
        )


def _removed(curve: ExposureCurve) -> tuple[str, Estimate]:
    """Return what a cap would have removed: of those drawn, the one with most to save."""
    if not curve.caps:
        return "no number: no cap was drawn", Estimate(value=None, low=None, high=None)
    cap = min(curve.caps, key=lambda each: each.clicks_share - each.impressions_share)
    told = (
        f"impressions that a cap at {cap.cap} would have removed "
        f"({percent(cap.impressions_share, digits=0)} of them, with "
        f"{percent(cap.clicks_share, digits=0)} of the clicks)"
    )
    return told, Estimate(value=float(cap.n_impressions), low=None, high=None)


def find_price_mismatch(facts: Facts) -> Iterator[Finding]:
    """Find segments that are shown one price band and click another."""
    for segment in facts.shown:
        bands = _cells(facts, segment.segment_id, ("price band",))
        shown = [
            cell
            for cell in bands
            if cell.exposure_share >= _MUCH_SHOWN
            and cell.ctr_index.high is not None
            and cell.ctr_index.high < _LESS
        ]
        liked = [cell for cell in bands if (cell.ctr_index.low or 0.0) > _MORE]
        if not shown or not liked:
            continue
        much = max(shown, key=lambda cell: (cell.exposure_share, cell.key))
        best = max(liked, key=lambda cell: (cell.ctr_index.low or 0.0, cell.key))
        yield Finding(
            "SEG-007",
            segment,
            f"{percent(much.exposure_share, digits=0)} of its impressions are at {much.label} "
            f"(CTR index {count(much.ctr_index.value)}); it clicks {best.label} "
            f"(CTR index {count(best.ctr_index.value)}).",
            (
                index_evidence(f"CTR index at {much.label}", much.ctr_index, 95),
                index_evidence(f"CTR index at {best.label}", best.ctr_index, 95),
            ),
        )


def find_place_or_time(facts: Facts) -> Iterator[Finding]:
    """Find segments that click more at some placement or hour."""
    yield from _preferred(facts, "SEG-008", ("placement", "hour"), least=_MORE)


def find_category_affinity(facts: Facts) -> Iterator[Finding]:
    """Find segments that click more in some category."""
    yield from _preferred(facts, "SEG-009", ("category",), least=_TASTE)


def _preferred(
    facts: Facts, code: str, dimensions: tuple[str, ...], *, least: float
) -> Iterator[Finding]:
    for segment in facts.shown:
        liked = sorted(
            (
                cell
                for cell in _cells(facts, segment.segment_id, dimensions)
                if (cell.ctr_index.low or 0.0) > least
            ),
            key=lambda cell: (-(cell.ctr_index.low or 0.0), cell.dimension, cell.key),
        )[:_MOST_NAMED]
        if liked:
            told = ", ".join(
                f"{cell.dimension} {cell.label} (CTR index {count(cell.ctr_index.value)})"
                for cell in liked
            )
            yield Finding(
                code,
                segment,
                f"It clicks more than its own level foretells: {told}.",
                tuple(index_evidence(f"{c.dimension} {c.label}", c.ctr_index, 95) for c in liked),
            )


def _cells(facts: Facts, segment_id: int, dimensions: tuple[str, ...]) -> list[Cell]:
    log = facts.summary.log
    if log is None:
        return []
    return [c for c in log.cells if c.segment_id == segment_id and c.dimension in dimensions]
