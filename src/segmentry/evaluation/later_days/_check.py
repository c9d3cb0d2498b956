"""Form segments on early days, check them on later ones, fit them again on all days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.day_levels import shown_levels
from segmentry.describe.profiles import SegmentProfile
from segmentry.evaluation.later_days._behaviour_days import BehaviourDays
from segmentry.evaluation.later_days._copies import CopiedUsers, copied_users
from segmentry.evaluation.later_days._day_levels import DayLevels, day_levels
from segmentry.evaluation.later_days._forecast import Forecasts, forecast_ctr
from segmentry.evaluation.later_days._kept_gain import KeptGain, kept_gain
from segmentry.evaluation.later_days._relabelling import Relabelling
from segmentry.evaluation.later_days._user_days import UserCounts, UserDays
from segmentry.evaluation.later_days._verdicts import SegmentVerdict, outcome_rate, verdicts
from segmentry.evaluation.later_days._windows import WindowSplit, local_days, weekdays
from segmentry.evaluation.stability import Alignment, SegmentEvent, align_ids
from segmentry.features import BetaPrior, fit_beta_prior
from segmentry.privacy import is_small
from segmentry.results.summary import TruthReport
from segmentry.runtime.threads import do_together
from segmentry.schema import UNASSIGNED, Estimate, Window
from segmentry.segments.clustering import SilhouetteSample
from segmentry.segments.forming import LatentSegments, Segmentation, membership

__all__ = [
    "EarlyUsers",
    "FindSegments",
    "Truth",
    "check_later",
    "clicks_foretold",
    "report_truth",
    "with_truth",
]

_UNKNOWN = Estimate(value=None, low=None, high=None)

FindSegments = Callable[[pl.DataFrame, Sequence[int], int | None], Segmentation]
"""From a user table, the numbers to try, and a forced number, to segments."""


@dataclass(frozen=True, slots=True, eq=False)
class EarlyUsers:
    """What was known before the outcome window.

    Parameters
    ----------
    split : WindowSplit
    table : DataFrame
        The users of the whole log with their features in the feature window.
    prior : BetaPrior or None
        Of the CTRs in the feature window.
    days : DataFrame
        ``user_id, day, n_impressions, n_clicks`` of all days.
    behaviours : BehaviourDays or None
        Of the same users, where the behaviour log was read.
    """

    split: WindowSplit
    table: pl.DataFrame
    prior: BetaPrior | None
    days: pl.DataFrame
    behaviours: BehaviourDays | None = None

    def counts(self) -> UserDays:
        """Return what is counted per user and day, in the order of the table."""
        return UserDays.from_frame(
            self.days, users=self.table["user_id"], behaviours=self.behaviours
        )


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What later days say of segments that were formed before them.

    Parameters
    ----------
    split : WindowSplit
    feature_segment_ids : ndarray of int, shape (n_users,)
        Segments of the feature window; all that is said here is about these.
    verdicts : tuple of SegmentVerdict
    kept_gain : KeptGain or None
        Null where there is no outcome window.
    early : Forecasts
        From the feature window alone: what is held against the outcome window.
    published : Forecasts
        From all days, for as many days to come as the outcome window has.
    alignment : Alignment
        Of the refit on all days.
    seen, later : UserCounts
        Impressions and clicks of all users in both windows; `later` is null without later days.
    level_later : Estimate
        CTR of all users with a segment in the outcome window.
    copied : CopiedUsers
        Busy users who share every day's counts with another one.
    levels : DayLevels
        CTR of all users of the log on each day of both windows.
    kept_by_memberships : KeptGain or None
        Of latent classes, where each user is given the CTR to be expected over all of them.
    """

    split: WindowSplit
    feature_segment_ids: npt.NDArray[np.int64]
    verdicts: tuple[SegmentVerdict, ...]
    kept_gain: KeptGain | None
    early: Forecasts
    published: Forecasts
    alignment: Alignment
    seen: UserCounts
    later: UserCounts | None
    level_later: Estimate
    copied: CopiedUsers
    levels: DayLevels
    kept_by_memberships: KeptGain | None = None


def check_later(
    first: Segmentation,
    early: EarlyUsers,
    table: pl.DataFrame,
    window: Window,
    *,
    find: FindSegments,
    prior: BetaPrior | None,
    seed: int,
) -> tuple[Segmentation, Truth]:
    """Judge segments of the feature window by the outcome window, and refit them on all days.

    Parameters
    ----------
    first : Segmentation
        Chosen and formed on the feature window.
    early : EarlyUsers
    table : DataFrame
        User table of all days: the same users in the same order.
    window : Window
        All days.
    find : callable
        Forms segments.
    prior : BetaPrior or None
        Of the CTRs of all days.
    seed : int
        Of the bootstraps.
    """
    counts = early.counts()
    feature_days = local_days(early.split.feature)
    outcome_days = local_days(early.split.outcome) if early.split.outcome is not None else range(0)
    seen = counts.totals(feature_days)
    later = counts.totals(outcome_days) if outcome_days else None
    has_segment = first.segment_ids != UNASSIGNED
    n_ahead = max(1, len(outcome_days))

    def judge() -> tuple[SegmentVerdict, ...]:
        return verdicts(
            first.segment_ids,
            seen=seen,
            later=later,
            by_days=counts.clicks_by_days(outcome_days, is_in=has_segment),
            n_segments=first.n_segments,
            seed=seed,
        )

    def foretell() -> tuple[Forecasts, tuple[KeptGain | None, KeptGain | None]]:
        foretold = _forecast(
            first, early.table, counts, days=feature_days, prior=early.prior, n_ahead=n_ahead
        )
        return foretold, _gains(first, foretold, seen, later, prior=early.prior, seed=seed)

    (foretold, (gain, soft_gain)), found = do_together(foretell, judge)
    refit, alignment = _refit(first, table, find)
    published = _forecast(
        refit, table, counts, days=local_days(window), prior=prior, n_ahead=n_ahead
    )
    level_later = _UNKNOWN if later is None else outcome_rate(later, has_segment)
    return refit, Truth(
        split=early.split,
        feature_segment_ids=first.segment_ids,
        verdicts=found,
        kept_gain=gain,
        early=foretold,
        published=published,
        alignment=alignment,
        seen=seen,
        later=later,
        level_later=level_later,
        copied=copied_users(counts),
        levels=day_levels(counts, local_days(window)),
        kept_by_memberships=soft_gain,
    )


def _gains(
    first: Segmentation,
    foretold: Forecasts,
    seen: UserCounts,
    later: UserCounts | None,
    *,
    prior: BetaPrior | None,
    seed: int,
) -> tuple[KeptGain | None, KeptGain | None]:
    """Kept gain of the segments, and of what latent classes say of each user."""
    if later is None:
        return None, None
    gain = kept_gain(
        first.segment_ids,
        seen=seen,
        later=later,
        forecast=_per_user(foretold, first.segment_ids),
        prior=prior,
        seed=seed,
    )
    if first.latent is None or first.latent.rates is None:
        return gain, None
    soft_gain = kept_gain(
        first.segment_ids,
        seen=seen,
        later=later,
        forecast=np.nan_to_num(first.latent.rates),
        prior=prior,
        seed=seed,
    )
    return gain, soft_gain


def _forecast(
    segmentation: Segmentation,
    table: pl.DataFrame,
    counts: UserDays,
    *,
    days: range,
    prior: BetaPrior | None,
    n_ahead: int,
) -> Forecasts:
    if prior is None:
        totals = counts.totals(days)
        prior = fit_beta_prior(totals.n_clicks, totals.n_impressions)
    is_member, _ = membership(segmentation.recipe, segmentation.preprocessing, table)
    relabelling = Relabelling(
        table=table,
        counts=counts,
        days=tuple(days),
        preprocessing=segmentation.preprocessing,
        centers=segmentation.centers,
        prior=prior,
        is_member=is_member,
        needs_impressions=segmentation.recipe.population == "shown",
        model=None if segmentation.latent is None else segmentation.latent.model,
    )
    return forecast_ctr(
        counts,
        relabelling.labels,
        days=days,
        n_segments=segmentation.n_segments,
        n_outcome_days=n_ahead,
        caveats=relabelling.caveats,
    )


def clicks_foretold(first: Segmentation, early: EarlyUsers) -> npt.NDArray[np.float64] | None:
    """Foretell the CTR of each user's segment from the feature window; null where none can be."""
    feature, outcome = early.split.feature, early.split.outcome
    if outcome is None:
        return None
    found = _forecast(
        first,
        early.table,
        early.counts(),
        days=local_days(feature),
        prior=early.prior,
        n_ahead=len(local_days(outcome)),
    )
    return _per_user(found, first.segment_ids)


def _per_user(
    forecasts: Forecasts, segment_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64] | None:
    """Return the forecast of each user's segment; null where one is missing."""
    level = forecasts.level.value
    if level is None or any(each.value is None for each in forecasts.ctr):
        return None
    rates = np.array([level, *(each.value for each in forecasts.ctr)], dtype=np.float64)
    per_user: npt.NDArray[np.float64] = rates[segment_ids]
    return per_user


def _refit(
    first: Segmentation, table: pl.DataFrame, find: FindSegments
) -> tuple[Segmentation, Alignment]:
    """Fit the chosen number again on all days, under the numbers of the first fit."""
    k = first.n_segments
    refit = find(table, (k,), k)
    alignment = align_ids(first.segment_ids, refit.segment_ids, n_old=k, n_new=k)
    order = np.argsort(alignment.new_number)
    renumbered = replace(
        refit,
        selection=first.selection,
        centers=refit.centers[order],
        latent=_classes_of_refit(first, refit, order),
        silhouette_sample=_renumbered(refit.silhouette_sample, order),
        segment_ids=alignment.renumber(refit.segment_ids),
        segment_silhouettes=tuple(refit.segment_silhouettes[place] for place in order),
    )
    return renumbered, alignment


def _classes_of_refit(
    first: Segmentation, refit: Segmentation, order: npt.NDArray[np.int64]
) -> LatentSegments | None:
    """Return the classes of all days with the criteria by which their number was chosen."""
    if first.latent is None or refit.latent is None:
        return None
    classes = refit.latent.reordered(order)
    return replace(classes, fits=first.latent.fits, by_icl=first.latent.by_icl)


def _renumbered(
    sample: SilhouetteSample | None, order: npt.NDArray[np.int64]
) -> SilhouetteSample | None:
    """Return the sampled silhouettes under the numbers of the first fit."""
    return None if sample is None else replace(sample, labels=np.argsort(order)[sample.labels])


def with_truth(
    population: SegmentProfile,
    segments: Sequence[SegmentProfile],
    truth: Truth,
    *,
    min_size: int,
) -> tuple[SegmentProfile, tuple[SegmentProfile, ...]]:
    """Put what later days say beside each profile and beside the population.

    Nothing is said of fewer than `min_size` users.
    """
    everyone = replace(
        population,
        forecast_ctr=truth.published.level,
        forecast_early=truth.early.level,
        ctr_outcome=truth.level_later,
    )
    kept = {
        event.new_ids[0]
        for event in truth.alignment.events
        if event.kind == "kept" and event.old_ids == event.new_ids
    }
    return everyone, tuple(
        _judged(profile, truth, is_kept=profile.segment_id in kept, min_size=min_size)
        for profile in segments
    )


def _judged(
    profile: SegmentProfile, truth: Truth, *, is_kept: bool, min_size: int
) -> SegmentProfile:
    """Return what later days say of one segment, as far as enough users say it."""
    found = truth.verdicts[profile.segment_id - 1]
    if profile.is_withheld:
        return replace(profile, verdict_reason="the segment holds too few users to be shown")
    if not is_kept:
        return _unlike(profile, truth)
    judged = _with_verdict(profile, truth)
    n_gone = found.n_users - found.n_users_later
    if truth.split.outcome is not None and is_small(n_gone, min_size=min_size):
        judged = replace(judged, absent_share=None)
    if not is_small(min(found.n_users, found.n_users_later), min_size=min_size):
        return judged
    return replace(
        judged,
        verdict="not validated",
        verdict_reason="too few of its users were there before or on the later days to be shown",
        ctr_early=_UNKNOWN,
        forecast_early=_UNKNOWN,
        ctr_outcome=_UNKNOWN,
        survival=_UNKNOWN,
        minimal_detectable_difference=None,
        absent_share=None,
    )


def _with_verdict(profile: SegmentProfile, truth: Truth) -> SegmentProfile:
    place = profile.segment_id - 1
    found = truth.verdicts[place]
    return replace(
        profile,
        verdict=found.verdict,
        verdict_reason=found.reason,
        forecast_ctr=truth.published.ctr[place],
        forecast_index=truth.published.index[place],
        ctr_early=Estimate(value=found.ctr_seen, low=None, high=None),
        forecast_early=truth.early.ctr[place],
        ctr_outcome=found.ctr_outcome,
        survival=found.survival,
        minimal_detectable_difference=found.minimal_detectable_difference,
        absent_share=_absent_share(found, truth),
    )


def _unlike(profile: SegmentProfile, truth: Truth) -> SegmentProfile:
    """Return a segment that was not there before the outcome window: nothing was checked of it."""
    place = profile.segment_id - 1
    return replace(
        profile,
        verdict_reason="the segment is new: the feature window alone did not form it",
        forecast_ctr=truth.published.ctr[place],
        forecast_index=truth.published.index[place],
    )


def _absent_share(found: SegmentVerdict, truth: Truth) -> float | None:
    if truth.split.outcome is None or not found.n_users:
        return None
    return 1 - found.n_users_later / found.n_users


def report_truth(truth: Truth, *, min_size: int) -> TruthReport:
    """Return what the report shows of the check; counts of few users are put in words."""
    feature, outcome = truth.split.feature, truth.split.outcome
    n_users = int((truth.feature_segment_ids != UNASSIGNED).sum())
    caveats = [
        f"{name} saw the clicks of the days that were left out to forecast."
        for name in truth.published.caveats
    ]
    if truth.published.reason:
        caveats.append(f"There is no forecast: {truth.published.reason}.")
    return TruthReport(
        feature_starts_at=feature.start,
        feature_ends_at=feature.end,
        outcome_starts_at=None if outcome is None else outcome.start,
        outcome_ends_at=None if outcome is None else outcome.end,
        feature_weekdays=weekdays(feature),
        outcome_weekdays=() if outcome is None else weekdays(outcome),
        reason=truth.split.reason,
        n_users=n_users,
        n_users_later=sum(found.n_users_later for found in truth.verdicts),
        kept_gain=truth.kept_gain,
        refit_events=tuple(_told(event, min_size) for event in truth.alignment.events),
        caveats=tuple(caveats),
        levels=shown_levels(truth.levels, min_size=min_size),
    )


def _told(event: SegmentEvent, min_size: int) -> str:
    """Say in one sentence what became of a segment when all days were taken."""
    old = " and ".join(str(each) for each in event.old_ids)
    new = " and ".join(str(each) for each in event.new_ids)
    is_few = event.n_users < min_size
    users = f"fewer than {min_size} users" if is_few else f"{event.n_users:,} users"
    shares = " and ".join(f"{share:.0%}" for share in event.shares)
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
