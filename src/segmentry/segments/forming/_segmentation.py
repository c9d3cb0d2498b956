"""A segmentation: what forming returns, and one candidate of it."""

from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    PrincipalComponents,
    SilhouetteSample,
    SilhouetteScore,
    calinski_harabasz,
    cluster_moments,
    davies_bouldin,
    squared_silhouette,
)
from segmentry.segments.forming._cell_model import CellModel
from segmentry.segments.forming._latent_segments import LatentSegments
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._selection import Candidate, Selection
from segmentry.segments.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Segments and all that is needed to put other users into them.

    Parameters
    ----------
    centers : ndarray, shape (n_segments, n_columns)
        Centre of segment `i` at row `i - 1`, in the columns of `X`.
    components : PrincipalComponents
        Of `X`, for pictures.
    segment_ids : ndarray of int, shape (n_users,)
        1..K in the order of the user table; 0 for users that belong to none.
    margins : ndarray of float, shape (n_users,)
        How clearly a user belongs to the segment, 0..1; NaN where unassigned.
    unassigned : tuple of (str, int)
        Reason and number of users.
    segment_silhouettes : tuple of float or None
        Mean Euclidean silhouette of the sampled users of each segment.
    silhouette_sample : SilhouetteSample or None
        The silhouettes of those users, labels counting from 0; none where no silhouette is defined.
    latent : LatentSegments or None
        The classes and how much each user belongs to them, where the algorithm is "latent".
    cells : CellModel or None
        The cut points and cells, where the algorithm is "cells".
    """

    recipe: Recipe
    algorithm: str
    preprocessing: Preprocessing
    centers: npt.NDArray[np.float64]
    selection: Selection
    components: PrincipalComponents
    segment_ids: IntVector
    margins: FloatVector
    unassigned: tuple[tuple[str, int], ...]
    segment_silhouettes: tuple[float | None, ...]
    silhouette_sample: SilhouetteSample | None = None
    latent: LatentSegments | None = None
    cells: CellModel | None = None

    @property
    def n_segments(self) -> int:
        """Number of segments; 1 says that there is nothing to tell apart."""
        return self.selection.n_segments

    def _repr_html_(self) -> str:
        """Return sizes and reason for notebooks."""
        n_users = int((self.segment_ids != UNASSIGNED).sum())
        counts = np.bincount(self.segment_ids, minlength=self.n_segments + 1)[1:]
        rows = "".join(
            f"<tr><td>{i}</td><td>{n:,}</td><td>{n / n_users:.1%}</td></tr>"
            for i, n in enumerate(counts.tolist(), start=1)
        )
        return (
            f"<div><p><b>{n_users:,} users in {self.n_segments} segments.</b> "
            f"{escape(self.selection.reason)}</p><table><thead><tr><th>segment</th><th>users</th>"
            f"<th>share</th></tr></thead><tbody>{rows}</tbody></table></div>"
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
