"""Choose on one half of the users, judge by the other."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from segmentry.advise.budget._allocation import (
    Bounds,
    best_concave,
    best_linear,
    bounds_of,
    whole_numbers,
)
from segmentry.advise.budget._records import (
    BudgetPlan,
    BudgetRequest,
    Comparison,
    Outcome,
    SegmentBudget,
    SegmentTraffic,
    Sensitivity,
)
from segmentry.errors import ConfigError, DataError
from segmentry.evaluation.later_days import FoldRates
from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector, IntVector

_EXPONENTS = (1.0, 0.9, 0.8, 0.7, 0.5)
_OBSERVATIONAL = (
    "Observational: the rates are those of users as they were shown ads before; that a user who is "
    "shown more clicks at the same rate is assumed, not measured. A test with a control group "
    "measures it: segmentry plan test."
)
_OF_PURCHASES = (
    "Association: a purchase is credited to the last impression of its category in the 7 days "
    "before it, whether the ad moved anybody or not; ads are shown to those who browse. Dividing "
    "by it favours users who would have bought anyway. Only a test with a control group tells what "
    "the ads bring."
)
_WITHIN = (
    "Inside a segment impressions go to users in proportion to their past impressions, in all "
    "three ways to divide."
)
_JUDGED = (
    "Forecast rates are those of the half of the users that did not choose the split. The report "
    "shows those of all users, so the two differ a little."
)


def divide_budget(
    segments: Sequence[SegmentTraffic],
    rates: tuple[FoldRates, FoldRates],
    request: BudgetRequest,
    *,
    n_days_of_log: float,
) -> BudgetPlan:
    """Divide impressions among segments so that the outcome is most, and say what that is worth.

    Clicks, or purchases, to be expected are the sum over segments of x * rate * (x / b) **
    (exponent - 1), where b is the proportional part of the budget; the exponent is an assumption of
    whoever asks. The `rates` are of the half of the users that chooses, and of the half that
    judges.

    Raises ConfigError if the budget does not fit between floors, caps and inventory; DataError if
    there is one segment only, or none was shown ads.

    Notes
    -----
    An allocation that is judged by the rates that chose it looks better than it is: with equal true
    rates the larger estimate is always taken. The users of the other half had no say in it.
    """
    _check_segments(segments)
    bounds = bounds_of(segments, request, n_days_of_log=n_days_of_log)
    chooses, judges = (_filled(each) for each in rates)
    bounds, held = _held(bounds, segments, rates)
    wanted = _max_clicks(_positive_rates(chooses), bounds, request)
    plan = whole_numbers(wanted, request.n_impressions)
    n_users = np.array([segment.n_users for segment in segments], dtype=np.float64)
    others = {
        "proportional": bounds.proportional,
        "equal per user": request.n_impressions * n_users / n_users.sum(),
    }
    is_confirmed = any(
        segment.verdict == "confirmed" and abs(x - b) >= 1
        for segment, x, b in zip(segments, plan, bounds.proportional, strict=True)
    )
    comparisons = tuple(
        _compared(
            name,
            plan,
            other,
            judges=judges,
            bounds=bounds,
            exponent=request.exponent,
            is_confirmed=is_confirmed,
        )
        for name, other in others.items()
    )
    exponents = sorted({*_EXPONENTS, request.exponent}, reverse=True)
    cost = request.cost_per_impression
    return BudgetPlan(
        n_impressions=request.n_impressions,
        money=None if cost is None else request.n_impressions * cost,
        n_days=request.n_days,
        response=request.response,
        exponent=request.exponent,
        max_change=request.max_change,
        outcome=request.outcome,
        segments=_parts(segments, plan, judges, bounds, request),
        expected=_estimate(*_clicks(plan, judges, bounds, request.exponent)),
        comparisons=comparisons,
        sensitivity=tuple(_sensitivity(each, plan, judges, bounds) for each in exponents),
        conclusion=_concluded(comparisons[0], is_confirmed=is_confirmed, outcome=request.outcome),
        notes=tuple(_notes([*held, *_beaten(comparisons[1:], request)], request)),
    )


def _check_segments(segments: Sequence[SegmentTraffic]) -> None:
    if len(segments) < 2:
        raise DataError(
            "one segment only: there is nothing to divide a budget among; it goes to all users as "
            "before"
        )
    if not sum(segment.n_impressions for segment in segments):
        raise DataError("no segment was shown an ad: expected impressions in the log")


def _filled(rates: FoldRates) -> FoldRates:
    """Give a segment without left-out impressions the pooled rate."""
    is_missing = np.isnan(rates.ctr)
    if not is_missing.any():
        return rates
    weights = rates.n_impressions / max(1.0, float(rates.n_impressions.sum()))
    pooled = float(np.where(is_missing, 0.0, rates.ctr) @ weights)
    drawn = np.where(is_missing, 0.0, rates.draws) @ weights
    return FoldRates(
        ctr=np.where(is_missing, pooled, rates.ctr),
        draws=np.where(is_missing, drawn[:, np.newaxis], rates.draws),
        n_impressions=rates.n_impressions,
        n_clicks=rates.n_clicks,
    )


def _held(
    bounds: Bounds, segments: Sequence[SegmentTraffic], rates: tuple[FoldRates, FoldRates]
) -> tuple[Bounds, list[str]]:
    """Keep segments that nothing is known of at their proportional part, and say so."""
    is_unknown = np.isnan(rates[0].ctr) | np.isnan(rates[1].ctr)
    if not is_unknown.any():
        return bounds, []
    ids = ", ".join(str(s.segment_id) for s, each in zip(segments, is_unknown, strict=True) if each)
    b = bounds.proportional
    held = Bounds(b, np.where(is_unknown, b, bounds.low), np.where(is_unknown, b, bounds.high))
    if not held.low.sum() <= b.sum() * (1 + 1e-9) or not held.high.sum() >= b.sum() * (1 - 1e-9):
        raise ConfigError(
            f"segment {ids}: too few impressions to forecast its CTR, and floors and caps leave no "
            "room to keep its part; loosen them"
        )
    return held, [
        f"Segment {ids}: too few impressions to forecast its CTR, so its part stays as it was."
    ]


def _positive_rates(rates: FoldRates) -> FloatVector:
    """Return rates to choose by; one without clicks is half a click above 0, so ties are rare."""
    least = 0.5 / (rates.n_impressions + 1)
    positive: FloatVector = np.where(rates.ctr > 0, rates.ctr, np.minimum(least, 0.5))
    return positive


def _max_clicks(rates: FloatVector, bounds: Bounds, request: BudgetRequest) -> FloatVector:
    if request.response == "linear":
        return best_linear(rates, bounds)
    return best_concave(rates, bounds, exponent=request.exponent)


def _worth(x: npt.ArrayLike, bounds: Bounds, exponent: float) -> FloatVector:
    """Return impressions at the CTR of the log that would bring as many clicks."""
    b = bounds.proportional
    given = np.asarray(x, np.float64)
    ratio = np.divide(given, b, out=np.zeros(b.size), where=b > 0)
    worth: FloatVector = b * ratio**exponent
    return worth


def _clicks(
    x: npt.ArrayLike, rates: FoldRates, bounds: Bounds, exponent: float
) -> tuple[float, FloatVector]:
    worth = _worth(x, bounds, exponent)
    return float(rates.ctr @ worth), rates.draws @ worth


def _estimate(value: float, draws: FloatVector) -> Estimate:
    low, high = np.quantile(draws, (0.05, 0.95))
    return Estimate(value=value, low=float(low), high=float(high))


def _compared(
    against: str,
    plan: IntVector,
    other: FloatVector,
    *,
    judges: FoldRates,
    bounds: Bounds,
    exponent: float,
    is_confirmed: bool,
) -> Comparison:
    value, draws = _clicks(plan, judges, bounds, exponent)
    base, base_draws = _clicks(other, judges, bounds, exponent)
    gains = draws - base_draws
    gain, share = _estimate(value - base, gains), UNKNOWN
    if base > 0 and (base_draws > 0).all():
        share = _estimate((value - base) / base, gains / base_draws)
    return Comparison(
        against=against,
        expected=_estimate(base, base_draws),
        gain=gain,
        gain_share=share,
        losing_share=float((gains < 0).mean()),
        is_better=bool(is_confirmed and gain.low is not None and gain.low > 0),
    )


def _sensitivity(
    exponent: float, plan: IntVector, judges: FoldRates, bounds: Bounds
) -> Sensitivity:
    found = _compared(
        "proportional",
        plan,
        bounds.proportional,
        judges=judges,
        bounds=bounds,
        exponent=exponent,
        is_confirmed=False,
    )
    return Sensitivity(
        exponent=exponent,
        gain=found.gain,
        gain_share=found.gain_share,
        losing_share=found.losing_share,
    )


def _parts(
    segments: Sequence[SegmentTraffic],
    plan: IntVector,
    judges: FoldRates,
    bounds: Bounds,
    request: BudgetRequest,
) -> tuple[SegmentBudget, ...]:
    worth = _worth(plan, bounds, request.exponent)
    changes = worth - bounds.proportional
    gains, drawn_gains = _parts_of_gain(judges, bounds, plan, changes)
    whole = whole_numbers(bounds.proportional, request.n_impressions)
    cost = request.cost_per_impression
    return tuple(
        SegmentBudget(
            segment_id=segment.segment_id,
            name=segment.name,
            verdict=segment.verdict,
            n_users=segment.n_users,
            impressions=int(plan[s]),
            proportional=int(whole[s]),
            floor=float(bounds.low[s]),
            cap=float(bounds.high[s]),
            money=None if cost is None else int(plan[s]) * cost,
            rate=_estimate(float(judges.ctr[s]), judges.draws[:, s]),
            expected=_estimate(float(judges.ctr[s] * worth[s]), judges.draws[:, s] * worth[s]),
            gain=_estimate(float(gains[s]), drawn_gains[:, s]),
        )
        for s, segment in enumerate(segments)
    )


def _parts_of_gain(
    judges: FoldRates, bounds: Bounds, plan: IntVector, changes: FloatVector
) -> tuple[FloatVector, FloatVector]:
    """Return the part of each segment in the gain: (n_segments,) and (n_draws, n_segments).

    The impressions that it gets or gives are worth the rate of all users elsewhere.
    """
    weights = bounds.proportional / bounds.proportional.sum()
    moved = plan - bounds.proportional
    gains = judges.ctr * changes - float(judges.ctr @ weights) * moved
    drawn = judges.draws * changes - (judges.draws @ weights)[:, np.newaxis] * moved
    return gains, drawn


def _notes(held: Sequence[str], request: BudgetRequest) -> Iterator[str]:
    yield from held
    yield _assumed(request)
    yield _JUDGED
    yield _WITHIN
    if request.outcome == "purchases":
        yield _OF_PURCHASES
    yield _OBSERVATIONAL


def _assumed(request: BudgetRequest) -> str:
    is_clicks = request.outcome == "clicks"
    if request.response == "linear":
        return (
            f"Assumed: every impression of a segment "
            f"{'is clicked' if is_clicks else 'brings purchases'} at the same rate up to its cap "
            f"(--max-change {request.max_change:g}); what is left if they grow "
            "slower is shown for other powers."
        )
    return (
        f"Assumed: the {request.outcome} of a segment grow as impressions to the power of "
        f"{request.exponent:g}, up to its cap (--max-change {request.max_change:g})."
    )


def _beaten(others: Sequence[Comparison], request: BudgetRequest) -> list[str]:
    """Say which other way to divide has more of the outcome, and what it need not keep to."""
    return [
        f"{each.against.capitalize()} would bring more {request.outcome} than the plan "
        f"({-(each.gain.value or 0.0):+,.0f}): it is not bound by floors, caps and --max-change "
        f"{request.max_change:g}. A larger change lets the plan move more."
        for each in others
        if each.gain.high is not None and each.gain.high < 0
    ]


def _concluded(comparison: Comparison, *, is_confirmed: bool, outcome: Outcome) -> str:
    gain, share = comparison.gain, comparison.gain_share
    if gain.value is None or gain.low is None or gain.high is None:
        return "There is not enough data for a gain."
    text = f"{gain.value:+,.0f} {outcome} ({gain.low:+,.0f} to {gain.high:+,.0f})"
    if share.value is not None:
        text = f"{share.value * 100:+.1f} %, {text}"
    if comparison.is_better:
        return f"Better than in proportion to past impressions: {text}, if the assumptions hold."
    why = "a gain of 0 or less cannot be ruled out"
    if gain.low > 0 and not is_confirmed:
        why = "no segment whose part changes was confirmed on later days"
    return f"Not shown to be better than in proportion to past impressions: {text}; {why}."
