"""Silhouette by squared Euclidean distances, exact in one pass over the rows."""

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering.moments import ClusterMoments, checked_labels, cluster_moments
from segmentry.segments.clustering.rows import DistinctRows

__all__ = ["squared_silhouette"]

_BLOCK = 8192


def squared_silhouette(
    distinct: DistinctRows, labels: IntVector, *, moments: ClusterMoments | None = None
) -> float:
    """Mean silhouette of all users by squared Euclidean distance, exact in O(n k d).

    The mean squared distance of `x` to a cluster of mean `m` and variance `v` (mean squared
    distance of its users to `m`) is `|x - m|² + v`. With `a` that of the user's own cluster
    without the user, times `n / (n - 1)`, and `b` the smallest of the other clusters, the
    silhouette is `(b - a) / max(a, b)`; it is 0 in a cluster of one user, and where `a` and `b`
    are both 0. It is **not** the Euclidean silhouette: squaring favours compact clusters, and
    values are larger. Compare it only with itself.

    Parameters
    ----------
    labels : ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used, k at least 2.
    moments : ClusterMoments, optional
        Those of the labels, where they are known.

    Returns
    -------
    float
        In [-1, 1], larger is better.

    Raises
    ------
    ValueError
        If the labels do not fit the rows, or there is one cluster only.

    References
    ----------
    Rousseeuw, P. J. (1987). Silhouettes. Journal of Computational and Applied Mathematics 20,
    53-65. The formula is that of `ClusteringEvaluator` in Apache Spark, and the values those of
    scikit-learn's `silhouette_score(metric="sqeuclidean")` on the expanded rows.

    Examples
    --------
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
        values = _silhouettes(distinct.rows[part], labels[part], moments)
        total += float(np.sum(distinct.weights[part] * values))
    return total / float(distinct.weights.sum())


def _silhouettes(rows: FloatMatrix, labels: IntVector, moments: ClusterMoments) -> FloatVector:
    """Squared-Euclidean silhouettes of a block of rows."""
    squared = np.zeros((len(rows), len(moments.weights)))
    for column, means in zip(rows.T, moments.means.T, strict=True):
        squared += (column[:, np.newaxis] - means) ** 2
    squared += moments.scatters / moments.weights
    own = (np.arange(len(rows)), labels)
    n_own = moments.weights[labels]
    within = squared[own] * n_own / np.maximum(n_own - 1, 1)
    squared[own] = np.inf
    nearest = squared.min(axis=1)
    larger = np.maximum(within, nearest)
    values = np.zeros(len(rows))
    np.divide(nearest - within, larger, out=values, where=(larger > 0) & (n_own > 1))
    return values
