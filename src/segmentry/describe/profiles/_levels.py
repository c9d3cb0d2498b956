"""Composition of segments by the levels of a feature, and the spread of numbers over bins."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.profiles._rates import NORMAL_95
from segmentry.describe.profiles._records import Distribution, LevelShare, LevelStatistics
from segmentry.describe.profiles._value_counts import ValueCounts, quantile_of, values_at
from segmentry.schema import Estimate, Feature
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.preprocessing import level_texts, numeric_values, ordered_levels

_MAX_LEVELS = 20
_OTHER = "other"


def levels_of(
    column: pl.Series, groups: Sequence[npt.NDArray[np.int64]], feature: Feature
) -> list[LevelStatistics]:
    """Describe the population by the levels of a feature, then each segment.

    Levels that are all numbers come in their order, others by falling share and then by text.
    Of more than 20 levels the most frequent 20 are shown and the rest is "other". Unknown
    comes last.

    `groups` holds the row positions of each segment's users; the feature is ordinal or categorical.

    Raises SchemaError if the feature is ordinal and holds text.

    >>> from segmentry.schema import Feature
    >>> country = Feature(
    ...     name="country", family="demographics", label="country", unit="level",
    ...     kind="categorical", fill="own level", description="", levels={"de": "Germany"},
    ... )
    >>> users = pl.Series("country", ["fr", "de", None, "de"])
    >>> everyone, first = levels_of(users, [np.array([0, 1])], country)
    >>> [(level.label, level.share) for level in everyone.levels]
    [('Germany', 0.5), ('fr', 0.25), ('unknown', 0.25)]
    >>> [(level.label, level.share) for level in first.levels]
    [('Germany', 0.5), ('fr', 0.5), ('unknown', 0.0)]
    """
    # A million users have a few levels: only these are written as text.
    values = column
    if feature.kind != "categorical":
        values = pl.Series(numeric_values(column)).fill_nan(None)
    counted = values.alias("value").value_counts(name="n_users")
    texts = level_texts(counted["value"])
    levels = _shown_levels(texts, counted["n_users"])
    codes = values.replace_strict(
        counted["value"], _codes(texts, levels), return_dtype=pl.Int64
    ).to_numpy()
    overall = np.bincount(codes, minlength=len(levels))
    found = []
    for members in [np.arange(codes.size), *groups]:
        counts = np.bincount(codes[members], minlength=len(levels))
        rows = [
            _level(feature, level, _Count(int(inside), members.size, int(everywhere), codes.size))
            for level, inside, everywhere in zip(levels, counts, overall, strict=True)
        ]
        found.append(LevelStatistics(feature=feature.name, levels=tuple(rows)))
    return found


class _Count(NamedTuple):
    """Users of a level in a segment of so many, and in a population of so many."""

    inside: int
    n_members: int
    everywhere: int
    n_users: int


def _shown_levels(texts: pl.Series, n_users: pl.Series) -> list[str | None]:
    """Return the levels that get a line of their own, in the order of the lines; None is unknown.

    Where levels are merged, one that is itself called "other" is put with them.
    """
    counts = pl.DataFrame({"level": texts, "n_users": n_users}).drop_nulls("level")
    found = dict(counts.group_by("level").agg(pl.col("n_users").sum()).iter_rows())
    by_share = sorted(found, key=lambda level: (-found[level], level))
    is_cut = len(by_share) > _MAX_LEVELS
    kept = [level for level in by_share if level != _OTHER][:_MAX_LEVELS] if is_cut else by_share
    levels: list[str | None] = [*(ordered_levels(kept) or kept)]
    if is_cut:
        levels.append(_OTHER)
    return [*levels, None] if texts.null_count() else levels


def _codes(texts: pl.Series, levels: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """Return the position of each level among those that are shown, shape (n_texts,)."""
    rest = levels.index(_OTHER) if _OTHER in levels else -1
    unknown = len(levels) - 1
    known = [level for level in levels if level is not None]
    codes = texts.replace_strict(known, range(len(known)), default=rest, return_dtype=pl.Int64)
    is_unknown = texts.is_null().to_numpy()
    return np.where(is_unknown, unknown, codes.to_numpy())


def _level(feature: Feature, level: str | None, users: _Count) -> LevelShare:
    share = users.inside / max(1, users.n_members)
    population = users.everywhere / max(1, users.n_users)
    index = _index(users)
    label = "unknown" if level is None else feature.levels.get(level, level)
    return LevelShare(level, label, share, population, index.value, index.low, index.high)


def _index(users: _Count) -> Estimate:
    """Return over-representation in a segment with its 95 % interval, the user being the unit.

    The segment is part of the population: with the shares a of users in segment and level, w in
    the segment and q in the level, the linearised variance of log(a / w / q) is
    (1/a - 1/w - 1/q + 2 a/(w q) - 1) / n (Särndal, Swensson and Wretman 1992, section 5.5).
    Without a user of the level the upper end is the exact binomial one.
    """
    if not users.n_members:
        return Estimate(value=0.0, low=None, high=None)
    a, w, q = (n / users.n_users for n in (users.inside, users.n_members, users.everywhere))
    if not a:
        most = 1 - 0.025 ** (1 / users.n_members)
        return Estimate(value=0.0, low=0.0, high=most / q * 100)
    ratio = a / w / q
    variance = max(0.0, 1 / a - 1 / w - 1 / q + 2 * ratio - 1) / users.n_users
    half = math.exp(NORMAL_95 * variance**0.5)
    return Estimate(value=ratio * 100, low=ratio / half * 100, high=ratio * half * 100)


MIN_BINS, MAX_BINS = 6, 24
_TAIL = 0.99
_SKEWED = 8.0  # 99th percentile / median from which bins grow with the values
_DIGITS = 6


def bin_edges(values: FloatVector, n_users: IntVector, n_bins: int = MAX_BINS) -> FloatVector:
    """Return the edges of at most `n_bins` bins for a feature, shape (n_bins + 1,).

    Whole numbers of at most so many values get a bin each. Other values are divided evenly up to
    the 99th percentile, or evenly in ``log1p`` where that is eight medians or more. The last bin
    also holds what lies above. The `values` are distinct and rising, one at least, and `n_users`
    have each.

    >>> import numpy as np
    >>> bin_edges(np.array([1.0, 2.0, 3.0]), np.array([1, 2, 1]))
    array([0.5, 1.5, 2.5, 3.5])
    >>> bin_edges(np.array([0.25]), np.array([2]))
    array([0.25, 1.25])
    """
    low = float(values[0])
    (top,) = values_at(values, n_users, [math.ceil((int(n_users.sum()) - 1) * _TAIL)])
    if low == top:
        return np.array([low - 0.5, low + 0.5]) if low.is_integer() else np.array([low, low + 1])
    is_whole = bool(np.all(values == np.floor(values)))
    if is_whole and top - low < n_bins:
        return np.arange(low - 0.5, top + 1.0)
    middle = quantile_of(values, n_users, 0.5)
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
    counted: Mapping[str, ValueCounts], *, n_bins: int = MAX_BINS
) -> tuple[Distribution, ...]:
    """Count the users of each segment in bins of each feature that has a known value."""
    return tuple(
        _binned(name, each, bin_edges(each.values, each.population, n_bins))
        for name, each in counted.items()
        if each.values.size
    )


def _binned(name: str, counts: ValueCounts, edges: FloatVector) -> Distribution:
    starts = np.searchsorted(counts.values, edges[1:-1])
    table = np.stack([each.sum(axis=1) for each in np.split(counts.n_users, starts, axis=1)], 1)
    return Distribution(
        feature=name,
        edges=tuple(round(float(edge), _DIGITS) for edge in edges),
        population=tuple(map(int, table.sum(axis=0))),
        segments=tuple(tuple(map(int, row)) for row in table),
        n_above=int(counts.n_users[:, counts.values > edges[-1]].sum()),
    )
