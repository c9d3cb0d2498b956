"""Many small k-means fits, on samples of users: what the counts of groups are made of."""

from dataclasses import dataclass

import numpy as np

from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows, fit_starts, reweighted

_N_STARTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class SmallFit:
    """Centres (k, n_columns), labels (n_rows,) and the weighted within-cluster sum of squares."""

    centers: FloatMatrix
    labels: IntVector
    inertia: float


def small_kmeans(rows: FloatMatrix, weights: FloatVector, *, k: int, seed: int) -> SmallFit:
    """Fit k-means to a few thousand rows, from four starts by k-means++."""
    runs = fit_starts(rows, weights, k, [seed], n_per_seed=_N_STARTS)
    best = runs.best()
    return SmallFit(
        centers=runs.centers[best], labels=runs.labels[best], inertia=float(runs.inertias[best])
    )


def sample_users(distinct: DistinctRows, *, n_users: int, seed: int) -> DistinctRows:
    """Draw users without replacement, all of them if there are no more; rows of weight 0 go."""
    counts = np.rint(distinct.weights).astype(np.int64)
    if counts.sum() > n_users:
        rng = np.random.default_rng(seed)
        counts = rng.multivariate_hypergeometric(counts, n_users, method="marginals")
    return reweighted(distinct, counts.astype(np.float64))


def usable_numbers(sample: DistinctRows, most: int) -> tuple[int, ...]:
    """Numbers of clusters from 1 up that leave something within the clusters."""
    return tuple(range(1, max(1, min(most, len(sample.rows) - 1)) + 1))
