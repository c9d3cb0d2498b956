"""Two runs: who moved where, and what changed in the segments of the same number."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from segmentry.formats import MISSING, count, feature_value, percent, rate, signed
from segmentry.ingest.engines import count_moves
from segmentry.present import figures as plots
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run, load, run_folders
from segmentry.present.dashboard._show import heading, notice, put, segment_label, table, words
from segmentry.present.figures import Flow, Flows
from segmentry.present.report import Figure, Row, Table, render_figure
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
    numbers = [str(i + 1) for i in range(len(others))]
    chosen = st.selectbox(
        "Compare with",
        numbers,
        format_func=lambda n: f"{others[int(n) - 1].parent.name}/{others[int(n) - 1].name}",
        key="with",
        bind="query-params",
    )
    other = load(others[int(chosen or "1") - 1])
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
    chart = partial(plots.ANSWERS["flows"].plot, flows)
    svg = drawn(run, "flows", str(other.folder), other.stamp, *stamps, chart=chart)
    view = Figure(
        "flows",
        "Who moved where",
        plots.ANSWERS["flows"].caption(flows),
        svg,
        (_moves_table(flows),),
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
        total = sum(found.values())
        if not total:
            continue
        cells = [count(found.get(each, 0)) for each in (*after, 0)]
        head = f"{segment_id} {name}" if segment_id else name
        rows.append(Row(head, tuple(cells), colour=plots.segment_colour(segment_id)))
    heads = ("from", *(f"{i} {name}" for i, name in after.items()), "without a segment")
    caption = (
        f"Users by their segment in both runs; {count(flows.n_gone)} are in the first run only, "
        f"{count(flows.n_new)} in the second only"
    )
    return Table(caption, heads, tuple(rows))


def _changes(run: Run, other: Run) -> Table:
    later = {s.segment_id: s for s in other.summary.segments}
    rows = []
    for segment in run.summary.segments:
        match = later.pop(segment.segment_id, None)
        ctr = segment.ctr_seen.value
        cells = [percent(segment.share), MISSING, MISSING, rate(ctr), MISSING, MISSING]
        if match is not None:
            after = match.ctr_seen.value
            cells[1:3] = [percent(match.share), _points(match.share - segment.share)]
            cells[4] = rate(after)
            cells[5] = _points(None if ctr is None or after is None else after - ctr)
        rows.append(
            Row(
                segment_label(segment),
                (*cells, "no segment of this number" if match is None else match.name),
                colour=plots.segment_colour(segment.segment_id),
            )
        )
    for match in later.values():
        seen = rate(match.ctr_seen.value)
        cells = [MISSING, percent(match.share), MISSING, MISSING, seen, MISSING, "only here"]
        rows.append(Row(segment_label(match), tuple(cells)))
    heads = (
        "segment",
        "share, first run",
        "share, second",
        "change",
        "click rate seen, first",
        "second",
        "change",
        "name in the second run",
    )
    return Table("Segments of the same number in both runs", heads, tuple(rows), text_columns=(7,))


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
        cells = [
            f"{feature_value(each.median, kind=feature.kind, unit=feature.unit)}\n"
            f"mean {feature_value(each.mean, kind=feature.kind, unit=feature.unit)}"
            for each in (before, after)
        ]
        told = MISSING if change is None else f"{signed(change * 100)}\u00a0%"
        found.append((abs(change or 0.0), Row(feature.label, (feature.unit, *cells, told))))
    found.sort(key=lambda each: -each[0])
    return Table(
        "All users of both runs: median, and below it the mean, in raw units; what changed most "
        "comes first",
        ("feature", "unit", "first run", "second", "change of the mean"),
        tuple(row for _, row in found),
        text_columns=(1,),
    )


def _relative(before: float | None, after: float | None) -> float | None:
    """Return the change as a share of what was before; null where that is not above 0."""
    if before is None or after is None or before <= 0:
        return None
    return after / before - 1
