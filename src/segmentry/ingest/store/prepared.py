"""A prepared folder: what it holds, written down as JSON and read back as a source."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from segmentry.errors import DataError
from segmentry.schema import ColumnSource, Feature, RowAccount, Source, TableSource

__all__ = [
    "PREPARED_FILE",
    "check_content",
    "read_origin",
    "read_prepared",
    "render_prepared",
    "tables_of",
    "with_tables",
]

PREPARED_FILE = "prepared.json"
_VERSION = 2
_MAGIC = b"PAR1"
_ADVICE = "prepare the folder again with segmentry data prepare --overwrite"


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


def render_prepared(
    source: Source,
    folder: Path,
    *,
    plan: Mapping[str, Any],
    inputs: Mapping[str, Sequence[Mapping[str, Any]]],
) -> str:
    """Return what a prepared folder holds, as JSON; `inputs` are what it was made of."""
    facts = asdict(with_tables(source, {}))
    tables = {role: _told(table, folder) for role, table in tables_of(source).items()}
    content = {"prepared_version": _VERSION, "source": facts, "tables": tables, "plan": plan}
    content["inputs"] = inputs
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _told(table: TableSource, folder: Path) -> dict[str, Any]:
    files = {
        str(file.relative_to(folder)): {"n_bytes": file.stat().st_size, "sha256": _digest_of(file)}
        for file in table.files
    }
    columns = {name: asdict(column) for name, column in table.columns.items()}
    account = None if table.prepared is None else asdict(table.prepared)
    return {"files": files, "columns": columns, "account": account}


def read_prepared(folder: Path) -> Source:
    """Read what a prepared folder holds, and check that its files are as long as they were.

    Whether their content is what was written is told by `check_content`, of those that are read.

    Raises
    ------
    DataError
        If it was prepared by another version, or a file is not what was written.
    """
    content = _content_of(folder)
    tables = {role: _table_of(role, told, folder) for role, told in content["tables"].items()}
    facts = content["source"]
    attributes = tuple(Feature(**each) for each in facts.pop("attributes"))
    return with_tables(Source(**facts | {"attributes": attributes}), tables)


def read_origin(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the plan of a prepared folder, and the content of what it was made of, by role."""
    content = _content_of(folder)
    return content["plan"], content["inputs"]


def _content_of(folder: Path) -> dict[str, Any]:
    file = folder / PREPARED_FILE
    advice = "prepare it again with segmentry data prepare --overwrite"
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        version = content["prepared_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: cannot be read: {reason}; {advice}") from error
    if version != _VERSION:
        raise DataError(f"{file}: found version {version!r}, expected {_VERSION}; {advice}")
    return content


def _table_of(role: str, told: Mapping[str, Any], folder: Path) -> TableSource:
    for name, written in told["files"].items():
        _check_whole(folder / name, written["n_bytes"])
    columns = {
        name: ColumnSource(
            **each
            | {
                "codes": tuple((word, code) for word, code in each["codes"]),
                "missing": tuple(each["missing"]),
            }
        )
        for name, each in told["columns"].items()
    }
    files = tuple(folder / name for name in told["files"])
    return TableSource(
        role,
        files,
        columns,
        prepared=RowAccount(**told["account"]),
        digests={folder / name: written["sha256"] for name, written in told["files"].items()},
    )


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

    Raises
    ------
    DataError
        If one does not, or cannot be read.
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
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}; {_ADVICE}") from error
