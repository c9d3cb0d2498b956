"""Put rows to their nearest centre and say how clear the choice was."""

import numpy as np
from numpy.typing import ArrayLike

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering.rows import finite_matrix

__all__ = ["assign", "nearest_two"]

# Eight working vectors of 4,096 float64 stay in a 256 KB cache.
_BLOCK = 4096


def assign(X: ArrayLike, centers: ArrayLike) -> tuple[IntVector, FloatVector]:
    """Find the nearest centre of each row and the margin to the second nearest.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns)
        Finite numbers, preprocessed as the rows that the centres came from.
    centers : array-like of shape (k, n_columns)
        The centres; at least one.

    Returns
    -------
    labels : ndarray of shape (n_rows,)
        Index of the nearest centre by Euclidean distance; the lowest index of several.
    margin : ndarray of shape (n_rows,)
        `(d2 - d1) / d2` in [0, 1], where `d1` and `d2` are the Euclidean distances to the nearest
        and the second nearest centre: 1 on a centre, 0 halfway between two. It is 1 where there
        is one centre only, and 0 where `d2` is 0.

    Raises
    ------
    ValueError
        If a value is not finite, there is no centre, or the numbers of columns differ.

    Examples
    --------
    >>> labels, margin = assign([[0.0], [1.0], [2.0], [4.0]], [[0.0], [4.0]])
    >>> labels
    array([0, 0, 0, 1])
    >>> margin.round(3)
    array([1.   , 0.667, 0.   , 1.   ])
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
    return labels, margin


def nearest_two(X: FloatMatrix, centers: FloatMatrix) -> tuple[IntVector, FloatVector, FloatVector]:
    """Find the nearest centre and the squared distances to the nearest and second nearest.

    Distances are summed from differences, column by column. A row on a centre is at distance 0
    exactly, and a row's answer does not depend on which other rows come with it, neither of which
    holds for the expansion `x² - 2xc + c²` by matrix product.

    Examples
    --------
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
    return labels, nearest, second


def _squared_distance(columns: FloatMatrix, center: FloatVector) -> FloatVector:
    """Squared distance of each row of a block, given by columns, to one centre."""
    total = np.zeros(columns.shape[1])
    for column, middle in zip(columns, center, strict=True):
        difference = column - middle
        difference *= difference
        total += difference
    return total
