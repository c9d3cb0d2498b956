"""Treatment against control: a difference of ratios or means, users being the unit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.advise.experiments._power import centred
from segmentry.advise.experiments._randomisation import Nulls
from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector, IntVector


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Treatment against control; intervals are of 1 - alpha, two-sided.

    `difference` is treatment minus control, `lift` treatment / control - 1; null where an arm is
    at 0.
    """

    metric: str
    control: float | None
    treatment: float | None
    difference: Estimate
    lift: Estimate
    p: float | None


UNTOLD = Effect(
    metric="CTR, adjusted",
    control=None,
    treatment=None,
    difference=UNKNOWN,
    lift=UNKNOWN,
    p=None,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcome:
    """A ratio of two sums over users, shape (n_users,) each, minus what was known before."""

    top: FloatVector
    bottom: FloatVector
    """`top`, `bottom`: a mean per user has ones below."""
    known: FloatVector
    """Part that the pre-period predicts, in units of the ratio; its mean over users is 0."""


def compared(
    metric: str,
    outcome: Outcome,
    arms: IntVector,
    strata: IntVector,
    *,
    alpha: float,
    nulls: Nulls | None,
) -> tuple[Effect, float]:
    """Return the effect and the variance of the difference.

    The `nulls`, other assignments of the same users, stand in for the normal distribution.
    """
    from scipy.special import ndtr, ndtri

    (control, first), (treatment, last) = (_arm(outcome, arms == arm, strata) for arm in (0, 1))
    difference, error = treatment - control, (first + last) ** 0.5
    half, p = float(ndtri(1 - alpha / 2)), None
    if error > 0:
        p = float(2 * ndtr(-abs(difference) / error))
    if error > 0 and nulls is not None:
        drawn = nulls.statistics(outcome.top, outcome.bottom, outcome.known)
        half = nulls.critical(drawn, alpha=alpha)
        p = nulls.p(drawn, difference / error)
    lift = UNKNOWN
    if control > 0 and treatment > 0:
        log = np.log(treatment / control)
        off = half * (first / control**2 + last / treatment**2) ** 0.5
        value, low, high = (float(np.expm1(each)) for each in (log, log - off, log + off))
        lift = Estimate(value=value, low=low, high=high)
    low, high = difference - half * error, difference + half * error
    effect = Effect(
        metric=metric,
        control=control,
        treatment=treatment,
        difference=Estimate(value=difference, low=low, high=high),
        lift=lift,
        p=p,
    )
    return effect, first + last


def _arm(outcome: Outcome, is_in: npt.NDArray[np.bool_], strata: IntVector) -> tuple[float, float]:
    """Return the value of an arm and its variance, users being drawn inside strata."""
    top, bottom, known = outcome.top[is_in], outcome.bottom[is_in], outcome.known[is_in]
    ratio = float(top.sum() / bottom.sum())
    influence = (top - ratio * bottom) / bottom.mean() - known
    own = strata[is_in]
    size = int(own.max()) + 1
    sizes = np.bincount(own, minlength=size)
    squares = np.bincount(own, weights=centred(influence, own) ** 2, minlength=size)
    inflation = np.divide(sizes, sizes - 1.0, out=np.ones(size), where=sizes > 1)
    variance = float(np.sum(inflation * squares)) / own.size**2
    return ratio - float(known.mean()), variance


def adjustment(
    top: FloatVector, bottom: FloatVector, before: tuple[IntVector, IntVector], strata: IntVector
) -> FloatVector:
    """Return what the pre-period predicts of each user's part in the ratio; its mean is 0.

    The slopes are those of all users inside strata, whatever their arm: another assignment of the
    same users has the same slopes.
    """
    ratio = float(top.sum() / bottom.sum())
    y = centred((top - ratio * bottom) / bottom.mean(), strata)
    X = np.stack([each.astype(np.float64) for each in before], axis=1)
    inside = np.stack([centred(column, strata) for column in X.T], axis=1)
    slopes = np.linalg.lstsq(inside, y, rcond=None)[0]
    known: FloatVector = (X - X.mean(axis=0)) @ slopes
    return known
