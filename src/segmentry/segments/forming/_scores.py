"""Scores of the candidates; their silhouettes of sampled users with an interval, or of all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from segmentry.errors import SelectionError
from segmentry.schema import UNKNOWN, Estimate
from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    SilhouetteSample,
    SilhouetteScore,
    calinski_harabasz,
    cluster_moments,
    davies_bouldin,
    exact_silhouette,
    score_silhouettes,
    silhouettes_of_sample,
    squared_silhouette,
)
from segmentry.segments.forming._selection import Candidate

MOST_EXACT_ROWS = 400_000
"""Distinct rows up to which a silhouette is worked out exactly."""
# 90,011 rows of 7 columns took 40.7 s on two threads (benchmarks/exact_silhouette.py).
_NANOSECONDS = 0.72


@dataclass(frozen=True, slots=True, eq=False)
class Silhouettes:
    """By number of segments: the score of all users, and the sampled users that are drawn."""

    scores: Mapping[int, SilhouetteScore] = field(default_factory=dict)
    samples: Mapping[int, SilhouetteSample] = field(default_factory=dict)


def silhouettes_by_number(
    distinct: DistinctRows,
    clusterings: Sequence[Clustering],
    *,
    seed: int,
    is_exact: bool = False,
    on_block: Callable[[int, int], None] | None = None,
) -> Silhouettes:
    """Score the clusterings for which a silhouette is defined, by number of segments.

    >>> from segmentry.segments.clustering import distinct_rows, fit_clusterings
    >>> distinct = distinct_rows([[0.0], [1.0], [8.0], [8.0]])
    >>> fitted = fit_clusterings(distinct, n_clusters=[1, 2], seed=0)
    >>> found = silhouettes_by_number(distinct, fitted, seed=0, is_exact=True)
    >>> [(k, round(score.mean.value, 3)) for k, score in found.scores.items()]
    [(2, 0.933)]
    """
    # A silhouette takes the user out of the count, so fractions of users have none.
    if not np.array_equal(distinct.weights, np.floor(distinct.weights)):
        return Silhouettes()
    n_users = int(distinct.weights.sum())
    scored = [each for each in clusterings if 1 < len(each.centers) < n_users]
    if not scored:
        return Silhouettes()
    labellings = [each.labels for each in scored]
    if is_exact:
        _check_size(distinct)
    samples = silhouettes_of_sample(distinct, labellings, seed=seed)
    scores = tuple(score_silhouettes(sample) for sample in samples)
    if is_exact:
        scores = exact_silhouette(distinct, labellings, on_block=on_block)
    numbers = [len(each.centers) for each in scored]
    return Silhouettes(
        scores=dict(zip(numbers, scores, strict=True)),
        samples=dict(zip(numbers, samples, strict=True)),
    )


def _check_size(distinct: DistinctRows) -> None:
    n_rows, n_columns = distinct.rows.shape
    if n_rows > MOST_EXACT_ROWS:
        minutes = n_rows**2 * n_columns * _NANOSECONDS / 60e9
        raise SelectionError(
            f"--exact-silhouette: found {n_rows:,} distinct rows of {n_columns} columns, which "
            f"would take about {minutes:,.0f} minutes on two threads; expected at most "
            f"{MOST_EXACT_ROWS:,}; leave the option out (the silhouette of a sample of users "
            "against all users is unbiased and has an interval) or name fewer --features"
        )


def make_candidate(
    distinct: DistinctRows, clustering: Clustering, score: SilhouetteScore | None
) -> Candidate:
    """Score a clustering."""
    labels, moments = clustering.labels, cluster_moments(distinct, clustering.labels)
    weights = moments.weights
    scores: dict[str, float] = {}
    if len(clustering.centers) > 1 and score is not None:
        scores = {
            "squared_silhouette": squared_silhouette(distinct, labels, moments=moments),
            "calinski_harabasz": calinski_harabasz(distinct, labels, moments=moments),
            "davies_bouldin": davies_bouldin(distinct, labels, moments=moments),
        }
    return Candidate(
        algorithm=clustering.algorithm,
        n_segments=len(clustering.centers),
        inertia=clustering.inertia,
        silhouette=UNKNOWN if score is None else Estimate(*score.mean),
        squared_silhouette=scores.get("squared_silhouette"),
        calinski_harabasz=scores.get("calinski_harabasz"),
        davies_bouldin=scores.get("davies_bouldin"),
        smallest_share=float(weights.min() / weights.sum()),
    )
