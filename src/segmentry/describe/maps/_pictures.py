"""What the pictures of many users are drawn from: components, blades, bins, and hexagons."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from segmentry.describe.maps._hexagons import Plane, hexagon_table, put_in_hexagons
from segmentry.describe.maps._records import Blade, Hexagon, MapPoint, MapSummary, Pictures
from segmentry.describe.profiles import LEAST_BINS, MOST_BINS, Distribution, bin_features
from segmentry.privacy import published_ids, rounded_count
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import UNASSIGNED, Feature
from segmentry.schema.arrays import FloatMatrix, IntVector
from segmentry.segments.clustering import SilhouetteSample, project
from segmentry.segments.forming import Segmentation

_MOST_IN_BLADE = 200
_MIXED = 0.8


def make_pictures(
    table: pl.DataFrame,
    segmentation: Segmentation,
    catalogue: Sequence[Feature],
    *,
    min_size: int = 1,
) -> tuple[Pictures, pl.DataFrame | None]:
    """Count and sample what the pictures need; the values by hexagon are those of `hexagon_table`.

    No count tells of fewer than `min_size` users: all are rounded to a multiple of it, users of
    segments that are too small are drawn with the largest, and a hexagon of few users is drawn as
    one of `min_size`. The features of the `catalogue` are binned.
    """
    ids, withheld = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=min_size
    )
    counted, told = put_in_hexagons(table, segmentation, ids, min_size=min_size)
    distributions = bin_features(
        table,
        ids,
        catalogue,
        n_segments=segmentation.n_segments,
        n_bins=_bins_for(ids, min_size=min_size),
    )
    pictures = Pictures(
        blades=_blades(segmentation.silhouette_sample, withheld.tolist(), min_size=min_size),
        distributions=tuple(_rounded(each, min_size) for each in distributions),
        hexagon_radius=counted.radius,
        hexagons=_shown(counted, min_size),
        mixed_share=_mixed_share(counted.hexagons),
    )
    if not told.hexagons:
        return pictures, None
    shown = replace(told, hexagons=_shown(told, min_size))
    return pictures, hexagon_table(table, shown, catalogue, min_size)


def _bins_for(ids: IntVector, *, min_size: int) -> int:
    """Return so few bins that an even spread of the smallest segment fills each of them."""
    sizes = np.bincount(ids)[1:]
    smallest = int(sizes[sizes > 0].min(initial=ids.size))
    return int(np.clip(smallest // min_size, LEAST_BINS, MOST_BINS))


def _mixed_share(hexagons: Sequence[Hexagon]) -> float | None:
    """Return the part of the users in hexagons that belong to no segment by four fifths."""
    total = sum(each.n_users for each in hexagons)
    mixed = sum(each.n_users for each in hexagons if each.share < _MIXED)
    return round(mixed / total, 3) if total else None


def _rounded(distribution: Distribution, least: int) -> Distribution:
    """Round counts of users to a multiple: what is left of a total tells of no single bin."""

    def near(counts: Sequence[int]) -> tuple[int, ...]:
        return tuple(rounded_count(count, min_size=least) for count in counts)

    return replace(
        distribution,
        population=near(distribution.population),
        segments=tuple(near(counts) for counts in distribution.segments),
        n_above=near([distribution.n_above])[0],
    )


def _shown(plane: Plane, least: int) -> tuple[Hexagon, ...]:
    return tuple(_coarse(each, least) for each in plane.hexagons)


def _coarse(hexagon: Hexagon, least: int) -> Hexagon:
    if least <= 1:
        return hexagon
    n_users = max(least, rounded_count(hexagon.n_users, min_size=least))
    share = 1.0 if hexagon.n_users < least else round(hexagon.share, 1)
    return replace(hexagon, n_users=n_users, share=share)


def _blades(
    sample: SilhouetteSample | None, withheld: Collection[int], *, min_size: int
) -> tuple[Blade, ...]:
    """Return the blades of the segments that are shown.

    Where some are not, counts are rounded down: where all users were sampled, that of the largest
    segment and its number of users would tell how many are counted with it.
    """
    if sample is None:
        return ()
    unit = min_size if withheld else 1
    blades = []
    for label in range(sample.n_clusters):
        if label + 1 in withheld:
            continue
        values = -np.sort(-sample.values[sample.labels == label])
        n_sampled = values.size // unit * unit
        n_drawn = min(max(_MOST_IN_BLADE, unit) // unit * unit, n_sampled)
        picked = np.linspace(0, values.size - 1, n_drawn).round().astype(int)
        blades.append(
            Blade(
                segment_id=label + 1,
                n_sampled=int(n_sampled),
                below_zero_share=float((values < 0).mean()) if values.size else 0.0,
                values=tuple(round(float(each), 4) for each in values[picked]),
            )
        )
    return tuple(blades)


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
