"""Two runs: who moved where, and what changed in the segments of the same number."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from segmentry.formats import MISSING, count, percent, rate, signed
from segmentry.ingest.engines.run_tables import count_moves
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._pages._compare import middles
from segmentry.present.dashboard._runs import Run, load, run_folders
from segmentry.present.dashboard._show import heading, notice, put, segment_label, table, words
from segmentry.present.figures import Flow, Flows
from segmentry.present.report import render_figure
from segmentry.present.tables import Cell, Column, Row, Table, segment_row
from segmentry.results.summary import Summary


def show_two_runs(run: Run) -> None:
    """Draw how users moved from the run to another one."""
    heading("Two runs", "Who moved where, and what changed.")
    words("Segment", "Click rate (CTR)", "Share")
    others = [folder for folder in run_folders() if folder != run.folder]
    if not others:
        notice(
            "One run is open. To compare two, start the dashboard with both: segmentry dashboard "
            "RUN_DIR OTHER_RUN_DIR"
        )
        return
    names = {
        str(i): f"{folder.parent.name}/{folder.name}" for i, folder in enumerate(others, start=1)
    }
    other = load(others[int(choose("Compare with", names, key="with")) - 1])
    missing = [
        each.name for each in (run, other) if not (each.folder / "segments.parquet").is_file()
    ]
    found: list[Table] = []
    pictures: dict[str, Callable[[], Any]] = {}
    if missing:
        notice(f"Users cannot be compared: segments.parquet is missing from {', '.join(missing)}.")
    else:
        flows = _moves(run, other)
        found.append(_moves_table(flows))
        pictures["flows"] = partial(plots.ANSWERS["flows"].plot, flows)
    views = (_changes(run, other), _drift(run.summary, other.summary))
    table(*views)
    found += views
    offer("two-runs", tables=found, pictures=pictures)


def _moves(run: Run, other: Run) -> Flows:
    """Draw how users moved, and return it."""
    files = [each.folder / "segments.parquet" for each in (run, other)]
    stamps = [file.stat().st_mtime_ns for file in files]
    moves = _counted(str(files[0]), str(files[1]), stamps[0], stamps[1])
    flows = _flows(run, other, moves)
    view = drawn(
        run,
        "flows",
        "Who moved where",
        plots.ANSWERS["flows"].caption(flows),
        *(other, *stamps),
        chart=partial(plots.ANSWERS["flows"].plot, flows),
        tables=[_moves_table(flows)],
    )
    put(render_figure(view))
    return flows


@st.cache_data(max_entries=8, show_spinner="Counting who moved …")
def _counted(before: str, after: str, stamp: int, other_stamp: int) -> pl.DataFrame:
    del stamp, other_stamp  # keys of the cache
    return count_moves(Path(before), Path(after))


def _flows(run: Run, other: Run, moves: pl.DataFrame) -> Flows:
    both = moves.drop_nulls()
    return Flows(
        before=tuple((s.segment_id, s.name) for s in run.summary.segments),
        after=tuple((s.segment_id, s.name) for s in other.summary.segments),
        flows=tuple(Flow(*map(int, row)) for row in both.iter_rows()),
        n_gone=int(moves.filter(pl.col("after").is_null())["n_users"].sum()),
        n_new=int(moves.filter(pl.col("before").is_null())["n_users"].sum()),
    )


def _moves_table(flows: Flows) -> Table:
    before, after = {0: "without a segment", **dict(flows.before)}, dict(flows.after)
    rows = []
    for segment_id, name in before.items():
        found = {f.after: f.n_users for f in flows.flows if f.before == segment_id}
        cells = [found.get(each, 0) for each in (*after, 0)]
        if any(cells):
            rows.append(
                segment_row(segment_id, name, *cells) if segment_id else Row((name, *cells))
            )
    return Table(
        "moves",
        f"Users by their segment in both runs; {count(flows.n_gone)} are in the first run only, "
        f"{count(flows.n_new)} in the second only",
        columns=(
            Column("from", "from"),
            *(Column(f"to_segment_{i}", f"{i} {name}", count) for i, name in after.items()),
            Column("to_none", "without a segment", count),
        ),
        rows=tuple(rows),
    )


def _changes(run: Run, other: Run) -> Table:
    later = {s.segment_id: s for s in other.summary.segments}
    rows = []
    for segment in run.summary.segments:
        match = later.pop(segment.segment_id, None)
        share, ctr = segment.share, segment.ctr_seen.value
        cells: tuple[Cell, ...] = (share, None, None, ctr, None, None, "no segment of this number")
        if match is not None:
            after, seen = match.share, match.ctr_seen.value
            change = None if ctr is None or seen is None else seen - ctr
            cells = (share, after, after - share, ctr, seen, change, match.name)
        rows.append(segment_row(segment.segment_id, segment.name, *cells))
    for new in later.values():
        label, seen = segment_label(new), new.ctr_seen.value
        rows.append(Row((label, None, new.share, None, None, seen, None, "only here")))
    return Table(
        "changes",
        "Segments of the same number in both runs",
        columns=(
            Column("segment", "segment"),
            Column("share_first", "share, first run", percent),
            Column("share_second", "share, second", percent),
            Column("share_change", "change", _points),
            Column("ctr_first", "click rate seen, first", rate),
            Column("ctr_second", "second", rate),
            Column("ctr_change", "change", _points),
            Column("name_second", "name in the second run", is_words=True),
        ),
        rows=tuple(rows),
    )


def _points(value: float | None) -> str:
    """Write a difference of shares with its sign."""
    return MISSING if value is None else f"{signed(value * 100, digits=2)}\u00a0points"


def _drift(summary: Summary, other: Summary) -> Table:
    """Return what changed in all users of both runs, feature by feature."""
    features = {row.name: row for row in summary.features}
    later = {row.feature: row for row in other.population.numeric}
    found: list[tuple[float, Row]] = []
    for before in summary.population.numeric:
        feature, after = features.get(before.feature), later.get(before.feature)
        if feature is None or after is None or feature.kind == "time":
            continue
        change = _relative(before.mean, after.mean)
        pair = (middles(before, feature), middles(after, feature))
        found.append((abs(change or 0.0), Row((feature.label, feature.unit, *pair, change))))
    return Table(
        "drift",
        "All users of both runs: median, and below it the mean, in raw units; what changed most "
        "comes first",
        columns=(
            Column("feature", "feature"),
            Column("unit", "unit", is_words=True),
            Column("median_first", "first run"),
            Column("median_second", "second"),
            Column("mean_change", "change of the mean", _signed_percent),
        ),
        rows=tuple(row for _, row in sorted(found, key=lambda each: -each[0])),
    )


def _signed_percent(value: float | None) -> str:
    return MISSING if value is None else f"{signed(value * 100)}\u00a0%"


def _relative(before: float | None, after: float | None) -> float | None:
    """Return the change as a share of what was before; null where that is not above 0."""
    if before is None or after is None or before <= 0:
        return None
    return after / before - 1
