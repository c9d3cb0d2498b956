"""Inner gain: what a division predicts of held-out days inside the feature window."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segmentry.evaluation.later_days import TAIL, normal_quantile
from segmentry.features.user_days import UserCounts
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate, OutcomeKind
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector

_N_FOLDS = 10
_WEIGHT_OF_ALL = 20.0
_USERS_OF_ALL = 5.0


@dataclass(frozen=True, slots=True)
class InnerGain:
    """Log-likelihood gained over one CTR for all."""

    n_segments: int
    gain: Estimate
    """Nats per trial (impression, or user day), out of sample, with its 90 % interval; null without
    later successes."""
    error: float | None
    """Standard error, users being the unit."""


@dataclass(frozen=True, slots=True, eq=False)
class UserGains:
    """What each user gains by each number of segments, over all days that were held out."""

    numbers: tuple[int, ...]
    nats: FloatMatrix
    """Shape (n_users, n_numbers). Gained log-likelihood."""
    n_trials: FloatVector
    """Shape (n_users,). Impressions on the held-out days."""

    def of(self, number: int) -> "UserGains":
        """Return what each user gains by one of the numbers."""
        place = self.numbers.index(number)
        return UserGains((number,), self.nats[:, place : place + 1], self.n_trials)

    def summed(
        self, weights: FloatVector | None = None, *, with_errors: bool = True
    ) -> tuple[InnerGain, ...]:
        """Return the gain of each number per trial, users counted by their weights.

        Errors take most of the time: not `with_errors`, they are null, and so are the intervals.

        Notes
        -----
        Standard error of a ratio with users as clusters (Cochran 1977, eq. 6.13).

        Examples
        --------
        >>> users = UserGains((2,), np.array([[0.5], [0.1], [0.3]]), np.array([5.0, 1.0, 3.0]))
        >>> round(users.summed()[0].gain.value, 6), users.summed(np.array([1.0, 0, 0]))[0].error
        (0.1, 0.0)
        """
        copies = np.ones(self.n_trials.size) if weights is None else weights
        total = float(copies @ self.n_trials)
        gains = copies @ self.nats / total
        if not with_errors:
            of_numbers = zip(self.numbers, gains.tolist(), strict=True)
            return tuple(InnerGain(k, Estimate(each, None, None), None) for k, each in of_numbers)
        half = normal_quantile(1 - TAIL)
        found = []
        for k, gain, nats in zip(self.numbers, gains.tolist(), self.nats.T, strict=True):
            error = float(np.sqrt(copies @ (nats - gain * self.n_trials) ** 2) / total)
            limits = Estimate(value=gain, low=gain - half * error, high=gain + half * error)
            found.append(InnerGain(k, limits, error))
        return tuple(found)


def inner_gain(segment_ids: IntVector, *, later: UserCounts, seed: int = 0) -> InnerGain:
    """Measure how much better segments predict later clicks than one CTR for all does.

    Segments come from other days than `later`; the outcome window stays closed. Users are put in
    ten folds; the rates of the segments and the common rate, by which the users of a fold are
    judged, are those of the other folds' later clicks, so more segments do not gain by being more.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
        0 for users that belong to none: they are given the common rate.
    later : UserCounts
        On the held-out days.
    seed : int
        Of the folds.

    Notes
    -----
    Rates of segments are pooled with 20 impressions at the common rate, so that none is 0.

    Examples
    --------
    >>> n = np.full(1000, 50)
    >>> rate = np.where(np.arange(1000) < 500, 0.02, 0.2)
    >>> later = UserCounts(n, np.random.default_rng(0).binomial(n, rate))
    >>> found = inner_gain(np.where(np.arange(1000) < 500, 1, 2), later=later)
    >>> found.n_segments, found.gain.low > 0.03
    (2, True)
    >>> inner_gain(np.ones(1000, dtype=int), later=later).gain.value
    0.0
    """
    n_segments = int(np.unique(segment_ids[segment_ids != UNASSIGNED]).size)
    if n_segments == 1 and not (segment_ids[later.n_trials > 0] == UNASSIGNED).any():
        return InnerGain(1, Estimate(value=0.0, low=0.0, high=0.0), 0.0)
    judge = judge_by_later(later, seed=seed)
    if judge is None:
        return InnerGain(n_segments, UNKNOWN, None)
    nats = judge(segment_ids)[:, np.newaxis]
    return UserGains((n_segments,), nats, later.n_trials.astype(np.float64)).summed()[0]


def judge_by_later(
    later: UserCounts, *, seed: int = 0, kind: OutcomeKind = "clicks"
) -> Callable[[IntVector], FloatVector] | None:
    """Prepare to measure what each user gains by a division; null where all or none click."""
    shown = np.flatnonzero(later.n_trials > 0)
    n, c = (each[shown].astype(np.float64) for each in (later.n_trials, later.n_successes))
    is_all = kind == "clicks" and c.sum() == n.sum()
    if c.sum() <= 0 or is_all:
        return None
    # Of clicks 20 impressions at the common rate, of events five users.
    weight = _WEIGHT_OF_ALL if kind == "clicks" else _USERS_OF_ALL * float(n.max())
    folds = np.random.default_rng(seed).permutation(shown.size) % min(_N_FOLDS, shown.size)
    everyone = np.zeros(shown.size, dtype=np.int64)
    common = _others(
        everyone, folds, n, c, prior=np.full(shown.size, c.sum() / n.sum()), weight=weight
    )

    def judge(segment_ids: IntVector) -> FloatVector:
        ids = segment_ids[shown]
        of_segment = _others(ids, folds, n, c, prior=common, weight=weight)
        own = np.where(ids == UNASSIGNED, common, of_segment)
        gains = np.zeros(later.n_trials.size)
        gains[shown] = _gained(n, c, own, common, kind)
        return gains

    return judge


def _gained(
    n: FloatVector, c: FloatVector, own: FloatVector, common: FloatVector, kind: OutcomeKind
) -> FloatVector:
    """Log likelihood gained by a rate: binomial, Poisson, or of value Tweedie's at power 1.5.

    The last is in units of the common mean, so that money has no unit.
    """
    if kind == "clicks":
        found: FloatVector = c * np.log(own / common) + (n - c) * np.log((1 - own) / (1 - common))
    elif kind == "events":
        found = c * np.log(own / common) - n * (own - common)
    else:
        ratio = np.maximum(own / common, 1e-9)
        found = -2 * (c / common * (1 / np.sqrt(ratio) - 1) + n * (np.sqrt(ratio) - 1))
    return found


def _others(
    groups: IntVector,
    folds: IntVector,
    n: FloatVector,
    c: FloatVector,
    *,
    prior: FloatVector,
    weight: float,
) -> FloatVector:
    """Rate of each user's group among the users of the other folds, shape (n_users,)."""
    n_folds = int(folds.max()) + 1
    cells = groups * n_folds + folds
    size = (int(groups.max()) + 1) * n_folds
    outside = []
    for counts in (n, c):
        by_cell = np.bincount(cells, weights=counts, minlength=size)
        of_group = by_cell.reshape(-1, n_folds).sum(axis=1)
        outside.append(of_group[groups] - by_cell[cells])
    rates: FloatVector = (outside[1] + weight * prior) / (outside[0] + weight)
    return rates
