"""Weighted moments of the clusters of a labelling."""

from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering.rows import DistinctRows

__all__ = [
    "ClusterMoments",
    "checked_labels",
    "cluster_moments",
    "cluster_weights",
    "weighted_means",
]


@dataclass(frozen=True, slots=True)
class ClusterMoments:
    """Weight, mean and scatter of each cluster, counted in users.

    Parameters
    ----------
    weights : ndarray of shape (k,)
        Total weight of each cluster.
    means : ndarray of shape (k, n_columns)
        Weighted mean of each cluster.
    scatters : ndarray of shape (k,)
        Weighted sum of squared Euclidean distances to the cluster's mean.
    """

    weights: FloatVector
    means: FloatMatrix
    scatters: FloatVector


def cluster_moments(distinct: DistinctRows, labels: IntVector) -> ClusterMoments:
    """Measure the weight, mean and scatter of each cluster.

    Parameters
    ----------
    labels : ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used.

    Returns
    -------
    ClusterMoments
        One entry per cluster, in the order of the labels.

    Raises
    ------
    ValueError
        If the labels do not fit the rows or leave a cluster empty.

    Examples
    --------
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
    """Total weight of each cluster.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> cluster_weights(distinct_rows([[0.0], [0.0], [3.0]]), np.array([0, 1]))
    array([2., 1.])
    """
    weights = np.bincount(labels, weights=distinct.weights, minlength=n_clusters)
    return weights.astype(np.float64, copy=False)


def weighted_means(distinct: DistinctRows, labels: IntVector, n_clusters: int) -> FloatMatrix:
    """Mean of each cluster; every one of the `n_clusters` must hold a row.

    Examples
    --------
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
    """Take labels as int64 if they fit the rows, or say what is wrong with them.

    Examples
    --------
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
            "expected every label from 0 to k-1 in use; number the clusters anew"
        )
    if len(n_rows_of) < n_clusters_at_least:
        raise ValueError(
            f"labels: found {len(n_rows_of)} cluster, expected at least {n_clusters_at_least}: "
            "this score compares clusters and is not defined for one"
        )
    return given.astype(np.int64, copy=False)
