"""Kept gain: the share of what users' own CTRs predict of later days that the segments keep."""

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from segmentry.evaluation.later_days._intervals import (
    percentile_interval,
    resampled_sums,
    summed,
)
from segmentry.features import BetaPrior, fit_beta_prior, shrink
from segmentry.features.user_days import UserCounts
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import distinct_rows

NO_SIGNAL = "no user-level signal"
_Gain = TypeVar("_Gain", bound="KeptGain")
_EDGE = 1e-9
_MAX_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGain:
    """Kept gain with its parts; intervals are of 90 %."""

    n_users: int
    n_impressions: int
    """`n_users`, `n_impressions`: users with impressions in both windows, and their impressions in
    the outcome window."""
    by_best_rate: Estimate = UNKNOWN
    """Each segment is given its own outcome CTR: in-sample, an upper bound, never shown alone."""
    by_forecast: Estimate = UNKNOWN
    """Each user is given the published forecast, all shifted to the outcome level."""
    nats_of_users: Estimate = UNKNOWN
    nats_by_best_rate: Estimate = UNKNOWN
    nats_by_forecast: Estimate = UNKNOWN
    """`nats_of_users`, `nats_by_best_rate`, `nats_by_forecast`: gains over one global CTR in nats
    per impression; the first is the denominator."""
    reason: str
    """Why kept gain is null, or empty."""


def kept_gain(
    segment_ids: IntVector,
    *,
    seen: UserCounts,
    later: UserCounts,
    forecast: FloatVector | None = None,
    prior: BetaPrior | None = None,
    n_draws: int = 200,
    seed: int = 0,
) -> KeptGain:
    """Measure how much of the users' own signal survives in the segments, on later days.

    Notes
    -----
    With l(q) = sum(nc ln q + (nn - nc) ln(1 - q)) / sum(nn) over users with impressions in both
    windows, kept gain is [l(q) - l(g)] / [l(p) - l(g)]: g is the outcome CTR, p the users'
    empirical-Bayes CTRs (beta-binomial, no covariates). p and forecasts are moved by one logit
    shift each so that their expected clicks are the outcome's: a change of level moves nothing.

    Examples
    --------
    Two kinds of users, and segments that are these kinds: they tell more than own CTRs do.

    >>> n = np.full(2000, 100)
    >>> rng = np.random.default_rng(0)
    >>> kind = np.arange(2000) % 2
    >>> seen = UserCounts(n, rng.binomial(n, 0.02 + 0.1 * kind))
    >>> later = UserCounts(n, rng.binomial(n, 0.02 + 0.1 * kind))
    >>> gain = kept_gain(kind + 1, seen=seen, later=later, forecast=0.02 + 0.1 * kind)
    >>> round(gain.by_forecast.value, 2), gain.reason
    (1.24, '')
    >>> kept_gain(kind + 1, seen=seen, later=UserCounts(n, 0 * n)).reason
    'no click in the outcome window'
    """
    is_in = (seen.n_trials > 0) & (later.n_trials > 0)
    n_impressions = int(later.n_trials[is_in].sum())
    n_clicks = int(later.n_successes[is_in].sum())
    reason = why_no_gain(n_impressions, n_clicks)
    if reason:
        return KeptGain(n_users=int(is_in.sum()), n_impressions=n_impressions, reason=reason)
    fitted = fit_beta_prior(seen.n_successes, seen.n_trials) if prior is None else prior
    own = shrink(seen.n_successes[is_in], seen.n_trials[is_in], fitted)
    published = None if forecast is None else np.asarray(forecast, np.float64)[is_in]
    cells, cell_of = _cells(segment_ids[is_in], own, published)
    counts = np.column_stack([later.n_trials[is_in], later.n_successes[is_in]])
    observed = summed(cell_of, counts, n_groups=len(cells))
    draws = resampled_sums(cell_of, counts, n_groups=len(cells), n_draws=n_draws, seed=seed)
    gains = gains_of_cells(cells, observed, has_forecast=published is not None)
    drawn = gains_of_cells(cells, draws, has_forecast=published is not None)
    blank = KeptGain(n_users=int(is_in.sum()), n_impressions=n_impressions, reason="")
    return with_gains(blank, gains[:, 0], drawn, has_forecast=published is not None)


def why_no_gain(
    n_trials: int, n_events: int, *, outcome: Literal["clicks", "purchases"] = "clicks"
) -> str:
    """Say why nothing can be gained on the outcome window, or nothing."""
    if not n_trials:
        return "no user has impressions in both windows"
    if not n_events:
        return f"no {outcome.removesuffix('s')} in the outcome window"
    if n_events < n_trials:
        return ""
    if outcome == "purchases":
        return "every user bought on every day of the outcome window"
    return "every impression of the outcome window was clicked"


def _cells(
    segment_ids: IntVector, own: FloatVector, published: FloatVector | None
) -> tuple[FloatVector, IntVector]:
    """Group users of equal segment, own CTR and forecast; columns in this order."""
    requested = own if published is None else published
    if not np.isfinite(requested).all():
        raise ValueError("forecast: found one that is not a number, expected a CTR per user")
    distinct = distinct_rows(np.column_stack([segment_ids, own, requested]))
    return distinct.rows, distinct.inverse


def gains_of_cells(cells: FloatVector, sums: FloatVector, *, has_forecast: bool) -> FloatVector:
    """Return gains in nats per impression, shape (3, n_draws): users, best rates, forecasts.

    Columns of `cells` are segment, own rate and forecast; `sums` is (n_draws, n_cells, 2).
    """
    n, c = sums[:, :, 0], sums[:, :, 1]
    totals = n.sum(axis=1)
    base = _level(n, c)
    of_users = _shifted(cells[:, 1], n, c) - base
    best = np.zeros(len(sums))
    for segment in np.unique(cells[:, 0]):
        is_in = cells[:, 0] == segment
        if segment == UNASSIGNED:
            best += _at_global(n[:, is_in], c[:, is_in], n, c)
        else:
            best += _level(n[:, is_in], c[:, is_in])
    by_forecast = np.zeros(len(sums))
    if has_forecast:
        is_out = cells[:, 0] == UNASSIGNED
        by_forecast = _shifted(cells[~is_out, 2], n[:, ~is_out], c[:, ~is_out]) - base
        by_forecast += _at_global(n[:, is_out], c[:, is_out], n, c)
    gains: FloatVector = np.stack([of_users, best - base, by_forecast]) / totals
    return gains


def _level(n: FloatVector, c: FloatVector) -> FloatVector:
    """Log likelihood of each draw at its own pooled CTR."""
    from scipy.special import xlogy

    total, clicks = n.sum(axis=1), c.sum(axis=1)
    rate = np.divide(clicks, total, out=np.zeros(len(n)), where=total > 0)
    level: FloatVector = xlogy(clicks, rate) + xlogy(total - clicks, 1 - rate)
    return level


def _at_global(
    n: FloatVector, c: FloatVector, all_n: FloatVector, all_c: FloatVector
) -> FloatVector:
    """Log likelihood of some cells at the CTR of all, draw by draw."""
    from scipy.special import xlogy

    rate = all_c.sum(axis=1) / all_n.sum(axis=1)
    clicks = c.sum(axis=1)
    level: FloatVector = xlogy(clicks, rate) + xlogy(n.sum(axis=1) - clicks, 1 - rate)
    return level


def _shifted(rates: FloatVector, n: FloatVector, c: FloatVector) -> FloatVector:
    """Log likelihood at the rates after the logit shift that matches each draw's clicks."""
    from scipy.special import expit, logit

    total, clicks = n.sum(axis=1), c.sum(axis=1)
    likelihood = np.zeros(len(n))
    inside = (clicks > 0) & (clicks < total)
    if not inside.any():
        return likelihood
    n, c, total, clicks = n[inside], c[inside], total[inside], clicks[inside]
    odds = logit(np.clip(rates, _EDGE, 1 - _EDGE))
    low = logit(clicks / total) - odds.max()
    high = logit(clicks / total) - odds.min()
    shift = np.clip(logit(clicks / total) - logit((n @ expit(odds)) / total), low, high)
    for _ in range(_MAX_STEPS):
        expected = expit(odds + shift[:, np.newaxis])
        missing = clicks - np.sum(n * expected, axis=1)
        low, high = np.where(missing >= 0, shift, low), np.where(missing <= 0, shift, high)
        if np.all(np.abs(missing) <= 1e-10 * clicks):
            break
        step = shift + missing / np.sum(n * expected * (1 - expected), axis=1)
        shift = np.where((step >= low) & (step <= high), step, (low + high) / 2)
    moved = odds + shift[:, np.newaxis]
    likelihood[inside] = np.sum(c * moved - n * np.logaddexp(0, moved), axis=1)
    return likelihood


def with_gains(
    blank: _Gain, gains: FloatVector, drawn: FloatMatrix, *, has_forecast: bool
) -> _Gain:
    """Put the gains of users, best rates and forecasts, and their shares, into a record."""
    nats = [percentile_interval(gains[j], drawn[j]) for j in range(3)]
    low = nats[0].low
    has_signal = low is not None and low > 0
    kept = [UNKNOWN, UNKNOWN]
    if has_signal:
        kept = [percentile_interval(gains[j] / gains[0], ratio_of_draws(drawn, j)) for j in (1, 2)]
    return replace(
        blank,
        by_best_rate=kept[0],
        by_forecast=kept[1] if has_forecast else UNKNOWN,
        nats_of_users=nats[0],
        nats_by_best_rate=nats[1],
        nats_by_forecast=nats[2] if has_forecast else UNKNOWN,
        reason="" if has_signal else NO_SIGNAL,
    )


def ratio_of_draws(drawn: FloatVector, j: int) -> FloatVector:
    """Divide gains by those of users, draw by draw; infinite where these are not above 0."""
    is_positive = drawn[0] > 0
    outside = np.where(drawn[j] >= 0, np.inf, -np.inf)
    ratio: FloatVector = np.divide(drawn[j], drawn[0], out=outside, where=is_positive)
    return ratio
