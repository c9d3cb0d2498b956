"""How much of the difference between segments, as seen on the forming days, was luck."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from segmentry.evaluation.later_days._differences import forecast_differences
from segmentry.evaluation.later_days._forecast import Forecasts
from segmentry.evaluation.later_days._intervals import TAIL, normal_quantile
from segmentry.features.user_days import UserCounts
from segmentry.schema import Estimate
from segmentry.schema.arrays import IntVector


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """The spread between segments as seen on the forming days, and as forecast from them."""

    seen_low: float
    seen_high: float
    """`seen_low`, `seen_high`: lowest and highest rate of a segment on the days that formed it."""
    forecast_low: float
    forecast_high: float
    """`forecast_low`, `forecast_high`: lowest and highest forecast rate of the same segments."""
    share: Estimate
    """Part of the differences seen that was luck, 0 to 1, with its 90 % interval."""
    is_any_forecast: bool
    """Whether any segment is forecast to differ from the others at all."""


def luck_of(
    segment_ids: IntVector, seen: UserCounts, forecast: Forecasts, *, shown: Collection[int]
) -> Luck | None:
    """Hold the differences seen between segments against those forecast.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
    seen : UserCounts
        Of the days that formed the segments.
    forecast : Forecasts
        From the same days, cross-fitted.
    shown : collection of int
        Ids of the segments of which rates may be shown; below two there is nothing to compare.

    Notes
    -----
    The share is one minus the slope of the forecast on the seen rates, each segment weighing as
    much as its trials: what a difference of one point seen is worth later. The rates seen are
    facts; the error of the slope is that of the forecasts.

    Examples
    --------
    Rates of 2 and 20 % were seen, 8 and 14 % are forecast: two thirds were luck.

    >>> seen = UserCounts(np.array([100, 100]), np.array([2, 20]))
    >>> rates = (Estimate(0.08, None, None), Estimate(0.14, None, None))
    >>> forecast = Forecasts(ctr=rates, index=rates, n_days=6, n_outcome_days=2, caveats=(),
    ...                      covariance=np.diag([1e-5, 1e-5]))
    >>> found = luck_of(np.array([1, 2]), seen, forecast, shown=(1, 2))
    >>> seen, expected = found.seen_high - found.seen_low, found.forecast_high - found.forecast_low
    >>> round(seen, 2), round(expected, 2), round(found.share.value, 2)
    (0.18, 0.06, 0.67)
    """
    n_segments = len(forecast.ctr)
    n, c = (
        np.bincount(segment_ids, weights=each, minlength=n_segments + 1)[1:]
        for each in (seen.n_trials, seen.n_successes)
    )
    rates = np.array([np.nan if e.value is None else e.value for e in forecast.ctr])
    is_in = np.isin(np.arange(1, n_segments + 1), list(shown)) & (n > 0) & np.isfinite(rates)
    if is_in.sum() < 2 or forecast.covariance is None:
        return None
    differences = forecast_differences(forecast, np.where(is_in, n, 0.0))
    n, f, s = n[is_in], rates[is_in], c[is_in] / n[is_in]
    weights = n * (s - n @ s / n.sum())
    spread = float(weights @ s)
    if spread == 0:
        return None
    weights /= spread
    covariance = forecast.covariance[np.ix_(is_in, is_in)]
    luck = 1 - float(weights @ f)
    half = normal_quantile(1 - TAIL) * max(0.0, float(weights @ covariance @ weights)) ** 0.5
    value, low, high = np.clip([luck, luck - half, luck + half], 0, 1).tolist()
    return Luck(
        seen_low=float(s.min()),
        seen_high=float(s.max()),
        forecast_low=float(f.min()),
        forecast_high=float(f.max()),
        share=Estimate(value=value, low=low, high=high),
        is_any_forecast=any(
            each is not None and each.is_forecast
            for each, is_shown in zip(differences, is_in, strict=True)
            if is_shown
        ),
    )
