"""Euclidean silhouette of all users: exact, or estimated from a sample with an interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering.moments import checked_labels
from segmentry.segments.clustering.rows import DistinctRows
from segmentry.segments.clustering.silhouette_sums import silhouette_values

__all__ = [
    "MeanInterval",
    "SilhouetteSample",
    "SilhouetteScore",
    "exact_silhouette",
    "sampled_silhouette",
    "score_silhouettes",
    "silhouettes_of_sample",
]

_N_SAMPLED = 2000


class MeanInterval(NamedTuple):
    """A mean with the ends of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SilhouetteScore:
    """The mean Euclidean silhouette of all users under one labelling.

    Parameters
    ----------
    mean : MeanInterval
        The mean of all users, or its unbiased estimate with an interval for the sampling of users.
        The interval does not cover what another fit or other days would give.
    cluster_means : tuple of float or None, of length k
        Mean of the measured users of each cluster; None where the sample holds none.
    n_sampled : int
        Users that were measured.
    n_users : int
        Users that there are; all of them were measured where `n_sampled` is the same.
    """

    mean: MeanInterval
    cluster_means: tuple[float | None, ...]
    n_sampled: int
    n_users: int


@dataclass(frozen=True, slots=True)
class SilhouetteSample:
    """Silhouettes of single sampled users under one labelling, for drawing the blades.

    Parameters
    ----------
    rows : ndarray of shape (n_sampled,)
        Distinct row of each sampled user, in ascending order.
    labels : ndarray of shape (n_sampled,)
        Cluster of each sampled user.
    values : ndarray of shape (n_sampled,)
        Euclidean silhouette of each sampled user against all users.
    n_clusters : int
        Clusters of the labelling, those without sampled users included.
    n_users : int
        Users that the sample was drawn from.
    """

    rows: IntVector
    labels: IntVector
    values: FloatVector
    n_clusters: int
    n_users: int


def sampled_silhouette(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    *,
    n_sampled: int = _N_SAMPLED,
    seed: int,
    level: float = 0.95,
) -> tuple[SilhouetteScore, ...]:
    """Estimate the mean Euclidean silhouette of all users for many labellings at once.

    A simple random sample of users is measured against **all** users, and the mean of exact
    values is unbiased. The silhouette within a sample (`silhouette_score(sample_size=...)` of
    scikit-learn) is not: it takes minima and ratios of mean distances to few users. All labellings
    share the sample, so that their differences are less uncertain than each of them.

    Parameters
    ----------
    labellings : sequence of ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used, k at least 2.
    n_sampled : int
        Users to measure, at least 2; from the number of users on, the score is exact.
    level : float
        Confidence level of the normal interval.

    Raises
    ------
    ValueError
        If labels do not fit the rows or form one cluster, weights are not whole numbers, fewer
        than two users are asked for, or `level` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> score, = sampled_silhouette(distinct, [np.array([0, 0, 1])], n_sampled=4, seed=0)
    >>> round(score.mean.value, 3)  # (2/3 + 1/2 + 1 + 1) / 4
    0.792
    """
    samples = silhouettes_of_sample(distinct, labellings, n_sampled=n_sampled, seed=seed)
    return tuple(score_silhouettes(sample, level=level) for sample in samples)


def silhouettes_of_sample(
    distinct: DistinctRows,
    labellings: Sequence[IntVector],
    *,
    n_sampled: int = _N_SAMPLED,
    seed: int,
) -> tuple[SilhouetteSample, ...]:
    """Measure the Euclidean silhouettes of a sample of users against all users.

    Parameters
    ----------
    labellings : sequence of ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used, k at least 2.
    n_sampled : int
        Users to measure, at least 2, drawn without replacement; all users where there are fewer.
    seed : int
        Not negative. The users are the same for every labelling.

    Raises
    ------
    ValueError
        If labels do not fit the rows or form one cluster, weights are not whole numbers, or fewer
        than two users are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> sample, = silhouettes_of_sample(distinct, [np.array([0, 0, 1])], seed=0)
    >>> sample.labels, sample.values.round(3)
    (array([0, 0, 1, 1]), array([0.667, 0.5  , 1.   , 1.   ]))
    """
    if n_sampled < 2:
        raise ValueError(f"n_sampled: found {n_sampled}, expected at least 2 users")
    checked = _checked(distinct, labellings)
    n_users = _n_users(distinct)
    chosen, counts = _draw(distinct, n_sampled=min(n_sampled, n_users), seed=seed)
    rows = np.repeat(chosen, counts)
    values = silhouette_values(distinct, checked, chosen)
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


def score_silhouettes(sample: SilhouetteSample, *, level: float = 0.95) -> SilhouetteScore:
    """Turn sampled users' silhouettes into the mean of all users with an interval.

    The interval is the normal one for a mean of a simple random sample without replacement, with
    the finite population correction `1 - n / N`: it closes when all users are measured.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    References
    ----------
    Cochran, W. G. (1977). Sampling techniques, 3rd edition, section 2.6. Wiley.

    Examples
    --------
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
    if not 0 < level < 1:
        raise ValueError(f"level: found {level}, expected a number between 0 and 1")
    from scipy.special import ndtri

    n_sampled = len(sample.values)
    mean = float(np.mean(sample.values))
    half = 0.0
    if n_sampled < sample.n_users:
        error = np.std(sample.values, ddof=1) * np.sqrt(1 / n_sampled - 1 / sample.n_users)
        half = float(ndtri((1 + level) / 2) * error)
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

    Each distinct row is measured against all users: the time grows with the square of the number
    of distinct rows, about a minute for 100,000 of seven columns on two cores.

    Parameters
    ----------
    labellings : sequence of ndarray of shape (n_distinct,)
        Labels 0..k-1, each of them used, k at least 2.
    on_block : callable, optional
        Called with the number of distinct rows that are done and their total.

    Returns
    -------
    tuple of SilhouetteScore
        One for each labelling; both ends of the interval are the mean.

    Raises
    ------
    ValueError
        If labels do not fit the rows or form one cluster, or weights are not whole numbers.

    References
    ----------
    Rousseeuw, P. J. (1987). Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis. Journal of Computational and Applied Mathematics 20, 53-65.

    Examples
    --------
    >>> import numpy as np
    >>> from segmentry.segments.clustering import distinct_rows
    >>> distinct = distinct_rows([[0.0], [1.0], [3.0], [3.0]])
    >>> score, = exact_silhouette(distinct, [np.array([0, 0, 1])])
    >>> round(score.mean.value, 3), [round(mean, 3) for mean in score.cluster_means]
    (0.792, [0.583, 1.0])
    """
    checked = _checked(distinct, labellings)
    n_users = _n_users(distinct)
    every = np.arange(len(distinct.rows), dtype=np.int64)
    values = silhouette_values(distinct, checked, every, on_block=on_block)
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


def _checked(distinct: DistinctRows, labellings: Sequence[IntVector]) -> list[IntVector]:
    """Labels that a silhouette is defined for."""
    if not labellings:
        raise ValueError("labellings: found none, expected at least one")
    return [checked_labels(distinct, labels, n_clusters_at_least=2) for labels in labellings]


def _n_users(distinct: DistinctRows) -> int:
    """Number of users that the rows stand for; a silhouette takes the user out of the count."""
    if not np.array_equal(distinct.weights, np.floor(distinct.weights)):
        raise ValueError(
            "weights: found fractions, expected numbers of users; a silhouette compares a user "
            "with the other users of the cluster"
        )
    return int(distinct.weights.sum())


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
    """Mean of each cluster's values; None where there are none."""
    n_values = np.bincount(labels, weights=counts, minlength=n_clusters)
    sums = np.bincount(labels, weights=counts * values, minlength=n_clusters)
    return tuple(
        float(total / n) if n > 0 else None for total, n in zip(sums, n_values, strict=True)
    )
