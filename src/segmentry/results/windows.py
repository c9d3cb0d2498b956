"""What a refresh keeps of each window: the counts from which alarms are found."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from segmentry.features import BetaPrior, scale_to_window
from segmentry.features.users import UserData
from segmentry.features.windows import local_days
from segmentry.lifecycle.alarms import (
    PeriodFacts,
    WindowCounts,
    count_period,
    find_alarms,
    level_of,
    with_ranges,
)
from segmentry.lifecycle.keys import SegmentKeys
from segmentry.lifecycle.luck import share_moved_by_luck
from segmentry.results.run_folder import read_early, read_user_table, read_windows
from segmentry.results.scoring import Bundle, keys_of
from segmentry.results.summary import Summary
from segmentry.schema import UNASSIGNED, Feature
from segmentry.schema.arrays import IntVector
from segmentry.segments.forming import FrozenSegments


def count_windows(
    folder: Path,
    bundle: Bundle,
    summary: Summary,
    segments: pl.DataFrame,
    *,
    keys: SegmentKeys,
    users: UserData,
    segment_ids: IntVector,
) -> WindowCounts:
    """Add the window of `users`, placed by the earlier model, to those of the earlier run."""
    features = _watched(bundle, users)
    so_far = _so_far(folder, bundle, summary, segments, keys=keys, features=features)
    reference = next(each for each in so_far if each.model == so_far[-1].model)
    before = _before(
        folder, bundle, segments, keys, last=so_far[-1], is_first=so_far[-1] is reference
    )
    early = users.early
    formed = replace(users.window, start=reference.start, end=reference.end)
    now = count_period(
        scale_to_window(users.table, formed=formed, now=users.window),
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
    level = level_of(now)
    if level is not None and bundle.prior is not None:
        tables = [_at_level(users.table, limit, bundle.prior) for limit in level[1:]]
        now = with_ranges(now, [place_as_formed(bundle.frozen, users, table) for table in tables])
    return WindowCounts(periods=(*so_far, now))


def place_as_formed(frozen: FrozenSegments, users: UserData, table: pl.DataFrame) -> IntVector:
    """Return the ids of users by a saved model, whatever the length of their window.

    `table` is that of the users, or one with other values.
    """
    history = None if users.behaviours is None else users.behaviours.window
    ids, _ = frozen.in_windows(users.window, history).place(table)
    return ids


def luck_of(
    bundle: Bundle,
    users: UserData,
    ids: IntVector,
    placed: IntVector,
    earlier: pl.DataFrame,
    *,
    seed: int,
) -> float | None:
    """Return the share of the users of both windows that luck alone would move.

    `ids` are where luck finds the users, `placed` where the model alone puts them; `earlier` has
    ``user_id, segment_id`` of the window before. Null in a log without clicks, or where its days
    are not kept.
    """
    if users.early is None or users.early.outcome.kind != "clicks":
        return None
    here = users.table.select("user_id", segment_id=pl.Series(ids), nearest_id=pl.Series(placed))
    frozen = replace(bundle.frozen, before=here)
    known = earlier.filter(pl.col("segment_id") != UNASSIGNED)["user_id"]
    return share_moved_by_luck(
        users.table,
        users.early.counts(),
        ids,
        is_in=users.table["user_id"].is_in(known.implode()).to_numpy(),
        place=lambda table: place_as_formed(frozen, users, table),
        days=local_days(users.window),
        prior=bundle.prior,
        seed=seed,
    )


def _before(
    folder: Path,
    bundle: Bundle,
    segments: pl.DataFrame,
    keys: SegmentKeys,
    *,
    last: PeriodFacts,
    is_first: bool,
) -> pl.DataFrame:
    """Return where the model alone put users in the window before, without its move of the level.

    Otherwise a segment would hold other users than those whose rate was forecast.
    """
    ids = segments["segment_id"].to_numpy()
    if not is_first and bundle.prior is not None:
        level, segments = level_of(last), read_user_table(folder)
        at_level = _at_level(segments, 1.0 if level is None else level[0], bundle.prior)
        ids, _ = bundle.frozen.place(at_level)
    return segments.select("user_id", keys_of(ids, keys.keys))


def _at_level(table: pl.DataFrame, level: float, prior: BetaPrior) -> pl.DataFrame:
    """Return the users with their clicks divided by a level."""
    if not {"n_clicks", "n_impressions"} <= set(table.columns):
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
    past = () if summary.over_time is None else read_windows(folder).periods
    if past and summary.changes is not None and summary.changes.is_kept:
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


def has_new_alarm(counts: WindowCounts) -> bool:
    """Return whether an alarm rings for the first time in the last window."""
    last = len(counts.periods) - 1
    return any(alarm.since == last for alarm in find_alarms(counts.periods))
