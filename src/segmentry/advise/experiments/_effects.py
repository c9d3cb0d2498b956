"""Treatment against control: a difference of ratios or means, users being the unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.advise.experiments._power import centred
from segmentry.schema import UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector, IntVector

_MAX_USERS = 20_000
_N_DRAWS = 999
_DRAWS_AT_ONCE = 111


@dataclass(frozen=True, slots=True, eq=False)
class Nulls:
    """Assignments of the same users with the same number of treated ones in every stratum."""

    rows: tuple[IntVector, ...]
    """Places of the users of each stratum."""
    treated: tuple[npt.NDArray[np.bool_], ...]
    """Shape (n_draws, n_users_of_stratum)."""
    strata: tuple[int, ...]

    @classmethod
    def of(cls, arms: IntVector, strata: IntVector, *, seed: int = 0) -> "Nulls | None":
        """Draw them; none for so many users that the normal distribution is good.

        >>> nulls = Nulls.of(np.array([0, 1, 0, 1]), np.array([1, 1, 2, 2]))
        >>> [each.sum(axis=1).tolist()[:2] for each in nulls.treated]
        [[1, 1], [1, 1]]
        """
        if arms.size > _MAX_USERS:
            return None
        rng = np.random.default_rng(seed)
        present = np.unique(strata)
        rows = tuple(np.flatnonzero(strata == stratum) for stratum in present)
        treated = []
        for own in rows:
            tiled = np.tile(arms[own] == 1, (_N_DRAWS, 1))
            treated.append(rng.permuted(tiled, axis=1))
        return cls(rows, tuple(treated), tuple(int(each) for each in present))

    def within(self, stratum: int) -> "Nulls":
        """Return those of one stratum alone, for its users in their order."""
        place = self.strata.index(stratum)
        own = np.arange(self.rows[place].size)
        return Nulls((own,), (self.treated[place],), (stratum,))

    def statistics(self, top: FloatVector, bottom: FloatVector, known: FloatVector) -> FloatVector:
        """Return the studentised differences of the ratios, sorted by size, shape (n_draws,).

        Everything that the statistic takes is a sum over users of products of two of the three
        numbers, so all draws are one matrix product.
        """
        columns = np.stack(
            [
                np.ones(top.size),
                top,
                bottom,
                known,
                top * top,
                top * bottom,
                bottom * bottom,
                top * known,
                bottom * known,
                known * known,
            ],
            axis=1,
        )
        treated = [
            _products(draws, columns[own])
            for draws, own in zip(self.treated, self.rows, strict=True)
        ]
        sums = np.stack(treated, axis=1)
        totals = np.stack([columns[own].sum(axis=0) for own in self.rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            control, first = _ratio(totals - sums)
            treatment, last = _ratio(sums)
            size = np.abs(treatment - control) / np.sqrt(first + last)
        # An arm without impressions, or without any difference: it could not look more different.
        size = np.where(np.isnan(size), np.where(treatment == control, 0.0, np.inf), size)
        sizes: FloatVector = np.sort(size)
        return sizes

    @staticmethod
    def critical(sizes: FloatVector, *, alpha: float) -> float:
        """Return what a share of alpha of all assignments, the true one included, goes beyond.

        >>> Nulls.critical(np.arange(1.0, 100.0), alpha=0.05)
        95.0
        """
        rank = min(sizes.size, math.ceil((sizes.size + 1) * (1 - alpha) - 1e-9))
        finite = sizes[np.isfinite(sizes)]
        if not finite.size:
            return 0.0
        return float(min(sizes[rank - 1], finite[-1]))

    @staticmethod
    def p(sizes: FloatVector, statistic: float) -> float:
        """Return the share of assignments, the true one included, that are at least so far off.

        >>> Nulls.p(np.arange(1.0, 100.0), -95.5)
        0.05
        """
        beyond = sizes.size - int(np.searchsorted(sizes, abs(statistic) * (1 - 1e-9)))
        return (1 + beyond) / (1 + sizes.size)


def _products(draws: npt.NDArray[np.bool_], columns: FloatVector) -> FloatVector:
    parts: Sequence[FloatVector] = [
        draws[first : first + _DRAWS_AT_ONCE].astype(np.float64) @ columns
        for first in range(0, len(draws), _DRAWS_AT_ONCE)
    ]
    return np.concatenate(parts)


def _ratio(sums: FloatVector) -> tuple[FloatVector, FloatVector]:
    """Return the adjusted ratio of an arm and its variance, from sums (n_draws, n_strata, 10)."""
    m, t, b, k, tt, tb, bb, tk, bk, kk = np.moveaxis(sums, -1, 0)
    users = m.sum(axis=1, keepdims=True)
    ratio = t.sum(axis=1, keepdims=True) / b.sum(axis=1, keepdims=True)
    mean = b.sum(axis=1, keepdims=True) / users
    # Influence of a user: (top - ratio * bottom) / mean - known.
    linear = (t - ratio * b) / mean - k
    squares = (tt - 2 * ratio * tb + ratio**2 * bb) / mean**2
    squares += kk - 2 * (tk - ratio * bk) / mean
    inside = np.maximum(squares - linear**2 / np.maximum(m, 1), 0)
    inflation = np.where(m > 1, m / np.maximum(m - 1, 1), 1.0)
    variance = (inflation * inside).sum(axis=1) / users[:, 0] ** 2
    value = ratio[:, 0] - k.sum(axis=1) / users[:, 0]
    return value, variance


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


HIDDEN = Effect(
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
    top: FloatVector,
    bottom: FloatVector,
    before: Sequence[IntVector | FloatVector],
    strata: IntVector,
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
