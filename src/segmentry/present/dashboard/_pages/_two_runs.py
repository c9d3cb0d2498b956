"""What changed: two runs with their segments matched by the users that both hold."""

from functools import lru_cache
from html import escape
from pathlib import Path

import polars as pl

from segmentry.formats import count, percent, period
from segmentry.ingest.engines.run_tables import count_moves
from segmentry.present.dashboard._ask import choose
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run, load, made_on, other_runs
from segmentry.present.dashboard._show import heading, notice, put, segment_label, table
from segmentry.present.tables import Column, Table, segment_row
from segmentry.present.two_runs import changes_table, pairs_table
from segmentry.results.run_folder import read_bundle
from segmentry.results.summary import Summary
from segmentry.results.two_runs import change_features, match_segments, pair_segments

_MIN_SHOWN = 0.005  # of a segment: less is 0 %


def show_two_runs(run: Run) -> None:
    """Draw how users moved from the earlier run to the later one, and what else changed."""
    heading("What changed", "Segments are matched by the users that both runs hold.")
    others = other_runs(run)
    if not others:
        notice("There is no other run in this folder to compare with.")
        return
    names = {
        folder.name
        if len({each.name for each in others}) == len(others)
        else str(folder): f"{folder.name}, made {made_on(folder)}"
        for folder in others
    }
    chosen = choose("Compare with", names, key="with")
    other = load(others[list(names).index(chosen)])
    before, after = sorted((run, other), key=lambda each: (*_dates(each), made_on(each.folder)))
    put(
        f'<p class="note">From <b>{escape(before.folder.name)}</b> ({_when(before)}) to '
        f"<b>{escape(after.folder.name)}</b> ({_when(after)}).</p>"
    )
    views = _views(run, before, after)
    if views:
        offer("what-changed", tables=views)


def _views(run: Run, before: Run, after: Run) -> list[Table]:
    files = [each.folder / "segments.parquet" for each in (before, after)]
    if not all(file.is_file() for file in files):
        notice("Users cannot be compared: one of the runs has no list of its users any more.")
        views = [changes_table(change_features(before.summary, after.summary))]
        table(run, *views)
        return views
    stamps = [file.stat().st_mtime_ns for file in files]
    moves = _counted(files[0], files[1], stamps[0], stamps[1])
    both = moves.drop_nulls()
    n_both = int(both["n_users"].sum())
    if not n_both:
        notice("No user is in both runs: nothing can be compared user by user.")
        views = [changes_table(change_features(before.summary, after.summary))]
        table(run, *views)
        return views
    bundles = [read_bundle(each.folder) for each in (before, after)]
    matched = match_segments(moves, *bundles)
    heading(_finding(before.summary, after.summary, both, matched), level=2)
    put(_heat(before.summary, after.summary, both, matched))
    n_gone = int(moves.filter(pl.col("after").is_null())["n_users"].sum())
    n_new = int(moves.filter(pl.col("before").is_null())["n_users"].sum())
    put(
        f'<p class="note">{count(n_both)} users are in both runs; {count(n_gone)} are only in the '
        f"earlier one, {count(n_new)} only in the later one.</p>"
    )
    pair = before.summary, after.summary
    pairs = pairs_table(
        pair_segments(*pair, matched),
        after.summary.outcome,
        linked="earlier" if before == run else "later",
    )
    shown = [pairs, changes_table(change_features(*pair))]
    table(run, *(view for view in shown if view.rows))
    return [_moves_table(before.summary, after.summary, both, matched), *shown]


def _dates(run: Run) -> tuple[float, float]:
    data = run.summary.data
    return data.starts_at or 0.0, data.ends_at or 0.0


def _when(run: Run) -> str:
    data, days = run.summary.data, ""
    if data.starts_at is not None and data.ends_at is not None:
        offset = data.utc_offset_hours
        days = f"data of {period(data.starts_at, data.ends_at, utc_offset_hours=offset)}, "
    return escape(f"{days}made {made_on(run.folder)}")


@lru_cache(maxsize=8)
def _counted(before: Path, after: Path, stamp: int, other_stamp: int) -> pl.DataFrame:
    del stamp, other_stamp  # keys of the cache
    return count_moves(before, after)


def _ordered(after: Summary, before: Summary, matched: dict[int, int]) -> list[int]:
    """Return the later segments in the order of the earlier ones that they match."""
    ids = [matched[s.segment_id] for s in before.segments if s.segment_id in matched]
    return [*ids, *(s.segment_id for s in after.segments if s.segment_id not in ids)]


def _finding(before: Summary, after: Summary, both: pl.DataFrame, matched: dict[int, int]) -> str:
    cells = _cells(both)
    total = sum(cells.values())
    stayed = sum(cells.get(pair, 0) for pair in matched.items())
    said = f"{percent(stayed / total, digits=0)} of the users stayed in their segment"
    moved = {pair: n for pair, n in cells.items() if all(pair) and pair not in matched.items()}
    if not moved:
        return f"{said}."
    (old, new), n_users = max(moved.items(), key=lambda each: each[1])
    names, new_names = ({s.segment_id: s.name for s in each.segments} for each in (before, after))
    return f"{said}; the largest move is {count(n_users)} from {names[old]} to {new_names[new]}."


def _cells(both: pl.DataFrame) -> dict[tuple[int, int], int]:
    return {(int(old), int(new)): int(n) for old, new, n in both.iter_rows()}


def _heat(before: Summary, after: Summary, both: pl.DataFrame, matched: dict[int, int]) -> str:
    """Return the shares of each earlier segment's users by their later segment, as a heat table."""
    cells, order = _cells(both), _ordered(after, before, matched)
    names = {s.segment_id: s.name for s in after.segments}
    heads = "".join(f'<th scope="col">{each} {escape(names[each])}</th>' for each in order)
    lines = []
    for segment in before.segments:
        counts = [cells.get((segment.segment_id, each), 0) for each in order]
        total = sum(counts)
        found = "".join(
            _heat_cell(names[each], n / total if total else 0.0)
            for each, n in zip(order, counts, strict=True)
        )
        lines.append(f'<tr><th scope="row">{escape(segment_label(segment))}</th>{found}</tr>')
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Where users went">'
        '<table class="heat"><caption>Where the users of each earlier segment are now; each line '
        'adds up to 100\u00a0%</caption><thead><tr><th class="words">earlier segment</th>'
        f"{heads}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _heat_cell(name: str, share: float) -> str:
    head, text = escape(name), percent(share, digits=0)
    if share < _MIN_SHOWN:
        return f'<td class="none" data-head="{head}"><span></span></td>'
    return f'<td data-head="{head}" style="--share:{share * 100:.0f}%"><span>{text}</span></td>'


def _moves_table(
    before: Summary, after: Summary, both: pl.DataFrame, matched: dict[int, int]
) -> Table:
    cells, order = _cells(both), _ordered(after, before, matched)
    return Table(
        "moves",
        "Users by their segment in both runs",
        columns=(
            Column("from", "from"),
            *(Column(f"to_segment_{each}", f"to {each}", count) for each in order),
        ),
        rows=tuple(
            segment_row(s.segment_id, s.name, *(cells.get((s.segment_id, i), 0) for i in order))
            for s in before.segments
        ),
    )
