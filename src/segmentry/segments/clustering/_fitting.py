"""Start and fit clusterings of distinct weighted rows for several numbers of clusters at once."""

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from segmentry.errors import SelectionError
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering._assignment import settle
from segmentry.segments.clustering._lloyd import MAX_ROWS, Runs, continue_starts, fit_starts
from segmentry.segments.clustering._moments import weighted_means
from segmentry.segments.clustering._rows import DistinctRows, sample_rows

# On 90,000 distinct rows a start takes 2 ms on 1,024 of them, 3 ms on 4,096, 20 to 100 ms on all.
# Of classic features with K = 6 the best 24 of 60 starts, sifted on 4,096 rows, held the best place
# in 16 of 16 seeds; the best 15, sifted on 8,192, in 15, at twice the time.
_N_SMALL = 1024
_N_SMALL_PER_CLUSTER = 50
_LARGE_PER_SMALL = 4
_SIFTED_PER_POLISHED = 3
_SIFTED_SHARE = 0.4
_RUNS_PER_SPLIT = 5
# The few best are compared on a sample of this many rows: of classic features it tells the same
# winner as all 90,000 rows for K = 2..10 in six seeds.
_N_POLISHING = 30_000
# The winner moves until nothing changes, but over no more rows than this in all. On 1.06 million
# distinct rows without clusters both limits together save 40 to 70 % of the time and leave the
# inertia 0.03 to 0.2 % larger.
_MAX_SHORT_ROW_STEPS = 30_000_000
# scikit-learn's own tolerance, for fits that are only compared.
_TOL = 1e-4
# Fits of that tolerance whose inertias differ by less than this share have met at the same place.
_SAME_PLACE = 1e-4
NEAR_BEST = 0.03
"""Divisions whose inertia is above the smallest by less than this share are as good as it: between
samples of 10,000 users, which of two is the better changes by chance (docs/decisions/0005)."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many starts are tried, and how many of them are carried on with all rows."""

    n_starts: int
    n_polished: int
    near: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Where a start ended."""

    centers: FloatMatrix
    inertia: float
    n_iterations: int
    entropy: float
    """Of the shares of the clusters."""


Start: TypeAlias = Callable[
    [DistinctRows, int, np.random.Generator, Effort], tuple[FloatMatrix, int]
]


def kmeans_start(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> tuple[FloatMatrix, int]:
    """Find k-means centres: many starts on a sample, the best few polished, the winner on all rows.

    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
    """
    candidates = _best_on_samples(distinct, k, rng, effort)
    most = sample_rows(distinct, n_rows=_N_POLISHING, rng=rng)
    polished = _ranked(_continued(most, candidates, tol=_TOL), effort.near)
    # Only the winner goes on until no row changes its cluster.
    n_steps = int(np.clip(_MAX_SHORT_ROW_STEPS // len(distinct.rows), 1, 300))
    (final,) = _continued(distinct, [polished[0].centers], tol=0.0, n_steps=n_steps)
    return final.centers, polished[0].n_iterations + final.n_iterations


def _best_on_samples(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> list[FloatMatrix]:
    """Centres of the best different outcomes of many starts, sifted on two samples, best first.

    The small sample drops starts that went astray; its ranking of the good ones is noise, so more
    of them than needed go on to the large one.
    """
    n_small = max(_N_SMALL, _N_SMALL_PER_CLUSTER * k)
    small = sample_rows(distinct, n_rows=n_small, rng=rng)
    # With one cluster every start ends in the mean.
    seeds = rng.integers(2**31, size=effort.n_starts if k > 1 else 1)
    fits = _fits(fit_starts(small.rows, small.weights, k, seeds.tolist()), small.weights)
    n_sifted = max(_SIFTED_PER_POLISHED * effort.n_polished, int(_SIFTED_SHARE * effort.n_starts))
    sifted = _ranked(fits, effort.near)[:n_sifted]
    large = sample_rows(distinct, n_rows=_LARGE_PER_SMALL * n_small, rng=rng)
    fits = _continued(large, [fit.centers for fit in sifted], tol=_TOL)
    return [fit.centers for fit in _ranked(fits, effort.near)[: effort.n_polished]]


def _continued(
    distinct: DistinctRows, starts: Sequence[FloatMatrix], *, tol: float, n_steps: int = 300
) -> list[_Fit]:
    """Carry k-means on from given centres, each start by itself."""
    if len(distinct.rows) <= MAX_ROWS:
        centers = np.stack(starts)
        runs = continue_starts(distinct.rows, distinct.weights, centers, tol=tol, n_steps=n_steps)
        return _fits(runs, distinct.weights)
    from sklearn.cluster import KMeans

    models = [
        KMeans(len(centers), init=centers, n_init=1, tol=tol, max_iter=n_steps).fit(
            distinct.rows, sample_weight=distinct.weights
        )
        for centers in starts
    ]
    return [
        _Fit(
            model.cluster_centers_,
            float(model.inertia_),
            int(model.n_iter_),
            _entropy(model.labels_, distinct.weights),
        )
        for model in models
    ]


def _fits(runs: Runs, weights: FloatVector) -> list[_Fit]:
    """Take a list of single fits out of the runs of all starts."""
    entropies = [_entropy(labels, weights) for labels in runs.labels]
    ends = (runs.centers, runs.inertias.tolist(), runs.n_iterations.tolist(), entropies)
    return [_Fit(*each) for each in zip(*ends, strict=True)]


def _entropy(labels: IntVector, weights: FloatVector) -> float:
    sizes = np.bincount(labels, weights=weights)
    shares = sizes[sizes > 0] / sizes.sum()
    return float(-np.sum(shares * np.log(shares)))


def _ranked(fits: list[_Fit], near: float) -> list[_Fit]:
    """Sort fits by inertia, keep one of those that met at the same place, and put the near first.

    Among those as good as the best, the one whose sizes differ most comes first: their sizes repeat
    themselves in other users, the order of their inertias does not.
    """
    by_inertia = sorted(fits, key=lambda fit: fit.inertia)
    different = by_inertia[:1]
    for fit in by_inertia[1:]:
        if fit.inertia > different[-1].inertia * (1 + _SAME_PLACE):
            different.append(fit)
    bound = different[0].inertia * (1 + near)
    as_good = [fit for fit in different if fit.inertia <= bound]
    return sorted(as_good, key=lambda fit: fit.entropy) + different[len(as_good) :]


def minibatch_start(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> tuple[FloatMatrix, int]:
    """Find centres by mini-batch k-means; batches of distinct rows, updates by weight.

    Sculley, D. (2010). Web-scale k-means clustering. WWW.
    """
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(k, n_init=effort.n_starts, random_state=int(rng.integers(2**31)))
    model.fit(distinct.rows, sample_weight=distinct.weights)
    return model.cluster_centers_, int(model.n_iter_)


def bisecting_start(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> tuple[FloatMatrix, int]:
    """Find centres by splitting the cluster of largest inertia in two until there are `k`.

    Steinbach, M., Karypis, G. and Kumar, V. (2000). A comparison of document clustering
    techniques. KDD workshop on text mining.
    """
    from sklearn.cluster import BisectingKMeans

    del effort
    model = BisectingKMeans(k, n_init=_RUNS_PER_SPLIT, random_state=int(rng.integers(2**31)))
    model.fit(distinct.rows, sample_weight=distinct.weights)
    return model.cluster_centers_, k - 1


_STARTS: Mapping[str, Start] = MappingProxyType(
    {"kmeans": kmeans_start, "minibatch": minibatch_start, "bisecting": bisecting_start}
)
# K-means has converged and needs one step, to have its means summed in a defined order, and one to
# see that nothing moves; more where rows are tied. The others would turn into k-means with many:
# one makes their centres means of users instead of what the last batch or split left.
_LAST_STEPS: Mapping[str, int] = MappingProxyType({"kmeans": 50, "minibatch": 1, "bisecting": 1})
# Each step takes 30 ms per 100,000 rows; these are as many rows as all steps may visit.
_MAX_ROW_STEPS = 5_000_000
ALGORITHMS = tuple(_STARTS)


@dataclass(frozen=True, slots=True)
class Clustering:
    """What an algorithm returns for one number of clusters."""

    algorithm: str
    """One of "kmeans", "minibatch" or "bisecting"."""
    centers: FloatMatrix
    """Shape (k, n_columns): centres by falling total weight, ties by lexicographic order of the
    centres."""
    labels: IntVector
    """Shape (n_distinct,): for each distinct row the index of its nearest centre, 0..k-1; none is
    unused."""
    inertia: float
    """Weighted sum of squared Euclidean distances to the nearest centre."""
    n_iterations: int
    """Iterations of the fit that was kept, after the starts on samples."""
    seconds: float
    """Time that this fit took, next to others."""


def fit_clusterings(
    distinct: DistinctRows,
    *,
    n_clusters: Sequence[int],
    algorithm: str = "kmeans",
    seed: int,
    n_starts: int = 60,
    n_polished: int = 3,
    near: float = 0.0,
    on_fitted: Callable[[Clustering], None] | None = None,
) -> tuple[Clustering, ...]:
    """Fit one clustering for each number of clusters, exactly on distinct weighted rows.

    Everything but `seconds` is the same, bit for bit, for the same seed and the same multiset of
    rows, and a clustering does not depend on which other numbers are requested.

    "kmeans": `n_starts` starts by k-means++ sifted on samples, the best `n_polished` polished on up
    to 30,000 rows, the winner on all until nothing moves; of a million distinct rows it takes a
    limited number of steps. Of divisions whose inertia is above the smallest by less than `near` of
    it, the one with the smallest entropy of sizes wins. "minibatch", "bisecting": scikit-learn's
    centres, moved once to the mean of the rows nearest to them. With each, a row belongs to its
    nearest centre, so that new users are treated like old ones; of the bisecting tree only the
    leaves' centres remain.

    `on_fitted` is called with each clustering as soon as it is there, in no fixed order; those
    returned are in the order of `n_clusters`.

    Raises SelectionError if a number of clusters is below 1 or above the number of distinct rows;
    ValueError if the algorithm is unknown or `n_starts` or `n_polished` is below 1.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [10.0], [10.0], [10.0], [40.0]])
    >>> two, three = fit_clusterings(distinct, n_clusters=[2, 3], seed=0)
    >>> three.centers.ravel(), three.labels, three.inertia
    (array([10. ,  0.5, 40. ]), array([1, 1, 0, 2]), 0.5)
    >>> fit_clusterings(distinct, n_clusters=[5], seed=0)
    Traceback (most recent call last):
    ...
    segmentry.errors.SelectionError: cannot form 5 segments: found 4 distinct users, ...
    """
    _check(distinct, n_clusters, algorithm, n_starts=n_starts, n_polished=n_polished)
    effort = Effort(n_starts=n_starts, n_polished=n_polished, near=near)

    def fit(position: int) -> tuple[int, Clustering]:
        return position, _fit_one(distinct, n_clusters[position], algorithm, seed, effort)

    def report(fitted: tuple[int, Clustering]) -> None:
        if on_fitted is not None:
            on_fitted(fitted[1])

    # The longest first: at the end both threads are busy.
    order = sorted(range(len(n_clusters)), key=lambda position: -n_clusters[position])
    with quiet_fits():
        fitted = dict(map_in_threads(fit, order, on_done=report))
    return tuple(fitted[position] for position in range(len(n_clusters)))


def clustering_of(
    distinct: DistinctRows,
    labels: IntVector,
    *,
    n_clusters: int,
    algorithm: str,
    n_iterations: int = 0,
    seconds: float = 0.0,
) -> Clustering:
    """Return a division that came about otherwise as a clustering: means stand for the clusters."""
    centers = weighted_means(distinct, labels, n_clusters)
    off = np.sum((distinct.rows - centers[labels]) ** 2, axis=1)
    return Clustering(
        algorithm=algorithm,
        centers=centers,
        labels=labels,
        inertia=float(np.sum(distinct.weights * off)),
        n_iterations=n_iterations,
        seconds=seconds,
    )


@contextlib.contextmanager
def quiet_fits() -> Iterator[None]:
    """Keep scikit-learn from warning of clusters that fell together; `settle` divides them.

    Filters of warnings are those of the process: who fits in threads of their own wraps them all.
    """
    # Loaded here, before threads start, so that its BLAS and OpenMP can be limited.
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _fit_one(
    distinct: DistinctRows, k: int, algorithm: str, seed: int, effort: Effort
) -> Clustering:
    """Fit one number of clusters with random numbers of its own."""
    began = time.perf_counter()
    rng = np.random.default_rng([seed, k])
    centers, n_iterations = _STARTS[algorithm](distinct, k, rng, effort)
    settled = settle(
        distinct,
        centers,
        n_steps=min(_LAST_STEPS[algorithm], 1 + _MAX_ROW_STEPS // len(distinct.rows)),
    )
    return Clustering(
        algorithm=algorithm,
        centers=settled.centers,
        labels=settled.labels,
        inertia=settled.inertia,
        n_iterations=n_iterations,
        seconds=time.perf_counter() - began,
    )


def _check(
    distinct: DistinctRows,
    n_clusters: Sequence[int],
    algorithm: str,
    *,
    n_starts: int,
    n_polished: int,
) -> None:
    """Raise for what cannot be fitted."""
    if algorithm not in _STARTS:
        raise ValueError(f"algorithm: found {algorithm!r}, expected one of {', '.join(ALGORITHMS)}")
    if n_starts < 1 or n_polished < 1:
        raise ValueError(
            f"n_starts and n_polished: found {n_starts} and {n_polished}, expected at least 1 each"
        )
    if any(k < 1 for k in n_clusters):
        raise SelectionError(
            f"cannot form {min(n_clusters)} segments: expected a number from 1 up; "
            "ask for at least 1 segment"
        )
    n_distinct = len(distinct.rows)
    if any(k > n_distinct for k in n_clusters):
        raise SelectionError(
            f"cannot form {max(n_clusters)} segments: found {n_distinct} distinct users, expected "
            f"at least {max(n_clusters)}; ask for at most {n_distinct} or add features that "
            "distinguish users"
        )
