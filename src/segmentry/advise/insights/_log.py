"""Insights that take segments counted against the log."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
    EXCEPT_MORE,
    LOG,
    Facts,
    Finding,
    InsightKind,
    Worth,
    exposure_ratio,
    index_evidence,
)
from segmentry.advise.insights._worth import PER, clicks_gained_within
from segmentry.describe.exposure import Cap, Cell, ExposureCurve
from segmentry.formats import count, decimal, percent
from segmentry.results.summary import Evidence
from segmentry.schema import Estimate

_OVER_EXPOSED = 1.5
_MUCH_SHOWN = 0.2
_MORE, _LESS, _TASTE = 110.0, 90.0, 120.0
_MAX_NAMED = 3
_MIN_SAVED, _MAX_LOST = 0.01, 0.1  # shares of impressions and of clicks
_NO_CAP = (
    "no number: no cap would have saved 1 % of the impressions and cost a smaller share of the "
    "clicks, below a tenth"
)


def _find_fatigue(facts: Facts) -> Iterator[Finding]:
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
        curve = max(falling, key=lambda each: (_max_saved(each), each.kind))
        what = "frequency of one ad" if curve.kind == "repeat" else "number of ads a user has seen"
        yield Finding(
            segment,
            f"Each doubling of the {what} multiplies the odds of a click by "
            f"{decimal(curve.per_doubling.value)} within users.",
            (Evidence("odds per doubling", curve.per_doubling, "ratio", 90),),
            _removed(curve),
        )


def _best_cap(curve: ExposureCurve) -> Cap | None:
    """Return the cap that saves most of those that cost few clicks, and fewer than they save."""
    worth_it = (
        cap
        for cap in curve.caps
        if cap.impressions_share >= _MIN_SAVED
        and cap.clicks_share < min(_MAX_LOST, cap.impressions_share)
    )
    return max(worth_it, key=lambda cap: cap.impressions_share, default=None)


def _max_saved(curve: ExposureCurve) -> float:
    cap = _best_cap(curve)
    return 0.0 if cap is None else cap.impressions_share


def _removed(curve: ExposureCurve) -> Worth:
    """Return what the best cap would have removed."""
    cap, terms = _best_cap(curve), ("Nothing is assumed of what would be shown instead.",)
    if cap is None:
        return Worth(_NO_CAP, assumptions=terms)
    whose = "showings of one ad per user" if curve.kind == "repeat" else "impressions per user"
    lost = percent(cap.clicks_share, digits=1)
    if cap.lost.low is not None and cap.lost.high is not None:
        lost += f" ({cap.lost.low * 100:.1f}–{percent(cap.lost.high, digits=1)})"
    text = (
        f"impressions saved in this log by a cap at {cap.cap} {whose}, "
        f"{percent(cap.impressions_share, digits=1)} of the segment’s, with {lost} of its clicks"
    )
    total = cap.n_impressions / cap.impressions_share
    low, high = (
        None if end is None else round(end * total, 3) for end in (cap.saved.low, cap.saved.high)
    )
    return Worth(text, Estimate(float(cap.n_impressions), low, high), terms)


def _find_price_mismatch(facts: Facts) -> Iterator[Finding]:
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
            segment,
            f"{percent(much.exposure_share, digits=0)} of its impressions are at {much.label} "
            f"(CTR index {count(much.ctr_index.value)}); it clicks {best.label} "
            f"(CTR index {count(best.ctr_index.value)}).",
            (
                index_evidence(f"CTR index at {much.label}", much.ctr_index, 95),
                index_evidence(f"CTR index at {best.label}", best.ctr_index, 95),
            ),
            _worth(
                f"{count(PER)} of its impressions moved from {much.label} to {best.label}",
                clicks_gained_within(segment, to=best, of=much),
            ),
        )


def _find_place_or_time(facts: Facts) -> Iterator[Finding]:
    yield from _preferred(facts, ("placement", "hour"), least=_MORE)


def _find_category_affinity(facts: Facts) -> Iterator[Finding]:
    yield from _preferred(facts, ("category",), least=_TASTE)


def _preferred(facts: Facts, dimensions: tuple[str, ...], *, least: float) -> Iterator[Finding]:
    for segment in facts.shown:
        liked = sorted(
            (
                cell
                for cell in _cells(facts, segment.segment_id, dimensions)
                if (cell.ctr_index.low or 0.0) > least
            ),
            key=lambda cell: (-(cell.ctr_index.low or 0.0), cell.dimension, cell.key),
        )[:_MAX_NAMED]
        if liked:
            text = ", ".join(
                f"{cell.dimension} {cell.label} (CTR index {count(cell.ctr_index.value)})"
                for cell in liked
            )
            yield Finding(
                segment,
                f"It clicks more than its own level predicts: {text}.",
                tuple(index_evidence(f"{c.dimension} {c.label}", c.ctr_index, 95) for c in liked),
                _worth(
                    f"{count(PER)} of its impressions moved to {liked[0].dimension} "
                    f"{liked[0].label}",
                    clicks_gained_within(segment, to=liked[0]),
                ),
            )


def _worth(moved: str, value: Estimate) -> Worth:
    """Return what a move within a segment is worth."""
    if value.value is None:
        return Worth()
    return Worth(
        f"clicks gained per {moved}",
        value,
        ("The ads there find as many impressions, and are clicked as those were.",),
    )


def _cells(facts: Facts, segment_id: int, dimensions: tuple[str, ...]) -> list[Cell]:
    log = facts.summary.log
    if log is None:
        return []
    return [c for c in log.cells if c.segment_id == segment_id and c.dimension in dimensions]


KINDS = (
    InsightKind(
        "SEG-005",
        "Over-exposed with falling CTR",
        "problem",
        "Its users have at least 1.5 times the impressions of all users, the odds of a click fall "
        "with each doubling of exposure (upper end below 1, within users), and exposure was not "
        "found to react to clicks.",
        "The same users click less the more they have been shown. It is still observational.",
        "Cap the frequency for a part of them and compare.",
        _find_fatigue,
        needs=LOG,
        suits=EXCEPT_MORE,
    ),
    InsightKind(
        "SEG-007",
        "Price mismatch",
        "caution",
        "In a price band with at least 20 % of the segment's impressions it clicks less than its "
        "own level and the band's predict (upper end of the CTR index below 90), and in another "
        "band more (lower end above 110).",
        "What it is shown is not priced as what it clicks.",
        "Shift its impressions towards the band it clicks, and test.",
        _find_price_mismatch,
        needs=LOG,
        wants=("price band",),
    ),
    InsightKind(
        "SEG-008",
        "Placement or time of day makes a difference",
        "note",
        "At some placement or hour the segment clicks more than its own level and the place's "
        "predict (lower end of the CTR index above 110).",
        "A preference of this segment beyond what holds for all users.",
        "Weight its placements or hours accordingly, and test.",
        _find_place_or_time,
        needs=LOG,
        wants=("placement", "hour"),
    ),
    InsightKind(
        "SEG-009",
        "Category affinity",
        "opportunity",
        "In some category the segment clicks more than its own level and the category's predict "
        "(lower end of the CTR index above 120).",
        "A taste of this segment. Whether it helps to choose by it is measured on later clicks.",
        "Feed the affinities to recommendations for this segment, and test.",
        _find_category_affinity,
        needs=LOG,
        wants=("category",),
    ),
)
