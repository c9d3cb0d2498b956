"""What the pictures of many users are drawn from: components, blades, bins, and hexagons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentry.describe.maps._records import Blade, Hexagon, MapPoint, MapSummary, Pictures
from segmentry.describe.profiles import MAX_BINS, MIN_BINS, Distribution, ValueCounts, bin_features
from segmentry.privacy import published_ids, rounded_count
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import UNASSIGNED, Feature
from segmentry.schema.arrays import FloatMatrix, IntVector
from segmentry.segments.clustering import SilhouetteSample, project
from segmentry.segments.forming import Segmentation
from segmentry.segments.preprocessing import level_texts, numeric_values

_ACROSS, _MIN_ACROSS = 34, 10
_MIN_SHOWN_ACROSS, _COARSER = 6, 0.8
_HARDLY_ANY = 0.01  # of the users: a long tail of lone ones must not make the map of all coarse
_BLOCK = 200_000
_TAIL = 0.001
_DIGITS = 8  # that are kept of a mean: the last bits of a sum are nobody's concern


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Users in hexagons of the first two components."""

    radius: float | None
    """From the centre of a hexagon to its corners, which point up and down; null without any."""
    hexagons: tuple[Hexagon, ...]
    """Those with users, by row and column."""
    members: IntVector
    """Rows of the user table that are in one."""
    cells: IntVector
    """Of the same shape: position of each member's hexagon."""


_NOBODY = np.empty(0, dtype=np.int64)
NO_PLANE = Plane(None, (), _NOBODY, _NOBODY)
"""What there is with fewer than two components, or with all users in one place."""


def put_in_hexagons(
    table: pl.DataFrame, segmentation: Segmentation, ids: IntVector, *, min_size: int
) -> tuple[Plane, Plane]:
    """Put every user that has a segment into a hexagon of the map, and into one to tell values of.

    `ids`, shape (n_users,), are the segments that are shown. The first plane has so few hexagons
    that most hold `min_size` users, the fewest of which may be shown. In the second they are so
    large that half of them hold twice as many, where it can be had and more than 1 % of the users
    are in smaller ones: of fewer no value is shown, and the map would be grey.
    """
    if len(segmentation.components.explained_variance_ratio) < 2:
        return NO_PLANE, NO_PLANE
    members = np.flatnonzero(ids != UNASSIGNED)
    # In blocks: a matrix of all users at once would be the largest object of a run.
    parts = [
        project(
            segmentation.preprocessing.transform(table[members[start : start + _BLOCK]]),
            segmentation.components,
        )[:, :2]
        for start in range(0, members.size, _BLOCK)
    ]
    places, n_across = np.concatenate(parts), _across(members.size, min_size=min_size)

    def binned(n_across: int) -> Plane:
        plane = bin_hexagons(
            places, ids[members], n_segments=segmentation.n_segments, n_across=n_across
        )
        return replace(plane, members=members) if plane.hexagons else plane

    counted = coarse = binned(n_across)
    while _is_mostly_hidden(coarse, min_size) and n_across > _MIN_SHOWN_ACROSS:
        n_across = max(_MIN_SHOWN_ACROSS, int(n_across * _COARSER))
        coarse = binned(n_across)
    return counted, coarse


def _is_mostly_hidden(plane: Plane, min_size: int) -> bool:
    """Return whether half of the hexagons hold so few users that many a value is not shown."""
    if min_size <= 1 or not plane.hexagons:
        return False
    sizes = np.array([each.n_users for each in plane.hexagons])
    few = sizes < 2 * min_size
    return float(np.median(sizes)) < 2 * min_size and bool(
        sizes[few].sum() > _HARDLY_ANY * sizes.sum()
    )


def hexagon_table(
    table: pl.DataFrame, plane: Plane, features: Sequence[Feature], min_size: int
) -> pl.DataFrame:
    """Return what values the features, in raw units, have in each hexagon, in long form.

    The columns are ``hexagon`` (from 0, by row and column), ``x, y, radius, n_users, segment_id,
    feature, n_known, mean, level, level_share``: the mean of known values, for a categorical
    feature the most common level (of equals the first by text) and its share of those known; null
    where fewer than `min_size` are known, whose number is null too. Other numbers of users are
    multiples of `min_size`.
    """
    n_hexagons = len(plane.hexagons)
    frame = pl.DataFrame(
        {
            "hexagon": range(n_hexagons),
            "x": [each.x for each in plane.hexagons],
            "y": [each.y for each in plane.hexagons],
            "radius": pl.Series([plane.radius] * n_hexagons, dtype=pl.Float64),
            "n_users": [each.n_users for each in plane.hexagons],
            "segment_id": [each.segment_id for each in plane.hexagons],
        }
    )
    parts = []
    for feature in features:
        column = table[feature.name]
        values = (
            _max_common(column, plane, min_size)
            if feature.kind == "categorical"
            else _means(column, plane, min_size)
        )
        parts.append(frame.with_columns(pl.lit(feature.name).alias("feature"), *values))
    return pl.concat(parts)


def _means(column: pl.Series, plane: Plane, min_size: int) -> list[pl.Series]:
    values = numeric_values(column)[plane.members]
    is_known = ~np.isnan(values)
    n_hexagons = len(plane.hexagons)
    cells = plane.cells[is_known]
    known = np.bincount(cells, minlength=n_hexagons)
    sums = np.bincount(cells, weights=values[is_known], minlength=n_hexagons)
    means = [
        float(f"{total / n:.{_DIGITS}g}") if n and n >= min_size else None
        for total, n in zip(sums.tolist(), known.tolist(), strict=True)
    ]
    nothing = [None] * n_hexagons
    return _values(_shown_counts(known, min_size), means, nothing, nothing)


def _max_common(column: pl.Series, plane: Plane, min_size: int) -> list[pl.Series]:
    # A million users have a few levels: only these are written as text and put in order.
    found = column.unique()
    texts = level_texts(found)
    names = texts.drop_nulls().unique().sort()
    numbers = {name: i for i, name in enumerate(names)}
    codes = column.replace_strict(
        found, [numbers.get(text, -1) for text in texts], return_dtype=pl.Int64
    ).to_numpy()[plane.members]
    n_hexagons, n_levels = len(plane.hexagons), max(1, len(names))
    is_known = codes >= 0
    counts = np.bincount(
        plane.cells[is_known] * n_levels + codes[is_known], minlength=n_hexagons * n_levels
    ).reshape(n_hexagons, n_levels)
    known = counts.sum(axis=1)
    levels: list[str | None] = []
    shares: list[float | None] = []
    for here, n in zip(counts, known.tolist(), strict=True):
        is_shown = bool(n) and n >= min_size
        levels.append(names[int(here.argmax())] if is_shown else None)
        share = int(here.max()) / n if is_shown else 0.0
        shares.append(round(share, 4 if min_size <= 1 else 1) if is_shown else None)
    return _values(_shown_counts(known, min_size), [None] * n_hexagons, levels, shares)


def _shown_counts(known: IntVector, min_size: int) -> list[int | None]:
    """Return numbers of users as they may be shown: none of few, others rounded to a multiple."""
    return [
        n if min_size <= 1 else None if n < min_size else rounded_count(n, min_size=min_size)
        for n in known.tolist()
    ]


def _values(
    known: Sequence[int | None],
    means: Sequence[float | None],
    levels: Sequence[str | None],
    shares: Sequence[float | None],
) -> list[pl.Series]:
    return [
        pl.Series("n_known", known, dtype=pl.Int64),
        pl.Series("mean", means, dtype=pl.Float64),
        pl.Series("level", levels, dtype=pl.String),
        pl.Series("level_share", shares, dtype=pl.Float64),
    ]


def _across(n_users: int, *, min_size: int) -> int:
    """Return so few hexagons that most hold as many users as may be shown, where it can be had."""
    return int(np.clip(2 * np.sqrt(n_users / min_size), _MIN_ACROSS, _ACROSS))


def bin_hexagons(
    places: FloatMatrix, segment_ids: IntVector, *, n_segments: int, n_across: int = _ACROSS
) -> Plane:
    """Count users in hexagons of the plane, so many across its inner 99.8 %.

    `places` has shape (n_users, 2). There are no hexagons if all users are in one place.

    Carr, D. B. et al. (1987). Scatterplot matrix techniques for large N. Journal of the American
    Statistical Association 82, 424-436.
    """
    # Rounded, so that the last bit of a sum does not move a user across an edge.
    places = places.round(6)
    low, high = np.quantile(places, [_TAIL, 1 - _TAIL], axis=0, method="nearest")
    width = float(np.max(high - low)) / n_across
    if width <= 0:
        return NO_PLANE
    rows, columns = _cells(places, width)
    # One number for row and column sorts 15 times as fast as pairs of them.
    n_columns = int(columns.max() - columns.min()) + 1
    keys = rows * n_columns + (columns - columns.min())
    found, inverse = np.unique(keys, return_inverse=True)
    cells = np.stack([found // n_columns, found % n_columns + columns.min()], axis=1)
    counts = np.bincount(
        inverse * n_segments + segment_ids - 1, minlength=len(cells) * n_segments
    ).reshape(len(cells), n_segments)
    radius = width / np.sqrt(3)
    hexagons = tuple(
        Hexagon(
            x=round(float((column + 0.5 * (row % 2)) * width), 4),
            y=round(float(row * 1.5 * radius), 4),
            n_users=int(here.sum()),
            segment_id=int(here.argmax()) + 1,
            share=round(float(here.max() / here.sum()), 4),
        )
        for (row, column), here in zip(cells, counts, strict=True)
    )
    return Plane(round(float(radius), 6), hexagons, np.arange(len(places)), inverse)


def _cells(places: FloatMatrix, width: float) -> tuple[IntVector, IntVector]:
    """Return row and column of the nearest centre: the nearer one of two lattices."""
    height = width * np.sqrt(3)  # between rows of one lattice
    x, y = places[:, 0], places[:, 1]
    even = np.round(x / width), np.round(y / height)
    odd = np.round(x / width - 0.5), np.round(y / height - 0.5)
    to_even = (x - even[0] * width) ** 2 + (y - even[1] * height) ** 2
    to_odd = (x - (odd[0] + 0.5) * width) ** 2 + (y - (odd[1] + 0.5) * height) ** 2
    is_even = to_even <= to_odd
    rows = np.where(is_even, 2 * even[1], 2 * odd[1] + 1).astype(np.int64)
    columns = np.where(is_even, even[0], odd[0]).astype(np.int64)
    return rows, columns


_MAX_IN_BLADE = 200
_MIXED = 0.8


def make_pictures(
    table: pl.DataFrame,
    segmentation: Segmentation,
    catalogue: Sequence[Feature],
    value_counts: Mapping[str, ValueCounts],
    *,
    min_size: int = 1,
) -> tuple[Pictures, pl.DataFrame | None]:
    """Count and sample what the pictures need; the values by hexagon are those of `hexagon_table`.

    No count reveals fewer than `min_size` users: all are rounded to a multiple of it, users of
    segments that are too small are drawn with the largest, and a hexagon of few users is drawn as
    one of `min_size`. Binned are the `value_counts` by published segment.
    """
    ids, withheld = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=min_size
    )
    counted, coarse = put_in_hexagons(table, segmentation, ids, min_size=min_size)
    distributions = bin_features(value_counts, n_bins=_bins_for(ids, min_size=min_size))
    pictures = Pictures(
        blades=_blades(segmentation.silhouette_sample, withheld.tolist(), min_size=min_size),
        distributions=tuple(_rounded(each, min_size) for each in distributions),
        hexagon_radius=counted.radius,
        hexagons=_shown(counted, min_size),
        mixed_share=_mixed_share(counted.hexagons),
    )
    if not coarse.hexagons:
        return pictures, None
    shown = replace(coarse, hexagons=_shown(coarse, min_size))
    return pictures, hexagon_table(table, shown, catalogue, min_size)


def _bins_for(ids: IntVector, *, min_size: int) -> int:
    """Return so few bins that an even spread of the smallest segment fills each of them."""
    sizes = np.bincount(ids)[1:]
    smallest = int(sizes[sizes > 0].min(initial=ids.size))
    return int(np.clip(smallest // min_size, MIN_BINS, MAX_BINS))


def _mixed_share(hexagons: Sequence[Hexagon]) -> float | None:
    """Return the part of the users in hexagons that belong to no segment by four fifths."""
    total = sum(each.n_users for each in hexagons)
    mixed = sum(each.n_users for each in hexagons if each.share < _MIXED)
    return round(mixed / total, 3) if total else None


def _rounded(distribution: Distribution, least: int) -> Distribution:
    """Round counts of users to a multiple: what is left of a total reveals no single bin."""

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
        n_drawn = min(max(_MAX_IN_BLADE, unit) // unit * unit, n_sampled)
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
