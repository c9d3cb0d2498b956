"""A prepared folder: what it holds, written down as JSON and read back as a source."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import DataError
from segmentry.ingest.engines import TIME_OF
from segmentry.ingest.text_blocks import BlockRecord, record_of
from segmentry.runtime.codec import Codec
from segmentry.schema import (
    ColumnSource,
    FileShape,
    PreparedFile,
    RowAccount,
    Source,
    TableSource,
)

PREPARED_FILE = "prepared.json"
_MAGIC = b"PAR1"
Inputs = tuple[tuple[BlockRecord, ...], ...]
"""The blocks of each file of a table, in the order of its plan."""
_ADVICE = "prepare the folder again with segmentry data prepare --overwrite"


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """What is taken from the files of a table."""

    files: tuple[str, ...]
    columns: Mapping[str, ColumnSource]
    shape: FileShape
    possible: tuple[int, int] | None
    is_distinct: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is taken from which files, to tell whether two preparations are the same."""

    engine: str
    tables: Mapping[str, PlannedTable]


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """A table as it was written: its files by their names in the folder."""

    files: Mapping[str, PreparedFile]
    columns: Mapping[str, ColumnSource]
    account: RowAccount | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a prepared folder holds, and what it was made of; the source has no tables here."""

    source: Source
    tables: Mapping[str, PreparedTable]
    plan: Plan
    n_parts: int
    inputs: Mapping[str, Inputs]
    added: Mapping[str, tuple[BlockRecord, ...]] = field(default_factory=dict)
    """Blocks that were added since, by table."""

    @property
    def known(self) -> Mapping[str, frozenset[BlockRecord]]:
        """All blocks whose rows are in the folder, by table."""
        return {
            role: frozenset((*(each for file in files for each in file), *self.added.get(role, ())))
            for role, files in self.inputs.items()
        }


_CODEC = Codec(
    Prepared,
    what="prepared folder",
    version=4,
    version_key="prepared_version",
    remedy=_ADVICE,
    expected="a folder of segmentry data prepare",
    error=DataError,
)


def tables_of(source: Source) -> dict[str, TableSource]:
    """Return the tables that a source has, by role."""
    found = (source.impressions, source.profiles, source.ads, source.behaviours)
    return {table.role: table for table in found if table is not None}


def with_tables(source: Source, tables: Mapping[str, TableSource]) -> Source:
    """Return a source with other tables, by role; those that are not named are absent."""
    return replace(
        source,
        impressions=tables.get("impressions"),
        profiles=tables.get("profiles"),
        ads=tables.get("ads"),
        behaviours=tables.get("behaviours"),
        brought=(),
    )


def prepared_tables(folder: Path, tables: Mapping[str, TableSource]) -> dict[str, PreparedTable]:
    """Return what is written down of tables whose files lie in a folder."""
    return {
        role: PreparedTable(
            {str(file.relative_to(folder)): each for file, each in table.written.items()},
            dict(table.columns),
            table.prepared,
        )
        for role, table in tables.items()
    }


def write_prepared(content: Prepared, folder: Path) -> None:
    """Write down what a prepared folder holds: from then on it is that."""
    _CODEC.write(content, folder / PREPARED_FILE)


def read_origin(folder: Path) -> Prepared:
    """Return what is written down of a prepared folder; nobody looks at its files.

    Raises DataError if it was prepared by another version, or the file is damaged.
    """
    return _CODEC.read(folder / PREPARED_FILE)


def read_prepared(folder: Path, *, are_files_here: bool = True) -> Source:
    """Read what a prepared folder holds, and check that its files are as long as they were.

    `are_files_here` is False where only their names and sizes are. `check_content` says whether
    those that are read hold what was written.

    Raises DataError if it was prepared by another version, or a file is not what was written.
    """
    content = read_origin(folder)
    tables = {}
    for role, table in content.tables.items():
        written = {folder / name: record for name, record in table.files.items()}
        for file, record in written.items():
            _check_whole(file, record.n_bytes, is_here=are_files_here)
        tables[role] = TableSource(
            role,
            tuple(written),
            table.columns,
            prepared=table.account,
            written=written,
            n_parts=content.n_parts,
        )
    return with_tables(content.source, tables)


def _check_whole(file: Path, n_bytes: int, *, is_here: bool) -> None:
    try:
        size = file.stat().st_size
        if size != n_bytes:  # an empty one has no end to look at
            raise DataError(f"{file}: found {size:,} bytes, expected {n_bytes:,}; {_ADVICE}")
        if not is_here:
            return
        with file.open("rb") as stream:
            first = stream.read(len(_MAGIC))
            stream.seek(-len(_MAGIC), 2)
            last = stream.read()
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}; {_ADVICE}") from error
    if (first, last) != (_MAGIC, _MAGIC):
        raise DataError(f"{file}: not a sound Parquet file; {_ADVICE}")


def only_needed(table: TableSource, exclude: Mapping[str, nw.Expr]) -> TableSource:
    """Leave out the files of a prepared log of which every row is left out, and count their rows.

    `exclude` looks at moments alone, and leaves out all before one or all from one on.
    """
    before = table.prepared
    if before is None or table.role not in TIME_OF or not exclude:
        return table
    excluded, n_kept = Counter(before.excluded), before.n_used
    needed = []
    for file in table.files:
        found = table.written[file]
        ends = pl.DataFrame({TIME_OF[table.role]: [found.first_at, found.last_at]})
        is_out = nw.from_native(ends).select(**exclude)
        reason = next((name for name in exclude if is_out[name].all()), None)
        if reason is None:
            needed.append(file)
            continue
        excluded[reason] += found.n_rows
        n_kept -= found.n_rows
    account = replace(before, n_used=n_kept, excluded=dict(excluded))
    return replace(table, files=tuple(needed), prepared=account)


def recorded(files: Iterable[Path]) -> dict[Path, PreparedFile]:
    """Return what is written down of files that are in prepared folders."""
    near = {folder for file in files for folder in list(file.parents)[:3]}
    return {
        folder / name: each
        for folder in near
        if (folder / PREPARED_FILE).is_file()
        for table in read_origin(folder).tables.values()
        for name, each in table.files.items()
    }


def check_content(
    tables: Iterable[TableSource], *, on_file: Callable[[int, int], None] | None = None
) -> None:
    """Check that prepared files hold what was written: a changed value would be read as one.

    `on_file` is called with (files done, files in all).

    Raises DataError if one does not, or cannot be read.
    """
    written = {file: table.written[file].sha256 for table in tables for file in table.files}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_digest_of, written)
        for done, (file, digest) in enumerate(zip(written, found, strict=True), start=1):
            if digest != written[file]:
                raise DataError(f"{file}: its content is not what was written; {_ADVICE}")
            if on_file is not None:
                on_file(done, len(written))


def _digest_of(file: Path) -> str:
    try:
        return record_of(file).sha256
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}; {_ADVICE}") from error
