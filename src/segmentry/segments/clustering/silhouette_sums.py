"""Euclidean silhouettes of chosen rows against all users, for many labellings in one pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering.moments import cluster_weights
from segmentry.segments.clustering.rows import DistinctRows, row_keys

__all__ = ["silhouette_values"]

_BLOCK = 128
# A block's distances to 2,048 rows, 2 MB, stay in the cache between their three passes.
_TILE = 2048


@dataclass(frozen=True, slots=True)
class _Labelling:
    """How the cells make up the clusters of one labelling."""

    labels: IntVector  # (n_distinct,), in the order of the distinct rows
    cell_order: IntVector  # (n_cells,), cells by cluster
    cluster_starts: IntVector  # (k,), where each cluster starts in that order
    weights: FloatVector  # (k,), users in each cluster


@dataclass(frozen=True, slots=True)
class _Cells:
    """All rows ordered by cell: a set of rows that no labelling takes apart."""

    rows: FloatMatrix
    weights: FloatVector
    cells: IntVector
    labellings: tuple[_Labelling, ...]


def silhouette_values(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    chosen: IntVector,
    *,
    on_block: Callable[[int, int], None] | None = None,
) -> FloatMatrix:
    """Compute Euclidean silhouettes of chosen rows against all users.

    Distances, which take most of the time, are computed once for all labellings, by differences
    and not by matrix product: the product loses the small ones and is no faster for few columns.
    They are summed over cells, the sets of rows on which all labellings agree, and cells are then
    summed to the clusters of each labelling.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> silhouette_values(distinct, [np.array([0, 0, 1])], np.array([0, 1, 2])).round(3)
    array([[0.667, 0.5  , 1.   ]])
    """
    cells = _cells(distinct, labellings)
    values = np.empty((len(labellings), len(chosen)))
    n_done = 0

    def measure(part: slice) -> int:
        sums = _cell_sums(distinct.rows[chosen[part]], cells)
        for index, labelling in enumerate(cells.labellings):
            values[index, part] = _values(sums, chosen[part], labelling)
        return len(chosen[part])

    def report(n_measured: int) -> None:
        nonlocal n_done
        n_done += n_measured
        if on_block is not None:
            on_block(n_done, len(chosen))

    parts = [slice(start, start + _BLOCK) for start in range(0, len(chosen), _BLOCK)]
    map_in_threads(measure, parts, on_done=report)
    return values


def _cells(distinct: DistinctRows, labellings: Sequence[IntVector]) -> _Cells:
    """Order the rows by the labels that all labellings give them."""
    keys = row_keys(np.column_stack(labellings).astype(np.float64))
    _, first, cells = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(cells, kind="stable")
    return _Cells(
        rows=distinct.rows[order],
        weights=distinct.weights[order],
        cells=cells[order],
        labellings=tuple(_labelling(distinct, labels, labels[first]) for labels in labellings),
    )


def _labelling(distinct: DistinctRows, labels: IntVector, labels_of_cells: IntVector) -> _Labelling:
    """Describe a labelling by its cells."""
    order = np.argsort(labels_of_cells, kind="stable")
    weights = cluster_weights(distinct, labels)
    return _Labelling(
        labels=labels,
        cell_order=order,
        cluster_starts=np.searchsorted(labels_of_cells[order], np.arange(len(weights))),
        weights=weights,
    )


def _cell_sums(block: FloatMatrix, cells: _Cells) -> FloatMatrix:
    """Sum of the distances from each row of a block to the users of each cell."""
    from scipy.spatial.distance import cdist

    sums = np.zeros((len(block), int(cells.cells[-1]) + 1))
    buffer = np.empty(len(block) * _TILE)
    for start in range(0, len(cells.rows), _TILE):
        tile = slice(start, start + _TILE)
        n_rows = len(cells.rows[tile])
        distances = buffer[: len(block) * n_rows].reshape(len(block), n_rows)
        cdist(block, cells.rows[tile], out=distances)
        distances *= cells.weights[tile]
        in_tile = cells.cells[tile]
        starts = np.flatnonzero(np.diff(in_tile, prepend=-1))
        sums[:, in_tile[0] : in_tile[-1] + 1] += np.add.reduceat(distances, starts, axis=1)
    return sums


def _values(sums: FloatMatrix, chosen: IntVector, labelling: _Labelling) -> FloatVector:
    """Silhouettes of a block of rows for one labelling, from sums of distances to cells."""
    to_clusters = np.add.reduceat(sums[:, labelling.cell_order], labelling.cluster_starts, axis=1)
    own = (np.arange(len(chosen)), labelling.labels[chosen])
    n_others = labelling.weights[labelling.labels[chosen]] - 1
    within = to_clusters[own] / np.maximum(n_others, 1)
    to_clusters /= labelling.weights
    to_clusters[own] = np.inf
    nearest = to_clusters.min(axis=1)
    larger = np.maximum(within, nearest)
    values = np.zeros(len(chosen))
    np.divide(nearest - within, larger, out=values, where=(larger > 0) & (n_others > 0))
    return values
