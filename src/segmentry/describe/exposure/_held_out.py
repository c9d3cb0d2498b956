"""Whether affinities of the first days predict what is clicked on later ones."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segmentry.describe.exposure._cells import NORMAL_95
from segmentry.describe.exposure._records import HeldOutGain, HeldOutUse
from segmentry.features.packing import run_starts, sort_rows
from segmentry.formats import change
from segmentry.schema import Estimate
from segmentry.schema.arrays import FloatVector, IntVector

_LIST_LENGTHS = (1, 5, 20)
_MIN_USERS = 30


@dataclass(slots=True, eq=False)
class Clicks:
    """Clicks whose key is known of users with a segment, taken piece by piece.

    Those of the feature window are counted, which takes no more room in a longer log; of those
    of the outcome window each is kept.
    """

    segment_ids: IntVector  # (n_users,), formed on the feature window alone; 0 for none
    early: IntVector  # (n_segments, n_keys): clicks of the feature window
    # Place in the user table, and key, of each click of the outcome window.
    later: list[tuple[IntVector, IntVector]] = field(default_factory=list)

    @classmethod
    def none(cls, segment_ids: IntVector, *, n_segments: int, n_keys: int) -> "Clicks":
        """Return a place for the clicks of users with these segments."""
        return cls(segment_ids, np.zeros((n_segments, n_keys), dtype=np.int64))

    def take(self, user: IntVector, key: IntVector, is_later: npt.NDArray[np.bool_]) -> None:
        """Take more clicks; arrays of shape (n_clicks,)."""
        segment = self.segment_ids[user]
        is_early, is_later = (segment > 0) & ~is_later, (segment > 0) & is_later
        np.add.at(self.early, (segment[is_early] - 1, key[is_early]), 1)
        self.later.append((user[is_later].astype(np.int32), key[is_later].astype(np.int32)))


def compare_held_out(clicks: Clicks, *, dimension: str, min_users: int = _MIN_USERS) -> HeldOutUse:
    """Choose keys by segment and by popularity among all, and hold both against later clicks.

    Later clicks of fewer than `min_users` users, or of fewer than 30, are not judged.

    The chance of each key in a segment is its share of the segment's earlier clicks, shrunk
    towards its share of all earlier clicks with the weight of a Dirichlet-multinomial fitted by
    maximum likelihood (Minka 2000, Estimating a Dirichlet distribution). The difference is a ratio
    estimator over users, with the linearised variance of cluster sampling (Cochran 1977, eq. 6.13).

    60 users click key 0 and 60 others key 1, on the first days and later; segments know it.

    >>> clicks = Clicks.none(np.repeat([1, 2], 60), n_segments=2, n_keys=2)
    >>> user = np.repeat(np.arange(120), 2)
    >>> clicks.take(user, (user >= 60).astype(int), np.tile([False, True], 120))
    >>> use = compare_held_out(clicks, dimension="category")
    >>> hits = use.gains[1]
    >>> hits.measure, hits.n_chosen, hits.by_segment, hits.by_popularity
    ('hit rate', 1, 1.0, 0.5)
    """
    n_segments, n_keys = clicks.early.shape
    early: FloatVector = clicks.early.astype(np.float64)
    user, key = _in_order(clicks.later)
    n_users = int(run_starts(user).size)
    least = max(_MIN_USERS, min_users)
    absent = _absent(n_segments, int(early.sum()), n_users, dimension, least=least)
    if absent:
        return HeldOutUse(dimension, 0, 0, (), "", reason=absent)
    popularity = (early.sum(axis=0) + 0.5) / (early.sum() + 0.5 * n_keys)
    weight = _fit_weight(early, popularity)
    by_segment = (early + weight * popularity) / (early.sum(axis=1, keepdims=True) + weight)
    place = clicks.segment_ids[user] - 1
    own, common = np.log(by_segment[place, key]), np.log(popularity[key])
    gains = [_gain("log-likelihood", None, own, common, user)]
    gains += [
        _hit_rate(by_segment, popularity, place, key, user, n_chosen=n)
        for n in _LIST_LENGTHS
        if n < n_keys
    ]
    return HeldOutUse(
        dimension=dimension,
        n_users=n_users,
        n_clicks=int(user.size),
        gains=tuple(gains),
        conclusion=_conclusion(gains, dimension),
    )


def _in_order(later: list[tuple[IntVector, IntVector]]) -> tuple[IntVector, IntVector]:
    """Put clicks together by user and key, however the log was stored."""
    nothing = np.zeros(0, dtype=np.int32)
    user = np.concatenate([nothing, *(each for each, _ in later)])
    key = np.concatenate([nothing, *(each for _, each in later)])
    sizes = (int(user.max(initial=0)) + 1, int(key.max(initial=0)) + 1)
    user, key = sort_rows((user, key), sizes)
    return user, key


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


def _fit_weight(counts: FloatVector, popularity: FloatVector) -> float:
    """Fit how many clicks the popularity among all is worth next to a segment's own."""
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


def _hit_rate(
    by_segment: FloatVector,
    popularity: FloatVector,
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
    measure: str, n_chosen: int | None, own: FloatVector, common: FloatVector, user: IntVector
) -> HeldOutGain:
    difference = own - common
    mean = float(difference.mean())
    starts = run_starts(user)
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
        text = f"Segment affinity predicts the {dimension} of later clicks better than popularity"
    elif high < 0:
        text = f"Segment affinity predicts the {dimension} of later clicks worse than popularity"
    else:
        return (
            f"Segment affinity is not shown to predict the {dimension} of later clicks better "
            "than popularity among all: choose by popularity."
        )
    better = [gain for gain in gains[1:] if (gain.difference.low or 0.0) > 0]
    worse = [gain for gain in gains[1:] if (gain.difference.high or 0.0) < 0]
    text += f", by {likelihood.value:+.4f} of log-likelihood per click"
    if better:
        lists = ", ".join(f"{change(gain.difference.value)} at {gain.n_chosen}" for gain in better)
        text += f"; its lists hold more of the clicks ({lists})"
    if worse:
        lists = ", ".join(f"{change(gain.difference.value)} at {gain.n_chosen}" for gain in worse)
        text += f"; its lists hold fewer of the clicks ({lists})"
    if low > 0 and not better:
        text += "; no list of a fixed length is shown to hold more of the clicks"
    return text + "."
