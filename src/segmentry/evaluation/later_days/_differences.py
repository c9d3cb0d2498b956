"""A segment's difference to all other segments: forecast, later, and what the two say together.

Nothing here knows what is counted: a difference is a number with its standard error.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from segmentry.evaluation.later_days._forecast import Forecasts
from segmentry.evaluation.later_days._intervals import TAIL, normal_quantile
from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector

Verdict = Literal["confirmed", "weaker", "reversed", "no difference", "not checked"]

ALPHA = 0.05
"""Chance that any difference is found where there is none, over all segments together."""
_MIN_FORECAST_ERRORS = 2.0
_MIN_KEPT = 0.5


@dataclass(frozen=True, slots=True)
class Difference:
    """A segment's rate minus that of all other segments together."""

    value: float
    """In the unit of the outcome: clicks per impression, purchases per day, money per day."""
    error: float
    """Its standard error, users being the unit."""

    @property
    def estimate(self) -> Estimate:
        """The difference with its 90 % interval."""
        half = normal_quantile(1 - TAIL) * self.error
        return Estimate(value=self.value, low=self.value - half, high=self.value + half)

    @property
    def is_forecast(self) -> bool:
        """Whether, as a forecast, it says that the segment differs at all."""
        return self.value != 0 and abs(self.value) >= _MIN_FORECAST_ERRORS * self.error


def forecast_differences(forecasts: Forecasts, weights: FloatVector) -> list[Difference | None]:
    """Forecast each segment's difference to the others; null where a segment has no forecast.

    Parameters
    ----------
    weights : ndarray of float, shape (n_segments,)
        Trials of the segments on the later days: the others count as much as they do there.

    Notes
    -----
    A difference is a contrast of the forecast rates, so its variance is that contrast of their
    covariance, users being clusters.

    Examples
    --------
    >>> rates = tuple(Estimate(each, None, None) for each in (0.1, 0.04, 0.07))
    >>> forecasts = Forecasts(ctr=rates, index=rates, n_days=6, n_outcome_days=2, caveats=(),
    ...                       covariance=np.diag([1e-4, 4e-4, 4e-4]))
    >>> first = forecast_differences(forecasts, np.array([5.0, 10.0, 10.0]))[0]
    >>> round(first.value, 3), round(first.error, 4)
    (0.045, 0.0173)
    """
    rates = np.array([np.nan if e.value is None else e.value for e in forecasts.ctr])
    is_known = np.isfinite(rates)
    shares = np.where(is_known, weights, 0.0)
    found: list[Difference | None] = []
    for place in range(rates.size):
        contrast = -shares.copy()
        contrast[place] = 0.0
        n_rest = -contrast.sum()
        if not is_known[place] or n_rest <= 0 or forecasts.covariance is None:
            found.append(None)
            continue
        contrast /= n_rest
        contrast[place] = 1.0
        variance = float(contrast @ forecasts.covariance @ contrast)
        value = float(contrast[is_known] @ rates[is_known])
        found.append(Difference(value, max(0.0, variance) ** 0.5))
    return found


def share_kept(later: Difference, forecast: Difference) -> Estimate:
    """Return how much of the forecast difference is there later, with its 90 % interval.

    Null where no difference was forecast.

    Notes
    -----
    Fieller (1954), J. R. Statist. Soc. B 16, 175-185: the ratios r for which later - r forecast
    is not significant. Its lower end is at least one half exactly where
    s (d - f / 2) / sqrt(SE_d^2 + SE_f^2 / 4) is at least 1.645, with s the sign of f. Errors of
    the two are taken as independent: of generated logs their correlation is 0 to 0.1. As a
    forecast difference is at least two standard errors, the interval is finite.

    Examples
    --------
    >>> round(share_kept(Difference(0.02, 0.001), Difference(0.02, 0.001)).low, 3)
    0.89
    >>> share_kept(Difference(0.02, 0.001), Difference(0.001, 0.001)).is_known
    False
    """
    if not forecast.is_forecast:
        return UNKNOWN
    z2 = normal_quantile(1 - TAIL) ** 2
    a = forecast.value**2 - z2 * forecast.error**2
    b = later.value * forecast.value
    c = later.value**2 - z2 * later.error**2
    root = max(0.0, b * b - a * c) ** 0.5
    return Estimate(value=later.value / forecast.value, low=(b - root) / a, high=(b + root) / a)


def judged(later: Difference, forecast: Difference, *, p_value: float) -> Verdict:
    """Judge what later days show by what the forming days forecast.

    Parameters
    ----------
    later, forecast : Difference
    p_value : float
        Of no later difference, adjusted for the number of segments.

    Notes
    -----
    Where no difference was forecast there is none to confirm, whatever the later days show:
    without this guard nearly all false alarms on logs of users who are all alike would be called
    "confirmed".

    Examples
    --------
    >>> judged(Difference(0.02, 0.002), Difference(0.021, 0.002), p_value=1e-9)
    'confirmed'
    >>> judged(Difference(0.011, 0.002), Difference(0.021, 0.002), p_value=1e-6)
    'weaker'
    >>> judged(Difference(-0.011, 0.002), Difference(0.021, 0.002), p_value=1e-6)
    'reversed'
    >>> judged(Difference(0.02, 0.002), Difference(0.001, 0.002), p_value=1e-9)
    'no difference'
    """
    if p_value > ALPHA or not forecast.is_forecast:
        return "no difference"
    if later.value * forecast.value < 0:
        return "reversed"
    low = share_kept(later, forecast).low
    return "confirmed" if low is not None and low >= _MIN_KEPT else "weaker"
