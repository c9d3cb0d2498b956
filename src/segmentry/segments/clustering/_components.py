"""Principal components of weighted rows, for pictures in two and three dimensions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from segmentry.runtime.threads import one_thread
from segmentry.schema.arrays import FloatMatrix, FloatVector
from segmentry.segments.clustering._rows import DistinctRows, finite_matrix


@dataclass(frozen=True, slots=True)
class PrincipalComponents:
    """Directions of largest variance."""

    mean: FloatVector
    """Shape (n_columns,): mean over users."""
    components: FloatMatrix
    """Shape (n_components, n_columns): orthonormal directions by falling variance; the largest
    loading of each is positive."""
    explained_variance_ratio: FloatVector
    """Shape (n_components,): share of the total variance along each direction; 0 where nothing
    varies."""


def fit_pca(distinct: DistinctRows, *, n_components: int = 3) -> PrincipalComponents:
    """Find the principal components of all users from the distinct rows, exactly.

    The eigenvectors of the weighted covariance matrix. Of each, the loading of largest absolute
    value is positive (the first of several), so that pictures are not mirrored by chance.

    There are `min(n_components, n_columns)` of them.

    Jolliffe, I. T. (2002). Principal component analysis, 2nd edition. Springer.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    >>> pca = fit_pca(distinct, n_components=1)
    >>> pca.mean, pca.components.round(3), pca.explained_variance_ratio.round(3)
    (array([3., 4.]), array([[0.6, 0.8]]), array([1.]))
    """
    if n_components < 1:
        raise ValueError(f"n_components: found {n_components}, expected at least 1")
    shares = distinct.weights / distinct.weights.sum()
    mean = np.sum(distinct.rows * shares[:, np.newaxis], axis=0)
    centered = distinct.rows - mean
    # One thread: the last bits of a product summed by several depend on their number.
    with one_thread("blas"):
        variances, directions = np.linalg.eigh(centered.T @ (centered * shares[:, np.newaxis]))
    variances = np.maximum(variances[::-1], 0.0)
    components = _with_positive_peak(directions.T[::-1])[:n_components]
    total = variances.sum()
    ratio = variances / total if total > 0 else np.zeros_like(variances)
    return PrincipalComponents(
        mean=mean, components=components, explained_variance_ratio=ratio[:n_components]
    )


def project(X: ArrayLike, pca: PrincipalComponents) -> FloatMatrix:
    """Give the coordinates of rows along the principal components, shape (n_rows, n_components).

    Raises ValueError if a value is not finite or the number of columns is another.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> pca = fit_pca(distinct_rows([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), n_components=1)
    >>> project([[6.0, 8.0], [3.0, 4.0]], pca).round(6)
    array([[5.],
           [0.]])
    """
    matrix = finite_matrix(X)
    if matrix.shape[1] != len(pca.mean):
        raise ValueError(f"X has {matrix.shape[1]} columns, expected {len(pca.mean)}")
    with one_thread("blas"):
        return (matrix - pca.mean) @ pca.components.T


def _with_positive_peak(directions: FloatMatrix) -> FloatMatrix:
    """Turn each direction so that its loading of largest absolute value is positive."""
    # Rounded, so that loadings equal but for rounding do not let the sign depend on it.
    peaks = np.argmax(np.abs(directions).round(9), axis=1)
    signs = np.where(directions[np.arange(len(directions)), peaks] < 0, -1.0, 1.0)
    return directions * signs[:, np.newaxis]
