"""Gap statistic and prediction strength, by small k-means fits: evidence next to the valleys."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from segmentry.evaluation.stability import contingency
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows, assign, fit_starts, reweighted

_N_STARTS = 4
Reference = Literal["uniform", "pca"]
REFERENCES: tuple[Reference, ...] = ("uniform", "pca")
STRONG = 0.8
"""Strength from which groups are said to be there (Tibshirani and Walther 2005: 0.8 to 0.9)."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallFit:
    """Centres (k, n_columns), labels (n_rows,) and the weighted within-cluster sum of squares."""

    centers: FloatMatrix
    labels: IntVector
    inertia: float


def small_kmeans(rows: FloatMatrix, weights: FloatVector, *, k: int, seed: int) -> SmallFit:
    """Fit k-means to a few thousand rows, from four starts by k-means++."""
    runs = fit_starts(rows, weights, k, [seed], n_per_seed=_N_STARTS)
    (best,) = runs.best(per_set=_N_STARTS)
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


@dataclass(frozen=True, slots=True)
class GapCurve:
    """The gap for each number of groups against one kind of reference."""

    reference: Reference
    """Uniform over the range of each column, or of each principal component."""
    numbers: tuple[int, ...]
    """1..K; fewer than requested where the users take only few distinct values."""
    gaps: tuple[float, ...]
    errors: tuple[float, ...]
    """`gaps`, `errors`: mean log dispersion of the references minus that of the data, and s_k."""
    n_groups: int
    """The smallest k whose gap is within one standard error of the largest gap."""
    n_users: int
    """Users in the sample."""


def gap_statistic(
    distinct: DistinctRows,
    *,
    most: int = 10,
    n_references: int = 10,
    n_users: int = 1000,
    seed: int = 0,
) -> tuple[GapCurve, ...]:
    """Compare the tightness of k clusters with that of data without any group.

    Notes
    -----
    Tibshirani, Walther and Hastie (2001), J. R. Stat. Soc. B 63, 411-423; s_k = sd_k
    sqrt(1 + 1 / B). Their rule stops at the first k that the next does not beat by a standard
    error. With three blobs 4 standard deviations apart two clusters are no better than one: it
    said 1 in 11 of 16 trials (500 and 1,000 users, both references). One standard error from the
    largest gap said 3 in all 16, and 1 on all sets without groups by at least one reference.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> rng = np.random.default_rng(0)
    >>> blobs = rng.standard_normal((300, 2)) + 8 * np.repeat([[0, 0], [1, 0], [0, 1]], 100, axis=0)
    >>> [curve.n_groups for curve in gap_statistic(distinct_rows(blobs), most=5, n_references=5)]
    [3, 3]
    """
    sample = sample_users(distinct, n_users=n_users, seed=seed)
    numbers = usable_numbers(sample, most)
    n_sampled = int(sample.weights.sum())
    if len(numbers) == 1:
        nothing = np.zeros(1), np.zeros((2, 1))
        return tuple(_curve(kind, numbers, *nothing, n_users=n_sampled) for kind in REFERENCES)
    found = _all_dispersions(sample, numbers, n_references, seed=seed)
    parts = np.split(found[1:], len(REFERENCES))
    return tuple(
        _curve(kind, numbers, found[0], part, n_users=n_sampled)
        for kind, part in zip(REFERENCES, parts, strict=True)
    )


def _all_dispersions(
    sample: DistinctRows,
    numbers: tuple[int, ...],
    n_references: int,
    *,
    seed: int,
) -> FloatMatrix:
    """Log dispersions of the data and then of each reference set, shape (n_sets, n_numbers)."""
    n_users = int(sample.weights.sum())
    sets = _references(sample, n_references, n_users=n_users, seed=seed)
    seeds = [seed + b for _ in REFERENCES for b in range(n_references)]

    def inertias(k: int) -> list[float]:
        runs = fit_starts(sets, np.ones(n_users), k, seeds, n_per_seed=_N_STARTS)
        of_data = small_kmeans(sample.rows, sample.weights, k=k, seed=seed).inertia
        return [of_data, *runs.inertias[runs.best(per_set=_N_STARTS)].tolist()]

    # The longest first: at the end both threads are busy.
    found = map_in_threads(inertias, numbers[::-1])
    return np.ascontiguousarray(np.log(found[::-1]).T)  # means add up in the order of memory


def _references(sample: DistinctRows, n_references: int, *, n_users: int, seed: int) -> FloatMatrix:
    """Sets of users without any group, shape (n_sets, n_users, n_columns)."""
    sets = []
    for kind, rows in enumerate((sample.rows, _rotated(sample))):
        low, high = rows.min(axis=0), rows.max(axis=0)
        for b in range(n_references):
            rng = np.random.default_rng([seed, kind, b])
            sets.append(rng.uniform(low, high, (n_users, low.size)))
    return np.array(sets)


def _rotated(sample: DistinctRows) -> FloatMatrix:
    """The rows along their principal components; distances stay as they are."""
    mean = sample.weights @ sample.rows / sample.weights.sum()
    centred = sample.rows - mean
    _, axes = np.linalg.eigh(centred.T @ (centred * sample.weights[:, np.newaxis]))
    rotated: FloatMatrix = centred @ axes
    return rotated


def _curve(
    kind: Reference,
    numbers: tuple[int, ...],
    of_data: FloatVector,
    references: FloatMatrix,
    *,
    n_users: int,
) -> GapCurve:
    gaps = references.mean(axis=0) - of_data
    errors = references.std(axis=0) * np.sqrt(1 + 1 / len(references))
    largest = int(np.argmax(gaps))
    n_groups = numbers[int(np.flatnonzero(gaps >= gaps[largest] - errors[largest])[0])]
    return GapCurve(
        reference=kind,
        numbers=numbers,
        gaps=tuple(float(gap) for gap in gaps),
        errors=tuple(float(error) for error in errors),
        n_groups=n_groups,
        n_users=n_users,
    )


@dataclass(frozen=True, slots=True)
class PredictionStrength:
    """Mean strength for each number of groups with its standard error over splits.

    `n_groups` is the largest number whose mean plus one standard error is at least 0.8.
    """

    numbers: tuple[int, ...]
    strengths: tuple[float, ...]
    errors: tuple[float, ...]
    n_groups: int
    n_users: int


def prediction_strength(
    distinct: DistinctRows,
    *,
    most: int = 10,
    n_splits: int = 10,
    n_users: int = 2000,
    seed: int = 0,
) -> PredictionStrength:
    """Cluster two halves of the users and see whether pairs of one stay together in the other.

    For each group of the second half: the share of its pairs of users that the centres of the
    first half joined. The strength is that of the worst group; a group of one user has
    none. One group has strength 1.

    Notes
    -----
    Tibshirani and Walther (2005), J. Comput. Graph. Stat. 14, 511-528.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> rng = np.random.default_rng(0)
    >>> blobs = rng.standard_normal((300, 2)) + 8 * np.repeat([[0, 0], [1, 0], [0, 1]], 100, axis=0)
    >>> prediction_strength(distinct_rows(blobs), most=5).n_groups
    3
    """
    sample = sample_users(distinct, n_users=n_users, seed=seed)
    counts = sample.weights.astype(np.int64)
    numbers = usable_numbers(sample, most)

    def strengths(split: int) -> list[float]:
        rng = np.random.default_rng([seed, split])
        first = rng.multivariate_hypergeometric(counts, int(counts.sum()) // 2, method="marginals")
        halves = [(sample.rows[half > 0], half[half > 0]) for half in (first, counts - first)]
        return [_strength(halves, k, seed=seed + split) for k in numbers]

    found = np.array(map_in_threads(strengths, range(n_splits)))
    means, errors = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(n_splits)
    strong = [
        k for k, mean, error in zip(numbers, means, errors, strict=True) if mean + error >= STRONG
    ]
    return PredictionStrength(
        numbers=numbers,
        strengths=tuple(float(mean) for mean in means),
        errors=tuple(float(error) for error in errors),
        n_groups=max(strong, default=1),
        n_users=int(counts.sum()),
    )


def _strength(
    halves: list[tuple[npt.NDArray[np.float64], IntVector]], k: int, *, seed: int
) -> float:
    if k == 1:
        return 1.0
    if any(len(rows) <= k for rows, _ in halves):
        return 0.0
    (rows, weights), (others, other_weights) = halves
    first = small_kmeans(rows, weights.astype(np.float64), k=k, seed=seed)
    second = small_kmeans(others, other_weights.astype(np.float64), k=k, seed=seed)
    predicted, _ = assign(others, first.centers)
    table = contingency(second.labels, predicted, weights=other_weights.astype(np.float64))
    together = np.sum(table * (table - 1), axis=1)
    sizes = table.sum(axis=1)
    pairs = sizes * (sizes - 1)
    return float(np.divide(together, pairs, out=np.zeros(len(pairs)), where=pairs > 0).min())
