"""Euclidean silhouettes of users against all users: of a sample with an interval, or of all.

The silhouette within a sample (`silhouette_score(sample_size=...)` of scikit-learn) is biased: it
takes minima and ratios of mean distances to few users. Here the sampled users are measured against
all users. The mean silhouette by squared distances, exact in one pass, is in `_moments`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering._moments import (
    checked_labels,
    cluster_weights,
    silhouettes_from,
)
from segmentry.segments.clustering._rows import DistinctRows, row_keys

_N_SAMPLED = 2000
_LEVEL = 0.95
_BLOCK = 128
# A block's distances to 2,048 rows, 2 MB, stay in the cache between their three passes.
_TILE = 2048


class MeanInterval(NamedTuple):
    """A mean with the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SilhouetteScore:
    """The mean Euclidean silhouette of all users under one labelling."""

    mean: MeanInterval
    """The mean of all users, or its unbiased estimate with an interval for the sampling of users.
    The interval does not cover what another fit or other days would give."""
    cluster_means: tuple[float | None, ...]
    """Of length k: mean of the measured users of each cluster; None where the sample holds none."""
    n_sampled: int
    """Users that were measured."""
    n_users: int
    """Users that there are; all of them were measured where `n_sampled` is the same."""


@dataclass(frozen=True, slots=True)
class SilhouetteSample:
    """Silhouettes of single sampled users under one labelling, for drawing the blades."""

    rows: IntVector
    """Shape (n_sampled,): distinct row of each sampled user, in ascending order."""
    labels: IntVector
    """Shape (n_sampled,): cluster of each sampled user."""
    values: FloatVector
    """Shape (n_sampled,): euclidean silhouette of each sampled user against all users."""
    n_clusters: int
    """Clusters of the labelling, those without sampled users included."""
    n_users: int
    """Users that the sample was drawn from."""


def sampled_silhouette(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    *,
    n_sampled: int = _N_SAMPLED,
    seed: int,
) -> tuple[SilhouetteScore, ...]:
    """Estimate the mean Euclidean silhouette of all users for many labellings at once.

    The scores of `silhouettes_of_sample`, with its parameters and errors. All labellings share the
    sample, so that their differences are less uncertain than each of them.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> score, = sampled_silhouette(distinct, [np.array([0, 0, 1])], n_sampled=4, seed=0)
    >>> round(score.mean.value, 3)  # (2/3 + 1/2 + 1 + 1) / 4
    0.792
    """
    samples = silhouettes_of_sample(distinct, labellings, n_sampled=n_sampled, seed=seed)
    return tuple(score_silhouettes(sample) for sample in samples)


def silhouettes_of_sample(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    *,
    n_sampled: int = _N_SAMPLED,
    seed: int,
) -> tuple[SilhouetteSample, ...]:
    """Measure the Euclidean silhouettes of a simple random sample of users against all users.

    Each of the `labellings`, shape (n_distinct,), is 0..k-1, each label used, k at least 2.
    `n_sampled` users, at least 2, are drawn without replacement, the same for every labelling; all
    users where there are fewer.

    Raises ValueError if labels do not fit the rows or form one cluster, weights are not whole
    numbers, or fewer than two users are requested.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> sample, = silhouettes_of_sample(distinct, [np.array([0, 0, 1])], seed=0)
    >>> sample.labels, sample.values.round(3)
    (array([0, 0, 1, 1]), array([0.667, 0.5  , 1.   , 1.   ]))
    """
    if n_sampled < 2:
        raise ValueError(f"n_sampled: found {n_sampled}, expected at least 2 users")
    checked, n_users = _checked(distinct, labellings)
    chosen, counts = _draw(distinct, n_sampled=min(n_sampled, n_users), seed=seed)
    rows = np.repeat(chosen, counts)
    values = _silhouettes(distinct, checked, chosen)
    return tuple(
        SilhouetteSample(
            rows=rows,
            labels=labels[rows],
            values=np.repeat(silhouettes, counts),
            n_clusters=int(labels.max()) + 1,
            n_users=n_users,
        )
        for labels, silhouettes in zip(checked, values, strict=True)
    )


def score_silhouettes(sample: SilhouetteSample) -> SilhouetteScore:
    """Turn sampled users' silhouettes into the mean of all users with a 95 % interval.

    The interval is the normal one for a mean of a simple random sample without replacement, with
    the finite population correction `1 - n / N`: it closes when all users are measured.

    Cochran, W. G. (1977). Sampling techniques, 3rd edition, section 2.6. Wiley.

    >>> import numpy as np
    >>> values = np.array([0.2, 0.4, 0.6])
    >>> labels = np.array([0, 0, 2])
    >>> sample = SilhouetteSample(np.arange(3), labels, values, n_clusters=3, n_users=12)
    >>> score = score_silhouettes(sample)
    >>> [round(end, 3) for end in score.mean]  # 0.4 ± 1.96 · 0.2 / √3 · √(1 - 3/12)
    [0.4, 0.204, 0.596]
    >>> [mean if mean is None else round(mean, 3) for mean in score.cluster_means]
    [0.3, None, 0.6]
    """
    from scipy.special import ndtri

    n_sampled = len(sample.values)
    mean = float(np.mean(sample.values))
    half = 0.0
    if n_sampled < sample.n_users:
        error = np.std(sample.values, ddof=1) * np.sqrt(1 / n_sampled - 1 / sample.n_users)
        half = float(ndtri((1 + _LEVEL) / 2) * error)
    return SilhouetteScore(
        mean=MeanInterval(mean, max(mean - half, -1.0), min(mean + half, 1.0)),
        cluster_means=_cluster_means(
            sample.labels, sample.values, np.ones(n_sampled), sample.n_clusters
        ),
        n_sampled=n_sampled,
        n_users=sample.n_users,
    )


def exact_silhouette(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    *,
    on_block: Callable[[int, int], None] | None = None,
) -> tuple[SilhouetteScore, ...]:
    """Compute the mean Euclidean silhouette of all users exactly, for many labellings at once.

    Each distinct row is measured against all users: the time grows with the square of the number of
    distinct rows, about a minute for 100,000 of seven columns on two cores. Labellings and errors
    are those of `silhouettes_of_sample`; both ends of the interval are the mean. `on_block` is
    called with the number of distinct rows that are done and their total.

    Rousseeuw, P. J. (1987). Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis. Journal of Computational and Applied Mathematics 20, 53-65.

    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> score, = exact_silhouette(distinct, [np.array([0, 0, 1])])
    >>> round(score.mean.value, 3), [round(mean, 3) for mean in score.cluster_means]
    (0.792, [0.583, 1.0])
    """
    checked, n_users = _checked(distinct, labellings)
    every = np.arange(len(distinct.rows), dtype=np.int64)
    values = _silhouettes(distinct, checked, every, on_block=on_block)
    scores = []
    for labels, silhouettes in zip(checked, values, strict=True):
        mean = float(np.sum(silhouettes * distinct.weights)) / n_users
        k = int(labels.max()) + 1
        scores.append(
            SilhouetteScore(
                mean=MeanInterval(mean, mean, mean),
                cluster_means=_cluster_means(labels, silhouettes, distinct.weights, k),
                n_sampled=n_users,
                n_users=n_users,
            )
        )
    return tuple(scores)


def _checked(
    distinct: DistinctRows, labellings: Sequence[IntVector]
) -> tuple[list[IntVector], int]:
    """Labels that a silhouette is defined for, and the number of users."""
    if not labellings:
        raise ValueError("labellings: found none, expected at least one")
    checked = [checked_labels(distinct, labels, n_clusters_at_least=2) for labels in labellings]
    if not np.array_equal(distinct.weights, np.floor(distinct.weights)):
        raise ValueError(
            "weights: found fractions, expected numbers of users; a silhouette compares a user "
            "with the other users of the cluster"
        )
    return checked, int(distinct.weights.sum())


def _draw(distinct: DistinctRows, *, n_sampled: int, seed: int) -> tuple[IntVector, IntVector]:
    """Rows of a simple random sample of users, ascending, and how many users each gives."""
    last_users = np.cumsum(distinct.weights)
    rng = np.random.default_rng(seed)
    users = rng.choice(int(last_users[-1]), size=n_sampled, replace=False, shuffle=False)
    chosen, counts = np.unique(np.searchsorted(last_users, users, side="right"), return_counts=True)
    return chosen, counts


def _cluster_means(
    labels: IntVector, values: FloatVector, counts: FloatVector, n_clusters: int
) -> tuple[float | None, ...]:
    n_values = np.bincount(labels, weights=counts, minlength=n_clusters)
    sums = np.bincount(labels, weights=counts * values, minlength=n_clusters)
    return tuple(
        float(total / n) if n > 0 else None for total, n in zip(sums, n_values, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Labelling:
    """How the cells make up the clusters of one labelling."""

    labels: IntVector  # (n_distinct,), in the order of the distinct rows
    cell_order: IntVector  # (n_cells,), cells by cluster
    cluster_starts: IntVector  # (k,), where each cluster starts in that order
    weights: FloatVector  # (k,), users in each cluster


@dataclass(frozen=True, slots=True)
class _Cells:
    """All rows ordered by cell: a set of rows that no labelling divides."""

    rows: FloatMatrix
    weights: FloatVector
    cells: IntVector
    labellings: tuple[_Labelling, ...]


def _silhouettes(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    chosen: IntVector,
    *,
    on_block: Callable[[int, int], None] | None = None,
) -> FloatMatrix:
    """Silhouettes of chosen rows against all users, shape (n_labellings, n_chosen).

    Distances, which take most of the time, are computed once for all labellings, by differences
    and not by matrix product: the product loses the small ones and is no faster for few columns.
    They are summed over cells, the sets of rows on which all labellings agree, and cells are then
    summed to the clusters of each labelling.
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
    return silhouettes_from(within, to_clusters.min(axis=1), is_alone=n_others <= 0)
