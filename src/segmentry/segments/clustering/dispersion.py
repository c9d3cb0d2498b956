"""Scores from the moments of clusters: Calinski-Harabasz and Davies-Bouldin."""

import numpy as np

from segmentry.schema.arrays import IntVector
from segmentry.segments.clustering.moments import ClusterMoments, checked_labels, cluster_moments
from segmentry.segments.clustering.rows import DistinctRows

__all__ = ["calinski_harabasz", "davies_bouldin"]


_ROUNDING = 1e-20


def calinski_harabasz(
    distinct: DistinctRows, labels: IntVector, *, moments: ClusterMoments | None = None
) -> float:
    """Variance ratio: scatter between clusters against scatter within, per degree of freedom.

    Equal to scikit-learn's `calinski_harabasz_score` on the expanded rows, one per user.

    Parameters
    ----------
    labels : ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used, k at least 2.
    moments : ClusterMoments, optional
        Those of the labels, where they are known.

    Returns
    -------
    float
        From 0 up, larger is better; 1 where there is no scatter within clusters.

    Raises
    ------
    ValueError
        If the labels do not fit the rows, or there is one cluster only.

    References
    ----------
    Caliński, T. and Harabasz, J. (1974). A dendrite method for cluster analysis. Communications
    in Statistics 3(1), 1-27.

    Examples
    --------
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

    Equal to scikit-learn's `davies_bouldin_score` on the expanded rows, one per user. The width
    of a cluster is the mean Euclidean distance of its users to its mean.

    Parameters
    ----------
    labels : ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used, k at least 2.
    moments : ClusterMoments, optional
        Those of the labels, where they are known.

    Returns
    -------
    float
        From 0 up, smaller is better.

    Raises
    ------
    ValueError
        If the labels do not fit the rows, or there is one cluster only.

    References
    ----------
    Davies, D. L. and Bouldin, D. W. (1979). A cluster separation measure. IEEE Transactions on
    Pattern Analysis and Machine Intelligence 1(2), 224-227.

    Examples
    --------
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
