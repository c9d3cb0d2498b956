"""Insights on how segments click and how much they are shown."""

from collections.abc import Iterator

from segmentry.advise.insights._findings import (
    EXCEPT_LESS,
    EXCEPT_MORE,
    LATER,
    UNDECIDED,
    Facts,
    Finding,
    InsightKind,
    Worth,
    expected_clicks,
    exposure_ratio,
    index_evidence,
    is_confirmed,
    median_impressions,
    rate_evidence,
    times,
)
from segmentry.advise.insights._worth import (
    MOVED,
    PER,
    clicks_expected,
    clicks_gained,
    clicks_of_difference,
    exactly,
    impressions_lacking,
    moved_away,
    moved_here,
)
from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count, decimal, percent, rate, rate_with_limits
from segmentry.results.summary import Evidence

_HIGH, _LOW, _SILENT = 110.0, 90.0, 60.0
_SEEN_HIGH = 1.2
_ENOUGH, _FEW = 3.0, 1.0  # clicks to be expected of the median user
_OVER_EXPOSED = 1.5


def _find_high_value(facts: Facts) -> Iterator[Finding]:
    for segment in facts.shown:
        index = segment.forecast_index
        if is_confirmed(segment) and (index.low or 0.0) > _HIGH:
            yield Finding(
                segment,
                f"{times(index)} as many clicks per impression as all users, confirmed on days "
                "that had no part in forming it.",
                (*_forecast_evidence(segment), *_later_evidence(segment)),
                moved_here(facts, index),
            )


def _find_unconfirmed(facts: Facts) -> Iterator[Finding]:
    everyone = facts.summary.population.ctr_seen.value
    for segment in facts.shown:
        if segment.verdict in ("confirmed", "reversed"):
            continue
        index, seen = segment.forecast_index, segment.ctr_seen
        if (index.low or 0.0) > _HIGH:
            yield Finding(
                segment,
                f"{times(index)} as many clicks per impression as all users are forecast; later "
                "days do not confirm it.",
                (*_forecast_evidence(segment), *_later_evidence(segment)),
                Worth(
                    f"clicks that the forecast promises per {count(PER)} impressions moved here",
                    clicks_gained(facts, index, sign=1),
                    ("The forecast holds, which later days do not confirm.", *MOVED),
                ),
            )
        elif not index.is_known and everyone and (seen.low or 0.0) >= _SEEN_HIGH * everyone:
            yield Finding(
                segment,
                f"{rate_with_limits(seen)} clicks per impression were seen on the days that formed "
                "it; no later day was compared.",
                (rate_evidence("CTR seen", seen, 95),),
                Worth("no number: nothing is known of later days"),
            )


def _find_silent(facts: Facts) -> Iterator[Finding]:
    for segment in facts.shown:
        index, clicks = segment.forecast_index, expected_clicks(segment, facts)
        is_silent = is_confirmed(segment) and (index.high or 0.0) <= _SILENT
        if is_silent and clicks is not None and clicks >= _ENOUGH:
            yield Finding(
                segment,
                f"The median user was shown {count(median_impressions(segment))} ads, of which "
                f"{decimal(clicks, digits=1)} would be clicked at the rate of all; this segment "
                f"clicks {times(index)} as often.",
                _forecast_evidence(segment),
                moved_away(facts, index),
            )


def _find_under_exposed(facts: Facts) -> Iterator[Finding]:
    """Find segments whose users were shown too little to be judged one by one.

    Where that is so of the median of all users, it is said once, not of segment after segment.
    """
    found = [segment for segment in facts.shown if _is_under_exposed(segment, facts)]
    population = facts.summary.population
    if len(found) > 1 and _is_under_exposed(population, facts):
        text = ", ".join(str(segment.segment_id) for segment in found)
        more = f" So it is with the median user of segments {text}."
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
        None if profile is facts.summary.population else profile,
        f"The median user was shown {count(shown)} ad{'' if shown == 1 else 's'}: "
        f"{percent(silent, digits=0)} of such users have no click by chance alone.{more}",
        (
            Evidence("impressions of the median user", exactly(shown), "count"),
            Evidence("chance of no click", exactly(silent), "share"),
        ),
        Worth(
            "impressions that the median user lacks until 3 clicks are to be expected",
            impressions_lacking(facts.level_estimate, shown=shown, clicks=_ENOUGH),
            ("At the click rate of all users.",),
        ),
    )


def _find_few_clicks(facts: Facts) -> Iterator[Finding]:
    for segment in facts.shown:
        index, ratio = segment.forecast_index, exposure_ratio(segment)
        is_low = is_confirmed(segment) and (index.high or 0.0) < _LOW
        if is_low and ratio >= _OVER_EXPOSED:
            yield Finding(
                segment,
                f"{percent(segment.impressions_share, digits=0)} of the impressions go to "
                f"{percent(segment.share, digits=0)} of the users, who click "
                f"{times(index)} as often as all.",
                (
                    Evidence("impressions against users", exactly(ratio), "ratio"),
                    *_forecast_evidence(segment),
                ),
                moved_away(facts, index),
            )


def _find_no_clicks(facts: Facts) -> Iterator[Finding]:
    population = facts.summary.population
    if population.n_impressions and not population.n_clicks:
        yield Finding(None, "The log holds no click: no click rate can be compared.")
        return
    for segment in facts.shown:
        if segment.n_impressions and not segment.n_clicks:
            seen = rate_evidence("CTR seen", segment.ctr_seen, 95)
            yield Finding(
                segment,
                f"{count(segment.n_impressions)} impressions without a click: "
                f"{_zero_note(segment, facts)}.",
                (seen, *_forecast_evidence(segment)) if segment.expected_rate.is_known else (seen,),
                Worth(
                    f"clicks to be expected per {count(PER)} impressions",
                    clicks_expected(segment),
                    ("They are shown ads as they were.",)
                    if segment.expected_rate.is_known
                    else ("The impressions are independent of each other.",),
                ),
            )


def _zero_note(segment: SegmentProfile, facts: Facts) -> str:
    """Say what no click means: little, where who had none was grouped by it."""
    upper = percent(segment.ctr_seen.high, digits=2)
    if segment.expected_rate.is_known:
        why = "users without a click were grouped" if _by_clicks(facts) else "it may be luck"
        return f"{why}, and {rate_with_limits(segment.expected_rate)} is to be expected"
    if _by_clicks(facts):
        return (
            f"at most {upper} (95 % interval) in this log, of users who were grouped for "
            "having none; nothing is known of later days"
        )
    return f"the rate is at most {upper} (95 % interval)"


def _by_clicks(facts: Facts) -> bool:
    """Tell whether clicks helped to form the segments."""
    return any(row.weight and row.family == "engagement" for row in facts.summary.features)


def _find_reversed(facts: Facts) -> Iterator[Finding]:
    for segment in facts.shown:
        expected, later = segment.forecast_difference, segment.later_difference
        if segment.verdict != "reversed" or expected.value is None or later.value is None:
            continue
        turned = "above to below" if expected.value > 0 else "below to above"
        yield Finding(
            segment,
            f"{rate(segment.forecast_early.value)} forecast from the forming days and "
            f"{rate(segment.ctr_outcome.value)} on later days: from {turned} all others.",
            (
                rate_evidence("CTR forecast from the forming days", segment.forecast_early, 90),
                rate_evidence("CTR on later days", segment.ctr_outcome, 90),
            ),
            Worth(
                f"clicks lost per {count(PER)} impressions moved as the forming days advised",
                clicks_of_difference(later),
                ("The impressions come from, or go to, all other segments.",),
            ),
        )


def _later_evidence(segment: SegmentProfile) -> tuple[Evidence, ...]:
    """Return how much of the forecast difference was there later; nothing where not known."""
    if not segment.survival.is_known:
        return ()
    return (Evidence("part of the forecast difference", segment.survival, "share", 90),)


def _forecast_evidence(segment: SegmentProfile) -> tuple[Evidence, ...]:
    if not segment.expected_rate.is_known:
        return ()
    return (
        rate_evidence("CTR expected", segment.expected_rate, 90),
        index_evidence("index expected", segment.forecast_index, 90),
    )


KINDS = (
    InsightKind(
        "SEG-001",
        "High value, confirmed",
        "opportunity",
        "The verdict is “confirmed” and the lower end of the forecast index is above 110.",
        "Its users clicked more than all others on days that had no part in forming the segment, "
        "and at least half of the forecast difference was there.",
        "Give these users more of the budget, and measure what it brings by a randomised test.",
        _find_high_value,
        needs=LATER,
        suits=frozenset({"spend_more"}),
    ),
    InsightKind(
        "SEG-002",
        "High value, not confirmed",
        "caution",
        "The verdict is neither “confirmed” nor “reversed”, and the lower end of the forecast "
        "index is above 110; without a forecast, the CTR seen is at least 1.2 times that of all "
        "users (lower end).",
        "The days that formed the segment promise many clicks; later days do not show that at "
        "least half of the difference is there, or none were compared. Luck forms such segments "
        "even where all users are alike.",
        "Wait for more days, or test on a part of the budget before paying for the difference.",
        _find_unconfirmed,
    ),
    InsightKind(
        "SEG-003",
        "Silent in spite of enough exposure",
        "problem",
        "The verdict is “confirmed”, the upper end of the forecast index is at most 60, and at the "
        "CTR of all users 3 clicks or more were to be expected of the median user.",
        "So many impressions with so few clicks are no luck. It does not say that these users are "
        "lost: they may buy without clicking.",
        "Try other creatives and offers on a part of them before paying for more of the same.",
        _find_silent,
        needs=LATER,
        suits=EXCEPT_MORE,
    ),
    InsightKind(
        "SEG-004",
        "Under-exposed: too few impressions to judge",
        "note",
        "At the CTR of all users less than 1 click was to be expected of the median user. Where "
        "that is so of all users and of more than one segment, it is said once.",
        "That such a user did not click says next to nothing: most would not, whoever they are.",
        "Do not write these users off; show them enough to judge, or treat them as all users.",
        _find_under_exposed,
        suits=EXCEPT_LESS,
    ),
    InsightKind(
        "SEG-006",
        "Much exposure, few clicks",
        "problem",
        "The segment has at least 1.5 times its share of impressions, the verdict is “confirmed”, "
        "and the upper end of the forecast index is below 90.",
        "Much of the inventory goes where least clicks come from.",
        "Show these users fewer ads, and test new creatives on 10 % of them.",
        _find_few_clicks,
        needs=LATER,
        suits=frozenset({"spend_less"}),
    ),
    InsightKind(
        "SEG-015",
        "No clicks",
        "note",
        "A segment, or the whole log, has impressions and no click.",
        "A click rate of zero has an upper end above zero: see its interval. Where users without a "
        "click were grouped, it tells nothing of later days: see the rate to be expected.",
        "Bring a longer window before anything is concluded.",
        _find_no_clicks,
        suits=UNDECIDED,
    ),
    InsightKind(
        "SEG-016",
        "Reversed on later days",
        "problem",
        "The verdict is “reversed”.",
        "The forecast takes luck into account, so a reversal is a change: other ads, other days, "
        "or users who act otherwise. Acting on the forming days would have lost clicks.",
        "Do not act on this segment; look for what changed between the days, and run again on "
        "newer days.",
        _find_reversed,
        needs=LATER,
    ),
)
