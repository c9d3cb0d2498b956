"""Profiles as they may be published: no figure on too few users, none that gives one away."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from segmentry.describe.profiles._records import (
    LevelShare,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)
from segmentry.privacy import hidden_cells, hidden_table
from segmentry.schema import UNKNOWN
from segmentry.schema.arrays import BoolVector, IntVector

_MERGED = "too few to be shown alone"


def withheld_name(min_size: int) -> str:
    """Return what a segment is called of which nothing is shown.

    >>> withheld_name(50)
    'Fewer than 50 users'
    """
    return f"Fewer than {min_size} users"


def published_profiles(
    population: SegmentProfile,
    segments: Sequence[SegmentProfile],
    *,
    withheld: Collection[int],
    min_size: int,
) -> tuple[SegmentProfile, tuple[SegmentProfile, ...]]:
    """Return the profiles without figures on fewer than `min_size` users.

    The population is of at least `min_size` users; the segments are worked out on the ids of
    `privacy.published_ids`, by which those `withheld` have no user.

    Levels of few users in all are merged; of the rest, cells are hidden so that no total
    gives them away (`privacy.hidden_table`). Where a level of an ordinal feature is hidden, so are
    the segment's mean and quartiles of it, from which it could be worked out; where levels are put
    together, those of all segments. Where a segment has
    few users with an unknown value, no share of unknown values is given for any segment: means
    alone do not tell how many users they are of. Where few values are known, the figures of that
    segment and of the one with the next fewest are hidden.
    """
    if min_size <= 1:
        return population, tuple(segments)
    sizes = np.array([segment.n_users for segment in segments], dtype=np.int64)
    levels, hidden_rows = {}, {}
    for place, statistics in enumerate(population.levels):
        shown, is_hidden = _published_levels(
            [profile.levels[place] for profile in (population, *segments)],
            np.array([population.n_users, *sizes]),
            min_size=min_size,
        )
        levels[statistics.feature] = shown
        hidden_rows[statistics.feature] = is_hidden
    numeric = {
        statistics.feature: _published_numbers(
            [profile.numeric[place] for profile in (population, *segments)],
            np.array([population.n_users, *sizes]),
            hidden_rows.get(statistics.feature),
            min_size=min_size,
        )
        for place, statistics in enumerate(population.numeric)
    }
    profiles = [
        _with_published(
            profile,
            tuple(found[place] for found in numeric.values()),
            tuple(found[place] for found in levels.values()),
        )
        for place, profile in enumerate((population, *segments))
    ]
    return profiles[0], tuple(
        _withheld(profile, min_size) if profile.segment_id in withheld else profile
        for profile in profiles[1:]
    )


def _with_published(
    profile: SegmentProfile,
    numeric: tuple[NumericStatistics, ...],
    levels: tuple[LevelStatistics, ...],
) -> SegmentProfile:
    shown = {each.feature for each in numeric if each.mean is not None}
    return replace(
        profile,
        numeric=numeric,
        levels=levels,
        differences=tuple(each for each in profile.differences if each.feature in shown),
    )


def _withheld(profile: SegmentProfile, min_size: int) -> SegmentProfile:
    return replace(
        profile,
        name=withheld_name(min_size),
        is_withheld=True,
        mean_silhouette=None,
        differences=(),
        tests=(),
    )


def _published_levels(
    statistics: Sequence[LevelStatistics], sizes: IntVector, *, min_size: int
) -> tuple[list[LevelStatistics], BoolVector]:
    """Return the compositions as published and the rows (population first) with a hidden cell."""
    merged = _without_rare(statistics, sizes, min_size=min_size)
    counts = _counts(merged, sizes)
    is_hidden = np.zeros(counts.shape, dtype=bool)
    is_hidden[1:] = hidden_table(counts[1:], min_size=min_size)
    shown = [
        LevelStatistics(
            own.feature,
            tuple(
                replace(level, share=None, index=None, index_low=None, index_high=None)
                if hide
                else level
                for level, hide in zip(own.levels, row, strict=True)
            ),
        )
        for own, row in zip(merged, is_hidden, strict=True)
    ]
    if len(merged[0].levels) < len(statistics[0].levels):
        return shown, np.ones(len(shown), dtype=bool)
    return shown, np.any(is_hidden, axis=1)


def _counts(statistics: Sequence[LevelStatistics], sizes: IntVector) -> IntVector:
    shares = np.array([[level.share or 0.0 for level in own.levels] for own in statistics])
    counts: IntVector = np.rint(shares * sizes[:, None]).astype(np.int64)
    return counts


def _without_rare(
    statistics: Sequence[LevelStatistics], sizes: IntVector, *, min_size: int
) -> list[LevelStatistics]:
    """Put levels together that few users have in all, and with them the next rarest if need be."""
    everyone = _counts(statistics, sizes)[0]
    rare = set(np.flatnonzero(everyone < min_size).tolist())
    for place in np.argsort(everyone, kind="stable").tolist():
        if not rare or int(everyone[sorted(rare)].sum()) >= min_size:
            break
        rare.add(place)
    if len(rare) < 2:
        return list(statistics)
    return [_merged(own, sorted(rare)) for own in statistics]


def _merged(own: LevelStatistics, places: Sequence[int]) -> LevelStatistics:
    kept = tuple(level for place, level in enumerate(own.levels) if place not in places)
    rare = [own.levels[place] for place in places]
    share = sum(level.share or 0.0 for level in rare)
    population = sum(level.population_share for level in rare)
    index = share / population * 100 if population else None
    return LevelStatistics(
        own.feature, (*kept, LevelShare(_MERGED, _MERGED, share, population, index))
    )


def _published_numbers(
    statistics: Sequence[NumericStatistics],
    sizes: IntVector,
    hidden_rows: BoolVector | None,
    *,
    min_size: int,
) -> list[NumericStatistics]:
    """Return a feature of the population and the segments as published."""
    missing = np.array([own.missing_share or 0.0 for own in statistics])
    unknown: IntVector = np.rint(missing * sizes).astype(np.int64)
    known = sizes - unknown
    few_known, few_unknown = ((n > 0) & (n < min_size) for n in (known, unknown))
    hides_share = bool(few_known.any() or few_unknown.any())
    is_hidden = np.zeros(len(statistics), dtype=bool)
    is_hidden[0] = few_known[0]
    is_hidden[1:] = hidden_cells(known[1:], min_size=min_size)
    if hidden_rows is not None:
        is_hidden |= hidden_rows
        hides_share |= bool(hidden_rows.any())
    return [
        NumericStatistics(own.feature, None, None, None, None, None, None, UNKNOWN)
        if hide
        else replace(own, missing_share=None if hides_share else own.missing_share)
        for own, hide in zip(statistics, is_hidden, strict=True)
    ]
