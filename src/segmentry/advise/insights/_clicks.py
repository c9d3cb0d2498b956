"""Insights on how segments click and how much they are shown."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
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
from segmentry.advise.insights._worth import (
    MOVED,
    PER,
    clicks_expected,
    clicks_gained,
    clicks_promised,
    exactly,
    impressions_lacking,
)
from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, decimal, percent, rate
from segmentry.results.summary import Evidence
from segmentry.schema import Estimate

_HIGH, _LOW, _SILENT = 110.0, 90.0, 60.0
_SEEN_HIGH = 1.2
_ENOUGH, _FEW = 3.0, 1.0  # clicks to be expected of the median user
_OVER_EXPOSED = 1.5


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
                f"clicks gained per {count(PER)} impressions moved here",
                clicks_gained(facts, index, sign=1),
                MOVED,
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
            f"clicks that the rate seen promises too much per {count(PER)} impressions"
            if expected.is_known
            else "no number: nothing is known of later days",
            clicks_promised(seen, expected),
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
                f"clicks gained per {count(PER)} impressions moved from here to all users",
                clicks_gained(facts, index, sign=-1),
                MOVED,
            )


def find_under_exposed(facts: Facts) -> Iterator[Finding]:
    """Find segments whose users were shown too little to be judged one by one.

    Where that is so of the median of all users, it is said once, not of segment after segment.
    """
    found = [segment for segment in facts.shown if _is_under_exposed(segment, facts)]
    population = facts.summary.population
    if len(found) > 1 and _is_under_exposed(population, facts):
        told = ", ".join(str(segment.segment_id) for segment in found)
        more = f" So it is with the median user of segments {told}."
        yield _too_few_shown(population, facts, more)
        return
    for segment in found:
        yield _too_few_shown(segment, facts, "")


def _is_under_exposed(profile: SegmentProfile, facts: Facts) -> bool:
    clicks = expected_clicks(profile, facts)
    return clicks is not None and clicks < _FEW


def _too_few_shown(profile: SegmentProfile, facts: Facts, more: str) -> Finding:
    shown, level = median_impressions(profile) or 0.0, facts.level or 0.0
    silent = (1 - level) ** shown
    return Finding(
        "SEG-004",
        None if profile is facts.summary.population else profile,
        f"The median user was shown {count(shown)} ad{'' if shown == 1 else 's'}: "
        f"{percent(silent, digits=0)} of such users have no click by chance alone.{more}",
        (
            Evidence("impressions of the median user", exactly(shown), "count"),
            Evidence("chance of no click", exactly(silent), "share"),
        ),
        "impressions that the median user lacks until 3 clicks are to be expected",
        impressions_lacking(facts.level_estimate, shown=shown, clicks=_ENOUGH),
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
                    Evidence("impressions against users", exactly(ratio), "ratio"),
                    *_foretold(segment),
                ),
                f"clicks gained per {count(PER)} impressions moved from here to all users",
                clicks_gained(facts, index, sign=-1),
                MOVED,
            )


def find_no_clicks(facts: Facts) -> Iterator[Finding]:
    """Find segments, or a log, without any click."""
    population = facts.summary.population
    if population.n_impressions and not population.n_clicks:
        yield Finding("SEG-015", None, "The log holds no click: no click rate can be compared.")
        return
    for segment in facts.shown:
        if segment.n_impressions and not segment.n_clicks:
            seen = rate_evidence("CTR seen", segment.ctr_seen, 95)
            yield Finding(
                "SEG-015",
                segment,
                f"{count(segment.n_impressions)} impressions without a click: "
                f"{_told_of_zero(segment, facts)}.",
                (seen, *_foretold(segment)) if segment.forecast_ctr.is_known else (seen,),
                f"clicks to be expected per {count(PER)} impressions",
                clicks_expected(segment),
                ("They are shown ads as they were.",)
                if segment.forecast_ctr.is_known
                else ("The impressions are independent of each other.",),
            )


def _told_of_zero(segment: SegmentProfile, facts: Facts) -> str:
    """Say what no click means: little, where who had none was put together for it."""
    upper = percent(segment.ctr_seen.high, digits=2)
    if segment.forecast_ctr.is_known:
        why = "users without a click were put together" if _by_clicks(facts) else "it may be luck"
        return f"{why}, and {rate_text(segment.forecast_ctr)} is to be expected"
    if _by_clicks(facts):
        return (
            f"at most {upper} (95 % interval) in this log, of users who were put together for "
            "having none; nothing is known of later days"
        )
    return f"the rate is at most {upper} (95 % interval)"


def _by_clicks(facts: Facts) -> bool:
    """Tell whether clicks helped to form the segments."""
    return any(row.weight and row.family == "engagement" for row in facts.summary.features)


def find_reversed(facts: Facts) -> Iterator[Finding]:
    """Find segments that differ the other way on later days."""
    for segment in facts.shown:
        if segment.verdict == "reversed":
            yield Finding(
                "SEG-016",
                segment,
                f"{rate(segment.ctr_early.value)} when formed and "
                f"{rate(segment.ctr_outcome.value)} on later days: {_turned(segment)}."
                f"{_by_luck(segment, facts)}",
                (
                    rate_evidence("CTR when formed", segment.ctr_early, 90),
                    rate_evidence("CTR on later days", segment.ctr_outcome, 90),
                ),
                f"clicks lost per {count(PER)} impressions moved as the rate seen advises",
                clicks_gained(facts, segment.forecast_index, sign=1 if _is_above(segment) else -1),
                MOVED,
            )


def _turned(segment: SegmentProfile) -> str:
    if _is_above(segment):
        return "from below all others to above"
    return "from above all others to below"


def _by_luck(segment: SegmentProfile, facts: Facts) -> str:
    """Say that too few impressions to click on are no dislike; nothing where they were enough."""
    shown, clicks = median_impressions(segment), expected_clicks(segment, facts)
    by_clicks = _by_clicks(facts)
    if not by_clicks or not _is_above(segment) or clicks is None or shown is None or clicks >= _FEW:
        return ""
    silent = (1 - (facts.level or 0.0)) ** shown
    return (
        f" Its users were put together because they had hardly clicked, but with the "
        f"{count(shown)} ad{'' if shown == 1 else 's'} shown to the median user "
        f"{percent(silent, digits=0)} of any users have no click: a low rate from few "
        "impressions is mostly luck, and luck does not last."
    )


def _is_above(segment: SegmentProfile) -> bool:
    """Tell whether it is the later CTR that is above that of all."""
    return (segment.forecast_index.value or 0.0) > 100.0


def _foretold(segment: SegmentProfile) -> tuple[Evidence, ...]:
    if not segment.forecast_ctr.is_known:
        return ()
    return (
        rate_evidence("CTR expected", segment.forecast_ctr, 90),
        index_evidence("index expected", segment.forecast_index, 90),
    )


def _times(index: Estimate) -> str:
    return f"{decimal((index.value or 0.0) / 100)} times"
