"""The check on later days for logs of events: visits, purchases, plays, and their value."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segmentry.evaluation.later_days._day_levels import DayLevels, levels_of
from segmentry.evaluation.later_days._forecast import Forecasts, forecast_of
from segmentry.evaluation.later_days._own_history import own_history
from segmentry.evaluation.later_days._relabelling import Relabelling
from segmentry.evaluation.later_days._rolling import hold_out_last
from segmentry.features.user_days import UserDays
from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector

_TINY = 1e-6  # to which the mean value is scaled: there a logit is a logarithm


def forecast_events(
    counts: UserDays,
    relabelling: Relabelling,
    *,
    periods: Sequence[range],
    n_segments: int,
    horizon: int,
) -> Forecasts:
    """Forecast the events or the value of each segment per user and day.

    `periods` are those of the forming days, and `horizon` more like the last are forecast.

    Notes
    -----
    The last periods are held out (`hold_out_last`). Errors are as in `forecast_ctr`, users being
    clusters and periods being days, but that the whole variance between users counts for the days
    to come too: many change segments until then.
    """
    if len(periods) < 2:
        return Forecasts(
            ctr=(UNKNOWN,) * n_segments,
            index=(UNKNOWN,) * n_segments,
            n_days=len(periods),
            n_outcome_days=horizon,
            caveats=relabelling.caveats,
            reason="the feature window has one period: none can be held out",
        )
    whole = range(periods[0].start, periods[-1].stop)
    fit = hold_out_last(
        counts,
        relabelling.labels,
        periods=periods,
        horizon=horizon,
        history=own_history(counts, whole),
    )
    factor = 1.0
    if counts.outcome.kind == "value" and fit.c.sum() > 0:
        factor = _TINY * float(fit.n.sum() / fit.c.sum())
    found = forecast_of(
        replace(fit, c=fit.c * factor),
        n_segments=n_segments,
        n_outcome_days=horizon,
        caveats=relabelling.caveats,
        is_moving=True,
    )
    return _scaled(found, factor)


def _scaled(found: Forecasts, factor: float) -> Forecasts:
    """Turn rates back into the unit of the outcome."""
    if factor == 1.0:
        return found
    return replace(
        found,
        ctr=tuple(_divided(each, factor) for each in found.ctr),
        level=_divided(found.level, factor),
        covariance=None if found.covariance is None else found.covariance / factor**2,
    )


def _divided(estimate: Estimate, factor: float) -> Estimate:
    value, low, high = (
        None if each is None else each / factor
        for each in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value=value, low=low, high=high)


def period_levels(counts: UserDays, periods: Sequence[range]) -> DayLevels:
    """Return the level of all known users by period, and whether it moves by more than chance."""

    def of(period: range) -> tuple[int, FloatVector, FloatVector]:
        found = counts.outcomes(period)
        return (
            period.start,
            found.n_trials.astype(np.float64),
            found.n_successes.astype(np.float64),
        )

    cells = [of(each) for each in periods]
    total = sum(float(c.sum()) for _, _, c in cells)
    factor = 1.0
    if counts.outcome.kind == "value" and total > 0:
        factor = _TINY * sum(float(n.sum()) for _, n, _ in cells) / total
    found = levels_of((day, n, c * factor) for day, n, c in cells)
    return replace(
        found, days=tuple(replace(each, ctr=_divided(each.ctr, factor)) for each in found.days)
    )
