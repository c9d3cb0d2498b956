"""Intervals that hold at all looks together, whatever links the looks.

Each number gets a confidence sequence: look 1, 2, ... spends a fixed part of its error rate, and
the parts add up to 1. The chance that any interval ever misses is at most the error rate (union
bound), even if the looks share users or the error of one forecast. The narrower sequences of
martingales (Howard et al. 2021; Waudby-Smith et al. 2024) need looks that are independent given the
past; users who come back every month are not.
"""

import math

import numpy as np

FALSE_ALARM_RATE = 0.05
"""Highest chance of any false alarm in the whole life of a segmentation."""

FAMILY_SHARES = {"level": 0.15, "segment_rate": 0.4, "mix": 0.25, "feature": 0.1, "missing": 0.1}
"""How the false-alarm rate is divided between kinds of alarms; adds up to 1."""

EARLY_LOOKS = 5  # half of the error rate is for the first six looks, the rest for all later ones


def look_weight(look: int) -> float:
    """Part of the error rate that look 1, 2, ... spends; all of them add up to 1.

    >>> [round(look_weight(look), 3) for look in (1, 2, 12)]
    [0.143, 0.107, 0.02]
    """
    return (EARLY_LOOKS + 1) / ((look + EARLY_LOOKS) * (look + EARLY_LOOKS + 1))


def half_width(variances: list[tuple[float, float]], error_rate: float) -> float:
    """Half the interval of a difference whose variances are estimated.

    `variances` are pairs of a variance and its degrees of freedom; they are pooled by Welch and
    Satterthwaite.

    >>> round(half_width([(1.0, 1e9)], 0.05), 3), round(half_width([(1.0, 7.0)], 0.05), 3)
    (1.96, 2.365)
    """
    total = sum(variance for variance, _ in variances)
    if total <= 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / df for variance, df in variances)
    from scipy.special import stdtrit  # scipy.stats would take most of a second of every command

    return -float(stdtrit(freedom, error_rate / 2)) * math.sqrt(total)


def spread_of_days(levels: list[float]) -> float | None:
    """Variance of the mean of one day, as seen from a whole window, on the log scale.

    The variance of daily logarithms, larger where neighbouring days are alike:
    times (1 + a) / (1 - a) for an autocorrelation a between 0 and 0.8. Sampling noise of the days
    is in it and counts twice, on the safe side. None with fewer than three days.
    """
    if len(levels) < 3:
        return None
    values = np.asarray(levels)
    deviations = values - values.mean()
    variance = float(deviations @ deviations) / (len(values) - 1)
    if variance == 0:
        return 0.0
    lag = float(deviations[1:] @ deviations[:-1]) / float(deviations @ deviations)
    alike = min(max(lag, 0.0), 0.8)
    return variance * (1 + alike) / (1 - alike)
