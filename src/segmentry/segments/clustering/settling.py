"""Bring centres to their final form: occupied, ordered and consistent with the labels."""

from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering.assignment import nearest_two
from segmentry.segments.clustering.moments import cluster_weights, weighted_means
from segmentry.segments.clustering.rows import DistinctRows

__all__ = ["Settled", "settle"]

# Centres in order stay in order unless a tied row follows the new lowest index; the limit cuts
# short the case, not seen yet, that such a row goes to and fro.
_MOST_ORDERINGS = 10


@dataclass(frozen=True, slots=True)
class Settled:
    """Centres by falling weight, the nearest one of each row, and the inertia."""

    centers: FloatMatrix
    labels: IntVector
    inertia: float


def settle(distinct: DistinctRows, centers: FloatMatrix, *, n_steps: int) -> Settled:
    """Order centres, fill empty clusters, and label each row with its nearest centre.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [10.0], [10.0], [10.0]])
    >>> settle(distinct, np.array([[2.0], [9.0]]), n_steps=50)
    Settled(centers=array([[10. ],
           [ 0.5]]), labels=array([1, 1, 0]), inertia=0.5)
    """
    centers, labels, squared = _occupied(distinct, centers)
    for step in range(n_steps + _MOST_ORDERINGS):
        moved = weighted_means(distinct, labels, len(centers)) if step < n_steps else centers
        moved = moved[_falling_order(distinct, labels, moved)]
        if np.array_equal(moved, centers):
            break
        centers, labels, squared = _occupied(distinct, moved)
    return Settled(
        centers=centers, labels=labels, inertia=float(np.sum(distinct.weights * squared))
    )


def _occupied(
    distinct: DistinctRows, centers: FloatMatrix
) -> tuple[FloatMatrix, IntVector, FloatVector]:
    """Label rows; a centre without rows moves to the row that adds most to the inertia.

    Ends because each such move lowers the inertia, and where there are more rows than occupied
    centres some row is off its centre.
    """
    while True:
        labels, squared, _ = nearest_two(distinct.rows, centers)
        empty = np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0)
        costs = distinct.weights * squared
        if not len(empty) or not costs.any():
            return centers, labels, squared
        centers = centers.copy()
        centers[empty[0]] = distinct.rows[np.argmax(costs)]


def _falling_order(distinct: DistinctRows, labels: IntVector, centers: FloatMatrix) -> IntVector:
    """Order of the clusters by falling weight, ties by their centres."""
    weights = cluster_weights(distinct, labels, len(centers))
    return np.lexsort((*centers.T[::-1], -weights)).astype(np.int64)
