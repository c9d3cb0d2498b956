"""Two runs held against each other: segments, users, features, settings and data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.describe.profiles import NumericStatistics, SegmentProfile
from segmentry.errors import SchemaError
from segmentry.evaluation.stability import align_ids
from segmentry.features import shrink
from segmentry.formats import period
from segmentry.ingest.engines.run_tables import count_moves
from segmentry.privacy import is_small
from segmentry.results.run_folder import (
    Manifest,
    read_bundle,
    read_manifest,
    read_memory,
    read_min_size,
    read_segments,
    read_user_table,
)
from segmentry.results.scoring import Bundle
from segmentry.results.summary import FeatureRow, Summary, read_summary
from segmentry.schema import UNASSIGNED, Estimate

MIN_CHANGE = 0.05
"""Share by which the mean of a feature changes before it counts as changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One segment in one of the runs; `rate` is the expected rate, or the one seen."""

    segment_id: int
    segment_key: str
    name: str
    n_users: int
    share: float
    rate: Estimate
    verdict: str


@dataclass(frozen=True, slots=True)
class SegmentPair:
    """A segment in both runs; null on the side where it is not found."""

    earlier: Side | None
    later: Side | None


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """A feature of all users whose mean changed by a twentieth or more."""

    feature: FeatureRow
    earlier: NumericStatistics
    later: NumericStatistics
    change: float
    """Of the mean, as a share of the earlier one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting or a fact of the data that is not the same in both runs."""

    what: str
    earlier: str
    later: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """What differs between two runs."""

    earlier: str
    later: str
    segments: tuple[SegmentPair, ...]
    """Those of the earlier run, then those that only the later one has."""
    n_both: int | None
    n_only_earlier: int | None
    n_only_later: int | None
    """`n_both`, `n_only_earlier`, `n_only_later`: users with a segment in both runs and in one
    only; null where they are too few to be shown."""
    n_moved: int | None
    """Users of both that are in another segment of the later run."""
    n_moved_by_users: int | None
    """Users of both that the earlier model itself places elsewhere on the later data: moved by what
    they did. Null where too few, or where `frozen_reason` says why it is unknown."""
    frozen_reason: str
    features: tuple[FeatureChange, ...]
    """The largest change first."""
    settings: tuple[Difference, ...]
    data: tuple[Difference, ...]


def compare_runs(earlier: Path, later: Path) -> RunComparison:
    """Hold two runs against each other.

    Segments are matched by their keys where the later run refreshes the earlier one, otherwise by
    the users that both hold.

    Raises BundleError if one of them cannot be read, EngineError if user ids are numbers in one
    and text in the other.
    """
    folders = (earlier, later)
    bundles = [read_bundle(each) for each in folders]
    before, after = (read_summary(each) for each in folders)
    for each in folders:
        read_segments(each)  # said in one line where it is not there
    moves = count_moves(*(each / "segments.parquet" for each in folders))
    matched = match_segments(moves, *bundles)
    placed = moves.with_columns(pl.col("before", "after").replace(UNASSIGNED, None))
    both = placed.drop_nulls()
    min_size = max(map(read_min_size, folders))

    def shown(found: pl.DataFrame) -> int | None:
        n_users = int(found["n_users"].sum())
        return None if is_small(n_users, min_size=min_size) else n_users

    stayed = pl.col("before").replace_strict(matched, default=None, return_dtype=pl.Int64)
    n_frozen, reason = _moved_by_users(earlier, later, bundles[0])
    return RunComparison(
        earlier=earlier.name,
        later=later.name,
        segments=pair_segments(before, after, matched),
        n_both=shown(both),
        n_only_earlier=shown(placed.filter(pl.col("after").is_null() & (pl.col("before") > 0))),
        n_only_later=shown(placed.filter(pl.col("before").is_null() & (pl.col("after") > 0))),
        n_moved=shown(both.filter(~stayed.eq_missing(pl.col("after")))),
        n_moved_by_users=None if is_small(n_frozen or 0, min_size=min_size) else n_frozen,
        frozen_reason=reason,
        features=change_features(before, after),
        settings=tuple(_differences(*(read_manifest(each).config for each in folders))),
        data=tuple(_differences(*map(_data_facts, (before, after), map(read_manifest, folders)))),
    )


def match_segments(moves: pl.DataFrame, earlier: Bundle, later: Bundle) -> dict[int, int]:
    """Return the later segment of each earlier one that is found again.

    `moves` is that of `count_moves`.
    """
    keys, other = earlier.keys, later.keys
    if keys is not None and other is not None and keys.segmentation == other.segmentation:
        return {
            old: other.keys.index(key) + 1
            for old, key in enumerate(keys.keys, start=1)
            if key in other.keys
        }
    both = moves.drop_nulls()
    weights = both["n_users"].to_numpy()
    old, new = (
        np.repeat(both[name].to_numpy().astype(np.int64), weights) for name in ("before", "after")
    )
    return align_ids(old, new, n_old=len(earlier.names), n_new=len(later.names)).found_again


def pair_segments(
    before: Summary, after: Summary, matched: Mapping[int, int]
) -> tuple[SegmentPair, ...]:
    """Return both sides of each segment, and those of one run only."""
    later = {each.segment_id: each for each in after.segments}
    pairs = [
        SegmentPair(_side(each), _side(later.get(matched.get(each.segment_id, 0))))
        for each in before.segments
    ]
    new = [each for each in after.segments if each.segment_id not in matched.values()]
    return (*pairs, *(SegmentPair(None, _side(each)) for each in new))


def _side(segment: SegmentProfile | None) -> Side | None:
    if segment is None:
        return None
    expected = segment.expected_rate
    return Side(
        segment_id=segment.segment_id,
        segment_key=segment.segment_key,
        name=segment.name,
        n_users=segment.n_users,
        share=segment.share,
        rate=expected if expected.is_known else segment.ctr_seen,
        verdict=segment.verdict,
    )


def change_features(before: Summary, after: Summary) -> tuple[FeatureChange, ...]:
    """Return what changed in all users of both runs, the largest change first."""
    rows = {row.name: row for row in before.features}
    later = {each.feature: each for each in after.population.numeric}
    found = []
    for old in before.population.numeric:
        row, new = rows.get(old.feature), later.get(old.feature)
        # A moment that moves with the window says nothing of the users.
        if row is None or new is None or row.kind == "time":
            continue
        if old.mean is None or new.mean is None or old.mean <= 0:
            continue
        change = new.mean / old.mean - 1
        if abs(change) >= MIN_CHANGE:
            found.append(FeatureChange(row, old, new, change))
    return tuple(sorted(found, key=lambda each: -abs(each.change)))


def _moved_by_users(earlier: Path, later: Path, bundle: Bundle) -> tuple[int | None, str]:
    """Count users that the earlier model places elsewhere on the later data, or say why not."""
    table = read_user_table(later)
    if "ctr_shrunk" in table.columns and bundle.prior is not None:
        shrunk = shrink(table["n_clicks"].fill_null(0), table["n_impressions"], bundle.prior)
        is_known = pl.col("ctr_shrunk").is_not_null()
        table = table.with_columns(pl.when(is_known).then(pl.Series(shrunk)).alias("ctr_shrunk"))
    try:
        now = read_bundle(later)
        before = read_memory(earlier)
        has_clicks = read_summary(earlier).traits.has_clicks
        frozen = replace(bundle.frozen, before=before if has_clicks else None)
        frozen = frozen.in_windows(now.window, now.behaviour_window)
        ids, _ = frozen.place(table)
    except SchemaError as error:
        return None, f"the later run lacks what formed the earlier segments: {error}"
    places = pl.DataFrame({"user_id": table["user_id"], "now": ids})
    both = before.join(places, on="user_id")
    is_in = (pl.col("segment_id") > 0) & (pl.col("now") > 0)
    return both.filter(is_in & (pl.col("segment_id") != pl.col("now"))).height, ""


def _data_facts(summary: Summary, manifest: Manifest) -> dict[str, object]:
    data = summary.data
    facts: dict[str, object] = {"source": data.source, "segmentry": manifest.versions["segmentry"]}
    if data.starts_at is not None and data.ends_at is not None:
        offset = data.utc_offset_hours
        facts["window"] = period(data.starts_at, data.ends_at, utc_offset_hours=offset)
    facts["users with a segment"] = summary.population.n_users
    for account in data.accounts:
        facts[f"rows of {account.role}"] = account.n_used
        facts[f"rejected rows of {account.role}"] = account.n_rejected
    facts |= {f"content of {each.path}": each.content for each in manifest.inputs}
    return facts


def _differences(
    earlier: Mapping[str, object], later: Mapping[str, object]
) -> Iterator[Difference]:
    for what in dict.fromkeys((*earlier, *later)):
        one, other = earlier.get(what), later.get(what)
        if one != other:
            yield Difference(what.rstrip("_"), _text(one), _text(other))


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
