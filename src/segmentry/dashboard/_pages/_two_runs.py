"""Two runs: who moved where, and what changed in the segments of the same number."""

from pathlib import Path

import polars as pl
import streamlit as st

from segmentry import plots
from segmentry.dashboard._runs import Run, load, run_folders
from segmentry.dashboard._show import heading, notice, put, segment_label, table, words
from segmentry.engines import count_moves
from segmentry.plots import Flow, Flows
from segmentry.plots.formats import MISSING, count, percent, points, rate
from segmentry.report import Figure, Row, Table, render_figure

__all__ = ["show_two_runs"]


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
    if missing:
        notice(f"Users cannot be compared: segments.parquet is missing from {', '.join(missing)}.")
    else:
        _moves(run, other)
    table(_changes(run, other))


def _moves(run: Run, other: Run) -> None:
    files = [each.folder / "segments.parquet" for each in (run, other)]
    stamps = [file.stat().st_mtime_ns for file in files]
    moves = _counted(str(files[0]), str(files[1]), stamps[0], stamps[1])
    flows = _flows(run, other, moves)
    svg = plots.render_svg(plots.plot_flows(flows), is_titled=False)
    view = Figure(
        "flows", "Who moved where", plots.caption_flows(flows), svg, (_moves_table(flows),)
    )
    put(render_figure(view))


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
            cells[1:3] = [percent(match.share), points(match.share - segment.share)]
            cells[4] = rate(after)
            cells[5] = points(None if ctr is None or after is None else after - ctr)
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
