"""What a family of features adds: kept gain with it and without it, on the same later days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from segmentry.evaluation.later_days._intervals import (
    percentile_interval,
    resampled_sums,
    summed,
)
from segmentry.evaluation.later_days._kept_gain import (
    NO_SIGNAL,
    gains_of_cells,
    ratio_of_draws,
    why_no_gain,
)
from segmentry.features import BetaPrior, fit_beta_prior, shrink
from segmentry.features.user_days import UserCounts
from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import distinct_rows

AddedVerdict = Literal[
    "adds", "placebo does too", "takes away", "cannot be determined", "no signal"
]


@dataclass(frozen=True, slots=True, eq=False)
class Forming:
    """Segments of the feature window, and what they predict of each user's later rate.

    `forecast` is a rate per user; only its differences count, not its level.
    """

    segment_ids: IntVector
    forecast: FloatVector


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedGain:
    """Kept gain of two ways to form segments, and their difference; intervals are of 90 %."""

    outcome: Literal["clicks", "purchases"]
    """Clicks per impression, or days with a purchase per day."""
    n_users: int
    n_trials: int
    n_events: int
    """`n_users`, `n_trials`, `n_events`: users of both windows, and their impressions and clicks,
    or days and days with a purchase, in the outcome window."""
    kept_with: Estimate = UNKNOWN
    kept_without: Estimate = UNKNOWN
    """`kept_with`, `kept_without`: predictive share: what the forecasts of the segments keep of
    what users' own rates predict of the outcome window; null without a signal of users."""
    nats_of_users: Estimate = UNKNOWN
    nats_with: Estimate = UNKNOWN
    nats_without: Estimate = UNKNOWN
    nats_added: Estimate = UNKNOWN
    """`nats_of_users`, `nats_with`, `nats_without`, `nats_added`: gains over one rate for all, in
    nats per trial; the last is with less without."""
    nats_over_placebo: Estimate = UNKNOWN
    """With less what segments gain that are formed by the family of other users put in the place of
    their own: of several such, the one with the lowest lower end. Null unless `nats_added` is above
    0."""
    verdict: AddedVerdict = "no signal"
    """By the intervals of `nats_added` and `nats_over_placebo`: "adds" takes both above 0."""
    reason: str = ""
    """Why nothing is known, or empty."""


def over_placebos(gain: AddedGain, placebos: Sequence[AddedGain]) -> AddedGain:
    """Hold a gain against those over segments that were formed by a placebo of the family.

    Columns change how users are divided even if they tell nothing: behaviours in the place of those
    of others "added" to predicting clicks in 2 of 12 permutations at K = 6
    (docs/decisions/0008-behaviours.md).
    A family adds only what it adds over all of its placebos.
    """
    if gain.verdict != "adds" or not placebos:
        return gain
    lowest = min(
        (each.nats_added for each in placebos),
        key=lambda each: -np.inf if each.low is None else each.low,
    )
    is_more = lowest.low is not None and lowest.low > 0
    return replace(
        gain,
        nats_over_placebo=lowest,
        verdict="adds" if is_more else "placebo does too",
    )


def segment_rates(segment_ids: IntVector, counts: UserCounts, *, n_segments: int) -> FloatVector:
    """Return the pooled rate of each user's segment, half an event added to each segment.

    Users without a segment are given the rate of all.

    >>> counts = UserCounts(np.array([4, 5, 9]), np.array([1, 0, 2]))
    >>> segment_rates(np.array([1, 1, 2]), counts, n_segments=2).round(3).tolist()
    [0.15, 0.15, 0.25]
    """
    n = np.bincount(segment_ids, weights=counts.n_trials, minlength=n_segments + 1)
    c = np.bincount(segment_ids, weights=counts.n_successes, minlength=n_segments + 1)
    rates = (c + 0.5) / (n + 1)
    rates[0] = (c.sum() + 0.5) / (n.sum() + 1)
    found: FloatVector = rates[segment_ids]
    return found


def added_gain(
    with_family: Forming,
    without: Forming,
    *,
    outcome: Literal["clicks", "purchases"],
    seen: UserCounts,
    later: UserCounts,
    prior: BetaPrior | None = None,
    n_draws: int = 200,
    seed: int = 0,
) -> AddedGain:
    """Compare two ways to form segments by what they predict of the outcome window.

    Notes
    -----
    Gains are those of `kept_gain`: log likelihoods of the outcome at the forecasts, moved by one
    logit shift to its level, against one rate for all.

    Examples
    --------
    Two kinds of users that one way sees and the other does not:

    >>> n, rng = np.full(2000, 20), np.random.default_rng(0)
    >>> kind = np.arange(2000) % 2
    >>> seen, later = (UserCounts(n, rng.binomial(n, 0.1 + 0.2 * kind)) for _ in range(2))
    >>> sees = Forming(kind + 1, 0.1 + 0.2 * kind)
    >>> blind = Forming(np.ones(2000, int), np.full(2000, 0.2))
    >>> found = added_gain(sees, blind, outcome="purchases", seen=seen, later=later)
    >>> found.verdict, round(found.kept_with.value, 1), round(found.kept_without.value, 1)
    ('adds', 1.8, 0.0)
    """
    is_in = (seen.n_trials > 0) & (later.n_trials > 0)
    counts = np.column_stack([later.n_trials[is_in], later.n_successes[is_in]])
    n_trials, n_events = (int(total) for total in counts.sum(axis=0))
    blank = AddedGain(
        outcome=outcome, n_users=int(is_in.sum()), n_trials=n_trials, n_events=n_events
    )
    reason = why_no_gain(n_trials, n_events, outcome=outcome)
    if reason:
        return replace(blank, reason=reason)
    fitted = fit_beta_prior(seen.n_successes, seen.n_trials) if prior is None else prior
    own = shrink(seen.n_successes[is_in], seen.n_trials[is_in], fitted)
    ways = (with_family, without)
    distinct = distinct_rows(
        np.column_stack(
            [own, *(column[is_in] for way in ways for column in (way.segment_ids, way.forecast))]
        )
    )
    cells, cell_of = distinct.rows, distinct.inverse
    observed = summed(cell_of, counts, n_groups=len(cells))
    draws = resampled_sums(cell_of, counts, n_groups=len(cells), n_draws=n_draws, seed=seed)
    columns = [cells[:, [place, 0, place + 1]] for place in (1, 3)]
    found = [gains_of_cells(each, observed, has_forecast=True)[:, 0] for each in columns]
    drawn = [gains_of_cells(each, draws, has_forecast=True) for each in columns]
    return _measured(blank, found, drawn)


def _measured(
    blank: AddedGain, found: Sequence[FloatVector], drawn: Sequence[FloatVector]
) -> AddedGain:
    nats = [percentile_interval(found[way][2], drawn[way][2]) for way in (0, 1)]
    of_users = percentile_interval(found[0][0], drawn[0][0])
    added = percentile_interval(found[0][2] - found[1][2], drawn[0][2] - drawn[1][2])
    has_signal = of_users.low is not None and of_users.low > 0
    kept = [UNKNOWN, UNKNOWN]
    if has_signal:
        kept = [
            percentile_interval(found[way][2] / found[way][0], ratio_of_draws(drawn[way], 2))
            for way in (0, 1)
        ]
    return replace(
        blank,
        kept_with=kept[0],
        kept_without=kept[1],
        nats_of_users=of_users,
        nats_with=nats[0],
        nats_without=nats[1],
        nats_added=added,
        verdict=_verdict(added) if has_signal else "no signal",
        reason="" if has_signal else NO_SIGNAL,
    )


def _verdict(added: Estimate) -> Literal["adds", "takes away", "cannot be determined"]:
    if added.low is not None and added.low > 0:
        return "adds"
    if added.high is not None and added.high < 0:
        return "takes away"
    return "cannot be determined"
