"""What a refresh keeps of each window: the counts from which alarms are found."""

from pathlib import Path

import polars as pl

from segmentry.features.users import UserData
from segmentry.lifecycle.alarms import (
    OverTime,
    PeriodFacts,
    count_period,
    find_alarms,
    moved_level,
    with_sizes,
)
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.results.run_folder import read_early, read_user_table
from segmentry.results.scoring import Bundle, keys_of
from segmentry.results.summary import Summary
from segmentry.schema import Feature
from segmentry.schema.arrays import IntVector


def count_windows(
    folder: Path,
    bundle: Bundle,
    summary: Summary,
    segments: pl.DataFrame,
    *,
    keys: SegmentKeys,
    users: UserData,
    segment_ids: IntVector,
) -> OverTime:
    """Add the window of `users`, placed by the earlier model, to those of the earlier run."""
    features = _watched(bundle, users)
    before = segments.select("user_id", keys_of(segments["segment_id"].to_numpy(), keys.keys))
    so_far = _so_far(folder, bundle, summary, segments, keys=keys, features=features)
    reference = next(each for each in so_far if each.model == so_far[-1].model)
    early = users.early
    now = count_period(
        users.table,
        segment_ids,
        keys=keys.keys,
        model=reference.model,
        window=users.window,
        features=features,
        days=None if early is None or early.outcome.kind != "clicks" else early.days,
        accounts=users.accounts,
        before=before,
        reference=reference,
    )
    level = moved_level((*so_far, now))
    if level is not None:
        ids, _ = bundle.frozen.place(_at_level(users.table, level, bundle))
        now = with_sizes(now, ids)
    return OverTime(periods=(*so_far, now))


def _at_level(table: pl.DataFrame, level: float, bundle: Bundle) -> pl.DataFrame:
    """Return the users with the click rates they would have had without a move of the level."""
    prior = bundle.prior
    if prior is None or not {"n_clicks", "n_impressions"} <= set(table.columns):
        return table
    clicks = pl.col("n_clicks") / level
    shrunk = (clicks + prior.mean * prior.precision) / (pl.col("n_impressions") + prior.precision)
    made = {"ctr": pl.col("ctr") / level, "ctr_shrunk": shrunk}
    return table.with_columns(**{name: made[name] for name in made if name in table.columns})


def _watched(bundle: Bundle, users: UserData) -> tuple[Feature, ...]:
    """Return what forms segments and what profiles say."""
    names = {*bundle.preprocessing.features, *(each.name for each in users.attributes)}
    return tuple(each for each in users.catalogue if each.name in names)


def _so_far(
    folder: Path,
    bundle: Bundle,
    summary: Summary,
    segments: pl.DataFrame,
    *,
    keys: SegmentKeys,
    features: tuple[Feature, ...],
) -> tuple[PeriodFacts, ...]:
    """Return the windows of the earlier run; one that formed segments is itself the last."""
    past = () if summary.over_time is None else summary.over_time.periods
    if past and summary.changes is not None and summary.changes.decision.choice != "refit":
        return past
    table = segments.select("user_id", "segment_id").join(
        read_user_table(folder), on="user_id", how="left", maintain_order="left"
    )
    early = read_early(folder)
    forming = count_period(
        table,
        table["segment_id"].to_numpy(),
        keys=keys.keys,
        model=str(bundle.window.end),
        window=bundle.window,
        features=features,
        days=None if early is None or not summary.traits.has_clicks else early[1],
        accounts=summary.data.accounts,
        expected={
            key: each.expected_rate for key, each in zip(keys.keys, summary.segments, strict=True)
        },
    )
    return (*past, forming)


def has_new_alarm(over_time: OverTime) -> bool:
    """Return whether an alarm rings for the first time in the last window."""
    last = len(over_time.periods) - 1
    return any(alarm.since == last for alarm in find_alarms(over_time.periods))
