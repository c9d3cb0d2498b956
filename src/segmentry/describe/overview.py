"""What a run says before any figure: its headline, and what must be known to read the rest."""

from collections.abc import Iterator, Sequence

from segmentry.describe.latent import latent_warnings
from segmentry.describe.later_days import warn_of_luck
from segmentry.describe.profiles import SegmentProfile, fitting_response
from segmentry.evaluation.later_days import Luck, Validation, ValidationReport
from segmentry.features.users import UserData
from segmentry.formats import bracketed, count, percent
from segmentry.segments.forming import Segmentation


def headline(segments: Sequence[SegmentProfile], validation: ValidationReport | None) -> str:
    """Say in one sentence what was found.

    It is written from the profiles alone, so that segments with other names get another one.
    """
    n_users = sum(segment.n_users for segment in segments)
    if len(segments) == 1:
        return f"{n_users:,} users in one segment: treat them alike."
    if validation is not None and validation.outcome_starts_at is not None:
        n_confirmed = sum(segment.verdict == "confirmed" for segment in segments)
        text = {0: "none of them is", 1: "one of them is"}.get(n_confirmed, f"{n_confirmed} are")
        if n_confirmed == len(segments):
            text = "all of them are"
        return f"{n_users:,} users in {len(segments)} segments; {text} confirmed by later days."
    largest = max(segments, key=lambda segment: (segment.share, -segment.segment_id))
    return (
        f"{n_users:,} users in {len(segments)} segments; the largest, "
        f"“{largest.name}”, holds {percent(largest.share, digits=0)} of them."
    )


def warn_of_segments(
    users: UserData,
    segments: Sequence[SegmentProfile],
    segmentation: Segmentation,
    validation: Validation | None,
    *,
    luck: Luck | None,
    unchecked: str,
) -> Iterator[str]:
    """Say what a careful reader must know before using the segments.

    `luck` is null, and `unchecked` says why, where there is no check on later days.
    """
    yield from _doubts(validation, unchecked)
    yield from latent_warnings(segmentation)
    yield from _withheld(segments)
    yield from _misnamed(segments)
    by_clicks = {"ctr", "ctr_shrunk", "n_clicks", "n_click_days", "n_repeat_clicks"}
    if len(segments) > 1 and by_clicks & set(segmentation.preprocessing.features):
        yield warn_of_luck(luck)
    if users.traits.has_time and users.window.n_days < 2:
        yield "The log covers less than two days: stability over time is unknown."
    for name, reason in segmentation.preprocessing.dropped:
        yield f"Feature {name} was left out: {reason}."
    for column in segmentation.preprocessing.fitted:
        if column.note:
            yield f"Feature {column.feature}: {column.note}."


def _withheld(segments: Sequence[SegmentProfile]) -> Iterator[str]:
    """Say which segments are too small to be shown, and where their users are counted."""
    hidden = [str(segment.segment_id) for segment in segments if segment.is_withheld]
    if hidden:
        largest = max(segments, key=lambda segment: (segment.n_users, -segment.segment_id))
        word = "Segment" if len(hidden) == 1 else "Segments"
        verb = "holds" if len(hidden) == 1 else "hold"
        yield (
            f"{word} {', '.join(hidden)} {verb} too few users to be shown; in all figures they are "
            f"counted with those of segment {largest.segment_id}."
        )


def _misnamed(segments: Sequence[SegmentProfile]) -> Iterator[str]:
    """Say which names, kept from an earlier window, do not fit the response of these days."""
    for segment in segments:
        fitting = fitting_response(segment)
        if fitting:
            index = bracketed(segment.forecast_index, count)
            yield (
                f"Segment {segment.segment_id} keeps the name “{segment.name}”, but on these days "
                f"it is {fitting}: {index} where 100 is the average. Rename it in the dashboard or "
                "by segmentry run --from with --names."
            )


def _doubts(validation: Validation | None, unchecked: str) -> Iterator[str]:
    """Say that later days were not looked at, or show nothing; verdicts speak for themselves."""
    if validation is None:
        yield f"The segments were not checked on later days: {unchecked}."
        return
    if validation.split.reason:
        yield f"The segments could not be checked on later days: {validation.split.reason}."
        return
    gain = validation.kept_gain
    if gain is not None and gain.reason:
        own = "click rates" if validation.outcome.kind == "clicks" else "histories"
        yield f"Users' own {own} predict nothing on later days: {gain.reason}."
