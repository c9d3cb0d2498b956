"""What the pictures of many users are drawn from: blades, bins and hexagons."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.clustering import SilhouetteSample, project
from segmentry.privacy import published_ids
from segmentry.profiling import LEAST_BINS, MOST_BINS, Distribution, bin_features
from segmentry.schema import UNASSIGNED, Feature
from segmentry.segmentation import Segmentation
from segmentry.summary import Blade, Hexagon, Pictures

__all__ = ["bin_hexagons", "make_pictures"]

_MOST_IN_BLADE = 200
_HEXAGONS_ACROSS, _LEAST_ACROSS = 34, 10
_BLOCK = 200_000
_TAIL = 0.001
_MIXED = 0.8

Matrix = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]


def make_pictures(
    table: pl.DataFrame,
    segmentation: Segmentation,
    catalogue: Sequence[Feature],
    *,
    min_size: int = 1,
) -> Pictures:
    """Count and sample what the pictures need.

    No count tells of fewer than `min_size` users: all are rounded to a multiple of it, users of
    segments that are too small are drawn with the largest, and a hexagon of few users is drawn as
    one of `min_size`.

    Parameters
    ----------
    table : DataFrame, (n_users, ...)
        The user table that was segmented.
    segmentation : Segmentation
    catalogue : sequence of Feature
        The features to bin.
    min_size : int
        Fewest users that a count tells of.
    """
    ids, withheld = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=min_size
    )
    radius, hexagons = _hexagons(table, segmentation, ids, min_size=min_size)
    distributions = bin_features(
        table,
        ids,
        catalogue,
        n_segments=segmentation.n_segments,
        n_bins=_bins_for(ids, min_size=min_size),
    )
    return Pictures(
        blades=_blades(segmentation.silhouette_sample, withheld.tolist(), min_size=min_size),
        distributions=tuple(_rounded(each, min_size) for each in distributions),
        hexagon_radius=radius,
        hexagons=tuple(_coarse(each, min_size) for each in hexagons),
        mixed_share=_mixed_share(hexagons),
    )


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
        return tuple((count + least // 2) // least * least for count in counts)

    return replace(
        distribution,
        population=near(distribution.population),
        segments=tuple(near(counts) for counts in distribution.segments),
        n_above=near([distribution.n_above])[0],
    )


def _coarse(hexagon: Hexagon, least: int) -> Hexagon:
    if least <= 1:
        return hexagon
    n_users = max(least, (hexagon.n_users + least // 2) // least * least)
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


def _hexagons(
    table: pl.DataFrame, segmentation: Segmentation, ids: IntVector, *, min_size: int
) -> tuple[float | None, tuple[Hexagon, ...]]:
    if len(segmentation.components.explained_variance_ratio) < 2:
        return None, ()
    members = np.flatnonzero(ids != UNASSIGNED)
    # In blocks: a matrix of all users at once would be the largest object of a run.
    parts = [
        project(
            segmentation.preprocessing.transform(table[members[start : start + _BLOCK]]),
            segmentation.components,
        )[:, :2]
        for start in range(0, members.size, _BLOCK)
    ]
    return bin_hexagons(
        np.concatenate(parts),
        ids[members],
        n_segments=segmentation.n_segments,
        n_across=_across(members.size, min_size=min_size),
    )


def _across(n_users: int, *, min_size: int) -> int:
    """Return so few hexagons that most hold as many users as may be shown, where it can be had."""
    return int(np.clip(2 * np.sqrt(n_users / min_size), _LEAST_ACROSS, _HEXAGONS_ACROSS))


def bin_hexagons(
    places: Matrix, segment_ids: IntVector, *, n_segments: int, n_across: int = _HEXAGONS_ACROSS
) -> tuple[float | None, tuple[Hexagon, ...]]:
    """Count users in hexagons of the plane, so many across its inner 99.8 %.

    Parameters
    ----------
    places : ndarray, shape (n_users, 2)
    segment_ids : ndarray of int, shape (n_users,)
        1..K.
    n_segments : int
    n_across : int

    Returns
    -------
    radius : float or None
        From the centre of a hexagon to its corners, which point up and down; null if all users
        are in one place.
    hexagons : tuple of Hexagon
        Those with users, by row and column.

    References
    ----------
    Carr, D. B. et al. (1987). Scatterplot matrix techniques for large N. Journal of the American
    Statistical Association 82, 424-436.
    """
    # Rounded, so that the last bit of a sum does not move a user across an edge.
    places = places.round(6)
    low, high = np.quantile(places, [_TAIL, 1 - _TAIL], axis=0, method="nearest")
    width = float(np.max(high - low)) / n_across
    if width <= 0:
        return None, ()
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
    return round(float(radius), 6), tuple(
        Hexagon(
            x=round(float((column + 0.5 * (row % 2)) * width), 4),
            y=round(float(row * 1.5 * radius), 4),
            n_users=int(here.sum()),
            segment_id=int(here.argmax()) + 1,
            share=round(float(here.max() / here.sum()), 4),
        )
        for (row, column), here in zip(cells, counts, strict=True)
    )


def _cells(places: Matrix, width: float) -> tuple[IntVector, IntVector]:
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
