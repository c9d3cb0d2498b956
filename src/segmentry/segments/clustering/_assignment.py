"""Put rows to their nearest centre, and bring centres to their final form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix, IntVector
from segmentry.segments.clustering._moments import cluster_weights, weighted_means
from segmentry.segments.clustering._rows import DistinctRows, finite_matrix

# Eight working vectors of 4,096 float64 stay in a 256 KB cache.
_BLOCK = 4096
# Centres in order stay in order unless a tied row follows the new lowest index; the limit cuts
# short the case, not seen yet, that such a row goes to and fro.
_MAX_ORDERINGS = 10
TIE = 1e-9
"""Squared distances that differ by less, relative to the nearest, are equal: the last digits of a
logarithm are not the same on every machine, and would decide."""

NEARER = 0.5
"""A row leaves the centre of before for one that is at most this part of the distance away."""


def assign(
    X: ArrayLike, centers: ArrayLike, *, before: IntMatrix | None = None
) -> tuple[IntVector, FloatVector]:
    """Find the nearest centre of each row and the margin to the second nearest.

    `X`, shape (n_rows, n_columns), is preprocessed as the rows that the `centers` came from, shape
    (k, n_columns). Of each row, shape (n_rows,), the index of the nearest centre by Euclidean
    distance is returned, the lowest index of several that are equal but for rounding; and the
    margin `(d2 - d1) / d2` in [0, 1], where `d1` and `d2` are the distances to the nearest and the
    second nearest centre: 1 on a centre, 0 halfway between two. It is 1 where there is one centre
    only, and 0 where `d2` is 0.

    `before`, shape (n_rows, 2), is the index of each row in an earlier window, -1 for none, and
    that of its nearest centre then. It stays, with margin 0, unless another centre is at least
    twice as near, or nearest again. Rows between two centres go to and fro by luck
    (``docs/decisions/lifecycle.md``).

    Raises ValueError if a value is not finite, there is no centre, or the numbers of columns
    differ.

    >>> labels, margin = assign([[0.0], [1.0], [2.0], [4.0]], [[0.0], [4.0]])
    >>> labels
    array([0, 0, 0, 1])
    >>> margin.round(3)
    array([1.   , 0.667, 0.   , 1.   ])
    >>> assign([[1.5], [3.0]], [[0.0], [4.0]], before=np.array([[1, 1], [0, 0]]))[0]
    array([1, 1])
    >>> assign([[0.0]], [[0.0, 1.0]])
    Traceback (most recent call last):
    ...
    ValueError: X has 1 columns, centers have shape (1, 2); expected the same columns in both
    """
    matrix, middles = finite_matrix(X), finite_matrix(centers)
    if not len(middles) or matrix.shape[1] != middles.shape[1]:
        raise ValueError(
            f"X has {matrix.shape[1]} columns, centers have shape {middles.shape}; "
            "expected the same columns in both"
        )
    labels, nearest, second = nearest_two(matrix, middles)
    if len(middles) == 1:
        return labels, np.ones(len(matrix))
    np.sqrt(nearest, out=nearest)
    np.sqrt(second, out=second)
    margin = np.zeros(len(matrix))
    np.divide(second - nearest, second, out=margin, where=second > 0)
    if before is not None:
        rows = unsure_rows(labels, before)
        own = np.sqrt(np.square(matrix[rows] - middles[before[rows, 0]]).sum(axis=1))
        stays = rows[nearest[rows] > NEARER * own]
        labels[stays], margin[stays] = before[stays, 0], 0.0
    return labels, margin


def unsure_rows(labels: IntVector, before: IntMatrix) -> IntVector:
    """Return the rows that are elsewhere than before, and were not nearest to it then."""
    stayed, nearest = before.T
    return np.flatnonzero((stayed >= 0) & (stayed != labels) & (nearest != labels))


def nearest_two(X: FloatMatrix, centers: FloatMatrix) -> tuple[IntVector, FloatVector, FloatVector]:
    """Find the nearest centre and the squared distances to the nearest and second nearest.

    Distances are summed from differences, column by column. A row on a centre is at distance 0
    exactly, and a row's answer does not depend on which other rows come with it, neither of which
    holds for the expansion `x² - 2xc + c²` by matrix product.

    >>> import numpy as np
    >>> nearest_two(np.array([[1.0]]), np.array([[4.0], [3.0]]))
    (array([1]), array([4.]), array([9.]))
    """
    n_rows = len(X)
    labels = np.zeros(n_rows, dtype=np.int64)
    nearest = np.full(n_rows, np.inf)
    second = np.full(n_rows, np.inf)
    for start in range(0, n_rows, _BLOCK):
        part = slice(start, start + _BLOCK)
        columns = np.ascontiguousarray(X[part].T)
        for index, center in enumerate(centers):
            squared = _squared_distance(columns, center)
            is_nearer = squared < nearest[part]
            loser = np.where(is_nearer, nearest[part], squared)
            np.minimum(second[part], loser, out=second[part])
            np.minimum(nearest[part], squared, out=nearest[part])
            labels[part][is_nearer] = index
        _settle_ties(columns, centers, labels[part], nearest[part], second[part])
    return labels, nearest, second


def _settle_ties(
    columns: FloatMatrix,
    centers: FloatMatrix,
    labels: IntVector,
    nearest: FloatVector,
    second: FloatVector,
) -> None:
    """Give rows of a block that have several nearest centres the first of them."""
    limit = nearest * (1 + TIE)
    tied = np.flatnonzero(second <= limit)
    if not tied.size:
        return
    rows, limit = columns[:, tied], limit[tied]
    for index in range(len(centers) - 1, -1, -1):
        labels[tied[_squared_distance(rows, centers[index]) <= limit]] = index


def _squared_distance(columns: FloatMatrix, center: FloatVector) -> FloatVector:
    """Squared distance of each row of a block, given by columns, to one centre."""
    total = np.zeros(columns.shape[1])
    for column, middle in zip(columns, center, strict=True):
        difference = column - middle
        difference *= difference
        total += difference
    return total


@dataclass(frozen=True, slots=True)
class Settled:
    """Centres by falling weight, the nearest one of each row, and the inertia."""

    centers: FloatMatrix
    labels: IntVector
    inertia: float


def settle(distinct: DistinctRows, centers: FloatMatrix, *, n_steps: int) -> Settled:
    """Order centres, fill empty clusters, and label each row with its nearest centre.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [10.0], [10.0], [10.0]])
    >>> settle(distinct, np.array([[2.0], [9.0]]), n_steps=50)
    Settled(centers=array([[10. ],
           [ 0.5]]), labels=array([1, 1, 0]), inertia=0.5)
    """
    centers, labels, squared = _occupied(distinct, centers)
    for step in range(n_steps + _MAX_ORDERINGS):
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
