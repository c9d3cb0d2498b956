"""Composition of segments by the levels of a feature."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.preprocessing import level_texts, numeric_values, ordered_levels
from segmentry.profiling._records import LevelShare, LevelStatistics
from segmentry.schema import Feature

__all__ = ["levels_of"]

_MOST_LEVELS = 20
_OTHER = "other"


def levels_of(
    column: pl.Series, groups: Sequence[npt.NDArray[np.int64]], feature: Feature
) -> list[LevelStatistics]:
    """Describe the population by the levels of a feature, then each segment.

    Levels that are all numbers come in their order, others by falling share and then by text.
    Of more than 20 levels the most frequent 20 are told apart and the rest is "other". Unknown
    comes last.

    Parameters
    ----------
    column : Series, (n_users,)
    groups : sequence of ndarray of int
        Row positions of each segment's users.
    feature : Feature
        Ordinal or categorical.

    Raises
    ------
    SchemaError
        If the feature is ordinal and holds text.

    Examples
    --------
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
    texts = _texts(column, feature)
    levels = _told_levels(texts)
    codes = _codes(texts, levels)
    overall = np.bincount(codes, minlength=len(levels)) / max(1, codes.size)
    found = []
    for members in [np.arange(codes.size), *groups]:
        shares = np.bincount(codes[members], minlength=len(levels)) / max(1, members.size)
        rows = [
            _level(feature, level, float(share), float(population))
            for level, share, population in zip(levels, shares, overall, strict=True)
        ]
        found.append(LevelStatistics(feature=feature.name, levels=tuple(rows)))
    return found


def _texts(column: pl.Series, feature: Feature) -> pl.Series:
    if feature.kind == "categorical":
        return level_texts(column)
    return level_texts(pl.Series(feature.name, numeric_values(column)))


def _told_levels(texts: pl.Series) -> list[str | None]:
    """Return the levels that get a line of their own, in the order of the lines; None is unknown.

    Where levels are put together, one that is itself called "other" is put with them.
    """
    counts = texts.drop_nulls().alias("level").value_counts(name="n_users")
    found = dict(counts.iter_rows())
    by_share = sorted(found, key=lambda level: (-found[level], level))
    is_cut = len(by_share) > _MOST_LEVELS
    kept = [level for level in by_share if level != _OTHER][:_MOST_LEVELS] if is_cut else by_share
    levels: list[str | None] = [*(ordered_levels(kept) or kept)]
    if is_cut:
        levels.append(_OTHER)
    return [*levels, None] if texts.null_count() else levels


def _codes(texts: pl.Series, levels: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """Return the position of each user's level, shape (n_users,)."""
    rest = levels.index(_OTHER) if _OTHER in levels else -1
    unknown = len(levels) - 1
    told = [level for level in levels if level is not None]
    codes = texts.replace_strict(told, range(len(told)), default=rest, return_dtype=pl.Int64)
    is_unknown = texts.is_null().to_numpy()
    return np.where(is_unknown, unknown, codes.to_numpy())


def _level(feature: Feature, level: str | None, share: float, population: float) -> LevelShare:
    index = share / population * 100
    if level is None:
        return LevelShare(None, "unknown", share, population, index)
    return LevelShare(level, feature.levels.get(level, level), share, population, index)
