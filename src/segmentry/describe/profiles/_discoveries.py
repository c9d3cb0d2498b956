"""Tests of what did not form the segments, with the false discovery rate held."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from segmentry.describe.profiles._rates import NORMAL_95
from segmentry.describe.profiles._records import FeatureTest, NumericStatistics, SegmentProfile
from segmentry.schema import Feature

_MIN_EXPECTED = 5.0
_IMPRESSIONS = "impressions"
_OF_IMPRESSIONS = ("activity", "engagement", "affinity", "value")


def adjusted_p_values(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjust p-values so that those below q hold a share of at most q of false discoveries.

    Benjamini and Hochberg (1995, J. R. Statist. Soc. B 57, 289-300), step-up; it holds for
    independent and for positively dependent tests.

    >>> adjusted_p_values([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[::-1]
    ranks = np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * p.size / ranks))
    return adjusted


def with_tests(
    population: SegmentProfile,
    segments: Sequence[SegmentProfile],
    features: Sequence[Feature],
    *,
    forming: Collection[str],
) -> tuple[SegmentProfile, ...]:
    """Put next to each profile the tests of features that had no part in forming the segments.

    A feature of a family of which one formed segments is not tested, and neither is one that was
    counted from the same impressions: a test would find again what the clustering was made to find.

    `features` are all that are described, `forming` the names of those that formed segments.

    Numeric features: the standardised difference over its standard error is held against the
    normal distribution. Levels: Pearson's chi-squared test of the segment's users against all
    others, over levels of at least 5 expected users.
    """
    families = {_source(feature) for feature in features if feature.name in forming}
    tested = {feature.name for feature in features if _source(feature) not in families}
    found = [_tests_of(population, segment, tested) for segment in segments]
    p_values = [p for tests in found for p in tests.values()]
    adjusted = iter(adjusted_p_values(p_values).tolist())
    return tuple(
        replace(
            segment,
            tests=tuple(FeatureTest(name, p, next(adjusted)) for name, p in tests.items()),
        )
        for segment, tests in zip(segments, found, strict=True)
    )


def _source(feature: Feature) -> str:
    """Return what a feature was counted from: impressions, or what its family says."""
    return _IMPRESSIONS if feature.family in _OF_IMPRESSIONS else feature.family


def _tests_of(
    population: SegmentProfile, segment: SegmentProfile, tested: Collection[str]
) -> Mapping[str, float]:
    """Return the p-value of each feature that can be tested, levels before numbers."""
    found: dict[str, float] = {}
    if not 0 < segment.n_users < population.n_users:
        return found
    for levels in segment.levels:
        if levels.feature in tested:
            shares = [(each.share or 0.0, each.population_share) for each in levels.levels]
            p = _of_levels(np.array(shares), segment.n_users, population.n_users)
            if p is not None:
                found[levels.feature] = p
    for numeric in segment.numeric:
        if numeric.feature in tested and numeric.feature not in found:
            p = _of_means(numeric)
            if p is not None:
                found[numeric.feature] = p
    return found


def _of_means(numeric: NumericStatistics) -> float | None:
    from scipy.special import ndtr

    estimate = numeric.standardised_difference
    if estimate.value is None or estimate.high is None or estimate.high <= estimate.value:
        return None
    error = (estimate.high - estimate.value) / NORMAL_95
    return float(2 * ndtr(-abs(estimate.value) / error))


def _of_levels(shares: npt.NDArray[np.float64], n_inside: int, n_users: int) -> float | None:
    """Return the p-value of a table of two rows: the segment and all others."""
    from scipy.special import chdtrc

    n_outside = n_users - n_inside
    everywhere = shares[:, 1] * n_users
    inside = shares[:, 0] * n_inside
    expected = everywhere * min(n_inside, n_outside) / n_users
    is_counted = expected >= _MIN_EXPECTED
    if is_counted.sum() < 2:
        return None
    inside, everywhere = inside[is_counted], everywhere[is_counted]
    n_in, n_all = inside.sum(), everywhere.sum()
    if not 0 < n_in < n_all:
        return None
    off = inside - everywhere * n_in / n_all
    scale = everywhere * (n_in / n_all) * (1 - n_in / n_all)
    return float(chdtrc(inside.size - 1, float((off * off / scale).sum())))
