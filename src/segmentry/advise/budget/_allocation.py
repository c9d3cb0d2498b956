"""The best way to divide a budget under floors and caps: exact for both responses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.advise.budget._records import BudgetRequest, SegmentTraffic
from segmentry.errors import ConfigError
from segmentry.formats import percent
from segmentry.schema.arrays import FloatVector, IntVector


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Proportional part, least and most impressions of each segment, shape (n_segments,)."""

    proportional: FloatVector
    low: FloatVector
    high: FloatVector


def bounds_of(
    segments: Sequence[SegmentTraffic], request: BudgetRequest, *, n_days_of_log: float
) -> Bounds:
    """Turn floors, caps and the largest change into impressions per segment.

    Raises ConfigError if a floor or cap names no segment, or the budget does not fit between them.

    >>> segments = [SegmentTraffic(segment_id=i, name="", verdict="", n_users=10, n_impressions=n)
    ...             for i, n in ((1, 600), (2, 200))]
    >>> request = BudgetRequest(n_impressions=400, n_days=8, floors={1: 0.5})
    >>> bounds = bounds_of(segments, request, n_days_of_log=8)
    >>> bounds.proportional.tolist(), bounds.low.tolist(), bounds.high.tolist()
    ([300.0, 100.0], [200.0, 50.0], [600.0, 200.0])
    """
    known = [segment.segment_id for segment in segments]
    for name, shares in (("floor", request.floors), ("cap", request.caps)):
        for segment_id in shares:
            if segment_id not in known:
                text = ", ".join(map(str, known))
                raise ConfigError(f"--{name} {segment_id}: no such segment; expected of {text}")
    budget = float(request.n_impressions)
    past = np.array([segment.n_impressions for segment in segments], dtype=np.float64)
    pace = past * request.n_days / n_days_of_log
    inventory = request.max_change * pace
    proportional = budget * past / past.sum()
    low = proportional / request.max_change
    high = np.minimum(request.max_change * proportional, inventory)
    for place, segment_id in enumerate(known):
        if segment_id in request.floors:
            low[place] = request.floors[segment_id] * budget
            high[place] = max(high[place], low[place])
        if segment_id in request.caps:
            high[place] = request.caps[segment_id] * budget
            if segment_id not in request.floors:
                low[place] = min(low[place], high[place])
    _check(request, known, low, high, inventory)
    return Bounds(proportional, low, np.minimum(high, np.maximum(inventory, low)))


def _check(
    request: BudgetRequest,
    known: Sequence[int],
    low: FloatVector,
    high: FloatVector,
    inventory: FloatVector,
) -> None:
    budget, room = request.n_impressions, 1e-9 * request.n_impressions
    if inventory.sum() < budget - room:
        raise ConfigError(
            f"the budget of {budget:,} impressions is above all inventory: {request.max_change:g} "
            f"times the log's pace is {inventory.sum():,.0f} in {request.n_days:g} days; ask for "
            "fewer, allow more --days or a larger --max-change"
        )
    for place, segment_id in enumerate(known):
        if low[place] > high[place] + room:
            raise ConfigError(
                f"segment {segment_id}: floor {percent(low[place] / budget)} is above cap "
                f"{percent(high[place] / budget)}; lower the floor or raise the cap"
            )
        if low[place] > inventory[place] + room:
            raise ConfigError(
                f"--floor {segment_id}: {low[place]:,.0f} impressions, but {request.max_change:g} "
                f"times the log's pace is {inventory[place]:,.0f} in {request.n_days:g} days; "
                "lower it, allow more --days or a larger --max-change"
            )
    if low.sum() > budget + room:
        raise ConfigError(
            f"floors: together {percent(low.sum() / budget)} of the budget; lower them"
        )
    most = np.minimum(high, inventory).sum()
    if most < budget - room:
        raise ConfigError(
            f"caps: together {percent(most / budget)} of the budget; raise them, allow more "
            "--days or ask for fewer impressions"
        )


def best_linear(rates: FloatVector, bounds: Bounds) -> FloatVector:
    """Maximise sum(rate * x) for a given sum of x: fill the best segment to its cap, then the next.

    The proportional parts of the bounds add up to the budget. This is the continuous knapsack
    (Dantzig 1957, Operations Research 5, 266-288): exact.

    >>> bounds = Bounds(np.array([50., 50.]), np.array([25., 25.]), np.array([100., 100.]))
    >>> best_linear(np.array([0.02, 0.08]), bounds).tolist()
    [25.0, 75.0]
    """
    x = bounds.low.copy()
    left = float(bounds.proportional.sum() - x.sum())
    for place in np.argsort(-rates, kind="stable"):
        more = min(left, float(bounds.high[place] - x[place]))
        x[place] += more
        left -= more
    return x


def best_concave(rates: FloatVector, bounds: Bounds, *, exponent: float) -> FloatVector:
    """Maximise sum(rate * b * (x / b) ** exponent), b being the proportional part.

    The exponent lies between 0 and 1.

    At the best point all segments between their bounds have the same marginal clicks: x = b
    (exponent * rate / price) ** (1 / (1 - exponent)), kept inside the bounds; the price is found
    on one dimension (water-filling: Boyd and Vandenberghe 2004, Convex Optimization, 5.5.3).

    Twice the CTR, exponent 1/2: four times the impressions, where bounds allow.

    >>> bounds = Bounds(np.array([50., 50.]), np.array([0., 0.]), np.array([100., 100.]))
    >>> best_concave(np.array([0.04, 0.02]), bounds, exponent=0.5).round(6).tolist()
    [80.0, 20.0]
    """
    from scipy.optimize import brentq

    budget = float(bounds.proportional.sum())
    power = 1 / (1 - exponent)

    def divided(log_price: float) -> FloatVector:
        with np.errstate(divide="ignore", over="ignore"):
            growth = np.exp(power * (np.log(exponent * rates) - log_price))
        x = np.where(bounds.proportional > 0, bounds.proportional * growth, 0.0)
        clipped: FloatVector = np.clip(x, bounds.low, bounds.high)
        return clipped

    positive = rates[(rates > 0) & (bounds.proportional > 0)]
    if not positive.size:
        return best_linear(rates, bounds)
    ratio = np.log(np.array([1e-9, 1e9])) / power
    ends = [float(np.log(exponent * each)) for each in (positive.min(), positive.max())]
    first, last = ends[0] + float(ratio[0]), ends[1] + float(ratio[1])
    if divided(first).sum() <= budget:
        # What is left over is where nothing clicks: it does not matter who gets it.
        return best_linear(rates, Bounds(bounds.proportional, divided(first), bounds.high))
    if (
        divided(last).sum() >= budget
    ):  # the floors fill it, up to rounding: no price is left to find
        return divided(last)
    price = brentq(lambda each: divided(each).sum() - budget, first, last, xtol=1e-14)
    return divided(float(price))


def whole_numbers(x: FloatVector, total: int) -> IntVector:
    """Round to whole numbers of a given sum; the largest remainders are rounded up.

    >>> whole_numbers(np.array([1.4, 1.4, 7.2]), 10).tolist()
    [2, 1, 7]
    """
    whole = np.floor(x + 1e-9).astype(np.int64)
    short = total - int(whole.sum())
    order = np.argsort(-(x - whole), kind="stable")
    whole[order[: max(0, short)]] += 1
    return whole
