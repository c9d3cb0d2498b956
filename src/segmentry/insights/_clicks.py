"""Insights on how segments click and how much they are shown."""

from collections.abc import Iterator

from segmentry.insights._findings import (
    UNKNOWN,
    Facts,
    Finding,
    expected_clicks,
    exposure_ratio,
    index_evidence,
    is_confirmed,
    median_impressions,
    rate_evidence,
    rate_text,
)
from segmentry.plots.formats import count, decimal, percent, rate
from segmentry.profiling import SegmentProfile
from segmentry.schema import Estimate
from segmentry.summary import Evidence

__all__ = [
    "find_few_clicks",
    "find_high_value",
    "find_no_clicks",
    "find_reversed",
    "find_silent",
    "find_unconfirmed",
    "find_under_exposed",
]

_PER = 10_000  # impressions that an effect is given for
_HIGH, _LOW, _SILENT = 110.0, 90.0, 60.0
_SEEN_HIGH = 1.2
_ENOUGH, _FEW = 3.0, 1.0  # clicks to be expected of the median user
_OVER_EXPOSED = 1.5
_MOVED = (
    "The impressions go to, or come from, users who click as all users do.",
    "Users who are shown more click as they did: the rate does not fall with exposure.",
)


def find_high_value(facts: Facts) -> Iterator[Finding]:
    """Find segments whose higher CTR later days confirm."""
    for segment in facts.shown:
        index = segment.forecast_index
        if is_confirmed(segment) and (index.low or 0.0) > _HIGH:
            yield Finding(
                "SEG-001",
                segment,
                f"{_times(index)} as many clicks per impression as all users, confirmed on days "
                "that had no part in forming it.",
                (*_foretold(segment), Evidence("survival", segment.survival, "share", 90)),
                f"clicks gained per {count(_PER)} impressions moved here",
                _gain(facts, index, sign=1),
                _MOVED,
            )


def find_unconfirmed(facts: Facts) -> Iterator[Finding]:
    """Find segments that clicked much when formed, which later days do not confirm."""
    everyone = facts.summary.population.ctr_seen.value
    for segment in facts.shown:
        seen = segment.ctr_seen
        is_high = bool(everyone) and (seen.low or 0.0) >= _SEEN_HIGH * (everyone or 0.0)
        if not is_high or segment.verdict == "confirmed":
            continue
        expected = segment.forecast_ctr
        yield Finding(
            "SEG-002",
            segment,
            f"{rate_text(seen)} clicks per impression were seen on the days that formed it; that "
            "much is not confirmed by later days.",
            (rate_evidence("CTR seen", seen, 95), *_foretold(segment)),
            f"clicks that the rate seen promises too much per {count(_PER)} impressions"
            if expected.is_known
            else "no number: nothing is known of later days",
            _promised(seen, expected),
            ("The segment is shown as much as it was.",) if expected.is_known else (),
        )


def find_silent(facts: Facts) -> Iterator[Finding]:
    """Find segments that hardly click although they were shown enough."""
    for segment in facts.shown:
        index, clicks = segment.forecast_index, expected_clicks(segment, facts)
        is_silent = is_confirmed(segment) and (index.high or 0.0) <= _SILENT
        if is_silent and clicks is not None and clicks >= _ENOUGH:
            yield Finding(
                "SEG-003",
                segment,
                f"The median user was shown {count(median_impressions(segment))} ads, of which "
                f"{decimal(clicks, digits=1)} would be clicked at the rate of all; this segment "
                f"clicks {_times(index)} as often.",
                _foretold(segment),
                f"clicks gained per {count(_PER)} impressions moved from here to all users",
                _gain(facts, index, sign=-1),
                _MOVED,
            )


def find_under_exposed(facts: Facts) -> Iterator[Finding]:
    """Find segments whose users were shown too little to be judged one by one."""
    for segment in facts.shown:
        clicks, level = expected_clicks(segment, facts), facts.level
        shown = median_impressions(segment)
        if clicks is None or shown is None or not level or clicks >= _FEW:
            continue
        silent = (1 - level) ** shown
        yield Finding(
            "SEG-004",
            segment,
            f"The median user was shown {count(shown)} ads: {percent(silent, digits=0)} of such "
            "users have no click by chance alone.",
            (
                Evidence("impressions of the median user", _exactly(shown), "count"),
                Evidence("chance of no click", _exactly(silent), "share"),
            ),
            "impressions that the median user lacks until 3 clicks are to be expected",
            _exactly(_ENOUGH / level - shown),
            ("At the click rate of all users.",),
        )


def find_few_clicks(facts: Facts) -> Iterator[Finding]:
    """Find segments that get much of the exposure and click less."""
    for segment in facts.shown:
        index, ratio = segment.forecast_index, exposure_ratio(segment)
        is_low = is_confirmed(segment) and (index.high or 0.0) < _LOW
        if is_low and ratio >= _OVER_EXPOSED:
            yield Finding(
                "SEG-006",
                segment,
                f"{percent(segment.impressions_share, digits=0)} of the impressions go to "
                f"{percent(segment.share, digits=0)} of the users, who click "
                f"{_times(index)} as often as all.",
                (
                    Evidence("impressions against users", _exactly(ratio), "ratio"),
                    *_foretold(segment),
                ),
                f"clicks gained per {count(_PER)} impressions moved from here to all users",
                _gain(facts, index, sign=-1),
                _MOVED,
            )


def find_no_clicks(facts: Facts) -> Iterator[Finding]:
    """Find segments, or a log, without any click."""
    population = facts.summary.population
    if population.n_impressions and not population.n_clicks:
        yield Finding("SEG-015", None, "The log holds no click: no click rate can be compared.")
        return
    for segment in facts.shown:
        if segment.n_impressions and not segment.n_clicks:
            upper = percent(segment.ctr_seen.high, digits=2)
            yield Finding(
                "SEG-015",
                segment,
                f"{count(segment.n_impressions)} impressions without a click: the rate is at most "
                f"{upper} (95 % interval).",
                (rate_evidence("CTR seen", segment.ctr_seen, 95),),
            )


def find_reversed(facts: Facts) -> Iterator[Finding]:
    """Find segments that differ the other way on later days."""
    for segment in facts.shown:
        if segment.verdict == "reversed":
            yield Finding(
                "SEG-016",
                segment,
                f"{rate(segment.ctr_early.value)} when formed and "
                f"{rate(segment.ctr_outcome.value)} on later days: {_turned(segment)}.",
                (
                    rate_evidence("CTR when formed", segment.ctr_early, 90),
                    rate_evidence("CTR on later days", segment.ctr_outcome, 90),
                ),
            )


def _turned(segment: SegmentProfile) -> str:
    is_above = (segment.forecast_index.value or 0.0) > 100.0
    return "from below all others to above" if is_above else "from above all others to below"


def _foretold(segment: SegmentProfile) -> tuple[Evidence, ...]:
    if not segment.forecast_ctr.is_known:
        return ()
    return (
        rate_evidence("CTR expected", segment.forecast_ctr, 90),
        index_evidence("index expected", segment.forecast_index, 90),
    )


def _times(index: Estimate) -> str:
    return f"{decimal((index.value or 0.0) / 100)} times"


def _exactly(value: float) -> Estimate:
    return Estimate(value=float(value), low=None, high=None)


def _gain(facts: Facts, index: Estimate, *, sign: int) -> Estimate:
    """Return clicks gained by moving 10,000 impressions, from the index free of the common level.

    Taken at the forecast level of all users; its own uncertainty moves both sides alike.
    """
    level = facts.level
    if level is None or index.value is None or index.low is None or index.high is None:
        return UNKNOWN
    value, *ends = (
        round(sign * _PER * level * (each / 100 - 1), 6)
        for each in (index.value, index.low, index.high)
    )
    return Estimate(value=value, low=min(ends), high=max(ends))


def _promised(seen: Estimate, expected: Estimate) -> Estimate:
    """Return the clicks per 10,000 impressions by which the rate seen exceeds the forecast."""
    if seen.value is None or expected.value is None:
        return UNKNOWN
    if expected.low is None or expected.high is None:
        return _exactly(_PER * (seen.value - expected.value))
    return Estimate(
        value=_PER * (seen.value - expected.value),
        low=_PER * (seen.value - expected.high),
        high=_PER * (seen.value - expected.low),
    )
