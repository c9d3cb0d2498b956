"""Evidence that stays valid however often one looks, whatever links the looks.

Every look at a number gives an e-value: its mean is at most 1 while nothing has changed, so it
exceeds 1 / a with a chance of at most a (Markov). The weighted sum of the e-values of all looks,
with weights that add up to 1, never falls and has a mean of at most 1 too, even if the looks share
users or the error of one forecast (Vovk & Wang 2021, "E-values: calibration, combination and
applications"). A martingale would need looks that are independent given the past; the users who
come back every month are not.
"""

import math

import numpy as np
from scipy.stats import norm, t

FALSE_ALARM_RATE = 0.05
"""Highest chance of any false alarm in the whole life of a segmentation."""

FAMILY_SHARES = {"level": 0.15, "segment_rate": 0.4, "mix": 0.25, "feature": 0.1, "missing": 0.1}
"""How the false-alarm rate is divided between kinds of alarms; adds up to 1."""

MIXING_VARIANCE = 20.0  # most evidence per look where |z| is about 4.6, where alarms ring
LOOKS_AHEAD = 5  # half of the weight is in the first six looks, the rest in all later ones


def look_weight(look: int) -> float:
    """Weight of look 1, 2, ...; all of them add up to 1.

    >>> [round(look_weight(look), 3) for look in (1, 2, 12)]
    [0.143, 0.107, 0.02]
    """
    return (LOOKS_AHEAD + 1) / ((look + LOOKS_AHEAD) * (look + LOOKS_AHEAD + 1))


def e_value(z: float) -> float:
    """Evidence of a standardised difference: the normal mixture likelihood ratio.

    exp(v z² / (2 (1 + v))) / sqrt(1 + v) with v = `MIXING_VARIANCE`: the boundary of Howard et al.
    2021 (eq. 14) at one unit of information. Its mean is 1 if z is standard normal.
    """
    exponent = MIXING_VARIANCE * z * z / (2 * (1 + MIXING_VARIANCE))
    return math.exp(min(exponent, 700.0)) / math.sqrt(1 + MIXING_VARIANCE)


def needed_evidence(family: str, n_judged: int) -> float:
    """Weighted sum of e-values at which one of `n_judged` numbers of a family rings."""
    return n_judged / (FALSE_ALARM_RATE * FAMILY_SHARES[family])


def boundary(evidence: float) -> float:
    """Smallest |z| whose e-value reaches `evidence`; the inverse of `e_value`."""
    ratio = (1 + MIXING_VARIANCE) / MIXING_VARIANCE
    return math.sqrt(max(0.0, 2 * ratio * math.log(evidence * math.sqrt(1 + MIXING_VARIANCE))))


def normal_equivalent(difference: float, variances: list[tuple[float, float]]) -> float:
    """Standardise a difference whose variances are estimated, as a |z| with the same p-value.

    `variances` are pairs of a variance and its degrees of freedom; they are pooled by Welch and
    Satterthwaite.
    """
    total = sum(variance for variance, _ in variances)
    if total <= 0:
        return 0.0 if difference == 0 else math.inf
    freedom = total**2 / sum(variance**2 / df for variance, df in variances)
    return float(norm.isf(t.sf(abs(difference) / math.sqrt(total), freedom)))


def half_width(z: float, variances: list[tuple[float, float]]) -> float:
    """Return the difference whose `normal_equivalent` is `z`."""
    total = sum(variance for variance, _ in variances)
    if total <= 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / df for variance, df in variances)
    return float(t.isf(norm.sf(z), freedom)) * math.sqrt(total)


def beyond(difference: float, margin: float) -> float:
    """Return how far a difference lies outside of ±margin; 0 inside.

    A change within the margin is natural variation. If the true one is at most the margin, the
    excess is no larger than the error of the estimate, so its e-value has a mean of at most 1.
    """
    return max(0.0, abs(difference) - margin)


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
