"""Fit clusterings of distinct weighted rows for several numbers of clusters at once."""

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from segmentry.errors import SelectionError
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix, IntVector
from segmentry.segments.clustering._assignment import settle
from segmentry.segments.clustering._moments import weighted_means
from segmentry.segments.clustering._rows import DistinctRows
from segmentry.segments.clustering._starts import (
    Effort,
    Start,
    bisecting_start,
    kmeans_start,
    minibatch_start,
)

_STARTS: Mapping[str, Start] = MappingProxyType(
    {"kmeans": kmeans_start, "minibatch": minibatch_start, "bisecting": bisecting_start}
)
# K-means has converged and needs one step, to have its means summed in a defined order, and one to
# see that nothing moves; more where rows are tied. The others would turn into k-means with many:
# one makes their centres means of users instead of what the last batch or split left.
_LAST_STEPS: Mapping[str, int] = MappingProxyType({"kmeans": 50, "minibatch": 1, "bisecting": 1})
# Each step takes 30 ms per 100,000 rows; these are as many rows as all steps may visit.
_MOST_ROW_STEPS = 5_000_000
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
    """Time that this fit took, beside others."""


def fit_clusterings(
    distinct: DistinctRows,
    *,
    n_clusters: Sequence[int],
    algorithm: str = "kmeans",
    seed: int,
    n_starts: int = 60,
    n_polished: int = 3,
    on_fitted: Callable[[Clustering], None] | None = None,
) -> tuple[Clustering, ...]:
    """Fit one clustering for each number of clusters, exactly on distinct weighted rows.

    Everything but `seconds` is the same, bit for bit, for the same seed and the same multiset of
    rows, and a clustering does not depend on which other numbers are asked for.

    "kmeans": `n_starts` starts by k-means++ sifted on samples, the best `n_polished` polished on up
    to 30,000 rows, the winner on all until nothing moves; of a million distinct rows it takes a
    limited number of steps. "minibatch", "bisecting": scikit-learn's centres, moved once to the
    mean of the rows nearest to them. With each, a row belongs to its nearest centre, so that new
    users are treated like old ones; of the bisecting tree only the leaves' centres remain.

    `on_fitted` is called with each clustering as soon as it is there, in no fixed order; those
    returned are in the order of `n_clusters`.

    Raises SelectionError if a number of clusters is below 1 or above the number of distinct rows;
    ValueError if the algorithm is unknown or `n_starts` or `n_polished` is below 1.

    Examples
    --------
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
    effort = Effort(n_starts=n_starts, n_polished=n_polished)

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
    """Keep scikit-learn from warning of clusters that fell together; `settle` takes them apart.

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
        n_steps=min(_LAST_STEPS[algorithm], 1 + _MOST_ROW_STEPS // len(distinct.rows)),
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
            f"at least {max(n_clusters)}; ask for at most {n_distinct} or add features that tell "
            "users apart"
        )
