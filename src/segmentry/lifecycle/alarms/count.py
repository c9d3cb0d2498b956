"""The counts of one refresh, from its user table and from where the users were before."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from segmentry.lifecycle.alarms.facts import (
    DayFacts,
    FeatureFacts,
    OutcomeFacts,
    PeriodFacts,
    RowFacts,
    SegmentFacts,
)
from segmentry.schema import UNASSIGNED, Estimate, Feature, RowAccount, Window
from segmentry.schema.arrays import IntVector

N_BINS = 10
MAX_LEVELS = 30
_Z_90 = 1.6448536269514722  # intervals of forecasts hold 90 %


def count_period(
    table: pl.DataFrame,
    segment_ids: IntVector,
    *,
    keys: Sequence[str],
    model: str,
    window: Window,
    features: Sequence[Feature],
    days: pl.DataFrame | None,
    accounts: Sequence[RowAccount],
    before: pl.DataFrame | None = None,
    expected: Mapping[str, Estimate] | None = None,
    reference: PeriodFacts | None = None,
) -> PeriodFacts:
    """Count what alarms are found from.

    Parameters
    ----------
    table : pl.DataFrame
        One row per user, with ``user_id`` and the features.
    segment_ids : array of shape (n_users,)
        1, 2, ... in the order of `keys`; 0 for users without a segment.
    keys : sequence of str
        Keys of the segments of the model.
    model : str
        What distinguishes models.
    window : Window
    features : sequence of Feature
        Those to watch.
    days : pl.DataFrame or None
        ``user_id, day, n_impressions, n_clicks`` of the window; None where the log has no clicks,
        and then no rate is judged.
    accounts : sequence of RowAccount
        Where the rows of the log went; the first one counts.
    before : pl.DataFrame, optional
        ``user_id, segment_key`` of the window before.
    expected : mapping, optional
        The forecast of each segment by key, with its 90 % interval.
    reference : PeriodFacts, optional
        The window that formed the segments: its bins are taken, and its forecasts where `expected`
        is not given. Without it the bins are made.
    """
    sizes = np.bincount(segment_ids, minlength=len(keys) + 1)
    outcomes = _outcomes(days, before)
    forecasts = _forecasts(expected, reference)
    edges = {} if reference is None else {each.name: each for each in reference.features}
    return PeriodFacts(
        start=window.start,
        end=window.end,
        model=model,
        n_users=int((segment_ids != UNASSIGNED).sum()),
        segments=tuple(
            SegmentFacts(
                key=key,
                n_users=int(sizes[number]),
                outcome=outcomes.get(key, OutcomeFacts.of(successes=_NONE, trials=_NONE)),
                expected_rate=forecasts.get(key, (None, None))[0],
                expected_error=forecasts.get(key, (None, None))[1],
            )
            for number, key in enumerate(keys, start=1)
        ),
        days=_days(days),
        features=tuple(
            count_feature(table[feature.name], feature, like=edges.get(feature.name))
            for feature in features
            if reference is None or feature.name in edges
        ),
        rows=_rows(accounts),
    )


_NONE = np.zeros(0)


def with_ranges(facts: PeriodFacts, placements: Sequence[IntVector]) -> PeriodFacts:
    """Return the same counts with the fewest and most users of each segment in some placements.

    Ids 1, 2, ... are in order of the segments; the placement that was counted is one more.
    """
    n = len(facts.segments)
    own = np.array([segment.n_users for segment in facts.segments])
    sizes = np.array([own, *(np.bincount(ids, minlength=n + 1)[1:] for ids in placements)])
    return replace(
        facts,
        segments=tuple(
            replace(segment, n_users_range=(int(low), int(high)))
            for segment, low, high in zip(
                facts.segments, sizes.min(axis=0), sizes.max(axis=0), strict=True
            )
        ),
    )


def _outcomes(days: pl.DataFrame | None, before: pl.DataFrame | None) -> dict[str, OutcomeFacts]:
    """Count clicks and impressions of the users of each segment of the window before."""
    if days is None or before is None:
        return {}
    users = (
        days.group_by("user_id")
        .agg(pl.col("n_impressions", "n_clicks").sum())
        .join(before.drop_nulls("segment_key"), on="user_id")
        .sort("user_id")
    )
    return {
        str(key): OutcomeFacts.of(
            successes=part["n_clicks"].to_numpy(), trials=part["n_impressions"].to_numpy()
        )
        for (key,), part in users.partition_by("segment_key", as_dict=True).items()
    }


def _forecasts(
    expected: Mapping[str, Estimate] | None, reference: PeriodFacts | None
) -> dict[str, tuple[float | None, float | None]]:
    if expected is None:
        segments = () if reference is None else reference.segments
        return {each.key: (each.expected_rate, each.expected_error) for each in segments}
    return {
        key: (estimate.value, (estimate.high - estimate.low) / (2 * _Z_90))
        for key, estimate in expected.items()
        if estimate.high is not None and estimate.low is not None
    }


def _days(days: pl.DataFrame | None) -> tuple[DayFacts, ...]:
    if days is None:
        return ()
    totals = days.group_by("day").agg(pl.col("n_impressions", "n_clicks").sum()).sort("day")
    return tuple(
        DayFacts(n_trials=float(n), n_successes=float(s))
        for _, n, s in totals.select("day", "n_impressions", "n_clicks").iter_rows()
    )


def _rows(accounts: Sequence[RowAccount]) -> RowFacts | None:
    if not accounts:
        return None
    log = accounts[0]
    return RowFacts(n_rows=log.n_read, n_rejected=log.n_rejected)


def count_feature(
    values: pl.Series, feature: Feature, *, like: FeatureFacts | None = None
) -> FeatureFacts:
    """Count the users of each bin: tenths of the users with a value, or levels.

    >>> visits = Feature(name="visits", family="profile", label="visits", unit="visits",
    ...                  kind="count", fill="zero", description="Visits.")
    >>> first = count_feature(pl.Series("visits", [1, 2, 3, 4, None]), visits)
    >>> first.edges, first.n_missing
    ((1.5, 2.5, 3.5), 1)
    >>> count_feature(pl.Series("visits", [0, 2, 9]), visits, like=first).bins
    (1, 1, 0, 1)
    """
    n_missing = values.null_count()
    if feature.kind in ("categorical", "ordinal"):
        return _count_levels(values.drop_nulls().cast(pl.String), feature, n_missing, like)
    known = values.drop_nulls().cast(pl.Float64).to_numpy()
    edges = _edges(known) if like is None else np.array(like.edges)
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return FeatureFacts(
        name=feature.name,
        bins=tuple(int(n) for n in counts),
        n_missing=n_missing,
        unit_value=float(np.median(known)) if len(known) else None,
        edges=tuple(float(edge) for edge in edges),
    )


def _edges(known: np.ndarray) -> np.ndarray:
    """Return tenths, halfway to the next smaller value.

    On a value itself, counts of a window that is a day longer, 0.99 for 1, would change their bin.
    """
    if not len(known):
        return _NONE
    tenths = np.quantile(known, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf")
    values = np.unique(known)
    places = np.unique(np.searchsorted(values, tenths))
    places = places[places > 0]
    return np.asarray((values[places - 1] + values[places]) / 2, dtype=np.float64)


def _count_levels(
    values: pl.Series, feature: Feature, n_missing: int, like: FeatureFacts | None
) -> FeatureFacts:
    """Count levels; of many, the rare ones together in a last bin."""
    found = dict(values.value_counts(sort=True).rows())
    if like is None:
        levels = tuple(sorted(found, key=lambda level: (-found[level], level))[:MAX_LEVELS])
        known = tuple(sorted(found))
    else:
        levels, known = like.levels, like.known_levels
    counts = [int(found.get(level, 0)) for level in levels]
    rare = sum(int(n) for level, n in found.items() if level in known and level not in levels)
    return FeatureFacts(
        name=feature.name,
        bins=(*counts, rare) if len(known) > len(levels) else tuple(counts),
        n_missing=n_missing,
        n_unseen=sum(int(n) for level, n in found.items() if level not in known),
        levels=levels,
        known_levels=known,
    )
