"""The level of all segments, and each segment's rate relative to that level."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from segmentry.lifecycle.alarms.facts import DayFacts, PeriodFacts, SegmentFacts
from segmentry.lifecycle.alarms.readings import MANY, Look, Reading, Variances
from segmentry.lifecycle.alarms.sequence import spread_of_days

RATE_MARGIN = 0.05
"""A rate or level within 5 % of its expectation never rings: seasons and weekdays do as much."""
MARGIN_PER_LEVEL = 0.25
"""Added to the margin of segments per unit of the logarithm of the level: where users click more,
luck places fewer of them, so that segments lie further apart than they were expected to."""
OUTLIER_Z = 4.0


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A segment's observed against its expected rate, as a logarithm with its variance."""

    segment: SegmentFacts
    log: float
    variance: float
    weight: float  # expected successes


def read_outcomes(
    reference: PeriodFacts, current: PeriodFacts, *, period: int, look: int
) -> Iterator[Reading]:
    """Judge the level of the whole and every segment's rate against it."""
    ratios = _ratios(current)
    if not ratios:
        return
    calm = _without_outliers(ratios)
    log, variance = _common(calm)
    spread = spread_of_days(_daily_logs(reference.days))
    if spread is not None and current.days:
        natural = spread * (1 / len(current.days) + 1 / len(reference.days))
        variances = [(variance, MANY), (natural, len(reference.days) - 1.0)]
        yield _reading(None, 1.0, log, variances, Look("level_moved", period, look, 1))
    margin = RATE_MARGIN + MARGIN_PER_LEVEL * abs(log)
    at = Look("segment_rate_changed", period, look, len(reference.segments))
    for ratio in ratios:
        others = [other for other in calm if other is not ratio]
        if not others:
            continue
        common, variance = _common(others)
        expected = ratio.segment.expected_rate or 0.0
        yield _reading(
            ratio.segment.key,
            expected * math.exp(common),
            ratio.log - common,
            [(ratio.variance + variance, MANY)],
            at,
            margin=margin,
        )


def level_of(current: PeriodFacts) -> tuple[float, float, float] | None:
    """Return the level of a window, observed against expected, and three errors below and above it.

    None where no segment has a rate and a forecast.
    """
    ratios = _ratios(current)
    if not ratios:
        return None
    log, variance = _common(_without_outliers(ratios))
    width = 3 * math.sqrt(variance)
    return math.exp(log), math.exp(log - width), math.exp(log + width)


def _reading(
    name: str | None,
    expected: float,
    log: float,
    variances: Variances,
    at: Look,
    *,
    margin: float = RATE_MARGIN,
) -> Reading:
    """Turn a difference of logarithms into a reading in the unit of `expected`."""
    width = at.half_width(variances)
    return Reading(
        code=at.code,
        name=name,
        period=at.period,
        expected=expected,
        observed=expected * math.exp(log),
        low=expected * math.exp(log - width),
        high=expected * math.exp(log + width),
        is_expected=abs(log) - width <= margin,
    )


def _ratios(current: PeriodFacts) -> list[_Ratio]:
    ratios = []
    for segment in current.segments:
        expected, error = segment.expected_rate, segment.expected_error
        observed, variance = segment.outcome.rate, segment.outcome.relative_variance
        if not expected or error is None or not observed or variance is None:
            continue
        ratios.append(
            _Ratio(
                segment,
                math.log(observed / expected),
                variance + (error / expected) ** 2,
                segment.outcome.n_trials * expected,
            )
        )
    return ratios


def _without_outliers(ratios: list[_Ratio]) -> list[_Ratio]:
    """Leave out the segments that moved by themselves, seen from the weighted median.

    Otherwise a campaign that lifts one segment would look like a fall of all the others.
    """
    middle = _median(ratios)
    spread = [max(RATE_MARGIN, OUTLIER_Z * math.sqrt(ratio.variance)) for ratio in ratios]
    calm = [
        ratio
        for ratio, limit in zip(ratios, spread, strict=True)
        if abs(ratio.log - middle.log) <= max(limit, OUTLIER_Z * math.sqrt(middle.variance))
    ]
    return calm or [middle]


def _median(ratios: list[_Ratio]) -> _Ratio:
    ordered = sorted(ratios, key=lambda ratio: (ratio.log, ratio.segment.key))
    half = sum(ratio.weight for ratio in ordered) / 2
    reached = 0.0
    for ratio in ordered:
        reached += ratio.weight
        if reached >= half:
            return ratio
    return ordered[-1]


def _common(ratios: list[_Ratio]) -> tuple[float, float]:
    """Observed against expected successes of some segments: logarithm and variance.

    The weights are fixed by the exposure of the window, so a change of the mix moves nothing.
    """
    total = sum(ratio.weight for ratio in ratios)
    common = sum(ratio.weight * math.exp(ratio.log) for ratio in ratios) / total
    parts = [ratio.weight * math.exp(ratio.log) / (total * common) for ratio in ratios]
    variance = sum(part**2 * ratio.variance for part, ratio in zip(parts, ratios, strict=True))
    return math.log(common), variance


def _daily_logs(days: tuple[DayFacts, ...]) -> list[float]:
    return [
        math.log(day.n_successes / day.n_trials)
        for day in days
        if day.n_successes > 0 and day.n_trials > 0
    ]
