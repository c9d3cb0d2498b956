"""K-means on few rows: all starts at once, to the bit what scikit-learn's `KMeans` gives.

`KMeans` spends a tenth of the time of a fit of 1,000 rows in arithmetic and the rest in checks of
its arguments, and the choice of a number of segments makes tens of thousands of such fits: 60
starts take 2 to 4 times as long with it on 1,024 rows, four starts 1.6 to 7 times on 300
(`benchmarks/sweep_kmeans.py`). On 4,096 rows both are even. That answers are the same to
the bit is what lets one stand in for the other; `tests/segments/clustering/test_lloyd.py` holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector

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

    def best(self) -> int:
        """Return the start of smallest inertia; a same division by another name is no better."""
        chosen = 0
        for start in range(1, len(self.inertias)):
            if self.inertias[start] < self.inertias[chosen] and not _is_same(
                self.labels[start], self.labels[chosen]
            ):
                chosen = start
        return chosen


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """Rows less their mean, which makes distances by products more exact."""

    rows: FloatMatrix  # (n_rows, n_columns)
    weights: FloatVector  # (n_rows,)
    weighted: FloatMatrix  # (1 + n_columns, n_rows): the weights, and each column times them
    mean: FloatVector  # (n_columns,), without weights: for the sake of rounding only
    norms: FloatVector  # (n_rows,), squared lengths
    spread: float  # mean variance of the columns: what the tolerance is a share of


def fit_starts(
    rows: FloatMatrix, weights: FloatVector, k: int, seeds: Sequence[int], *, n_per_seed: int = 1
) -> Runs:
    """Seed centres by greedy k-means++ and run them to their ends, by seed and start of a seed.

    Each of the `seeds` is one random stream, that of scikit-learn, so that a seed means there what
    it means here; `n_per_seed` starts are drawn from it, one after the other.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.

    Examples
    --------
    >>> rows = np.array([[0.0], [2.0], [9.0]])
    >>> fit_starts(rows, np.ones(3), 2, [0, 1, 2]).inertias.round(6).tolist()
    [2.0, 2.0, 2.0]
    """
    prepared = _prepare(rows, weights)
    centers = _seed_centers(prepared, k, seeds, n_per_seed=n_per_seed)
    n_held = max(1, _MAX_CELLS // (k * len(prepared.rows)))
    parts = [
        _run(prepared, centers[first : first + n_held], tol=1e-4, n_steps=300)
        for first in range(0, len(centers), n_held)
    ]
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


def _prepare(rows: FloatMatrix, weights: FloatVector) -> _Prepared:
    mean = rows.mean(axis=0)
    centred = np.ascontiguousarray(rows - mean)
    return _Prepared(
        rows=centred,
        weights=weights,
        weighted=np.vstack([weights, weights * centred.T]),
        mean=mean,
        norms=_squares(centred),
        spread=float(np.mean(np.var(rows, axis=0))),
    )


def _seed_centers(
    prepared: _Prepared, k: int, seeds: Sequence[int], *, n_per_seed: int
) -> FloatMatrix:
    """Choose centres by greedy k-means++, shape (n_starts, k, n_columns), less the rows' mean."""
    rows, weights = prepared.rows, prepared.weights
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
        tried = np.minimum(tried, len(rows) - 1)
        distances = _distances(prepared, tried)
        np.minimum(nearest[:, np.newaxis], distances, out=distances)
        after = np.matmul(distances, weights[:, np.newaxis])[:, :, 0]
        best = after.argmin(axis=1)
        potentials, nearest = after[every, best], distances[every, best]
        chosen[:, c] = tried[every, best]
    return rows[chosen]


def _run(prepared: _Prepared, centers: FloatMatrix, *, tol: float, n_steps: int) -> Runs:
    """Lloyd's steps from centres less the rows' mean, which is put back at the end."""
    n_starts = len(centers)
    weighted = np.tile(prepared.weighted, n_starts)
    found = np.array(centers)
    labels = np.full((n_starts, len(prepared.rows)), -1, dtype=np.int64)
    n_iterations = np.full(n_starts, n_steps, dtype=np.int64)
    running, is_settled = np.arange(n_starts), np.zeros(n_starts, dtype=bool)
    for step in range(n_steps):
        before = found[running]
        again = _nearest(prepared, before)
        found[running] = _means(prepared, again, before, weighted[:, : again.size])
        is_same = (again == labels[running]).all(axis=1)
        labels[running] = again
        moves = _moves(before, found[running])
        ended = is_same | (moves <= tol * prepared.spread)
        is_settled[running[is_same]] = True
        n_iterations[running[ended]] = step + 1
        running = running[~ended]
        if not running.size:
            break
    if not is_settled.all():
        labels[~is_settled] = _nearest(prepared, found[~is_settled])
    inertias = _inertias(prepared, labels, found)
    return Runs(found + prepared.mean, labels, inertias, n_iterations)


def _squares(rows: FloatMatrix) -> FloatVector:
    squared: FloatVector = np.einsum("...j,...j->...", rows, rows)
    return squared


def _distances(prepared: _Prepared, chosen: IntVector) -> FloatMatrix:
    """Squared distances from chosen rows to all rows, shape (*chosen.shape, n_rows)."""
    middles = prepared.rows[chosen]
    distances: FloatMatrix = -2 * np.matmul(middles, prepared.rows.T)
    distances += _squares(middles)[:, :, np.newaxis]
    distances += prepared.norms
    return np.maximum(distances, 0, out=distances)


def _nearest(prepared: _Prepared, centers: FloatMatrix) -> IntVector:
    """Nearest centre of each row, start by start, shape (n_starts, n_rows); the first of several.

    The squared length of the row is the same for all centres and is left out.
    """
    far = np.matmul(centers, prepared.rows.T)
    far *= -2
    far += _squares(centers)[:, :, np.newaxis]
    least = far[:, 0].copy()
    # Small integers: the last centre that beat all before it has the largest number of those.
    labels = np.zeros(least.shape, dtype=np.uint8 if centers.shape[1] <= 255 else np.int64)
    for j in range(1, centers.shape[1]):
        is_nearer = far[:, j] < least
        won = is_nearer.view(np.uint8) if labels.dtype == np.uint8 else is_nearer.astype(np.int64)
        won *= labels.dtype.type(j)
        np.maximum(labels, won, out=labels)
        np.minimum(least, far[:, j], out=least)
    return labels.astype(np.int64)


def _means(
    prepared: _Prepared, labels: IntVector, before: FloatMatrix, weighted: FloatMatrix
) -> FloatMatrix:
    """Weighted means of the clusters of each start, shape (n_starts, k, n_columns)."""
    n_starts, k, n_columns = before.shape
    cells = (labels + k * np.arange(n_starts)[:, np.newaxis]).ravel()
    sums = np.empty((n_starts, k, 1 + n_columns))
    for j, column in enumerate(weighted):
        found = np.bincount(cells, weights=column, minlength=n_starts * k)
        sums[:, :, j] = found.reshape(n_starts, k)
    totals = sums[:, :, :1]
    if totals.all():
        return sums[:, :, 1:] * (1 / totals)
    for start in np.flatnonzero((sums[:, :, 0] == 0).any(axis=1)):
        sums[start] = _refilled(prepared, labels[start], before[start], sums[start])
    is_full = totals > 0
    means = sums[:, :, 1:] * np.divide(1.0, totals, out=np.ones_like(totals), where=is_full)
    heaviest = means[np.arange(n_starts), sums[:, :, 0].argmax(axis=1)]
    return np.where(is_full, means, heaviest[:, np.newaxis])


def _refilled(
    prepared: _Prepared, labels: IntVector, before: FloatMatrix, sums: FloatMatrix
) -> FloatMatrix:
    """Give each empty cluster one of the rows that are farthest from their centres."""
    empty = np.flatnonzero(sums[:, 0] == 0)
    distances = ((prepared.rows - before[labels]) ** 2).sum(axis=1)
    if distances.max() == 0:
        # There are more clusters than different rows.
        return sums
    farthest = np.argpartition(distances, -empty.size)[: -empty.size - 1 : -1]
    filled = sums.copy()
    for cluster, row in zip(empty, farthest, strict=True):
        moved = prepared.weights[row] * np.append(1.0, prepared.rows[row])
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
    sums = np.empty(len(labels))
    for start, mine in enumerate(labels):
        squared = _summed_by_fours((prepared.rows - centers[start][mine]) ** 2)
        # One after the other, in the order of the rows.
        sums[start] = np.cumsum(squared * prepared.weights)[-1]
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
