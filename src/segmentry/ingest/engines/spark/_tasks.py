"""What runs in a task: read a unit, write a part, count a part, all by DuckDB on one thread.

A task takes and gives rows of `COLUMNS`. What is wrong with the data is given as a row too: tried
again it would be as wrong.
"""

import io
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import DataError, EngineError, SegmentryError
from segmentry.ingest.engines._duckdb import DuckDBEngine
from segmentry.ingest.engines._parts import files_of, n_rows_of
from segmentry.ingest.engines.spark._units import FoundBlock, Unit, texts_of
from segmentry.ingest.remote import Wanted, fetch
from segmentry.runtime.codec import Codec
from segmentry.runtime.memory import machine_memory
from segmentry.runtime.temporary import put_whole, temporary_folder
from segmentry.runtime.version import __version__
from segmentry.schema import Engine, PreparedFile, RowAccount, TableSource

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = "part int, name string, place bigint, n_bytes bigint, data binary"
WRONG = "segmentry on a worker: "
"""Begins what a task says of its worker, for the driver to find in what Spark makes of it."""
REFUSED = "refused"
_SLICE = 4 << 20
_MIN_BYTES_PER_ROW = 90
"""What counting takes of a part: 98 were measured where all its 10 million rows are of a user."""
_COMPARED = ("duckdb", "numpy", "polars", "pyarrow")


class Row(NamedTuple):
    """A row of `COLUMNS`."""

    part: int
    name: str
    place: int
    n_bytes: int
    data: bytes


Body = Callable[[Iterator[Row], Path], Iterator[Row]]
"""What a task does with its rows, and a folder of its own."""
Frames = tuple["pl.DataFrame | None", ...]


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """What became of a unit."""

    account: RowAccount
    blocks: tuple[FoundBlock, ...]


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """A part that was written: its files by name, its rows before and after, its users."""

    files: Mapping[str, PreparedFile] = field(default_factory=dict)
    n_before: int = 0
    n_rows: int = 0
    n_users: int = 0


class Place(NamedTuple):
    """Where a part is written: the engine, its number, and a folder for what is not whole yet."""

    engine: Engine
    part: int
    scratch: Path


WritePart = Callable[[Place, Sequence[Path]], WrittenPart]
_UNITS = Codec(ReadUnit, what="unit", version=1, remedy="run it again", error=DataError)
_PARTS = Codec(WrittenPart, what="part", version=1, remedy="run it again", error=DataError)


def versions() -> dict[str, str]:
    """Return what must be the same on all machines, or they would count differently."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, "segmentry": __version__} | {
        name: version(name) for name in _COMPARED
    }


def in_task(
    batches: Iterable["pa.RecordBatch"], *, expected: Mapping[str, str], work: bytes
) -> Iterator["pa.RecordBatch"]:
    """Do pickled work, a `Body`, on the rows of a task; the driver's versions are `expected`."""
    import pyarrow as pa

    found = versions()
    other = [
        f"{name} {found[name]}, not {text}"
        for name, text in expected.items()
        if found[name] != text
    ]
    if other:
        raise RuntimeError(f"{WRONG}{', '.join(other)}: install the driver's versions there")
    body: Body = pickle.loads(work)  # noqa: S301  # what the driver pickled, handed over by Spark
    given = (Row(*row.values()) for batch in batches for row in batch.to_pylist())
    types = (pa.int32(), pa.string(), pa.int64(), pa.int64(), pa.binary())
    with temporary_folder(_local_folder()) as scratch:
        for made in body(given, scratch):
            row = made._replace(n_bytes=max(made.n_bytes, len(made.data)))
            arrays = [pa.array([value], kind) for value, kind in zip(row, types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=list(Row._fields))


def _local_folder() -> Path:
    """Return the worker's own disk: where Spark itself spills, else for temporary files."""
    folders = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")
    return next((Path(each) for each in folders if each and Path(each).is_dir()), None) or Path(
        tempfile.gettempdir()
    )


class _TaskEngine(DuckDBEngine):
    """On one thread, and of parts that its machine can hold."""

    def scan_part(self, part: Path) -> nw.LazyFrame[Any]:
        """Return the rows of a part.

        Raises EngineError, before any is read, if the machine cannot hold them: rows of a user are
        not cut, and to try would end the executor, and the next one too.
        """
        rows = super().scan_part(part)
        n_rows, memory = n_rows_of(part), machine_memory()
        if n_rows * _MIN_BYTES_PER_ROW > memory:
            number = nw.col("user_id").count().alias("n")
            users = self.collect(rows.group_by("user_id").agg(number)).sort("n", "user_id")
            user, n_own = users.row(-1)
            cause = (
                f"user {user} has {n_own:,} of the {n_rows:,} rows of a part, which take "
                f"{n_rows * _MIN_BYTES_PER_ROW / 1e9:,.1f} GB or more; the worker has "
                f"{memory / 1e9:,.1f} GB. Give workers more memory, read fewer days (--since), or "
                "take the user out: segmentry data prepare, then segmentry data forget"
            )
            raise EngineError(engine="spark", step="counting", cause=cause)
        return rows


def _engine(scratch: Path, n_bytes: int) -> DuckDBEngine:
    return _TaskEngine(scratch=scratch, n_bytes=n_bytes, n_threads=1)


def see_folder(rows: Iterator[Row], _scratch: Path, *, file: Path) -> Iterator[Row]:
    """Look for a file of the driver: the folder of temporary files must be seen by all."""
    import socket

    for row in rows:
        if not file.is_file():
            raise RuntimeError(
                f"{WRONG}{socket.gethostname()} does not see {file.parent}: name a folder that "
                "all machines share as --temp, or as --out"
            )
        yield row


def fetch_each(rows: Iterator[Row], _scratch: Path, *, wanted: Sequence[Wanted]) -> Iterator[Row]:
    """Fetch pieces of files elsewhere into the shared folder; nothing is given back but errors."""
    for row in rows:
        try:
            fetch(wanted[row.place])
        except SegmentryError as error:
            yield Row(0, REFUSED, row.place, 0, _error(error))


@dataclass(frozen=True, slots=True)
class Reading:
    """How the units of a log are read."""

    table: TableSource
    units: Sequence[Unit]
    n_parts: int
    exclude: Mapping[str, nw.Expr]
    keep_users: pl.Series | None
    block_bytes: int
    n_bytes: int
    """Of memory for the engine of a task."""


def split_units(rows: Iterator[Row], scratch: Path, *, reading: Reading) -> Iterator[Row]:
    """Read units, judge their rows, and give those to use as slices of files by part.

    What became of a unit is a row of the part after the last.
    """
    engine = _engine(scratch, reading.n_bytes)
    try:
        for row in rows:
            try:
                yield from _split_unit(engine, row.place, scratch, reading)
            except SegmentryError as error:
                yield Row(reading.n_parts, REFUSED, row.place, 0, _error(error))
    finally:
        engine.close()


def _split_unit(engine: DuckDBEngine, unit: int, scratch: Path, reading: Reading) -> Iterator[Row]:
    accounts: list[RowAccount] = []
    blocks: list[FoundBlock] = []
    parts = scratch / "parts"
    texts = texts_of(reading.table, reading.units[unit], scratch, n_bytes=reading.block_bytes)
    for number, text in enumerate(texts):
        parts.mkdir()
        log = engine.split_log(
            replace(text.table, is_distinct=False),
            parts,
            n_parts=reading.n_parts,
            exclude=reading.exclude,
            keep_users=reading.keep_users,
        )
        for part in log.parts:
            place = int(part.name.partition("=")[2])
            for file_number, file in enumerate(files_of(part)):
                name = f"{unit:08}-{number:06}-{file_number:04}.parquet"
                yield from _slices(file, place, name)
        shutil.rmtree(parts)
        accounts.append(log.account)
        blocks += text.blocks
    read = ReadUnit(RowAccount.total(reading.table.role, accounts), tuple(blocks))
    yield Row(reading.n_parts, "unit", unit, 0, _UNITS.render(read, indent=None).encode())


def _slices(file: Path, part: int, name: str) -> Iterator[Row]:
    """Give a file piece by piece: the shuffle holds several rows of it, and none may be large."""
    with file.open("rb") as stream:
        place = 0
        while data := stream.read(_SLICE):
            yield Row(part, name, place, len(data), data)
            place += len(data)


def _error(error: SegmentryError) -> bytes:
    return f"{type(error).__name__}: {error}".encode()


def write_parts(
    rows: Iterator[Row], scratch: Path, *, n_parts: int, write: WritePart, n_bytes: int
) -> Iterator[Row]:
    """Put the slices of each part together on the worker's disk, then write the part."""
    folders: dict[int, Path] = {}
    for row in rows:
        if row.part == n_parts:
            yield row
            continue
        if row.part not in folders:
            folders[row.part] = scratch / f"part={row.part}"
            folders[row.part].mkdir()
        file = folders[row.part] / row.name
        file.touch()
        with file.open("r+b") as stream:  # slices come in any order
            stream.seek(row.place)
            stream.write(row.data)
    engine = _engine(scratch, n_bytes)
    try:
        for part, folder in sorted(folders.items()):
            own = scratch / f"of part {part}"
            own.mkdir()
            try:
                written = write(Place(engine, part, own), files_of(folder))
                written = replace(written, n_before=n_rows_of(folder))
                yield Row(part, "part", 0, 0, _PARTS.render(written, indent=None).encode())
            except SegmentryError as error:
                yield Row(n_parts, REFUSED, part, 0, _error(error))
            shutil.rmtree(folder)
            shutil.rmtree(own)
    finally:
        engine.close()


def write_whole(
    place: Place, pieces: Sequence[Path], *, directory: Path, table: TableSource
) -> WrittenPart:
    """Write a part as one file of the shared folder, under its name when it is whole."""
    rows = place.scratch / "rows.parquet"
    place.engine.write_part(table.role, pieces, rows, is_distinct=table.is_distinct)
    users = nw.col("user_id").n_unique().cast(nw.Int64)
    n_users = place.engine.collect(place.engine.scan_part(place.scratch).select(users)).item()
    target = directory / f"part={place.part}" / "rows.parquet"
    put_whole(rows, target)
    return WrittenPart(n_rows=n_rows_of(target.parent), n_users=n_users)


def use_items(
    rows: Iterator[Row],
    scratch: Path,
    *,
    items: Sequence[Any],
    read: Callable[[Any, Any], Any],
    use: Callable[[Any], Frames],
    n_bytes: int,
) -> Iterator[Row]:
    """Do a piece of work on items, and give the tables that it makes of each."""
    engine = _engine(scratch, n_bytes)
    try:
        for row in rows:
            try:
                frames = use(read(engine, items[row.place]))
            except SegmentryError as error:
                yield Row(0, REFUSED, row.place, 0, _error(error))
                continue
            for number, frame in enumerate(frames):
                if frame is None:
                    yield Row(number, "null", row.place, 0, b"")
                    continue
                out = io.BytesIO()
                frame.write_ipc(out, compression="zstd")
                yield Row(number, "frame", row.place, int(frame.estimated_size()), out.getvalue())
    finally:
        engine.close()


def frame_of(row: Row) -> pl.DataFrame | None:
    """Return a table that `use_items` gave."""
    return None if row.name == "null" else pl.read_ipc(io.BytesIO(row.data))


def ask_unit(
    engine: DuckDBEngine,
    unit: Unit,
    *,
    table: TableSource,
    method: str,
    arguments: Sequence[str | float],
    n_bytes: int,
) -> Frames:
    """Ask of a unit what a method of the engine asks of a whole table; null where it is empty."""
    with temporary_folder(_local_folder()) as scratch:
        found = [
            getattr(engine, method)(text.table, *arguments)
            for text in texts_of(table, unit, scratch, n_bytes=n_bytes)
        ]
    series = [each if isinstance(each, pl.Series) else pl.Series([each]) for each in found]
    return tuple(each.alias("found").to_frame() for each in series)


def read_unit(row: Row) -> ReadUnit:
    """Return what a row says about a unit."""
    return _UNITS.parse(row.data.decode(), source="a task")


def written_part(row: Row) -> WrittenPart:
    """Return what a row says about a part."""
    return _PARTS.parse(row.data.decode(), source="a task")


def refuse(rows: Iterable[Row]) -> None:
    """Raise the first of what was wrong with the data, by the order of the units."""
    import segmentry.errors

    refused = [row for row in rows if row.name == REFUSED]
    if refused:
        name, _, text = min(refused, key=lambda row: row.place).data.decode().partition(": ")
        kind = getattr(segmentry.errors, name)
        if kind is EngineError:
            step, _, cause = text.partition(" failed while ")[2].partition(": ")
            raise EngineError(engine="spark", step=step, cause=cause)
        raise kind(text)
