"""Prediction strength: whether the groups of half the users hold in the other half."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.evaluation.number._small_fits import sample_users, small_kmeans, usable_numbers
from segmentry.evaluation.stability import contingency
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import IntVector
from segmentry.segments.clustering import DistinctRows, assign

STRONG = 0.8
"""Strength from which groups are said to be there (Tibshirani and Walther 2005: 0.8 to 0.9)."""


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
    first half put together. The strength is that of the worst group; a group of one user has
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
    import sklearn.cluster  # noqa: F401  # loaded before the threads, so that it can be limited

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
    foretold, _ = assign(others, first.centers)
    table = contingency(second.labels, foretold, weights=other_weights.astype(np.float64))
    together = np.sum(table * (table - 1), axis=1)
    sizes = table.sum(axis=1)
    pairs = sizes * (sizes - 1)
    return float(np.divide(together, pairs, out=np.zeros(len(pairs)), where=pairs > 0).min())
