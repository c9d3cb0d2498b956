"""Inner gain: what a division tells of later days inside the feature window."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segmentry.evaluation.later_days import TAIL, normal_quantile
from segmentry.features.user_days import UserCounts
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector, IntVector

_N_FOLDS = 10
_WEIGHT_OF_ALL = 20.0


@dataclass(frozen=True, slots=True)
class InnerGain:
    """Log-likelihood gained over one CTR for all.

    Parameters
    ----------
    gain : Estimate
        Nats per impression, out of sample, with its 90 % interval; null without later clicks.
    error : float or None
        Standard error, users being the unit.
    """

    n_segments: int
    gain: Estimate
    error: float | None


def inner_gain(
    segment_ids: IntVector,
    *,
    later: UserCounts,
    seed: int = 0,
    weights: FloatVector | None = None,
) -> InnerGain:
    """Measure how much better segments foretell later clicks than one CTR for all does.

    Segments come from the first days of the feature window, `later` are its last days; the
    outcome window stays closed. Users are put in ten folds; the rates of the segments and the
    common rate, by which the users of a fold are judged, are those of the other folds' later
    clicks, so more segments do not gain by being more.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
        0 for users that belong to none: they are given the common rate.
    later : UserCounts
        On the later days.
    seed : int
        Of the folds.
    weights : ndarray of float, shape (n_users,), optional
        How often a bootstrap drew each user; 1 by default. Copies of a user share a fold.

    Notes
    -----
    Standard error of a ratio with users as clusters (Cochran 1977, eq. 6.13). Rates of segments
    are pooled with 20 impressions at the common rate, so that none is 0.

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
    return judge_by_later(later, seed=seed, weights=weights)(segment_ids)


def judge_by_later(
    later: UserCounts, *, seed: int = 0, weights: FloatVector | None = None
) -> Callable[[IntVector], InnerGain]:
    """Prepare what `inner_gain` needs of the later days, for many divisions of the same users."""
    drawn = np.ones(later.n_trials.size) if weights is None else weights
    shown = np.flatnonzero((later.n_trials > 0) & (drawn > 0))
    n, copies = later.n_trials[shown] * 1.0, drawn[shown]
    c = later.n_successes[shown].astype(np.float64)
    total, clicks = float(copies @ n), float(copies @ c)
    has_signal = clicks not in (0.0, total)
    if has_signal:
        folds = np.random.default_rng(seed).permutation(shown.size) % min(_N_FOLDS, shown.size)
        counted = copies * n, copies * c
        everyone = np.zeros(shown.size, dtype=np.int64)
        prior = np.full(shown.size, clicks / total)
        common = _others(everyone, folds, *counted, prior=prior)

    def judge(segment_ids: IntVector) -> InnerGain:
        ids = segment_ids[shown]
        n_segments = int(np.unique(segment_ids[segment_ids != UNASSIGNED]).size)
        if n_segments == 1 and not (ids == UNASSIGNED).any():
            return InnerGain(1, Estimate(value=0.0, low=0.0, high=0.0), 0.0)
        if not has_signal:
            return InnerGain(n_segments, UNKNOWN, None)
        own = _others(ids, folds, *counted, prior=common)
        own = np.where(ids == UNASSIGNED, common, own)
        gains = c * np.log(own / common) + (n - c) * np.log((1 - own) / (1 - common))
        gain = float(copies @ gains / total)
        error = float(np.sqrt(copies @ (gains - gain * n) ** 2) / total)
        half = normal_quantile(1 - TAIL) * error
        found = Estimate(value=gain, low=gain - half, high=gain + half)
        return InnerGain(n_segments, found, error)

    return judge


def _others(
    groups: IntVector, folds: IntVector, n: FloatVector, c: FloatVector, *, prior: FloatVector
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
    rates: FloatVector = (outside[1] + _WEIGHT_OF_ALL * prior) / (outside[0] + _WEIGHT_OF_ALL)
    return rates
