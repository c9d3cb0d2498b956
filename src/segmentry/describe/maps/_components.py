"""Users and centres on the first principal components."""

import numpy as np
import polars as pl

from segmentry.describe.maps._records import MapPoint, MapSummary
from segmentry.privacy import published_ids
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import FloatMatrix, IntVector
from segmentry.segments.clustering import project
from segmentry.segments.forming import Segmentation

_N_USERS = 2000
_MIN_PER_SEGMENT = 30
_SALT = "segmentry map"


def map_components(table: pl.DataFrame, segmentation: Segmentation, *, min_size: int) -> MapSummary:
    """Place a sample of users on the principal components: by hash of the id, by segment."""
    components = segmentation.components
    ids, withheld = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=min_size
    )
    positions = _sample(table["user_id"], ids, n_segments=segmentation.n_segments)
    X = segmentation.preprocessing.transform(table[positions])
    points = project(X, components)
    shown = np.setdiff1d(np.arange(1, segmentation.n_segments + 1), withheld)
    centers = project(segmentation.centers[shown - 1], components)
    return MapSummary(
        columns=segmentation.preprocessing.columns,
        explained_variance_ratio=tuple(map(float, components.explained_variance_ratio)),
        loadings=tuple(tuple(map(float, row)) for row in components.components),
        points=_points(ids[positions], points),
        centers=_points(shown, centers),
    )


def _sample(user_ids: pl.Series, ids: IntVector, *, n_segments: int) -> IntVector:
    shares = hash_shares(user_ids, salt=_SALT)
    n_assigned = int((ids != UNASSIGNED).sum())
    chosen = []
    for segment_id in range(1, n_segments + 1):
        members = np.flatnonzero(ids == segment_id)
        n_wanted = max(_MIN_PER_SEGMENT, round(_N_USERS * members.size / n_assigned))
        chosen.append(members[np.argsort(shares[members], kind="stable")[:n_wanted]])
    return np.concatenate(chosen)


def _points(segment_ids: IntVector, scores: FloatMatrix) -> tuple[MapPoint, ...]:
    padded = np.full((len(scores), 3), np.nan)
    padded[:, : scores.shape[1]] = scores
    return tuple(
        MapPoint(
            segment_id=int(segment_id),
            x=round(float(x), 4),
            y=None if np.isnan(y) else round(float(y), 4),
            z=None if np.isnan(z) else round(float(z), 4),
        )
        for segment_id, (x, y, z) in zip(segment_ids, padded, strict=True)
    )
