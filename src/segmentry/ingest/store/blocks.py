"""The steps of a preparation: each is done once, and known by the content that it worked on."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import polars as pl

from segmentry.errors import DataError, OutputError
from segmentry.ingest.engines import REPEATED, explained
from segmentry.ingest.files import FileLayout, estimate_rows, inspect_file
from segmentry.ingest.room import GZIP_RATIO, about_rows, parts_of
from segmentry.ingest.store.prepared import Inputs, Plan, PlannedTable
from segmentry.ingest.store.text_blocks import (
    BlockRecord,
    changed_block,
    copy_block,
    opened_text,
    record_of,
    skip_block,
)
from segmentry.runtime.codec import Codec
from segmentry.runtime.progress import step_reporter
from segmentry.schema import ColumnSource, Engine, Progress, RowAccount, TableSource


@dataclass(frozen=True, slots=True)
class DoneBlock:
    """A block that was split: what it was, and where its rows went."""

    record: BlockRecord
    account: RowAccount


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is done: the beginning has the plan, a block its record, a part its rows."""

    step: str
    plan: Plan | None = None
    n_parts: int = 0
    block: DoneBlock | None = None
    n_rows: int = 0


_CODEC = Codec(
    Step,
    what="step of a preparation",
    version=1,
    remedy="begin again with --overwrite",
    error=DataError,
)


class Journal:
    """Done steps by name, in a file that survives whatever ends the process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done: dict[str, Step] = {}
        if file.exists():
            whole = file.read_bytes()
            end = whole.rfind(b"\n") + 1  # what follows is a line that was cut off
            for line in whole[:end].splitlines():
                step = _CODEC.parse(line.decode(errors="replace"), source=str(file))
                self._done[step.step] = step
            if end < len(whole):
                with file.open("r+b") as stream:
                    stream.truncate(end)

    def found(self, step: str) -> Step | None:
        """Return what a step came to, or nothing if it is not done."""
        return self._done.get(step)

    def write(self, step: Step) -> Step:
        """Write down a step that is done, and return it; its files must be whole by now."""
        with self._file.open("ab") as stream:
            stream.write(_CODEC.render(step, indent=None).encode())
            stream.flush()
            os.fsync(stream.fileno())
        self._done[step.step] = step
        return step


@contextlib.contextmanager
def locked(file: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends.

    An OutputError says that the file is `busy` if another process holds it.
    """
    from filelock import lock_descriptor

    with file.open("a") as stream:
        if not lock_descriptor(stream.fileno(), blocking=False):
            raise OutputError(busy)
        yield


LOGS = ("impressions", "behaviours")
PREPARED_FOR = "1GB"
"""The memory of a process into which a part of a prepared log fits."""
_PLAIN_TYPES = {pl.Int64: "integer", pl.Float64: "number", pl.String: "text"}


@dataclass(frozen=True, slots=True)
class Work:
    """A preparation under way: its hidden folder, what of it is done, and who works on it."""

    folder: Path
    journal: Journal
    engine: Engine
    block_bytes: int
    progress: Progress | None

    @property
    def whole(self) -> Path:
        """Where that lies which is ready."""
        return self.folder / "whole"

    def fresh(self, name: str) -> Path:
        """Return an empty folder for work that may be cut off."""
        folder = self.folder / "scratch" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def plan_of(tables: Mapping[str, TableSource]) -> Plan:
    """Say what is asked of which files."""
    return Plan(
        f"duckdb {version('duckdb')}",
        {
            role: PlannedTable(
                tuple(file.name for file in table.files),
                dict(table.columns),
                table.possible,
                table.is_distinct,
            )
            for role, table in tables.items()
        },
    )


def begin_work(work: Work, plan: Plan, tables: Mapping[str, TableSource]) -> int:
    """Write down what is asked, or check that it is still the same; return the number of parts.

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


def split_blocks(work: Work, table: TableSource, *, n_parts: int) -> Inputs:
    """Split a log block by block; return what the files were, by content."""
    report = step_reporter(work.progress, f"preparing the {table.role}")
    n_rows, n_bytes = sum(map(about_rows, table.files)), sum(f.stat().st_size for f in table.files)
    n_done = 0
    inputs: list[tuple[BlockRecord, ...]] = []
    for place, file in enumerate(table.files):
        records: list[BlockRecord] = []
        for record, text in _blocks(work, table, place):
            if text is not None:
                step = f"block {table.role} {place} {len(records)}"
                account = _split_block(work, table, text, step, n_parts=n_parts)
                work.journal.write(Step(step, block=DoneBlock(record, account)))
            records.append(record)
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
    work: Work, table: TableSource, place: int
) -> Iterator[tuple[BlockRecord, Path | None]]:
    """Yield the record of each block, and the text of those that are not done."""
    file = table.files[place]
    layout = inspect_file(file, table.shape)
    done = [each.record for each in _done_blocks(work, table, place)]
    if not _is_cut(layout):
        record = record_of(file)
        if done and done[0] != record:
            raise changed_block(file, 0)
        yield record, None if done else file
        return
    with opened_text(file, skip_lines=layout.skip_lines) as text:
        for number, record in enumerate(done):
            skip_block(text, record, number=number)
            yield record, None
        while True:
            target = _folder_like(layout, work.fresh("block")) / f"block{_suffix(file)}"
            fresh = copy_block(text, target, n_bytes=work.block_bytes)
            if fresh is None:
                return
            yield fresh, target


def _is_cut(layout: FileLayout) -> bool:
    """Whether a file is cut into blocks: text whose first line names its columns."""
    return layout.format == "csv" and layout.has_header


def _suffix(file: Path) -> str:
    return "".join(suffix for suffix in file.suffixes if suffix != ".gz") or ".csv"


def _folder_like(layout: FileLayout, folder: Path) -> Path:
    """Return a folder below that names the columns that the file's own folders name."""
    for name, value in layout.partitions:
        folder /= f"{name}={value}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _done_blocks(work: Work, table: TableSource, place: int) -> list[DoneBlock]:
    found: list[DoneBlock] = []
    while step := work.journal.found(f"block {table.role} {place} {len(found)}"):
        assert step.block is not None, "a step of a block has one"  # noqa: S101  # written so
        found.append(step.block)
    return found


def _split_block(
    work: Work, table: TableSource, text: Path, step: str, *, n_parts: int
) -> RowAccount:
    """Split one block into its place; until it is journaled, it is done again."""
    parts = work.fresh("parts")
    with explained(work.engine, f"preparing {text.name}"):
        log = work.engine.split_log(
            replace(table, files=(text,), is_distinct=False),
            parts,
            n_parts=n_parts,
            exclude={},
            keep_users=None,
            on_progress=lambda _done, _total: None,
        )
    target = work.folder / step.replace(" ", "-")
    shutil.rmtree(target, ignore_errors=True)
    parts.rename(target)
    return log.account


def merge_parts(work: Work, table: TableSource, *, n_parts: int) -> TableSource:
    """Put the pieces of each part together, sorted; return the log that they are."""
    report = step_reporter(work.progress, f"merging the {table.role}")
    files: list[Path] = []
    accounts = [
        block.account
        for place in range(len(table.files))
        for block in _done_blocks(work, table, place)
    ]
    n_used = n_merged = 0
    n_rows = sum(each.n_used for each in accounts)
    for part in range(n_parts):
        report(n_merged, n_rows)
        step = f"part {table.role} {part}"
        target = work.whole / table.role / f"part={part}" / "rows.parquet"
        done = work.journal.found(step)
        if done is None:
            done = work.journal.write(Step(step, n_rows=_merge(work, table, part, target)))
        for piece in _pieces(work, table, part):
            piece.unlink()
        n_used += done.n_rows
        n_merged = n_rows * (part + 1) // n_parts  # parts are by hash, so about equal
        if done.n_rows:
            files.append(target)
    report(n_rows, n_rows)
    return _prepared_log(table, tuple(files), accounts, n_used=n_used)


def _pieces(work: Work, table: TableSource, part: int) -> list[Path]:
    return sorted(work.folder.glob(f"block-{table.role}-*/part={part}/*.parquet"))


def _merge(work: Work, table: TableSource, part: int, target: Path) -> int:
    pieces = _pieces(work, table, part)
    if not pieces:
        return 0
    rows = work.fresh("merge") / "rows.parquet"
    work.engine.write_part(table.role, pieces, rows, is_distinct=table.is_distinct, is_sorted=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    rows.replace(target)
    return estimate_rows(target) or 0


def _prepared_log(
    table: TableSource, files: tuple[Path, ...], accounts: Sequence[RowAccount], *, n_used: int
) -> TableSource:
    total = RowAccount.total(table.role, accounts)
    n_repeated = {REPEATED: total.n_used - n_used} if total.n_used > n_used else {}
    account = replace(total, n_used=n_used, excluded={**total.excluded, **n_repeated})
    columns = {
        name: _canonical(name, column)
        for name, column in table.columns.items()
        if name != "is_not_click"
    }
    return TableSource(table.role, files, columns, prepared=account)


def _canonical(name: str, column: ColumnSource) -> ColumnSource:
    """Return how a column stands in the parts; the codes of actions tell which there can be."""
    if name == "action":
        return replace(column, name=name, missing=())
    kept = column.type if column.type in ("integer", "text", "number") else "integer"
    return ColumnSource(name, kept)


def convert_table(work: Work, table: TableSource) -> tuple[TableSource, Inputs]:
    """Write a small table as it is read; return it, and what its files were, by content."""
    with explained(work.engine, f"preparing the {table.role}"):
        rows, n_unreadable = work.engine.read_table(table)
    work.whole.mkdir(exist_ok=True)
    target = work.whole / f"{table.role}.parquet"
    rows.write_parquet(target)
    rejected = {"unreadable": n_unreadable} if n_unreadable else {}
    n_read = rows.height + n_unreadable
    columns = {
        name: ColumnSource(name, _PLAIN_TYPES[dtype.base_type()])  # type: ignore[arg-type]  # of the three
        for name, dtype in rows.schema.items()
    }
    account = RowAccount(table.role, n_read, rows.height, rejected, {})
    inputs = tuple((record_of(file),) for file in table.files)
    return TableSource(table.role, (target,), columns, prepared=account), inputs


def check_inputs(table: TableSource, inputs: Inputs) -> None:
    """Check that the files of a table are what they were when they were prepared.

    Raises DataError if the content of one is another.
    """
    for file, records in zip(table.files, inputs, strict=True):
        is_cut = table.role in LOGS and _is_cut(inspect_file(file, table.shape))
        if not is_cut:
            if records != (record_of(file),):
                raise changed_block(file, 0)
            continue
        with opened_text(file, skip_lines=table.shape.skip_lines) as text:
            for number, record in enumerate(records):
                skip_block(text, record, number=number)
            if text.stream.read(1):
                raise changed_block(file, len(records))
