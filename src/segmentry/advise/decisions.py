"""One decision per segment: spend more, keep, spend less, test first, or too early to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from segmentry.advise.budget import BudgetPlan, BudgetRequest, SegmentTraffic, divide_budget
from segmentry.describe.profiles import Decision, SegmentProfile
from segmentry.evaluation.later_days import FoldRates
from segmentry.results.summary import SegmentSpending, Spending, WearOut

__all__ = ["decide_spending"]

_ABOVE = 115.0  # index from which a click rate is above average, as names have it
_WIDE = 50.0  # points of the index: half of the average rate
_HELD_LATER = ("confirmed", "weaker")
_MOVED = 0.01  # change of a share, relative to it, from which it is a change

_Reasoned = tuple[Decision, str]


def decide_spending(
    segments: Sequence[SegmentProfile],
    halves: tuple[FoldRates, FoldRates] | None,
    *,
    has_clicks: bool,
    n_days: int,
) -> tuple[tuple[SegmentProfile, ...], Spending | None]:
    """Decide for each segment what to do with its ads; the rule is in docs/guide/decisions.md.

    Parameters
    ----------
    segments : sequence of SegmentProfile
        With what later days say of them.
    halves : tuple of FoldRates or None
        Of all segments, from the half of the users that plans and the half that judges.
    has_clicks : bool
    n_days : int
        Days of the log.

    Returns
    -------
    segments : tuple of SegmentProfile
        With `decision` and `decision_reason`.
    spending : Spending or None
        The budget that follows; null where no impression moves.

    Notes
    -----
    Candidates are segments whose forecast index lies above 115 or below 100 with an interval that
    leaves out 100, where later days agree. The plan moves impressions among them alone. A segment
    whose part of the gain may be 0 or less among the judging half is left out and the plan is made
    again; there are at most as many rounds as segments.
    """
    found = {each.segment_id: _alone(each, segments, has_clicks=has_clicks) for each in segments}
    plan = None
    while halves is not None:
        plan = _plan(segments, found, halves, n_days=n_days)
        if plan is None:
            break
        doubtful = [
            part.segment_id
            for part in plan.segments
            if abs(part.impressions - part.proportional) > _MOVED * part.proportional
            and (part.gain.low or 0.0) <= 0.0
        ]
        if not doubtful:
            break
        found |= dict.fromkeys(doubtful, ("test_first", "gain_unsure"))
    found |= _of_plan(found, plan)
    decided = tuple(
        replace(each, decision=found[each.segment_id][0], decision_reason=found[each.segment_id][1])
        for each in segments
    )
    return decided, None if plan is None else _spending(plan, n_days=n_days)


def _alone(
    segment: SegmentProfile, segments: Sequence[SegmentProfile], *, has_clicks: bool
) -> _Reasoned:
    """Decide on a segment by itself; more and less still need each other."""
    index = segment.forecast_index
    if segment.is_withheld:
        return "too_early", "few_users"
    if len(segments) == 1:
        return "keep", "one_segment"
    if not has_clicks:
        return "test_first", "no_clicks"
    if index.value is None or index.low is None or index.high is None:
        return "too_early", "no_forecast"
    is_more = index.low > 100.0 and index.value >= _ABOVE
    if not is_more and index.high >= 100.0:
        is_wide = index.low <= 100.0 and index.high - index.low > _WIDE
        return ("too_early", "wide") if is_wide else ("keep", "average")
    if segment.verdict not in _HELD_LATER:
        return "test_first", "reversed" if segment.verdict == "reversed" else "not_confirmed"
    return ("spend_more" if is_more else "spend_less"), "gain"


def _plan(
    segments: Sequence[SegmentProfile],
    found: Mapping[int, _Reasoned],
    halves: tuple[FoldRates, FoldRates],
    *,
    n_days: int,
) -> BudgetPlan | None:
    """Divide the impressions of the log; null where there is nothing to move, or nowhere to."""
    shown = [each for each in segments if not each.is_withheld]
    total = sum(each.n_impressions for each in shown)
    if not {"spend_more", "spend_less"} <= {decision for decision, _ in found.values()}:
        return None
    shares = {each.segment_id: each.n_impressions / total for each in shown}
    places = [each.segment_id - 1 for each in shown]
    kept_up = {i: s for i, s in shares.items() if found[i][0] != "spend_less"}
    kept_down = {i: s for i, s in shares.items() if found[i][0] != "spend_more"}
    traffic = [
        SegmentTraffic(
            segment_id=each.segment_id,
            name=each.name,
            verdict=each.verdict,
            n_users=each.n_users,
            n_impressions=each.n_impressions,
        )
        for each in shown
    ]
    request = BudgetRequest(
        n_impressions=total, n_days=float(n_days), floors=kept_up, caps=kept_down
    )
    rates = halves[0].of(places), halves[1].of(places)
    return divide_budget(traffic, rates, request, n_days_of_log=float(n_days))


def _of_plan(found: Mapping[int, _Reasoned], plan: BudgetPlan | None) -> dict[int, _Reasoned]:
    """Return what the plan changes: where it moves nothing, nothing is to be done."""
    parts = {} if plan is None else {part.segment_id: part for part in plan.segments}
    changed: dict[int, _Reasoned] = {}
    for segment_id, (decision, _) in found.items():
        if decision not in ("spend_more", "spend_less"):
            continue
        part = parts.get(segment_id)
        if part is None:
            changed[segment_id] = "test_first", "no_source"
        elif abs(part.impressions - part.proportional) <= _MOVED * part.proportional:
            changed[segment_id] = "keep", "no_room"
    return changed


def _spending(plan: BudgetPlan, *, n_days: int) -> Spending:
    total = plan.n_impressions
    return Spending(
        n_impressions=total,
        n_days=n_days,
        segments=tuple(
            SegmentSpending(
                segment_id=part.segment_id,
                share_now=part.proportional / total,
                share_proposed=part.impressions / total,
                gain=part.gain,
            )
            for part in plan.segments
        ),
        wear_out=tuple(
            WearOut(power=each.exponent, gain=each.gain, gain_share=each.gain_share)
            for each in plan.sensitivity
        ),
    )
