"""Every segment against the population, in raw units."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.profiles._discoveries import with_tests
from segmentry.describe.profiles._levels import levels_of
from segmentry.describe.profiles._names import name_segments
from segmentry.describe.profiles._rates import NORMAL_95, pooled_rate
from segmentry.describe.profiles._records import (
    Difference,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)
from segmentry.describe.profiles._value_counts import ValueCounts, quantile_of
from segmentry.describe.profiles._withholding import published_profiles
from segmentry.formats import percent, rate
from segmentry.privacy import published_ids
from segmentry.runtime.threads import map_in_threads
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate, Feature
from segmentry.schema.arrays import FloatVector, IntVector

POPULATION = 0
"""`segment_id` of the profile of all assigned users together."""

_MAX_DIFFERENCES = 5
_MAX_PER_FAMILY = 2
_ROUNDING = 1e-12


def profile_segments(
    table: pl.DataFrame,
    segment_ids: npt.NDArray[np.int64],
    features: Sequence[Feature],
    counted: Mapping[str, ValueCounts],
    *,
    n_segments: int,
    forming: Sequence[str],
    silhouettes: Sequence[float | None],
    min_size: int = 1,
) -> tuple[SegmentProfile, tuple[SegmentProfile, ...]]:
    """Profile the population of assigned users, as segment 0, and each segment, by id.

    The user table has all `features`, ``n_impressions`` where there is a log, and ``n_clicks``
    where there are clicks: without them no rate is known. `segment_ids`, shape (n_users,), are
    1..K, and 0 for unassigned users, who are left out; `counted` are their values by published
    segment. Moments (kind "time") are not described. The
    names come first from the features that were `forming` the segments. A figure is shown on at
    least `min_size` users; 1 shows all.
    """
    is_in = segment_ids != UNASSIGNED
    ids, withheld = published_ids(segment_ids[is_in], n_segments=n_segments, min_size=min_size)
    described = [feature for feature in features if feature.kind != "time"]
    profiles = _profiles(table.filter(is_in), _groups(ids, n_segments), described, counted)
    segments = [
        replace(profile, mean_silhouette=silhouette)
        for profile, silhouette in zip(profiles[1:], silhouettes, strict=True)
    ]
    population, shown = published_profiles(
        profiles[0],
        with_tests(profiles[0], segments, described, forming=forming),
        withheld=withheld.tolist(),
        min_size=min_size,
    )
    names = name_segments(population, shown, described, forming=forming)
    return population, tuple(
        replace(profile, name=name) for profile, name in zip(shown, names, strict=True)
    )


def _groups(ids: npt.NDArray[np.int64], n_segments: int) -> list[npt.NDArray[np.int64]]:
    """Return the row positions of each segment's users."""
    order = np.argsort(ids, kind="stable")
    bounds = np.searchsorted(ids[order], np.arange(1, n_segments + 2))
    return [order[bounds[i] : bounds[i + 1]] for i in range(n_segments)]


def _profiles(
    users: pl.DataFrame,
    groups: Sequence[npt.NDArray[np.int64]],
    described: Sequence[Feature],
    counted: Mapping[str, ValueCounts],
) -> list[SegmentProfile]:
    """Return the profile of all users, then of each group."""
    numbers = [feature.name for feature in described if feature.kind != "categorical"]
    ranked = [feature for feature in described if feature.kind in ("categorical", "ordinal")]
    numeric = [_numeric_of(name, counted[name], groups) for name in numbers]
    levels = map_in_threads(lambda each: levels_of(users[each.name], groups, each), ranked)
    counts = (_counts(users, "n_clicks"), _counts(users, "n_impressions"))
    has_clicks = "n_clicks" in users.columns
    everyone = np.arange(users.height)
    return [
        _profile(
            position,
            members,
            counts,
            numeric,
            levels,
            described=described,
            has_clicks=has_clicks,
        )
        for position, members in enumerate([everyone, *groups])
    ]


def _counts(users: pl.DataFrame, name: str) -> npt.NDArray[np.int64]:
    """Return counts per user, 0 where the data have none."""
    if name not in users.columns:
        return np.zeros(users.height, dtype=np.int64)
    return users[name].to_numpy()


def _profile(
    position: int,
    members: npt.NDArray[np.int64],
    counts: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    numeric: Sequence[list[NumericStatistics]],
    levels: Sequence[list[LevelStatistics]],
    *,
    described: Sequence[Feature],
    has_clicks: bool,
) -> SegmentProfile:
    """Build one profile; position 0 is the population."""
    clicks, impressions = counts
    n_clicks, n_impressions = int(clicks[members].sum()), int(impressions[members].sum())
    total_clicks, total_impressions = int(clicks.sum()), int(impressions.sum())
    ctr = pooled_rate(clicks[members], impressions[members]) if has_clicks else UNKNOWN
    ctr_index = None
    if ctr.value is not None and total_clicks:
        ctr_index = ctr.value / (total_clicks / total_impressions) * 100
    is_part = len(members) < len(clicks)
    statistics = [found[position] for found in numeric]
    population = [found[0] for found in numeric]
    return SegmentProfile(
        segment_id=position,
        name="All segmented users",
        n_users=len(members),
        share=len(members) / len(clicks),
        n_impressions=n_impressions,
        n_clicks=n_clicks,
        impressions_share=n_impressions / total_impressions if total_impressions else 0.0,
        clicks_share=n_clicks / total_clicks if total_clicks else 0.0,
        ctr_seen=ctr,
        ctr_index=ctr_index,
        mean_silhouette=None,
        numeric=tuple(statistics),
        levels=tuple(found[position] for found in levels),
        differences=_differences(statistics, population, described) if is_part else (),
    )


def _numeric_of(
    name: str, counts: ValueCounts, groups: Sequence[npt.NDArray[np.int64]]
) -> list[NumericStatistics]:
    """Statistics of a feature in the population, then in each segment."""
    values, everyone = counts.values, counts.population
    moments = _Moments.of(values, everyone)
    standings = _standings(everyone)
    n_all = sum(members.size for members in groups)
    mean = moments.mean
    found = [_statistics(name, values, everyone, n_users_in_all=n_all, population_mean=mean)]
    for members, own in zip(groups, counts.n_users, strict=True):
        statistics = _statistics(
            name, values, own, n_users_in_all=members.size, population_mean=mean
        )
        standing = round(float(own @ standings) / max(1, members.size), 9)
        found.append(
            replace(
                statistics,
                standing=standing,
                standardised_difference=_standardised(values, own, moments),
            )
        )
    return found


def _standings(n_users: IntVector) -> FloatVector:
    """Return where each of some rising values stands among all users, from -1 to 1.

    Users of equal value share the middle of their ranks; unknown values stand in the middle of all.
    """
    ranks = np.cumsum(n_users) - n_users + (n_users + 1) / 2
    found: FloatVector = (2 * ranks - 1) / max(1, int(n_users.sum())) - 1
    return found


class _Moments(NamedTuple):
    """Mean and deviation of all users whose value is known; moments of their standard scores.

    The deviation is 0 if values differ by rounding only.
    """

    n_users: int
    mean: float | None
    deviation: float
    third: float
    fourth: float

    @classmethod
    def of(cls, values: FloatVector, n_users: IntVector) -> "_Moments":
        """Take distinct values and how many users have each."""
        n = int(n_users.sum())
        if not n:
            return cls(0, None, 0.0, 0.0, 0.0)
        mean = float(n_users @ values) / n
        deviation = (float(n_users @ (values - mean) ** 2) / n) ** 0.5
        if deviation <= _ROUNDING * float(np.abs(values).max()):
            return cls(n, mean, 0.0, 0.0, 0.0)
        scores = (values - mean) / deviation
        third, fourth = float(n_users @ scores**3) / n, float(n_users @ scores**4) / n
        return cls(n, mean, deviation, third, fourth)


def _statistics(
    name: str,
    values: FloatVector,
    n_users: IntVector,
    *,
    n_users_in_all: int,
    population_mean: float | None,
) -> NumericStatistics:
    """Describe the known values of some users, their difference aside."""
    n_known = int(n_users.sum())
    missing_share = 1 - n_known / n_users_in_all if n_users_in_all else 0.0
    if not n_known:
        return NumericStatistics(name, None, None, None, None, missing_share, None, UNKNOWN)
    mean = float(n_users @ values) / n_known
    lower, median, upper = (quantile_of(values, n_users, q) for q in (0.25, 0.5, 0.75))
    index = mean / population_mean * 100 if population_mean and population_mean > 0 else None
    return NumericStatistics(name, mean, lower, median, upper, missing_share, index, UNKNOWN)


def _standardised(values: FloatVector, n_users: IntVector, moments: _Moments) -> Estimate:
    """Return (segment mean - population mean) / population deviation, interval over users.

    The users are a sample, and with it vary the segment, its size, the population's mean and its
    deviation. The variance is that of the linearised statistic d (Särndal, Swensson and Wretman
    1992, Model Assisted Survey Sampling, section 5.5): mean over users of the square of
    s (z - d) / w - z - d (z² - 1) / 2, where z is a user's standard score, s is 1 in the segment
    and 0 outside, and w is the segment's share of the users.
    """
    size = int(n_users.sum())
    if not size or not moments.deviation or moments.mean is None:
        return UNKNOWN
    scores = (values - moments.mean) / moments.deviation
    value = (float(n_users @ values) / size - moments.mean) / moments.deviation
    if size < 2 or moments.n_users - size < 2:
        return Estimate(value=value, low=None, high=None)
    off = scores - value
    within = float(n_users @ off**2) / (size - 1)
    crossed = float(n_users @ (off * scores**2)) / size
    of_deviation = value * moments.third + value**2 * (moments.fourth - 1) / 4
    share = size / moments.n_users
    variance = within / share - 2 * within - value * crossed + 1 + of_deviation
    half = NORMAL_95 * (max(0.0, variance) / moments.n_users) ** 0.5
    return Estimate(value=value, low=value - half, high=value + half)


def _differences(
    statistics: Sequence[NumericStatistics],
    population: Sequence[NumericStatistics],
    described: Sequence[Feature],
) -> tuple[Difference, ...]:
    """Return the strongest differences, not more than two of a family: counts move together.

    The raw CTR of single users is left out: it is mostly luck, and its mean over users is not
    the segment's CTR, which stands on its own.
    """
    features = {feature.name: feature for feature in described}
    ranked = sorted(
        (
            (own, everyone)
            for own, everyone in zip(statistics, population, strict=True)
            if own.standardised_difference.value is not None and own.feature != "ctr"
        ),
        key=lambda pair: (-abs(pair[0].standardised_difference.value or 0.0), pair[0].feature),
    )
    found: list[Difference] = []
    per_family: dict[str, int] = {}
    for own, everyone in ranked:
        feature = features[own.feature]
        per_family[feature.family] = per_family.get(feature.family, 0) + 1
        if per_family[feature.family] <= _MAX_PER_FAMILY and own.mean is not None:
            text = (
                f"{feature.label}: {_text(own.mean, feature)} on average, "
                f"{_text(everyone.mean or 0.0, feature)} overall"
            )
            found.append(Difference(own.feature, text, own.standardised_difference.value or 0.0))
    return tuple(found[:_MAX_DIFFERENCES])


def _text(value: float, feature: Feature) -> str:
    is_share = feature.kind == "share" or feature.unit == "clicks per impression"
    if is_share:
        return percent(value) if value >= 0.1 else rate(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
