"""Form segments on early days, check them on later ones, fit them again on all days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.evaluation.later_days._check_events import forecast_events, period_levels
from segmentry.evaluation.later_days._copies import CopiedUsers, copied_users
from segmentry.evaluation.later_days._cross_fit import cross_fit
from segmentry.evaluation.later_days._day_levels import (
    DayLevels,
    SegmentDays,
    day_levels,
    segment_levels,
)
from segmentry.evaluation.later_days._fold_rates import FoldRates, fold_rates_of, half_shares
from segmentry.evaluation.later_days._forecast import Forecasts, forecast_ctr, forecast_of
from segmentry.evaluation.later_days._kept_gain import KeptGain, kept_gain
from segmentry.evaluation.later_days._luck import Luck
from segmentry.evaluation.later_days._outcome_gain import OutcomeGain, outcome_gain
from segmentry.evaluation.later_days._relabelling import Relabelling
from segmentry.evaluation.later_days._verdicts import (
    SegmentVerdict,
    outcome_rate,
    verdicts,
    words_of,
)
from segmentry.evaluation.stability import Alignment, align_ids
from segmentry.features import BetaPrior, fit_beta_prior
from segmentry.features.user_days import UserCounts, UserDays
from segmentry.features.users import EarlyUsers
from segmentry.features.windows import WindowSplit, local_days, periods_of
from segmentry.privacy import published_ids
from segmentry.runtime.threads import do_together
from segmentry.schema import OF_CLICKS, UNASSIGNED, UNKNOWN, Estimate, Outcome, Window
from segmentry.segments.forming import Segmentation, membership

FindSegments = Callable[[pl.DataFrame, Sequence[int], int | None], Segmentation]
"""From a user table, the numbers to try, and a forced number, to segments."""
_Published: TypeAlias = tuple[Forecasts, tuple[FoldRates, FoldRates] | None, tuple[DayLevels, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """What later days show of segments that were formed before them."""

    split: WindowSplit
    feature_segment_ids: npt.NDArray[np.int64]
    """Shape (n_users,). Segments of the feature window; all that is said here is about these."""
    verdicts: tuple[SegmentVerdict, ...]
    kept_gain: KeptGain | OutcomeGain | None
    """Null where the log has no later days."""
    early: Forecasts
    """From the feature window alone: what is compared with the outcome window."""
    relabelling: Relabelling
    """The segments of the feature window by a part of its days, to forecast other outcomes."""
    published: Forecasts
    """From all days, for as many days to come as the outcome window has."""
    alignment: Alignment
    """Of the refit on all days."""
    seen: UserCounts
    later: UserCounts | None
    """`seen`, `later`: impressions and clicks of all users in both windows; `later` is null without
    later days."""
    level_later: Estimate
    """CTR of all users with a segment in the outcome window."""
    copied: CopiedUsers
    """Busy users who share every day's counts with another one."""
    levels: DayLevels
    """CTR of all users of the log on each day of both windows."""
    kept_by_memberships: KeptGain | None = None
    """Of latent classes, where each user is given the CTR to be expected over all of them."""
    halves: tuple[FoldRates, FoldRates] | None = None
    """CTRs of the segments as they are shown, among the half of the users that plans a budget and
    the half that judges the plan; null where days cannot be left out."""
    outcome: Outcome = OF_CLICKS
    by_segment: tuple[DayLevels, ...] = ()
    """The same of each segment as it is shown; empty where days cannot be left out."""

    @property
    def is_active_later(self) -> npt.NDArray[np.bool_]:
        """Which users were shown ads again, or had an event; none without later days."""
        if self.later is None:
            return np.zeros(self.feature_segment_ids.size, dtype=np.bool_)
        if self.outcome.kind == "clicks":
            return self.later.n_trials > 0
        return self.later.counted.n_successes > 0

    @property
    def agreements(self) -> dict[int, float]:
        """Of each segment that the refit found again, the Jaccard index of its users."""
        if self.split.outcome is None:
            return {}
        return {
            event.new_ids[0]: event.jaccard
            for event in self.alignment.events
            if event.kind == "kept" and event.jaccard is not None
        }


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What later days show of the segments.

    Segments were formed on the feature window, checked on the outcome window, and then fitted
    again on all days with their ids aligned.
    """

    feature_starts_at: int
    feature_ends_at: int
    """`feature_starts_at`, `feature_ends_at`: the feature window in epoch seconds."""
    outcome_starts_at: int | None
    outcome_ends_at: int | None
    """`outcome_starts_at`, `outcome_ends_at`: the outcome window; null where there is none."""
    feature_weekdays: tuple[str, ...]
    outcome_weekdays: tuple[str, ...]
    """`feature_weekdays`, `outcome_weekdays`: the weekday of each local day of the windows."""
    reason: str
    """Why nothing could be checked, or empty."""
    n_users: int
    n_users_later: int
    """`n_users`, `n_users_later`: users with a segment in the feature window, and those of them
    that were shown ads again."""
    kept_gain: KeptGain | OutcomeGain | None
    """Share of what users' own CTRs predict of the later days that the segments keep."""
    refit_events: tuple[str, ...]
    """What became of the segments when all days were taken; one sentence each."""
    caveats: tuple[str, ...]
    """What the check could not do; whole sentences."""
    levels: DayLevels | None = None
    """CTR of all users of the log by local day; null in runs of earlier versions."""
    luck: Luck | None = None
    """How much of the difference seen on the forming days was luck; null where fewer than two
    segments have a forecast that may be shown."""
    by_segment: tuple[SegmentDays, ...] = ()
    """CTR of each segment by local day, its users placed by the other days; empty where days cannot
    be left out, and for logs without clicks."""

    @property
    def outcome_of_rates(self) -> Outcome:
        """What the rates of the run are of."""
        return OF_CLICKS


@dataclass(frozen=True, slots=True)
class OutcomeReport(ValidationReport):
    """What later days say of segments of events; days are periods where the log spans months."""

    outcome: Outcome = field(kw_only=True)
    """What was forecast and checked; rates are per user and day."""

    @property
    def outcome_of_rates(self) -> Outcome:
        """What the rates of the run are of."""
        return self.outcome


def check_later(
    first: Segmentation,
    early: EarlyUsers,
    table: pl.DataFrame,
    window: Window,
    *,
    find: FindSegments,
    prior: BetaPrior | None,
    seed: int,
    min_size: int = 1,
) -> tuple[Segmentation, Validation]:
    """Judge segments of the feature window by the outcome window, and refit them on all days.

    Users of segments below `min_size` are forecast with those of the largest, as they are shown.
    """
    if early.outcome.kind != "clicks":
        return _check_events(first, early, table, window, find=find, seed=seed, min_size=min_size)
    counts = early.counts()
    feature_days = local_days(early.split.feature)
    outcome_days = local_days(early.split.outcome) if early.split.outcome is not None else range(0)
    seen = counts.totals(feature_days)
    later = counts.totals(outcome_days) if outcome_days else None
    has_segment = first.segment_ids != UNASSIGNED
    horizon = max(1, len(outcome_days))

    relabelling = _relabelling(first, early.table, counts, days=feature_days, prior=early.prior)
    forecast = _forecast(relabelling, first.n_segments, horizon=horizon)
    found = verdicts(
        first.segment_ids,
        forecast=forecast,
        later=later,
        by_days=counts.clicks_by_days(outcome_days, is_in=has_segment),
    )
    days = local_days(window)
    publish = partial(_publish, days=days, prior=prior, horizon=horizon, shown=min_size)
    # The draws of the gains take one thread.
    (gain, soft_gain), (refit, alignment, (published, halves, by_segment)) = do_together(
        partial(_gains, first, forecast, seen, later, prior=early.prior, seed=seed),
        lambda: _refit_and_publish(first, table, counts, find, publish),
    )
    level_later = UNKNOWN if later is None else outcome_rate(later, has_segment)
    return refit, Validation(
        split=early.split,
        feature_segment_ids=first.segment_ids,
        verdicts=found,
        kept_gain=gain,
        early=forecast,
        relabelling=relabelling,
        published=published,
        alignment=alignment,
        seen=seen,
        later=later,
        level_later=level_later,
        copied=copied_users(counts),
        levels=day_levels(counts, days),
        kept_by_memberships=soft_gain,
        halves=halves,
        by_segment=by_segment,
    )


def _check_events(
    first: Segmentation,
    early: EarlyUsers,
    table: pl.DataFrame,
    window: Window,
    *,
    find: FindSegments,
    seed: int,
    min_size: int,
) -> tuple[Segmentation, Validation]:
    """Judge segments of events by their later events or value; see `check_later`."""
    counts, periods = early.counts(), periods_of(window)
    forming_days = local_days(early.split.feature)
    later_days = range(forming_days.stop, periods[-1].stop)
    forming = [each for each in periods if each.stop <= forming_days.stop]
    horizon = max(1, len(periods) - len(forming))
    seen = counts.outcomes(forming_days)
    later = counts.outcomes(later_days) if later_days else None
    relabelling = _relabelling(first, early.table, counts, days=forming_days, prior=None)
    forecast = forecast_events(
        counts, relabelling, periods=forming, n_segments=first.n_segments, horizon=horizon
    )
    found = verdicts(
        first.segment_ids, forecast=forecast, later=later, words=words_of(early.outcome)
    )
    gain = None
    if later_days:
        per_user = _per_user(forecast, first.segment_ids)
        gain = outcome_gain(
            first.segment_ids, counts, days=(forming_days, later_days), forecast=per_user, seed=seed
        )
    refit, alignment = _refit(first, table, find)
    published = forecast_events(
        counts,
        _as_shown(
            _relabelling(refit, table, counts, days=local_days(window), prior=None),
            refit,
            min_size=min_size,
        ),
        periods=periods,
        n_segments=refit.n_segments,
        horizon=horizon,
    )
    has_segment = first.segment_ids != UNASSIGNED
    return refit, Validation(
        split=early.split,
        feature_segment_ids=first.segment_ids,
        verdicts=found,
        kept_gain=gain,
        early=forecast,
        relabelling=relabelling,
        published=published,
        alignment=alignment,
        seen=seen,
        later=later,
        level_later=UNKNOWN if later is None else outcome_rate(later, has_segment),
        copied=CopiedUsers(n_copied=0, n_compared=0),
        levels=period_levels(counts, periods),
        outcome=early.outcome,
    )


def _gains(
    first: Segmentation,
    forecast: Forecasts,
    seen: UserCounts,
    later: UserCounts | None,
    *,
    prior: BetaPrior | None,
    seed: int,
) -> tuple[KeptGain | None, KeptGain | None]:
    """Kept gain of the segments, and of what latent classes predict of each user."""
    if later is None:
        return None, None
    gain = kept_gain(
        first.segment_ids,
        seen=seen,
        later=later,
        forecast=_per_user(forecast, first.segment_ids),
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


def _relabelling(
    segmentation: Segmentation,
    table: pl.DataFrame,
    counts: UserDays,
    *,
    days: range,
    prior: BetaPrior | None,
) -> Relabelling:
    if prior is None:
        totals = counts.totals(days)
        prior = fit_beta_prior(totals.n_successes, totals.n_trials)
    is_member, _ = membership(segmentation.recipe, segmentation.preprocessing, table)
    return Relabelling(
        cells=segmentation.cells,
        table=table,
        counts=counts,
        days=tuple(days),
        preprocessing=segmentation.preprocessing,
        centers=segmentation.centers,
        prior=prior,
        is_member=is_member,
        needs_impressions=segmentation.recipe.population == "shown",
        model=None if segmentation.latent is None else segmentation.latent.model,
        ids_before=segmentation.ids_before,
    )


def _forecast(relabelling: Relabelling, n_segments: int, *, horizon: int) -> Forecasts:
    return forecast_ctr(
        relabelling.counts,
        relabelling.labels,
        days=relabelling.days,
        n_segments=n_segments,
        n_outcome_days=horizon,
        caveats=relabelling.caveats,
    )


def _refit_and_publish(
    first: Segmentation,
    table: pl.DataFrame,
    counts: UserDays,
    find: FindSegments,
    publish: Callable[[Segmentation, pl.DataFrame, UserDays], _Published],
) -> tuple[Segmentation, Alignment, _Published]:
    refit, alignment = _refit(first, table, find)
    return refit, alignment, publish(refit, table, counts)


def _publish(
    segmentation: Segmentation,
    table: pl.DataFrame,
    counts: UserDays,
    *,
    days: range,
    prior: BetaPrior | None,
    horizon: int,
    shown: int,
) -> _Published:
    """Forecast from all days, by halves of users, and by day: days are left out once."""
    relabelling = _as_shown(
        _relabelling(segmentation, table, counts, days=days, prior=prior),
        segmentation,
        min_size=shown,
    )
    n_segments = segmentation.n_segments
    if len(days) < 2:
        labels = relabelling.labels
        few = forecast_ctr(counts, labels, days=days, n_segments=n_segments, n_outcome_days=horizon)
        return replace(few, caveats=relabelling.caveats), None, ()
    fit = cross_fit(counts, relabelling.labels, days=days)
    forecasts = forecast_of(
        fit, n_segments=n_segments, n_outcome_days=horizon, caveats=relabelling.caveats
    )
    halves = fold_rates_of(
        fit,
        n_segments=n_segments,
        shares=half_shares(table["user_id"]),
        horizon=len(days),
    )
    return forecasts, halves, segment_levels(fit, days, n_segments=n_segments)


def _as_shown(
    relabelling: Relabelling, segmentation: Segmentation, *, min_size: int
) -> Relabelling:
    """Put users of segments that are too small to be shown with those of the largest."""
    ids, withheld = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=min_size
    )
    if not withheld.size:
        return relabelling
    shown_as = np.arange(segmentation.n_segments + 1)
    for segment_id in withheld:
        shown_as[segment_id] = ids[segmentation.segment_ids == segment_id][0]
    return replace(relabelling, shown_as=shown_as)


def clicks_forecast(first: Segmentation, early: EarlyUsers) -> npt.NDArray[np.float64] | None:
    """Forecast the CTR of each user's segment from the feature window; null where none can be."""
    feature, outcome = early.split.feature, early.split.outcome
    if outcome is None:
        return None
    relabelling = _relabelling(
        first, early.table, early.counts(), days=local_days(feature), prior=early.prior
    )
    found = _forecast(relabelling, first.n_segments, horizon=len(local_days(outcome)))
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
    refit = find(table, (k,), None if first.cells is not None else k)
    alignment = align_ids(
        first.segment_ids,
        refit.segment_ids,
        n_old=k,
        n_new=refit.n_segments,
        # A fit has centres of its own; segments that were kept carry theirs along.
        is_same_model=refit.centers is first.centers,
    )
    found = refit.reordered(np.argsort(alignment.new_number))
    latent = found.latent
    if latent is not None and first.latent is not None:
        # With the criteria by which the number of classes was chosen.
        latent = replace(latent, fits=first.latent.fits, by_icl=first.latent.by_icl)
    selection = found.selection if first.cells is not None else first.selection
    return replace(found, selection=selection, latent=latent), alignment
