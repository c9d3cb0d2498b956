"""A candidate as the report shows it."""

from dataclasses import dataclass

from segmentry.schema import Estimate


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One clustering that was tried.

    `silhouette` is Euclidean, from sampled users against all users, with a 95 % interval;
    `squared_silhouette` is the squared-Euclidean one, exact. Scores are null for one segment.
    `smallest_share` is null where the smallest segment has too few users to be shown.
    """

    algorithm: str
    n_segments: int
    inertia: float
    silhouette: Estimate
    squared_silhouette: float | None
    calinski_harabasz: float | None
    davies_bouldin: float | None
    smallest_share: float | None
    is_selected: bool
    is_knee: bool
    reason: str
