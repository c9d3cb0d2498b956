"""The second look at a log, once the segments are known: part by part, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from segmentry.describe.exposure._cells import (
    CELL_COLUMNS,
    CellCounts,
    Dimension,
    Members,
    add_cells,
    describe_cells,
    find_dimensions,
    keys_of,
    no_counts,
)
from segmentry.describe.exposure._curves import describe_exposure, find_moments
from segmentry.describe.exposure._held_out import Clicks, compare_held_out
from segmentry.describe.exposure._matched import MatchedSets, draw_sets, user_shares
from segmentry.describe.exposure._positions import (
    POSITION_BANDS,
    REPEAT_BANDS,
    count_bands,
    no_bands,
    order_by_time,
)
from segmentry.describe.exposure._records import (
    Cell,
    ExposureCurve,
    HeldOutUse,
    LogReport,
    Reaction,
)
from segmentry.evaluation.later_days import Validation
from segmentry.features.events import Events, kept_events, pieces_of
from segmentry.features.packing import Places
from segmentry.formats import percent
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import Engine, Estimate, Window
from segmentry.schema.arrays import BoolVector, IntVector

_SALT = "segmentry exposure"
_N_WORKERS = 2
_ROWS_OF_A_PIECE = 1 << 19
"""All that is made of a part at once took a gigabyte, most of it in what was freed and kept."""


@dataclass(frozen=True, slots=True, eq=False)
class HoldOut:
    """Segments that were formed before some moment, to be held against what came after."""

    segment_ids: IntVector  # (n_users,), in the order of the user table; 0 for none
    n_segments: int
    starts_at: int  # the start of the outcome window

    @classmethod
    def of(cls, validation: Validation) -> Self | None:
        """Return the segments of the feature window; null where no outcome window follows it."""
        if validation.split.outcome is None:
            return None
        ids = validation.feature_segment_ids
        return cls(ids, int(ids.max(initial=0)), validation.split.outcome.start)


@dataclass(frozen=True, slots=True, eq=False)
class LogDescription:
    """What the report shows of the log, and all cells: ``affinity.parquet``, if there is one.

    `cells` has one row per segment, dimension (``kind``) and key with enough users.
    """

    report: LogReport
    cells: pl.DataFrame | None


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What every part should describe; `is_sampled` tells which users curves are made of."""

    window: Window
    dimensions: tuple[Dimension, ...]
    members: Members
    hold_out: HoldOut | None
    is_sampled: BoolVector
    seed: int


@dataclass(slots=True, eq=False)
class _Findings:
    """What the parts gave so far."""

    cells: list[CellCounts]
    positions: IntVector
    showings: IntVector
    clicks: Clicks | None
    sets: list[tuple[MatchedSets, IntVector]] = field(default_factory=list)
    moments: list[pl.DataFrame] = field(default_factory=list)


def describe_log(
    engine: Engine,
    parts: Sequence[Path],
    ads: pl.DataFrame | None,
    *,
    placements: Sequence[str],
    members: Members,
    n_clicks: IntVector,
    window: Window,
    hold_out: HoldOut | None,
    seed: int,
    min_users: int,
    on_part: Callable[[int, int], None] | None = None,
) -> LogDescription:
    """Describe what segments were shown and clicked, and how clicks change with exposure.

    The `ads` are without rows where nothing is known of them, and null where the log does not name
    them; the `placements` are those distinguished. `n_clicks`, shape (n_users,), are those of
    each user in the window: they tell how many users make a curve. Impressions outside the window
    are left out, and so are cells and bands of fewer than `min_users` users. `on_part` is called
    with (parts done, parts in all).
    """
    dimensions = find_dimensions(placements, ads)
    k = members.n_segments
    of_segment = np.bincount(members.segment_ids, weights=n_clicks, minlength=k + 1)[1:]
    everybody, shares = user_shares(of_segment.astype(np.int64))
    drawn = hash_shares(members.user_id, salt=f"{_SALT} of seed {seed}")
    is_sampled = drawn < np.append(0.0, shares)[members.segment_ids]
    plan = _Plan(window, dimensions, members, hold_out, is_sampled, seed)
    found = _Findings(
        cells=[no_counts(k, each.keys.height) for each in dimensions],
        positions=no_bands(k, POSITION_BANDS),
        showings=no_bands(k, REPEAT_BANDS),
        clicks=_no_clicks(dimensions, hold_out),
    )
    read = partial(
        kept_events,
        engine,
        window=window,
        ad_places=None if ads is None else Places.among(ads["ad_id"]),
        placements=placements,
    )
    _read_all(parts, read, plan, found=found, on_part=on_part)
    with ThreadPoolExecutor(1) as worker:
        described = worker.submit(_describe_cells, found, plan, min_users=min_users)
        reactions, curves = describe_exposure(
            found.positions,
            found.showings,
            found.sets,
            found.moments,
            segment_ids=members.segment_ids,
            n_segments=k,
            is_of_all=drawn < everybody,
            shares=(everybody, *(float(each) for each in shares)),
            window=window,
            min_users=min_users,
        )
        tables, held_out = described.result()
    return _described(tables, held_out, reactions, curves, min_users=min_users)


def _described(
    tables: Sequence[pl.DataFrame],
    held_out: HeldOutUse | None,
    reactions: tuple[Reaction, ...],
    curves: tuple[ExposureCurve, ...],
    *,
    min_users: int,
) -> LogDescription:
    """Put all that was found together."""
    cells = pl.concat(tables) if tables else pl.DataFrame(schema=CELL_COLUMNS)
    shown = tuple(table["kind"][0] for table in tables if table.height)
    report = LogReport(
        reason="",
        dimensions=shown,
        min_users=min_users,
        cells=tuple(_cells(cells)),
        held_out=held_out,
        reactions=reactions,
        curves=curves,
        notes=tuple(_notes(shown, cells, reactions, curves)),
    )
    return LogDescription(report, cells)


def _describe_cells(
    found: _Findings, plan: _Plan, *, min_users: int
) -> tuple[list[pl.DataFrame], HeldOutUse | None]:
    """Describe the cells of each dimension that has any, and hold them against later clicks."""
    cells = [
        describe_cells(counts, kind=each.kind, keys=each.keys, min_users=min_users)
        for each, counts in zip(plan.dimensions, found.cells, strict=True)
        if counts.n_users.any()
    ]
    return cells, _held_out(found, plan, min_users=min_users)


def _read_all(
    parts: Sequence[Path],
    read: Callable[[Path], Events],
    plan: _Plan,
    *,
    found: _Findings,
    on_part: Callable[[int, int], None] | None,
) -> None:
    """Read the parts one after the other."""
    user_places = Places.among(plan.members.user_id)
    with ThreadPoolExecutor(_N_WORKERS) as workers:
        for done, part in enumerate(parts, start=1):
            events = read(part)
            requested: list[Future[None]] = []
            for piece in _pieces_of(events, user_places, plan.members):
                # Cut while the workers are still at the one before.
                for each in requested:
                    each.result()
                # Each has its own findings, and numpy sorts without the interpreter's lock.
                requested = [workers.submit(_take_exposure, piece, plan, found)]
                requested += [
                    workers.submit(_take_cells, piece, dimension, total, plan, found)
                    for dimension, total in zip(plan.dimensions, found.cells, strict=True)
                ]
            for each in requested:
                each.result()
            if on_part is not None:
                on_part(done, len(parts))


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Events, with the place in the user table and the segment of each of their users."""

    events: Events
    users: IntVector
    segments: IntVector


def _pieces_of(events: Events, places: Places, members: Members) -> Iterator[_Piece]:
    """Return the rows of members, some users at a time; the ids of all are looked up at once."""
    users = places.of(events.user_id)
    segments = np.append(members.segment_ids, 0)[users]
    is_member = segments > 0
    users, segments = users[is_member], segments[is_member]
    end = 0
    for some in pieces_of(events.of_users(is_member), n_rows=_ROWS_OF_A_PIECE):
        start, end = end, end + some.user_id.len()
        yield _Piece(some, users[start:end], segments[start:end])


def _take_cells(
    piece: _Piece, dimension: Dimension, total: CellCounts, plan: _Plan, found: _Findings
) -> None:
    events = piece.events
    key = keys_of(dimension, events)
    if key is None:
        return
    add_cells(total, events.user, key, events.is_click, segment_of_user=piece.segments)
    if dimension.kind == "category" and found.clicks is not None and plan.hold_out is not None:
        is_taken = (events.is_click == 1) & (key >= 0)
        is_later = events.second[is_taken] >= plan.hold_out.starts_at - events.midnight
        found.clicks.take(piece.users[events.user[is_taken]], key[is_taken], is_later)


def _take_exposure(piece: _Piece, plan: _Plan, found: _Findings) -> None:
    events, users = piece.events, piece.users
    line = order_by_time(events)
    count = partial(
        count_bands,
        line.user,
        is_click=line.is_click,
        segment_of_user=piece.segments,
        n_segments=plan.members.n_segments,
    )
    found.positions += count(line.position, bands=POSITION_BANDS)
    if events.ad is not None:
        found.showings += count(line.showing, bands=REPEAT_BANDS)
    is_sampled = plan.is_sampled[users]
    sets = draw_sets(line, users, is_sampled, window=plan.window, seed=plan.seed)
    found.sets.append(sets)
    found.moments.append(find_moments(line, users, is_sampled, window=plan.window))


def _no_clicks(dimensions: Sequence[Dimension], hold_out: HoldOut | None) -> Clicks | None:
    """Return a place for clicks by category, where there are categories and later days."""
    n_keys = next((each.keys.height for each in dimensions if each.kind == "category"), None)
    if n_keys is None or hold_out is None:
        return None
    return Clicks.none(hold_out.segment_ids, n_segments=hold_out.n_segments, n_keys=n_keys)


def _held_out(found: _Findings, plan: _Plan, *, min_users: int) -> HeldOutUse | None:
    """Hold affinities against later clicks, where there are categories."""
    if not any(each.kind == "category" for each in plan.dimensions):
        return None
    if found.clicks is None:
        reason = "no later days were held out when the segments were formed"
        return HeldOutUse("category", 0, 0, (), "", reason=reason)
    return compare_held_out(found.clicks, dimension="category", min_users=min_users)


_MAX_SHOWN = 3
_ALL_SHOWN = ("hour", "placement", "price band")


def _cells(table: pl.DataFrame) -> Iterator[Cell]:
    """Return the cells that the page shows: all of small dimensions, of others what stands out."""
    for _, own in table.group_by("segment_id", "kind", maintain_order=True):
        shown = own if own["kind"][0] in _ALL_SHOWN else _outstanding(own)
        for row in shown.iter_rows(named=True):
            yield Cell(
                segment_id=row["segment_id"],
                dimension=row["kind"],
                key=row["key"],
                label=row["label"],
                n_users=row["n_users"],
                n_impressions=row["n_impressions"],
                n_clicks=row["n_clicks"],
                exposure_share=row["exposure_share"],
                **{
                    name: Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])
                    for name in ("ctr", "exposure_index", "ctr_index")
                },
            )


def _outstanding(own: pl.DataFrame) -> pl.DataFrame:
    """Keep what lies above 100 with its whole interval: the strongest in clicks, then in exposure.

    Ties are in the order of the keys.
    """
    placed = own.with_row_index("place")
    found = []
    for name in ("ctr_index_low", "exposure_index_low"):
        above = placed.filter(pl.col(name) > 100)
        found.append(above.sort(name, "place", descending=[True, False]).head(_MAX_SHOWN))
    return pl.concat(found).unique("place", keep="first", maintain_order=True)


def _notes(
    dimensions: tuple[str, ...],
    cells: pl.DataFrame,
    reactions: tuple[Reaction, ...],
    curves: tuple[ExposureCurve, ...],
) -> Iterator[str]:
    """Say what is absent and why, and what must be known to read the rest."""
    of_ads = {"category", "brand", "campaign", "price band"}
    if not of_ads & set(dimensions):
        yield (
            "Nothing is known of the ads (no table of ads, or none of its ads in the log): there "
            "are no categories, brands, campaigns and prices."
        )
    elif "price band" not in dimensions:
        yield "The ads have no prices: there are no price bands."
    if "placement" not in dimensions:
        yield "The log names no placements."
    if not any(curve.kind == "repeat" for curve in curves):
        yield "No ad was shown twice to a user, or the log names no ads: there is no repeat curve."
    silent = cells.group_by("segment_id").agg(pl.col("n_clicks").sum()).sort("segment_id")
    for segment_id in silent.filter(pl.col("n_clicks") == 0)["segment_id"]:
        yield f"Segment {segment_id} has no click that may be shown: its rates are expectations."
    if any(reaction.is_found for reaction in reactions):
        yield (
            "The next exposure comes sooner or later after a click: exposure reacts to clicks, so "
            "no curve of it can be estimated from the log alone (not identified), and no cap is "
            "drawn. A randomised cap would show it."
        )
    shares = [curve.user_share for curve in curves]
    if shares and min(shares) < 1:
        yield (
            f"Curves within users were fitted on a sample of the users by hash of the id "
            f"({percent(min(shares), digits=0)} of all at the least); everything else is of "
            "all users."
        )
