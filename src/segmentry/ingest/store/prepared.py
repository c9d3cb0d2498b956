"""A prepared folder: what it holds, written down as JSON and read back as a source."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from segmentry.errors import DataError
from segmentry.ingest.store.text_blocks import BlockRecord, record_of
from segmentry.runtime.codec import Codec
from segmentry.schema import ColumnSource, RowAccount, Source, TableSource

PREPARED_FILE = "prepared.json"
_MAGIC = b"PAR1"
Inputs = tuple[tuple[BlockRecord, ...], ...]
"""The blocks of each file of a table, in the order of its plan."""
_ADVICE = "prepare the folder again with segmentry data prepare --overwrite"


@dataclass(frozen=True, slots=True)
class PlannedTable:
    """What is asked of the files of a table."""

    files: tuple[str, ...]
    columns: Mapping[str, ColumnSource]
    possible: tuple[int, int] | None
    is_distinct: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of which files, to tell whether two preparations are the same."""

    engine: str
    tables: Mapping[str, PlannedTable]


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """A table as it was written: its files by their names in the folder."""

    files: Mapping[str, BlockRecord]
    columns: Mapping[str, ColumnSource]
    account: RowAccount | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a prepared folder holds, and what it was made of; the source has no tables here."""

    source: Source
    tables: Mapping[str, PreparedTable]
    plan: Plan
    inputs: Mapping[str, Inputs]


_CODEC = Codec(
    Prepared,
    what="prepared folder",
    version=3,
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
    )


def write_prepared(
    source: Source, folder: Path, *, plan: Plan, inputs: Mapping[str, Inputs]
) -> None:
    """Write down what a prepared folder holds; `inputs` are what it was made of."""
    tables = {
        role: PreparedTable(
            {str(file.relative_to(folder)): record_of(file) for file in table.files},
            dict(table.columns),
            table.prepared,
        )
        for role, table in tables_of(source).items()
    }
    _CODEC.write(Prepared(with_tables(source, {}), tables, plan, inputs), folder / PREPARED_FILE)


def read_origin(folder: Path) -> Prepared:
    """Return what is written down of a prepared folder; nobody looks at its files.

    Raises DataError if it was prepared by another version, or the file is damaged.
    """
    return _CODEC.read(folder / PREPARED_FILE)


def read_prepared(folder: Path) -> Source:
    """Read what a prepared folder holds, and check that its files are as long as they were.

    `check_content` says whether those that are read hold what was written.

    Raises DataError if it was prepared by another version, or a file is not what was written.
    """
    content = read_origin(folder)
    tables = {}
    for role, table in content.tables.items():
        written = {folder / name: record for name, record in table.files.items()}
        for file, record in written.items():
            _check_whole(file, record.n_bytes)
        tables[role] = TableSource(
            role,
            tuple(written),
            table.columns,
            prepared=table.account,
            digests={file: record.sha256 for file, record in written.items()},
        )
    return with_tables(content.source, tables)


def _check_whole(file: Path, n_bytes: int) -> None:
    try:
        size = file.stat().st_size
        if size != n_bytes:  # an empty one has no end to look at
            raise DataError(f"{file}: found {size:,} bytes, expected {n_bytes:,}; {_ADVICE}")
        with file.open("rb") as stream:
            first = stream.read(len(_MAGIC))
            stream.seek(-len(_MAGIC), 2)
            last = stream.read()
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}; {_ADVICE}") from error
    if (first, last) != (_MAGIC, _MAGIC):
        raise DataError(f"{file}: not a sound Parquet file; {_ADVICE}")


def check_content(
    tables: Iterable[TableSource], *, on_file: Callable[[int, int], None] | None = None
) -> None:
    """Check that prepared files hold what was written: a changed value would be read as one.

    `on_file` is called with (files done, files in all).

    Raises DataError if one does not, or cannot be read.
    """
    written = {file: digest for table in tables for file, digest in table.digests.items()}
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
