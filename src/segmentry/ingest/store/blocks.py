"""The steps of a preparation: each is done once, and known by the content that it worked on."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import polars as pl

from segmentry.errors import DataError
from segmentry.ingest.engines import explained
from segmentry.ingest.files import inspect_file
from segmentry.ingest.room import GZIP_RATIO, about_rows, parts_of
from segmentry.ingest.store.journal import DoneBlock, Step, Work, done_blocks
from segmentry.ingest.store.prepared import Inputs, Plan, PlannedTable
from segmentry.ingest.text_blocks import (
    BlockRecord,
    changed_block,
    copy_block,
    is_cut,
    opened_text,
    record_of,
    skip_block,
)
from segmentry.runtime.progress import step_reporter
from segmentry.schema import COUNT_COLUMNS, ColumnSource, PreparedFile, RowAccount, TableSource

LOGS = ("impressions", "behaviours")
PREPARED_FOR = "1GB"
"""The memory of a process into which a part of a prepared log fits."""
_PLAIN_TYPES = {pl.Int64: "integer", pl.Float64: "number", pl.String: "text"}


def plan_of(tables: Mapping[str, TableSource]) -> Plan:
    """Say what is taken from which files."""
    return Plan(
        f"duckdb {version('duckdb')}",
        {
            role: PlannedTable(
                tuple(file.name for file in table.files),
                dict(table.columns),
                table.shape,
                table.possible,
                table.is_distinct,
            )
            for role, table in tables.items()
        },
    )


def begin_work(work: Work, plan: Plan, tables: Mapping[str, TableSource]) -> int:
    """Write down what is taken, or check that it is still the same; return the number of parts.

    Raises DataError if the work was begun for something else.
    """
    begun = work.journal.found("begin")
    if begun is None:
        n_parts = parts_of([tables[role] for role in LOGS if role in tables], PREPARED_FOR)
        begun = work.journal.write(Step("begin", plan=plan, n_parts=n_parts))
    if begun.plan != plan:
        raise DataError(
            f"{work.folder}: holds an interrupted preparation of other files or with other "
            "options; repeat it as it was, or begin again with --overwrite"
        )
    return begun.n_parts


def split_blocks(
    work: Work, table: TableSource, *, n_parts: int, known: set[BlockRecord] | None = None
) -> Inputs:
    """Split a log block by block; return its blocks by file, without those that are `known`."""
    report = step_reporter(work.progress, f"preparing the {table.role}")
    n_rows, n_bytes = about_rows(table), sum(f.stat().st_size for f in table.files)
    n_done = 0
    inputs: list[tuple[BlockRecord, ...]] = []
    for place, file in enumerate(table.files):
        records: list[BlockRecord] = []
        for record, text in _blocks(work, table, place, set() if known is None else known):
            if text is not None:
                step = f"block {table.role} {place} {len(records)}"
                block = replace(table, files=(text,), laid_out_as=file, is_distinct=False)
                account = _split_block(work, block, step, n_parts=n_parts)
                work.journal.write(Step(step, block=DoneBlock(record, account)))
            records.append(record)
            if known is not None:
                known.add(record)
            n_read = sum(each.n_bytes for each in records)
            share = min(1.0, n_read / max(1, _text_size(file)))
            report(int(n_rows * (n_done + share * file.stat().st_size) / max(1, n_bytes)), n_rows)
        n_done += file.stat().st_size
        inputs.append(tuple(records))
    return tuple(inputs)


def _text_size(file: Path) -> int:
    size = file.stat().st_size
    return size * GZIP_RATIO if file.suffix == ".gz" else size


def _blocks(
    work: Work, table: TableSource, place: int, known: set[BlockRecord]
) -> Iterator[tuple[BlockRecord, Path | None]]:
    """Yield the record of each block that is not known, and the text of those that are not done."""
    file = table.files[place]
    layout = inspect_file(file, table.shape, columns=table.column_names)
    done = [each.record for each in done_blocks(work, table.role, place)]
    if not is_cut(layout):
        record = record_of(file)
        if done and done[0] != record:
            raise changed_block(file, 0)
        if record not in known:
            yield record, None if done else file
        return
    with opened_text(file, skip_lines=layout.skip_lines) as text:
        for number, record in enumerate(done):
            skip_block(text, record, number=number)
            yield record, None
        while True:
            target = work.fresh("block") / "block.csv"
            fresh = copy_block(text, target, n_bytes=work.block_bytes, known=known)
            if fresh is None:
                return
            if fresh not in known:
                yield fresh, target


def _split_block(work: Work, block: TableSource, step: str, *, n_parts: int) -> RowAccount:
    """Split one block into its place; until it is journaled, it is done again."""
    parts = work.fresh("parts")
    with explained(work.engine, f"preparing {block.files[0].name}"):
        log = work.engine.split_log(block, parts, n_parts=n_parts)
    target = work.folder / step.replace(" ", "-")
    shutil.rmtree(target, ignore_errors=True)
    parts.rename(target)
    return log.account


def prepared_log(
    whole: Path, table: TableSource, files: Mapping[str, PreparedFile], account: RowAccount
) -> TableSource:
    """Return a log that was prepared for the first time."""
    columns = {
        name: _canonical(name, column)
        for name, column in table.columns.items()
        if name not in ("is_not_click", *COUNT_COLUMNS)
    }
    if "n_clicks" in table.columns:
        columns["is_click"] = ColumnSource("is_click", "integer")
    written = {whole / name: each for name, each in files.items()}
    return TableSource(table.role, tuple(written), columns, prepared=account, written=written)


def _canonical(name: str, column: ColumnSource) -> ColumnSource:
    """Return how a column stands in the parts; the codes of actions tell which there can be."""
    if name == "action":
        return replace(column, name=name, missing=())
    kept = column.type if column.type in ("integer", "text", "number") else "integer"
    return ColumnSource(name, kept)


def convert_table(
    work: Work, table: TableSource, old: TableSource | None = None
) -> tuple[TableSource, Inputs]:
    """Write a small table as it is read, after the rows of an old one; return what the files were.

    Of a table that stands in the log distinct rows are kept.
    """
    with explained(work.engine, f"preparing the {table.role}"):
        rows, n_unreadable = work.engine.read_table(table)
    rejected = {"unreadable": n_unreadable} if n_unreadable else {}
    if old is not None:
        before = pl.read_parquet(old.files[0])
        rows = pl.concat([before, rows.select(before.columns).cast(before.schema)])
        rows = rows.unique() if table.is_distinct else rows
    account = RowAccount(table.role, rows.height + n_unreadable, rows.height, rejected, {})
    if old is not None and old.prepared is not None and old.prepared.n_rejected:
        earlier = replace(old.prepared, n_read=old.prepared.n_rejected, n_used=0)
        account = RowAccount.total(table.role, [earlier, account])
    made = replace(place_table(work, table.role, rows), prepared=account)
    return made, tuple((record_of(file),) for file in table.files)


def place_table(work: Work, role: str, rows: pl.DataFrame) -> TableSource:
    """Write a small table under its name in ``whole``, which has its content."""
    work.whole.mkdir(exist_ok=True)
    fresh = work.fresh("table") / "rows.parquet"
    rows.write_parquet(fresh)
    record = record_of(fresh)
    target = fresh.replace(work.whole / f"{role}-{record.sha256[:12]}.parquet")
    columns = {
        name: ColumnSource(name, _PLAIN_TYPES[dtype.base_type()])  # type: ignore[arg-type]  # of the three
        for name, dtype in rows.schema.items()
    }
    written = {target: PreparedFile(record.n_bytes, record.sha256, rows.height)}
    return TableSource(role, (target,), columns, written=written)


def check_inputs(table: TableSource, inputs: Inputs) -> None:
    """Check that the files of a table are what they were when they were prepared.

    Raises DataError if the content of one is another.
    """
    for file, records in zip(table.files, inputs, strict=True):
        layout = inspect_file(file, table.shape, columns=table.column_names)
        if table.role not in LOGS or not is_cut(layout):
            if records != (record_of(file),):
                raise changed_block(file, 0)
            continue
        with opened_text(file, skip_lines=table.shape.skip_lines) as text:
            for number, record in enumerate(records):
                skip_block(text, record, number=number)
            if text.stream.read(1):
                raise changed_block(file, len(records))
