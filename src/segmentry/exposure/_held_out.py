"""Whether affinities of the first days foretell what is clicked on later ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.exposure._records import HeldOutGain, HeldOutUse
from segmentry.packing import IntVector, sort_rows
from segmentry.schema import Estimate

__all__ = ["Clicks", "compare_held_out", "join_clicks"]

Floats = npt.NDArray[np.float64]

NORMAL_95 = 1.959963984540054
_LIST_LENGTHS = (1, 5, 20)
_LEAST_USERS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Clicks:
    """Clicked impressions whose key is known; arrays of int of shape (n_clicks,).

    Parameters
    ----------
    user : ndarray
        Place in the user table.
    key : ndarray
    is_later : ndarray
        1 if it lies in the outcome window, else 0.
    """

    user: IntVector
    key: IntVector
    is_later: IntVector


def join_clicks(found: list[Clicks]) -> Clicks:
    """Put the clicks of all parts together, by user and key."""
    user, key, is_later = (
        np.concatenate([getattr(each, name) for each in found])
        for name in ("user", "key", "is_later")
    )
    sizes = (int(user.max(initial=0)) + 1, int(key.max(initial=0)) + 1, 2)
    return Clicks(*sort_rows((user, key, is_later), sizes))


def compare_held_out(
    clicks: Clicks,
    segment_ids: IntVector,
    *,
    dimension: str,
    n_segments: int,
    n_keys: int,
    least_users: int = _LEAST_USERS,
) -> HeldOutUse:
    """Choose keys by segment and by popularity among all, and hold both against later clicks.

    Parameters
    ----------
    clicks : Clicks
    segment_ids : ndarray of int, shape (n_users,)
        Segments that were formed on the feature window alone; 0 for none.
    dimension : str
        What the keys are.
    n_segments, n_keys : int
    least_users : int
        Nothing is said on later clicks of fewer users, nor of fewer than 30.

    Notes
    -----
    The chance of each key in a segment is its share of the segment's earlier clicks, shrunk
    towards its share of all earlier clicks with the weight of a Dirichlet-multinomial fitted by
    maximum likelihood (Minka 2000, Estimating a Dirichlet distribution). The difference is a ratio
    estimator over users, with the linearised variance of cluster sampling (Cochran 1977, eq. 6.13).

    Examples
    --------
    60 users click key 0 and 60 others key 1, on the first days and later; segments know it.

    >>> user = np.repeat(np.arange(120), 2)
    >>> clicks = Clicks(user, (user >= 60).astype(int), np.tile([0, 1], 120))
    >>> use = compare_held_out(
    ...     clicks, np.repeat([1, 2], 60), dimension="category", n_segments=2, n_keys=2
    ... )
    >>> hits = use.gains[1]
    >>> hits.measure, hits.n_chosen, hits.by_segment, hits.by_popularity
    ('hit rate', 1, 1.0, 0.5)
    """
    segment = segment_ids[clicks.user]
    is_in = segment > 0
    later = is_in & (clicks.is_later > 0)
    cell = (segment[is_in] - 1) * n_keys + clicks.key[is_in]
    is_early = clicks.is_later[is_in] == 0
    counted = np.bincount(cell[is_early], minlength=n_segments * n_keys)
    early: Floats = counted.reshape(n_segments, n_keys).astype(np.float64)
    user = clicks.user[later]
    n_users = int(np.unique(user).size)
    least = max(_LEAST_USERS, least_users)
    absent = _absent(n_segments, int(early.sum()), n_users, dimension, least=least)
    if absent:
        return HeldOutUse(dimension, 0, 0, (), "", reason=absent)
    popularity = (early.sum(axis=0) + 0.5) / (early.sum() + 0.5 * n_keys)
    weight = _fit_weight(early, popularity)
    by_segment = (early + weight * popularity) / (early.sum(axis=1, keepdims=True) + weight)
    place, key = segment[later] - 1, clicks.key[later]
    gains = [_log_likelihood(by_segment, popularity, place, key, user)]
    gains += [
        _hit_rate(by_segment, popularity, place, key, user, n_chosen=n)
        for n in _LIST_LENGTHS
        if n < n_keys
    ]
    return HeldOutUse(
        dimension=dimension,
        n_users=n_users,
        n_clicks=int(later.sum()),
        gains=tuple(gains),
        conclusion=_conclusion(gains, dimension),
    )


def _absent(n_segments: int, n_early: int, n_users: int, dimension: str, *, least: int) -> str:
    """Say why nothing can be held against later clicks, or nothing."""
    if n_segments < 2:
        return "there is one segment only: its affinities are the popularity among all"
    if n_early == 0:
        return f"no click of the feature window has a known {dimension}"
    if n_users < least:
        return (
            f"fewer than {least} users with a segment clicked a known {dimension} in the outcome "
            "window"
        )
    return ""


def _fit_weight(counts: Floats, popularity: Floats) -> float:
    """Fit how many clicks the popularity among all is worth beside a segment's own."""
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    totals = counts.sum(axis=1)
    row, key = np.nonzero(counts)
    own, common = counts[row, key], popularity[key]

    def loss(log_weight: float) -> float:
        weight = np.exp(log_weight)
        whole = (gammaln(weight) - gammaln(weight + totals)).sum()
        cells = (gammaln(weight * common + own) - gammaln(weight * common)).sum()
        return -float(whole + cells)

    return float(np.exp(minimize_scalar(loss, bounds=(0.0, 16.0), method="bounded").x))


def _log_likelihood(
    by_segment: Floats, popularity: Floats, place: IntVector, key: IntVector, user: IntVector
) -> HeldOutGain:
    own, common = np.log(by_segment[place, key]), np.log(popularity[key])
    return _gain("log-likelihood", None, own, common, user)


def _hit_rate(
    by_segment: Floats,
    popularity: Floats,
    place: IntVector,
    key: IntVector,
    user: IntVector,
    *,
    n_chosen: int,
) -> HeldOutGain:
    ranked = np.argsort(-by_segment, axis=1, kind="stable")[:, :n_chosen]
    is_chosen = np.zeros(by_segment.shape)
    np.put_along_axis(is_chosen, ranked, 1.0, axis=1)
    is_popular = np.zeros(popularity.size)
    is_popular[np.argsort(-popularity, kind="stable")[:n_chosen]] = 1.0
    return _gain("hit rate", n_chosen, is_chosen[place, key], is_popular[key], user)


def _gain(
    measure: str, n_chosen: int | None, own: Floats, common: Floats, user: IntVector
) -> HeldOutGain:
    difference = own - common
    mean = float(difference.mean())
    starts = np.flatnonzero(np.diff(user, prepend=-1))
    residual = np.add.reduceat(difference - mean, starts)
    n_users = starts.size
    variance = float(residual @ residual) / difference.size**2 * n_users / (n_users - 1)
    half = NORMAL_95 * variance**0.5
    return HeldOutGain(
        measure=measure,
        n_chosen=n_chosen,
        by_segment=float(own.mean()),
        by_popularity=float(common.mean()),
        difference=Estimate(mean, mean - half, mean + half),
    )


def _conclusion(gains: list[HeldOutGain], dimension: str) -> str:
    """Say whether it helps, by the log-likelihood and by the hit rates."""
    likelihood = gains[0].difference
    low, high = likelihood.low or 0.0, likelihood.high or 0.0
    if low > 0:
        told = f"Segment affinity foretells the {dimension} of later clicks better than popularity"
    elif high < 0:
        told = f"Segment affinity foretells the {dimension} of later clicks worse than popularity"
    else:
        return (
            f"Segment affinity is not shown to foretell the {dimension} of later clicks better "
            "than popularity among all: choose by popularity."
        )
    better = [gain for gain in gains[1:] if (gain.difference.low or 0.0) > 0]
    worse = [gain for gain in gains[1:] if (gain.difference.high or 0.0) < 0]
    told += f", by {likelihood.value:+.4f} of log-likelihood per click"
    if better:
        lists = ", ".join(f"{gain.difference.value:+.2%} at {gain.n_chosen}" for gain in better)
        told += f"; its lists hold more of the clicks ({lists})"
    if worse:
        lists = ", ".join(f"{gain.difference.value:+.2%} at {gain.n_chosen}" for gain in worse)
        told += f"; its lists hold fewer of the clicks ({lists})"
    if low > 0 and not better:
        told += "; no list of a fixed length is shown to hold more of the clicks"
    return told + "."
