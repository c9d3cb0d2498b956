"""A segmentation: what forming returns, and one candidate of it."""

from dataclasses import dataclass, replace
from html import escape

import numpy as np

from segmentry.formats import percent
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntMatrix, IntVector
from segmentry.segments.clustering import (
    DistinctRows,
    PrincipalComponents,
    SilhouetteSample,
    fit_pca,
)
from segmentry.segments.forming._cell_model import CellModel
from segmentry.segments.forming._latent_classes import LatentSegments
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._selection import Selection, Silhouettes
from segmentry.segments.forming._users import PreparedUsers
from segmentry.segments.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Segments and all that is needed to put other users into them."""

    recipe: Recipe
    algorithm: str
    preprocessing: Preprocessing
    centers: FloatMatrix
    """Shape (n_segments, n_columns): centre of segment `i` at row `i - 1`, in the columns of
    `X`."""
    selection: Selection
    components: PrincipalComponents
    """Of `X`, for pictures."""
    segment_ids: IntVector
    """Shape (n_users,): 1..K in the order of the user table; 0 for users that belong to none."""
    margins: FloatVector
    """Shape (n_users,): how clearly a user belongs to the segment, 0..1; NaN where unassigned."""
    unassigned: tuple[tuple[str, int], ...]
    """Reason and number of users."""
    segment_silhouettes: tuple[float | None, ...]
    """Mean Euclidean silhouette of the sampled users of each segment."""
    silhouette_sample: SilhouetteSample | None = None
    """The silhouettes of those users, labels counting from 0; none where no silhouette is
    defined."""
    latent: LatentSegments | None = None
    """The classes and how much each user belongs to them, where the algorithm is "latent"."""
    cells: CellModel | None = None
    """The cut points and cells, where the algorithm is "cells"."""
    ids_before: IntMatrix | None = None
    """Shape (n_users, 2): segments of the users in the window before and the nearest then, 0 for
    none, where they were kept."""

    @property
    def n_segments(self) -> int:
        """Number of segments; 1 says that there is no division."""
        return self.selection.n_segments

    def reordered(self, order: IntVector) -> "Segmentation":
        """Return the same segments under other numbers: segment `order[i] + 1` becomes `i + 1`."""
        place = np.argsort(order)
        number = np.concatenate([[UNASSIGNED], place + 1])
        sample = self.silhouette_sample
        if sample is not None:
            sample = replace(sample, labels=place[sample.labels])
        return replace(
            self,
            cells=None if self.cells is None else self.cells.reordered(order),
            centers=self.centers[order],
            latent=None if self.latent is None else self.latent.reordered(order),
            silhouette_sample=sample,
            segment_ids=number[self.segment_ids],
            ids_before=None if self.ids_before is None else number[self.ids_before],
            segment_silhouettes=tuple(self.segment_silhouettes[each] for each in order),
        )

    def _repr_html_(self) -> str:
        """Return sizes and reason for notebooks."""
        n_users = int((self.segment_ids != UNASSIGNED).sum())
        counts = np.bincount(self.segment_ids, minlength=self.n_segments + 1)[1:]
        rows = "".join(
            f"<tr><td>{i}</td><td>{n:,}</td><td>{percent(n / n_users)}</td></tr>"
            for i, n in enumerate(counts.tolist(), start=1)
        )
        return (
            f"<div><p><b>{n_users:,} users in {self.n_segments} segments.</b> "
            f"{escape(self.selection.reason)}</p><table><thead><tr><th>segment</th><th>users</th>"
            f"<th>share</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )


def segmentation_of(
    recipe: Recipe,
    users: PreparedUsers,
    distinct: DistinctRows,
    selection: Selection,
    *,
    algorithm: str,
    centers: FloatMatrix,
    labels: IntVector,
    margins: FloatVector,
    measured: Silhouettes,
    latent: LatentSegments | None = None,
    cells: CellModel | None = None,
    ids_before: IntMatrix | None = None,
) -> Segmentation:
    """Number the segments from labels and margins of the members, shape (n_members,) each."""
    k = selection.n_segments
    score = measured.scores.get(k)
    ids = np.full(users.is_member.size, UNASSIGNED, dtype=np.int64)
    of_users = np.full(users.is_member.size, np.nan)
    ids[users.is_member], of_users[users.is_member] = labels + 1, margins
    return Segmentation(
        recipe=recipe,
        algorithm=algorithm,
        preprocessing=users.preprocessing,
        centers=centers,
        selection=selection,
        components=fit_pca(distinct, n_components=3),
        segment_ids=ids,
        margins=of_users,
        unassigned=users.unassigned,
        segment_silhouettes=(None,) * k if score is None else score.cluster_means,
        silhouette_sample=measured.samples.get(k),
        latent=latent,
        cells=cells,
        ids_before=ids_before,
    )
