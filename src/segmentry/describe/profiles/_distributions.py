"""How the values of a feature are spread in each segment: binned beforehand, in raw units."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.profiles._records import Distribution
from segmentry.schema import UNASSIGNED, Feature
from segmentry.schema.arrays import FloatVector
from segmentry.segments.preprocessing import numeric_values

LEAST_BINS, MOST_BINS = 6, 24
_TAIL = 0.99
_SKEWED = 8.0  # 99th percentile / median from which bins grow with the values
_DIGITS = 6


def bin_edges(values: FloatVector, n_bins: int = MOST_BINS) -> FloatVector:
    """Return the edges of at most `n_bins` bins for a feature, shape (n_bins + 1,).

    Whole numbers of at most so many values get a bin each. Other values are divided evenly up to
    the 99th percentile, or evenly in ``log1p`` where that is eight medians or more. The last bin
    also holds what lies above. The `values` are known, one at least.

    >>> import numpy as np
    >>> bin_edges(np.array([1.0, 2.0, 2.0, 3.0]))
    array([0.5, 1.5, 2.5, 3.5])
    >>> bin_edges(np.array([0.25, 0.25]))
    array([0.25, 1.25])
    """
    low, top = float(values.min()), float(np.quantile(values, _TAIL, method="higher"))
    if low == top:
        return np.array([low - 0.5, low + 0.5]) if low.is_integer() else np.array([low, low + 1])
    is_whole = bool(np.all(values == np.floor(values)))
    if is_whole and top - low < n_bins:
        return np.arange(low - 0.5, top + 1.0)
    middle = float(np.median(values))
    if low >= 0 and top > _SKEWED * max(middle, (top - low) / 1000):
        edges = np.expm1(np.linspace(np.log1p(low), np.log1p(top), n_bins + 1))
    else:
        edges = np.linspace(low, top, n_bins + 1)
    if is_whole:
        edges = np.unique(np.floor(edges)) - 0.5
        edges[-1] = top + 0.5
        return edges
    edges[0], edges[-1] = low, top
    return edges


def bin_features(
    users: pl.DataFrame,
    segment_ids: npt.NDArray[np.int64],
    features: Sequence[Feature],
    *,
    n_segments: int,
    n_bins: int = MOST_BINS,
) -> tuple[Distribution, ...]:
    """Count the users of each segment in bins of each numeric feature.

    Features without a known value, moments and categories are passed over; users without a segment
    are left out. The answer is in the order of `features`.
    """
    is_in = segment_ids != UNASSIGNED
    ids = segment_ids[is_in] - 1
    found = []
    for feature in features:
        if feature.kind in ("categorical", "time"):
            continue
        values = numeric_values(users[feature.name].filter(pl.Series(is_in)))
        is_known = ~np.isnan(values)
        if is_known.any():
            edges = bin_edges(values[is_known], n_bins)
            found.append(_binned(feature.name, values[is_known], ids[is_known], n_segments, edges))
    return tuple(found)


def _binned(
    name: str, values: FloatVector, ids: npt.NDArray[np.int64], n_segments: int, edges: FloatVector
) -> Distribution:
    n_bins = len(edges) - 1
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, n_bins - 1)
    counts = np.bincount(ids * n_bins + bins, minlength=n_segments * n_bins)
    table = counts.reshape(n_segments, n_bins)
    return Distribution(
        feature=name,
        edges=tuple(round(float(edge), _DIGITS) for edge in edges),
        population=tuple(map(int, table.sum(axis=0))),
        segments=tuple(tuple(map(int, row)) for row in table),
        n_above=int((values > edges[-1]).sum()),
    )
