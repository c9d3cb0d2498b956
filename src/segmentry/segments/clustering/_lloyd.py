"""K-means on few rows: all starts at once, to the bit what scikit-learn's `KMeans` gives.

`KMeans` spends a tenth of the time of a fit of 1,000 rows in arithmetic and the rest in checks of
its arguments, and the choice of a number of segments makes tens of thousands of such fits: 60
starts take 2 to 4 times as long with it on 1,024 rows, four starts 1.6 to 7 times on 300
(`benchmarks/sweep_kmeans.py`). On 4,096 rows both are even. That answers are the same to
the bit is what lets one stand in for the other; `tests/segments/clustering/test_lloyd.py` holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentry.schema.arrays import BoolVector, FloatMatrix, FloatVector, IntVector

MAX_ROWS = 4096
"""Rows up to which this is quicker than `KMeans`; its compiled loop wins on many rows."""
# Distances from all centres to all rows that are held at once, 2 MB: as many as a cache holds.
_MAX_CELLS = 262_144


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Where some starts ended."""

    centers: FloatMatrix
    """Shape (n_starts, k, n_columns)."""
    labels: IntVector
    """Shape (n_starts, n_rows)."""
    inertias: FloatVector
    """Shape (n_starts,)."""
    n_iterations: IntVector
    """Shape (n_starts,)."""

    def best(self, *, per_set: int) -> list[int]:
        """Return the start of smallest inertia of each so many.

        The same division under another name is not an improvement.
        """
        firsts = range(0, len(self.inertias), per_set)
        return [self._best(range(first, first + per_set)) for first in firsts]

    def _best(self, starts: range) -> int:
        chosen = starts[0]
        for start in starts[1:]:
            if self.inertias[start] < self.inertias[chosen] and not _is_same(
                self.labels[start], self.labels[chosen]
            ):
                chosen = start
        return chosen


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """Rows less their mean, which makes distances by products more exact.

    All starts share the rows, and the first axis has length 1, or each has its own.
    """

    rows: FloatMatrix  # (1 or n_starts, n_rows, n_columns)
    weights: FloatVector  # (n_rows,)
    mean: FloatMatrix  # (1 or n_starts, 1, n_columns), without weights: for rounding only
    norms: FloatMatrix  # (1 or n_starts, n_rows), squared lengths
    spread: FloatVector  # (1 or n_starts,), mean variance of the columns: what the tolerance is of

    def of_starts(self, chosen: BoolVector | IntVector | slice) -> "_Prepared":
        """Return the rows of some starts."""
        if len(self.rows) == 1:
            return self
        parts = (self.mean[chosen], self.norms[chosen], self.spread[chosen])
        return _Prepared(self.rows[chosen], self.weights, *parts)

    def weighted(self, n_starts: int) -> FloatMatrix:
        """Return weights and weighted columns, shape (1 + n_columns, n_starts, n_rows)."""
        columns = self.weights * np.moveaxis(self.rows, -1, 0)
        shape = (len(columns), n_starts, self.weights.size)
        weights = np.broadcast_to(self.weights, (1, *shape[1:]))
        return np.concatenate([weights, np.broadcast_to(columns, shape)])


def fit_starts(
    rows: FloatMatrix, weights: FloatVector, k: int, seeds: Sequence[int], *, n_per_seed: int = 1
) -> Runs:
    """Seed centres by greedy k-means++ and run them to their ends, by seed and start of a seed.

    Each of the `seeds` is one random stream, that of scikit-learn, so that a seed means there what
    it means here; `n_per_seed` starts are drawn from it, one after the other. Rows of shape
    (n_seeds, n_rows, n_columns) are a set for each seed.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.

    Examples
    --------
    >>> rows = np.array([[0.0], [2.0], [9.0]])
    >>> fit_starts(rows, np.ones(3), 2, [0, 1, 2]).inertias.round(6).tolist()
    [2.0, 2.0, 2.0]
    """
    prepared = _prepare(rows, weights, n_per_set=n_per_seed)
    centers = _seed_centers(prepared, k, seeds, n_per_seed=n_per_seed)
    n_held = max(1, _MAX_CELLS // (k * weights.size))
    held = [slice(first, first + n_held) for first in range(0, len(centers), n_held)]
    parts = [_run(prepared.of_starts(each), centers[each], tol=1e-4, n_steps=300) for each in held]
    return Runs(
        centers=np.concatenate([each.centers for each in parts]),
        labels=np.concatenate([each.labels for each in parts]),
        inertias=np.concatenate([each.inertias for each in parts]),
        n_iterations=np.concatenate([each.n_iterations for each in parts]),
    )


def continue_starts(
    rows: FloatMatrix,
    weights: FloatVector,
    centers: FloatMatrix,
    *,
    tol: float = 1e-4,
    n_steps: int = 300,
) -> Runs:
    """Move the centres of each start to the means of their rows until they stay.

    Lloyd, S. (1982). Least squares quantization in PCM. IEEE Trans. Inf. Theory 28, 129-137. A
    cluster that lost its rows takes the row that is farthest from its centre, as in scikit-learn.

    >>> rows = np.array([[0.0], [2.0], [9.0]])
    >>> runs = continue_starts(rows, np.ones(3), np.array([[[0.0], [9.0]]]))
    >>> runs.centers.ravel().round(6).tolist(), runs.inertias.round(6).tolist()
    ([1.0, 9.0], [2.0])
    """
    prepared = _prepare(rows, weights)
    return _run(prepared, centers - prepared.mean, tol=tol, n_steps=n_steps)


def _prepare(rows: FloatMatrix, weights: FloatVector, *, n_per_set: int = 1) -> _Prepared:
    sets = rows if rows.ndim == 3 else rows[np.newaxis]
    mean = np.array([each.mean(axis=0, keepdims=True) for each in sets])
    spread = np.array([np.mean(np.var(each, axis=0)) for each in sets])
    centred = np.ascontiguousarray(sets - mean)
    prepared = _Prepared(centred, weights, mean, _squares(centred), spread)
    if len(sets) == 1:
        return prepared
    return prepared.of_starts(np.repeat(np.arange(len(sets)), n_per_set))


def _seed_centers(
    prepared: _Prepared, k: int, seeds: Sequence[int], *, n_per_seed: int
) -> FloatMatrix:
    """Choose centres by greedy k-means++, shape (n_starts, k, n_columns), less the rows' mean."""
    weights = prepared.weights
    n_trials = 2 + int(np.log(k))
    n_numbers = 1 + (k - 1) * n_trials
    drawn = np.concatenate(
        [np.random.RandomState(seed).random_sample(n_per_seed * n_numbers) for seed in seeds]
    ).reshape(-1, n_numbers)
    n_starts = len(drawn)
    chosen = np.empty((n_starts, k), dtype=np.int64)
    shares = np.cumsum(weights / weights.sum())
    chosen[:, 0] = np.searchsorted(shares / shares[-1], drawn[:, 0], side="right")
    nearest = _distances(prepared, chosen[:, :1])[:, 0]
    potentials = np.matmul(nearest[:, np.newaxis], weights)[:, 0]
    every = np.arange(n_starts)
    for c in range(1, k):
        first = 1 + (c - 1) * n_trials
        requested = drawn[:, first : first + n_trials] * potentials[:, np.newaxis]
        sums = np.cumsum(weights * nearest, axis=1)
        tried = np.array([np.searchsorted(*each) for each in zip(sums, requested, strict=True)])
        # Rounding can lead beyond the last row.
        tried = np.minimum(tried, weights.size - 1)
        distances = _distances(prepared, tried)
        np.minimum(nearest[:, np.newaxis], distances, out=distances)
        after = np.matmul(distances, weights[:, np.newaxis])[:, :, 0]
        best = after.argmin(axis=1)
        potentials, nearest = after[every, best], distances[every, best]
        chosen[:, c] = tried[every, best]
    return _chosen_rows(prepared, chosen)


def _chosen_rows(prepared: _Prepared, chosen: IntVector) -> FloatMatrix:
    """Rows of each start, shape (*chosen.shape, n_columns)."""
    sets = np.arange(len(prepared.rows))[:, np.newaxis]
    found: FloatMatrix = prepared.rows[sets, chosen]
    return found


def _run(prepared: _Prepared, centers: FloatMatrix, *, tol: float, n_steps: int) -> Runs:
    """Lloyd's steps from centres less the rows' mean, which is put back at the end."""
    n_starts, n_rows = len(centers), prepared.weights.size
    going, weighted = prepared, prepared.weighted(n_starts)
    found = np.empty(centers.shape)
    labels = np.empty((n_starts, n_rows), dtype=np.int64)
    n_iterations = np.full(n_starts, n_steps, dtype=np.int64)
    running, before, last = np.arange(n_starts), centers, np.full((n_starts, n_rows), -1)
    for step in range(1, n_steps + 1):
        again = _nearest(going, before)
        after = _means(going, again, before, weighted)
        is_same = (again == last).all(axis=1)
        ended = is_same | (_moves(before, after) <= tol * going.spread)
        before, last = after, again
        if ended.any():
            n_iterations[running[ended]] = step
            found[running[ended]] = after[ended]
            labels[running[is_same]] = again[is_same]
            moved = ended & ~is_same
            if moved.any():
                labels[running[moved]] = _nearest(going.of_starts(moved), after[moved])
            running, before, last = running[~ended], after[~ended], again[~ended]
            if not running.size:
                break
            is_shared = len(going.rows) == 1
            weighted = weighted[:, : running.size] if is_shared else weighted[:, ~ended]
            going = going.of_starts(~ended)
    if running.size:
        found[running], labels[running] = before, _nearest(going, before)
    inertias = _inertias(prepared, labels, found)
    return Runs(found + prepared.mean, labels, inertias, n_iterations)


def _squares(rows: FloatMatrix) -> FloatVector:
    squared: FloatVector = np.einsum("...j,...j->...", rows, rows)
    return squared


def _distances(prepared: _Prepared, chosen: IntVector) -> FloatMatrix:
    """Squared distances from chosen rows to all rows, shape (*chosen.shape, n_rows)."""
    middles = _chosen_rows(prepared, chosen)
    distances: FloatMatrix = np.matmul(-2 * middles, prepared.rows.swapaxes(1, 2))
    distances += _squares(middles)[:, :, np.newaxis]
    distances += prepared.norms[:, np.newaxis]
    return np.maximum(distances, 0, out=distances)


def _nearest(prepared: _Prepared, centers: FloatMatrix) -> npt.NDArray[np.integer[Any]]:
    """Nearest centre of each row, start by start, shape (n_starts, n_rows); the first of several.

    The squared length of the row is the same for all centres and is left out.
    """
    k = centers.shape[1]
    far = np.matmul(-2 * centers, prepared.rows.swapaxes(1, 2))
    far += _squares(centers)[:, :, np.newaxis]
    ranks = np.arange(k, 0, -1, dtype=np.uint8 if k <= 255 else np.int64)[:, np.newaxis]
    # Small integers, of which the first of the nearest has the largest: argmin takes twice as long.
    is_nearest = far == far.min(axis=1, keepdims=True)
    first = (is_nearest.view(np.uint8) * ranks).max(axis=1)
    labels: npt.NDArray[np.integer[Any]] = np.subtract(k, first, dtype=first.dtype)
    return labels


def _means(
    prepared: _Prepared,
    labels: npt.NDArray[np.integer[Any]],
    before: FloatMatrix,
    weighted: FloatMatrix,
) -> FloatMatrix:
    """Weighted means of the clusters of each start, shape (n_starts, k, n_columns)."""
    n_starts, k, n_columns = before.shape
    cells = np.add(labels, k * np.arange(n_starts)[:, np.newaxis], dtype=np.int64).ravel()
    sums = np.empty((n_starts, k, 1 + n_columns))
    for j, column in enumerate(weighted):
        found = np.bincount(cells, weights=column.ravel(), minlength=n_starts * k)
        sums[:, :, j] = found.reshape(n_starts, k)
    totals = sums[:, :, :1]
    if totals.all():
        return sums[:, :, 1:] * (1 / totals)
    for start in np.flatnonzero((sums[:, :, 0] == 0).any(axis=1)):
        rows = prepared.rows[start % len(prepared.rows)]
        sums[start] = _refilled(rows, prepared.weights, labels[start], before[start], sums[start])
    is_full = totals > 0
    means = sums[:, :, 1:] * np.divide(1.0, totals, out=np.ones_like(totals), where=is_full)
    heaviest = means[np.arange(n_starts), sums[:, :, 0].argmax(axis=1)]
    return np.where(is_full, means, heaviest[:, np.newaxis])


def _refilled(
    rows: FloatMatrix,
    weights: FloatVector,
    labels: npt.NDArray[np.integer[Any]],
    before: FloatMatrix,
    sums: FloatMatrix,
) -> FloatMatrix:
    """Give each empty cluster one of the rows that are farthest from their centres."""
    empty = np.flatnonzero(sums[:, 0] == 0)
    distances = ((rows - before[labels]) ** 2).sum(axis=1)
    if distances.max() == 0:
        # There are more clusters than different rows.
        return sums
    farthest = np.argpartition(distances, -empty.size)[: -empty.size - 1 : -1]
    filled = sums.copy()
    for cluster, row in zip(empty, farthest, strict=True):
        moved = weights[row] * np.append(1.0, rows[row])
        filled[labels[row]] -= moved
        filled[cluster] = moved
    return filled


def _moves(before: FloatMatrix, after: FloatMatrix) -> FloatVector:
    """Sum of the squared moves of the centres of each start."""
    lengths = np.sqrt(_summed_by_fours((after - before) ** 2))
    moves: FloatVector = (lengths**2).sum(axis=1)
    return moves


def _inertias(prepared: _Prepared, labels: IntVector, centers: FloatMatrix) -> FloatVector:
    """Weighted sum of squared distances, start by start."""
    each = np.arange(len(labels))[:, np.newaxis]
    squared = _summed_by_fours((prepared.rows - centers[each, labels]) ** 2)
    # One after the other, in the order of the rows.
    sums: FloatVector = np.cumsum(squared * prepared.weights, axis=1)[:, -1]
    return sums


def _summed_by_fours(values: FloatMatrix) -> FloatMatrix:
    """Sum over the last axis, four columns at a time and then the rest one by one."""
    n_columns = values.shape[-1]
    whole = n_columns - n_columns % 4
    total = np.zeros(values.shape[:-1])
    for j in range(0, whole, 4):
        part = values[..., j] + values[..., j + 1]
        total += part + values[..., j + 2] + values[..., j + 3]
    for j in range(whole, n_columns):
        total += values[..., j]
    return total


def _is_same(labels: IntVector, others: IntVector) -> bool:
    """Whether two divisions are the same but for the numbers of their clusters."""
    pairs = np.unique(labels * (int(others.max()) + 1) + others)
    return len(pairs) == len(np.unique(labels))
