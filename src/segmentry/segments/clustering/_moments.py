"""Weighted moments of clusters, the scores that follow from them, and the elbow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import BoolVector, FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering._rows import DistinctRows

_ROUNDING = 1e-20
_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class ClusterMoments:
    """Weight, mean and scatter of each cluster, counted in users."""

    weights: FloatVector
    """Shape (k,): total weight of each cluster."""
    means: FloatMatrix
    """Shape (k, n_columns): weighted mean of each cluster."""
    scatters: FloatVector
    """Shape (k,): weighted sum of squared Euclidean distances to the cluster's mean."""


def cluster_moments(distinct: DistinctRows, labels: IntVector) -> ClusterMoments:
    """Measure the weight, mean and scatter of each cluster, in the order of the labels.

    `labels`, shape (n_distinct,), are 0..k-1, each of them used.

    Raises ValueError if the labels do not fit the rows or leave a cluster empty.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [0.0], [3.0], [9.0]])
    >>> moments = cluster_moments(distinct, np.array([0, 0, 1]))
    >>> moments.weights, moments.means.ravel(), moments.scatters
    (array([3., 1.]), array([1., 9.]), array([6., 0.]))
    """
    labels = checked_labels(distinct, labels)
    weights = cluster_weights(distinct, labels)
    means = weighted_means(distinct, labels, len(weights))
    squared = np.zeros(len(labels))
    for j in range(distinct.rows.shape[1]):
        squared += (distinct.rows[:, j] - means[labels, j]) ** 2
    scatters = np.bincount(labels, weights=distinct.weights * squared).astype(
        np.float64, copy=False
    )
    return ClusterMoments(weights=weights, means=means, scatters=scatters)


def cluster_weights(distinct: DistinctRows, labels: IntVector, n_clusters: int = 0) -> FloatVector:
    """Total weight of each cluster; 0 for one of `n_clusters` without rows."""
    weights = np.bincount(labels, weights=distinct.weights, minlength=n_clusters)
    return weights.astype(np.float64, copy=False)


def weighted_means(distinct: DistinctRows, labels: IntVector, n_clusters: int) -> FloatMatrix:
    """Mean of each cluster, summed in the order of the rows; none may be without rows.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> weighted_means(distinct_rows([[0.0], [0.0], [3.0]]), np.array([0, 0]), 1)
    array([[1.]])
    """
    weights = cluster_weights(distinct, labels, n_clusters)
    sums = [
        np.bincount(labels, weights=distinct.weights * column, minlength=n_clusters)
        for column in distinct.rows.T
    ]
    return np.column_stack(sums) / weights[:, np.newaxis]


def checked_labels(
    distinct: DistinctRows, labels: IntVector, *, n_clusters_at_least: int = 1
) -> IntVector:
    """Take labels as int64 if they fit the rows, or raise a ValueError that says what is wrong.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> checked_labels(distinct_rows([[0.0], [3.0]]), np.array([0, 2]))
    Traceback (most recent call last):
    ...
    ValueError: labels: found 0..2 with [1] empty, expected every label from 0 to k-1 in use; ...
    """
    given = np.asarray(labels)
    if given.shape != distinct.weights.shape or given.dtype.kind not in "iu":
        raise ValueError(
            f"labels: found {given.dtype} of shape {given.shape}, "
            f"expected integers of shape {distinct.weights.shape}, one per distinct row"
        )
    if given.min() < 0:
        raise ValueError("labels: found negative ones; leave unassigned rows out before scoring")
    n_rows_of = np.bincount(given)
    if not n_rows_of.all():
        empty = np.flatnonzero(n_rows_of == 0)[:5].tolist()
        raise ValueError(
            f"labels: found 0..{len(n_rows_of) - 1} with {empty} empty, "
            "expected every label from 0 to k-1 in use; number the clusters again"
        )
    if len(n_rows_of) < n_clusters_at_least:
        raise ValueError(
            f"labels: found {len(n_rows_of)} cluster, expected at least {n_clusters_at_least}: "
            "this score compares clusters and is not defined for one"
        )
    return given.astype(np.int64, copy=False)


def calinski_harabasz(
    distinct: DistinctRows, labels: IntVector, *, moments: ClusterMoments | None = None
) -> float:
    """Variance ratio: scatter between clusters against scatter within, per degree of freedom.

    Equal to scikit-learn's `calinski_harabasz_score` on the expanded rows, one per user: from 0 up,
    larger is better; 1 where there is no scatter within clusters. `labels`, shape (n_distinct,),
    are 0..k-1, each of them used, k at least 2; `moments` are theirs, where they are known.

    Raises ValueError if the labels do not fit the rows, or there is one cluster only.

    Caliński, T. and Harabasz, J. (1974). A dendrite method for cluster analysis. Communications
    in Statistics 3(1), 1-27.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [2.0], [10.0], [12.0]])
    >>> calinski_harabasz(distinct, np.array([0, 0, 1, 1]))  # (100 / 1) / (4 / 2)
    50.0
    """
    labels = checked_labels(distinct, labels, n_clusters_at_least=2)
    moments = moments or cluster_moments(distinct, labels)
    n_users, k = float(distinct.weights.sum()), len(moments.weights)
    within = float(moments.scatters.sum())
    middle = moments.weights @ moments.means / n_users
    between = float(np.sum(moments.weights[:, np.newaxis] * (moments.means - middle) ** 2))
    if within <= _ROUNDING * between:  # a mean of equal rows is off by its last bit
        return 1.0
    return between * (n_users - k) / (within * (k - 1))


def davies_bouldin(
    distinct: DistinctRows, labels: IntVector, *, moments: ClusterMoments | None = None
) -> float:
    """Average over clusters of the worst ratio of their widths to the distance between them.

    Equal to scikit-learn's `davies_bouldin_score` on the expanded rows, one per user: from 0 up,
    smaller is better. The width of a cluster is the mean Euclidean distance of its users to its
    mean. Parameters and errors are those of `calinski_harabasz`.

    Davies, D. L. and Bouldin, D. W. (1979). A cluster separation measure. IEEE Transactions on
    Pattern Analysis and Machine Intelligence 1(2), 224-227.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [2.0], [10.0], [12.0]])
    >>> davies_bouldin(distinct, np.array([0, 0, 1, 1]))  # (1 + 1) / 10
    0.2
    """
    labels = checked_labels(distinct, labels, n_clusters_at_least=2)
    moments = moments or cluster_moments(distinct, labels)
    distances = np.sqrt(np.sum((distinct.rows - moments.means[labels]) ** 2, axis=1))
    widths = np.bincount(labels, weights=distinct.weights * distances) / moments.weights
    between = np.linalg.norm(moments.means[:, np.newaxis] - moments.means, axis=2)
    # Means that coincide say nothing about each other, as in scikit-learn; so does a mean itself.
    between[between == 0] = np.inf
    return float(np.mean(np.max((widths[:, np.newaxis] + widths) / between, axis=1)))


def squared_silhouette(
    distinct: DistinctRows, labels: IntVector, *, moments: ClusterMoments | None = None
) -> float:
    """Mean silhouette of all users by squared Euclidean distance, exact in O(n k d).

    The mean squared distance of `x` to a cluster of mean `m` and variance `v` (mean squared
    distance of its users to `m`) is `|x - m|² + v`; that of the user's own cluster, without the
    user, is times `n / (n - 1)`. It is **not** the Euclidean silhouette: squaring favours compact
    clusters, and values are larger. Compare it only with itself. Parameters and errors are those
    of `calinski_harabasz`.

    Rousseeuw, P. J. (1987). Silhouettes. Journal of Computational and Applied Mathematics 20,
    53-65. The formula is that of `ClusteringEvaluator` in Apache Spark, and the values those of
    scikit-learn's `silhouette_score(metric="sqeuclidean")` on the expanded rows.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> labels = np.array([0, 0, 1])
    >>> round(squared_silhouette(distinct, labels), 6)  # (8/9 + 3/4 + 1 + 1) / 4
    0.909722
    """
    labels = checked_labels(distinct, labels, n_clusters_at_least=2)
    moments = moments or cluster_moments(distinct, labels)
    total = 0.0
    for start in range(0, len(labels), _BLOCK):
        part = slice(start, start + _BLOCK)
        values = _squared_silhouettes(distinct.rows[part], labels[part], moments)
        total += float(np.sum(distinct.weights[part] * values))
    return total / float(distinct.weights.sum())


def _squared_silhouettes(
    rows: FloatMatrix, labels: IntVector, moments: ClusterMoments
) -> FloatVector:
    squared = np.zeros((len(rows), len(moments.weights)))
    for column, means in zip(rows.T, moments.means.T, strict=True):
        squared += (column[:, np.newaxis] - means) ** 2
    squared += moments.scatters / moments.weights
    own = (np.arange(len(rows)), labels)
    n_own = moments.weights[labels]
    within = squared[own] * n_own / np.maximum(n_own - 1, 1)
    squared[own] = np.inf
    return silhouettes_from(within, squared.min(axis=1), is_alone=n_own <= 1)


def silhouettes_from(
    within: FloatVector, nearest: FloatVector, *, is_alone: BoolVector
) -> FloatVector:
    """Silhouettes `(b - a) / max(a, b)`; 0 in a cluster of one user and where both are 0.

    `within` is the mean distance `a` to the other users of the own cluster, `nearest` the smallest
    mean distance `b` to the users of another one.
    """
    larger = np.maximum(within, nearest)
    values = np.zeros(len(within))
    np.divide(nearest - within, larger, out=values, where=(larger > 0) & ~is_alone)
    return values


# Rounding of normalised values; a straight line stays below it.
_STRAIGHT = 1e-9


def find_knee(n_clusters: Sequence[int], inertia: Sequence[float]) -> int | None:
    """Find the elbow: the point farthest below the chord of the normalised curve.

    Both axes are scaled to [0, 1]; the elbow of a falling convex curve is where `1 - x - y` is
    largest, the smallest number of clusters of several. Any convex curve has such a point, that of
    data without clusters as well, and it moves with the range of numbers tried: it describes the
    curve and proves nothing.

    The numbers of clusters are distinct, in any order, with the inertia of each. There is no elbow
    of fewer than three points, and none of a curve that does not fall or lies nowhere below its
    chord.

    Raises ValueError if the lengths differ or a number of clusters appears twice.

    References
    ----------
    Satopää, V., Albrecht, J., Irwin, D. and Raghavan, B. (2011). Finding a "kneedle" in a
    haystack: detecting knee points in system behavior. ICDCS workshops. Without its smoothing and
    sensitivity, which matter for noisy curves of many points.

    Examples
    --------
    >>> find_knee([2, 3, 4, 5, 6], [100.0, 40.0, 20.0, 10.0, 0.0])
    3
    >>> find_knee([2, 3, 4], [30.0, 20.0, 10.0]) is None
    True
    """
    if len(n_clusters) != len(inertia) or len(set(n_clusters)) != len(n_clusters):
        raise ValueError(
            f"found {len(n_clusters)} numbers of clusters, {len(set(n_clusters))} of them "
            f"different, and {len(inertia)} inertias; expected one inertia for each number"
        )
    if len(n_clusters) < 3:
        return None
    order = np.argsort(n_clusters)
    x = np.asarray(n_clusters, dtype=np.float64)[order]
    y = np.asarray(inertia, dtype=np.float64)[order]
    if not y[0] > y[-1]:
        return None
    below_chord = (x[-1] - x) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    # Rounded, so that of points equally far the first is taken.
    farthest = int(np.argmax(below_chord.round(12)))
    return int(x[farthest]) if below_chord[farthest] > _STRAIGHT else None
