"""What later days show of each segment, in profiles and in the report."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import partial

from segmentry.describe.profiles import SegmentProfile
from segmentry.evaluation.later_days import (
    DayLevels,
    Luck,
    OutcomeReport,
    SegmentDays,
    SegmentVerdict,
    Validation,
    ValidationReport,
    luck_of,
)
from segmentry.evaluation.stability import SegmentEvent
from segmentry.features.windows import unlike_days, weekdays
from segmentry.formats import bracketed, day, decimal, percent, writer_of
from segmentry.privacy import hidden_cells, is_small
from segmentry.schema import (
    OF_CLICKS,
    SECONDS_PER_DAY,
    UNASSIGNED,
    UNKNOWN,
    Outcome,
    UtcOffset,
)

__all__ = ["report_validation", "shown_levels", "warn_of_levels", "warn_of_luck", "with_validation"]


def with_validation(
    population: SegmentProfile,
    segments: Sequence[SegmentProfile],
    validation: Validation,
    *,
    min_size: int,
) -> tuple[SegmentProfile, tuple[SegmentProfile, ...]]:
    """Put what later days say next to each profile and next to the population.

    Nothing is shown of fewer than `min_size` users.
    """
    everyone = replace(
        population,
        expected_rate=validation.published.level,
        forecast_early=validation.early.level,
        ctr_outcome=validation.level_later,
    )
    kept = {
        event.new_ids[0]
        for event in validation.alignment.events
        if event.kind == "kept" and event.old_ids == event.new_ids
    }
    is_alone = len(segments) > 1 and sum(not each.is_withheld for each in segments) == 1
    found = tuple(
        _judged(profile, validation, is_kept=profile.segment_id in kept, min_size=min_size)
        for profile in segments
    )
    why = "all other segments hold too few users to be shown: nothing to compare with"
    return everyone, tuple(
        _unchecked(each, why) if is_alone and not each.is_withheld else each for each in found
    )


def _judged(
    profile: SegmentProfile, validation: Validation, *, is_kept: bool, min_size: int
) -> SegmentProfile:
    """Return what later days say of one segment, as far as enough users say it."""
    found = validation.verdicts[profile.segment_id - 1]
    if profile.is_withheld:
        return replace(profile, verdict_reason="the segment holds too few users to be shown")
    if not is_kept:
        return _unlike(profile, validation)
    judged = _with_verdict(profile, validation)
    n_gone = found.n_users - found.n_users_later
    if validation.split.outcome is not None and is_small(n_gone, min_size=min_size):
        judged = replace(judged, absent_share=None)
    if not is_small(min(found.n_users, found.n_users_later), min_size=min_size):
        return judged
    why = "too few of its users were there before or on the later days to be shown"
    return _unchecked(judged, why)


def _unchecked(profile: SegmentProfile, why: str) -> SegmentProfile:
    return replace(
        profile,
        verdict="not checked",
        verdict_reason=why,
        forecast_early=UNKNOWN,
        ctr_outcome=UNKNOWN,
        forecast_difference=UNKNOWN,
        later_difference=UNKNOWN,
        survival=UNKNOWN,
        minimal_detectable_difference=None,
        absent_share=None,
    )


def _with_verdict(profile: SegmentProfile, validation: Validation) -> SegmentProfile:
    place = profile.segment_id - 1
    found = validation.verdicts[place]
    return replace(
        profile,
        verdict=found.verdict,
        verdict_reason=found.reason,
        expected_rate=validation.published.ctr[place],
        forecast_index=validation.published.index[place],
        forecast_early=validation.early.ctr[place],
        ctr_outcome=found.ctr_outcome,
        forecast_difference=found.forecast_difference,
        later_difference=found.outcome_difference,
        survival=found.survival,
        minimal_detectable_difference=found.minimal_detectable_difference,
        absent_share=_absent_share(found, validation),
    )


def _unlike(profile: SegmentProfile, validation: Validation) -> SegmentProfile:
    """Return a segment that was not there before the outcome window: nothing was checked of it."""
    place = profile.segment_id - 1
    return replace(
        profile,
        verdict_reason="the segment is new: the feature window alone did not form it",
        expected_rate=validation.published.ctr[place],
        forecast_index=validation.published.index[place],
    )


def _absent_share(found: SegmentVerdict, validation: Validation) -> float | None:
    if validation.split.outcome is None or not found.n_users:
        return None
    is_in = validation.feature_segment_ids == found.segment_id
    return 1 - int((is_in & validation.is_active_later).sum()) / found.n_users


def report_validation(validation: Validation, *, min_size: int) -> ValidationReport:
    """Return what the report shows of the check; counts of few users are put in words."""
    feature, outcome = validation.split.feature, validation.split.outcome
    n_users = int((validation.feature_segment_ids != UNASSIGNED).sum())
    caveats = [
        f"{name} saw the clicks of the days that were left out to forecast."
        for name in validation.published.caveats
    ]
    if validation.published.reason:
        caveats.append(f"There is no forecast: {validation.published.reason}.")
    if outcome is not None:
        caveats += unlike_days(feature, outcome)
    found = ValidationReport(
        feature_starts_at=feature.start,
        feature_ends_at=feature.end,
        outcome_starts_at=None if outcome is None else outcome.start,
        outcome_ends_at=None if outcome is None else outcome.end,
        feature_weekdays=weekdays(feature),
        outcome_weekdays=() if outcome is None else weekdays(outcome),
        reason=validation.split.reason,
        n_users=n_users,
        n_users_later=sum(found.n_users_later for found in validation.verdicts),
        kept_gain=validation.kept_gain,
        refit_events=tuple(_text(event, min_size) for event in validation.alignment.events),
        caveats=tuple(caveats),
        levels=shown_levels(validation.levels, min_size=min_size),
        by_segment=_shown_days(validation.by_segment, min_size=min_size),
        luck=luck_of(
            validation.feature_segment_ids,
            validation.seen,
            validation.early,
            shown=[
                each.segment_id
                for each in validation.verdicts
                if not is_small(each.n_users, min_size=min_size)
            ],
        ),
    )
    if validation.outcome.kind == "clicks":
        return found
    # Users age: what they did before, and how they were met, cannot be held against luck.
    kept = {each.name: getattr(found, each.name) for each in fields(found)}
    n_active = int(
        (validation.is_active_later & (validation.feature_segment_ids != UNASSIGNED)).sum()
    )
    return OutcomeReport(
        **kept | {"n_users_later": n_active, "luck": None}, outcome=validation.outcome
    )


def warn_of_luck(luck: Luck | None) -> str:
    """Say how much of the difference seen on the forming days was luck, if that is known."""
    if luck is None:
        return (
            "Clicks of the same days formed the segments, so past click rates overstate how much "
            "the segments will differ later."
        )
    seen, later = (
        decimal(100 * (high - low), digits=2)
        for low, high in (
            (luck.seen_low, luck.seen_high),
            (luck.forecast_low, luck.forecast_high),
        )
    )
    start = (
        f"Click rates of segments differed by up to {seen} percentage points on the days that "
        "formed them"
    )
    if not luck.is_any_forecast:
        return f"{start}; no difference is forecast, so all of it can be luck."
    share = bracketed(luck.share, partial(percent, digits=0))
    return f"{start}; expect {later} points later. {share} of the first difference was luck."


def _text(event: SegmentEvent, min_size: int) -> str:
    """Say in one sentence what became of a segment when all days were taken."""
    old = " and ".join(str(each) for each in event.old_ids)
    new = " and ".join(str(each) for each in event.new_ids)
    is_few = event.n_users < min_size
    users = f"fewer than {min_size} users" if is_few else f"{event.n_users:,} users"
    shares = " and ".join(percent(share, digits=0) for share in event.shares)
    parts = f"its {users}" if is_few else f"{shares} of its {users}"
    if event.kind == "kept":
        overlap = "" if event.jaccard is None or is_few else f" (Jaccard {event.jaccard:.2f})"
        return f"Segment {old} was found again{overlap}."
    if event.kind == "split":
        return f"Segment {old} went into {new} ({parts})."
    if event.kind == "merged":
        return f"Segments {old} came together in {new} ({parts})."
    if event.kind == "new":
        return f"Segment {new} is new ({users})."
    return f"Segment {old} was not found again ({users})."


def shown_levels(levels: DayLevels, *, min_size: int) -> DayLevels:
    """Return the levels without those of days on which few users were there."""
    is_hidden = hidden_cells([each.n_users or 0 for each in levels.days], min_size=min_size)
    return replace(
        levels,
        days=tuple(
            replace(each, n_users=None, ctr=UNKNOWN) if hide else each
            for each, hide in zip(levels.days, is_hidden, strict=True)
        ),
    )


def _shown_days(found: Sequence[DayLevels], *, min_size: int) -> tuple[SegmentDays, ...]:
    """Return the days of segments without those on which few of its users were there.

    On a day a user is in one segment, and the total of the day is published.
    """
    days = sorted({each.day for levels in found for each in levels.days})
    users = [{each.day: each.n_users or 0 for each in levels.days} for levels in found]
    hidden = {
        day: hidden_cells([counts.get(day, 0) for counts in users], min_size=min_size)
        for day in days
    }
    return tuple(
        SegmentDays(
            place + 1,
            replace(
                levels,
                days=tuple(
                    replace(each, n_users=None, ctr=UNKNOWN) if hidden[each.day][place] else each
                    for each in levels.days
                ),
            ),
        )
        for place, levels in enumerate(found)
        if levels.days
    )


def warn_of_levels(
    levels: DayLevels | None, *, utc_offset_hours: UtcOffset, outcome: Outcome = OF_CLICKS
) -> Iterator[str]:
    """Say that the click rate of all moved between days, from where to where."""
    if levels is None or not levels.has_moved:
        return
    write, is_clicks = writer_of(outcome), outcome.kind == "clicks"
    what = "The click rate" if is_clicks else f"The average ({outcome.unit})"
    time = "day to day" if is_clicks else "period to period"

    def text(place: int) -> str:
        at = levels.days[place].day * SECONDS_PER_DAY - round(utc_offset_hours * 3600)
        on = day(at, utc_offset_hours=utc_offset_hours)
        return f"{write(levels.days[place].ctr.value)} ({on})"

    shown = [place for place, each in enumerate(levels.days) if each.ctr.value is not None]
    if not shown:
        return
    low, *_, high = sorted(shown, key=lambda place: (levels.days[place].ctr.value or 0.0, place))
    yield (
        f"{what} changed from {time} by more than chance: lowest {text(low)}, highest "
        f"{text(high)}. Compare segments with each other, not with other times."
    )
