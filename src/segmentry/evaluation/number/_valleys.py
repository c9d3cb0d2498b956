"""Are there natural groups? Clusters with a valley between every two, on users not clustered."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from segmentry.evaluation.number._groups import sample_users, small_kmeans, usable_numbers
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix, FloatVector
from segmentry.segments.clustering import DistinctRows, assign

_N_SPLITS = 5
# Of uniform users, 5 % of samples have a larger sqrt(n) times the shortfall: 1.42 to 1.46 for 50 to
# 2,000 users (`tests/evaluation/test_valleys.py` draws it again).
_SHORTFALL = 1.46
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Separation:
    """For each number of clusters, how often all of them are separate."""

    numbers: tuple[int, ...]
    shares: tuple[float, ...]
    """Share of the splits in which there is a valley between every two clusters."""
    n_groups: int
    """The largest number that is so in more than half of the splits; 1 where none is."""
    n_users: int
    n_splits: int
    """`n_users`, `n_splits`: users in the sample, and how often it was halved."""
    n_left_out: int
    """Columns with no more than two values, such as those of levels: they are groups by definition,
    so that they are left out."""
    is_exposure_alone: bool = False
    """Whether clusters are separate without the click rate as well, so that no groups are
    claimed."""

    @property
    def is_ever_separate(self) -> bool:
        """Whether two clusters or more are all separate in any of the splits."""
        return any(share > 0 for share in self.shares[1:])

    @property
    def against(self) -> str:
        """What speaks against groups, or nothing."""
        if self.is_exposure_alone:
            return "the valleys are those of exposure alone"
        if self.n_groups > 1:
            return ""
        return "no number of clusters has a valley between every two"


def separate(
    distinct: DistinctRows, *, most: int = 10, n_users: int = 2000, seed: int = 0
) -> Separation:
    """Look for the largest number of clusters that have a valley between every two.

    Half of the users form clusters by k-means. The users of the other half that fall into two of
    them are projected on the line between the two centres. The two are separate where Hartigan's
    dip test rejects one mode at 5 %, or where both sides of the midpoint reject a density that
    falls away from it at 5 %: the first sees groups of equal size best, the second small ones.

    Notes
    -----
    Tied values of a column are spread over their cell before the tests, as a lattice of counts has
    a valley after every value. No reference set is drawn: the null is one mode along the line, so
    that long, skewed and correlated clouds are no groups. Dip: Hartigan and Hartigan (1985), Ann.
    Stat. 13, 70-84. Decreasing density: distance of the empirical distribution from its least
    concave majorant (Grenander 1956), the uniform being the least favourable.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> rng = np.random.default_rng(0)
    >>> blobs = rng.standard_normal((600, 2)) + 8 * np.repeat([[0, 0], [1, 0], [0, 1]], 200, axis=0)
    >>> separate(distinct_rows(blobs), most=5).n_groups
    3
    >>> separate(distinct_rows(rng.poisson(1.0, (600, 2)).astype(float)), most=5).n_groups
    1
    """
    sample = sample_users(distinct, n_users=n_users, seed=seed)
    is_requested = np.array([np.unique(column).size > 2 for column in distinct.rows.T], dtype=bool)
    users = np.repeat(sample.rows[:, is_requested], sample.weights.astype(np.int64), axis=0)
    rng = np.random.default_rng([seed, users.shape[0]])
    spread = np.column_stack([spread_ties(c, rng) for c in users.T]) if users.size else users
    n_half = len(users) // 2
    numbers: tuple[int, ...] = (1,)
    if is_requested.any() and n_half > 1:
        numbers = usable_numbers(sample, min(most, n_half - 1))
    halves = [np.argsort(rng.random(len(users))) for _ in range(_N_SPLITS)]

    def are_separate(order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[bool]:
        first, second = np.split(order, [n_half])
        return [
            k == 1 or _all_separate(users[first], users[second], spread[second], k, seed=seed)
            for k in numbers
        ]

    found = np.array(map_in_threads(are_separate, halves))
    shares = found.mean(axis=0)
    return Separation(
        numbers=numbers,
        shares=tuple(shares.tolist()),
        n_groups=max(k for k, share in zip(numbers, shares, strict=True) if share > 0.5),
        n_users=len(users),
        n_splits=_N_SPLITS,
        n_left_out=int((~is_requested).sum()),
    )


def spread_ties(values: FloatVector, rng: np.random.Generator) -> FloatVector:
    """Spread tied values evenly over their cell, which ends half-way to the neighbours.

    On each side the cell is at most twice as wide as on the other: else the last value before an
    empty stretch would be smeared into it.

    >>> found = spread_ties(np.array([0.0, 0.0, 1.0, 50.0, 50.0]), np.random.default_rng(0))
    >>> np.abs(found - [0, 0, 1, 50, 50]).round(1).tolist()
    [0.1, 0.2, 0.0, 23.7, 15.4]
    """
    known, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if known.size == 1:
        return values
    gaps = np.diff(known) / 2
    below, above = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
    below, above = np.minimum(below, 2 * above), np.minimum(above, 2 * below)
    moved = rng.random(values.size) * (below + above)[place] - below[place]
    return np.where(counts[place] > 1, values + moved, values)


def _all_separate(
    first: FloatMatrix, second: FloatMatrix, spread: FloatMatrix, k: int, *, seed: int
) -> bool:
    """Cluster one half of the users, and look for valleys among the others once ties are spread.

    Clusters are formed of ties as they are: many equal users, spread, would be cut in two before a
    small group gets a cluster of its own.
    """
    centers = small_kmeans(first, np.ones(len(first)), k=k, seed=seed).centers
    labels, _ = assign(second, centers)
    for a, b in combinations(range(k), 2):
        users = spread[(labels == a) | (labels == b)]
        middle, line = (centers[a] + centers[b]) / 2, centers[b] - centers[a]
        if not _has_valley((users - middle) @ line):
            return False
    return True


def _has_valley(x: FloatVector) -> bool:
    """Tell whether there is a valley at 0, or anywhere between two modes."""
    left, right = -x[x < 0], x[x >= 0]
    if not left.size or not right.size or x.size < _FEWEST:
        return False
    return dip(x) > critical_dip(x.size) or all(
        np.sqrt(side.size) * shortfall(side) > _SHORTFALL for side in (left, right)
    )


def dip(x: FloatVector) -> float:
    """Return Hartigan's dip: the distance of the sample from the nearest distribution of one mode.

    >>> dip(np.array([0.0, 0.1, 9.0, 9.1])), dip(np.arange(4.0))
    (0.24722222222222223, 0.125)
    """
    values, counts = np.unique(x, return_counts=True)
    above = np.cumsum(counts) / x.size
    below = above - counts / x.size
    low, high, found = 0, values.size - 1, 1 / x.size
    while True:
        part = slice(low, high + 1)
        under, over = below[part], above[part]
        convex = _hull(values[part], under, is_convex=True)
        concave = _hull(values[part], over, is_convex=False)
        at_convex = np.isclose(convex, under, rtol=0, atol=1e-12)
        at_concave = np.isclose(concave, over, rtol=0, atol=1e-12)
        gaps = np.where(at_convex | at_concave, concave - convex, -1.0)
        widest = int(np.argmax(gaps))
        first = int(np.flatnonzero(at_convex[: widest + 1])[-1])
        last = widest + int(np.flatnonzero(at_concave[widest:])[0])
        if gaps[widest] <= found + 1e-15:
            return found / 2
        outside = (over[:first] - convex[:first], (concave - under)[last + 1 :])
        found = max(found, *(float(np.max(each, initial=0.0)) for each in outside))
        if last - first == high - low:
            return found / 2
        low, high = low + first, low + last


def critical_dip(n_users: int) -> float:
    """Return the dip that 5 % of uniform samples exceed.

    Notes
    -----
    From 20 users on at most 0.7 % above published values (Hartigan and Hartigan 1985, table 1), at
    10 users 0.7 % below.
    """
    return float(0.549 / np.sqrt(n_users) - 0.35 / n_users)


def shortfall(distances: FloatVector) -> float:
    """Return by how much a sample falls short of a density that decreases from 0.

    >>> round(shortfall(np.array([7.0, 8.0, 9.0, 10.0])), 3)
    0.7
    """
    values, counts = np.unique(distances, return_counts=True)
    above = np.cumsum(counts) / distances.size
    majorant = _hull(np.append(0.0, values), np.append(0.0, above), is_convex=False)[1:]
    return float(np.max(majorant - above + counts / distances.size))


def _hull(x: FloatVector, y: FloatVector, *, is_convex: bool) -> FloatVector:
    """Greatest convex minorant or least concave majorant of points with rising x."""
    from scipy.optimize import isotonic_regression

    if x.size < 2:
        return y
    widths = np.diff(x)
    slopes = isotonic_regression(np.diff(y) / widths, weights=widths, increasing=is_convex).x
    return np.append(y[0], y[0] + np.cumsum(slopes * widths))
