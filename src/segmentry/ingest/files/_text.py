"""The first lines of a text file: its delimiter, its columns, some rows."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from segmentry.errors import DataError, EmptyDataError, SchemaError
from segmentry.ingest.files._json import SUFFIXES, json_layout
from segmentry.ingest.files._layout import DELIMITERS, FileLayout, partitions_of
from segmentry.schema import FileShape

HEAD_BYTES = 1 << 18
TAIL_BYTES = 1 << 16
_SAMPLE_ROWS = 1000
_QUOTED = re.compile(r'"[^"]*"')
_NO_HEADERS = ("#", "sep=", "//")
_ENCODINGS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PAR1": "Parquet",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"(\xb5/\xfd": "Zstandard",
    b"\xfd7zXZ": "xz",
    b"BZh91AY": "bzip2",
    b"\xd0\xcf\x11\xe0": "Excel",
    b"SQLite format 3": "SQLite",
    b"ARROW1": "Arrow",
    b"Obj\x01": "Avro",
    b"{": "JSON",
    b"[{": "JSON",
    b"<!": "HTML",
    b"<html": "HTML",
    b"<?xml": "XML",
}


def inspect_text(path: Path, shape: FileShape) -> FileLayout:
    """Read the first lines of a text file, and some of the last ones."""
    is_json = shape.format == "json" or (shape.format == "auto" and path.name.endswith(SUFFIXES))
    text, is_cut = _first_text(path, is_json=is_json)
    if not text.strip():
        raise EmptyDataError(f"{path}: the file is empty; expected a header line and rows")
    if is_json:
        layout = json_layout(path, [*text.splitlines(), *(_last_lines(path) if is_cut else ())])
        _require_last_object(path)
        return layout
    text = "".join(text.splitlines(keepends=True)[shape.skip_lines :])
    if not text.strip():
        raise EmptyDataError(f"{path}: no line is left after skip_lines = {shape.skip_lines}")
    header = text.splitlines()[0]
    if not header.strip():
        raise DataError(f"{path}: the first line is blank, expected the header; remove the line")
    if not shape.names and header.lstrip().startswith(_NO_HEADERS):
        raise DataError(
            f"{path}: the first line is not a header ({header[:40].strip()!r}); remove the line"
        )
    is_csv = shape.format != "whitespace"
    delimiter = (shape.delimiter or _delimiter_of(header)) if is_csv else ""
    rows = (
        _csv_rows(path, text, delimiter, escape=shape.escape)
        if is_csv
        else [line.split() for line in text.splitlines() if line.strip()]
    )
    n_heads = 0 if shape.names else 1
    if len(rows) <= n_heads:
        raise EmptyDataError(f"{path}: a header but no rows; expected at least one row")
    columns = _columns_of(path, rows[0], shape)
    # The last row of a cut sample may end in the middle of a field.
    sample = rows[n_heads:-1] if is_cut and len(rows) > n_heads + 1 else rows[n_heads:]
    if is_cut:
        sample += _last_rows(path, delimiter, n_columns=len(columns))
    return FileLayout(
        path=path,
        format="csv" if is_csv else "whitespace",
        delimiter=delimiter,
        columns=columns,
        sample=tuple(map(tuple, sample)),
        has_header=not shape.names,
        skip_lines=shape.skip_lines,
        escape=shape.escape,
        partitions=partitions_of(path),
    )


def _last_rows(path: Path, delimiter: str, *, n_columns: int) -> list[list[str]]:
    """Return some of the last rows: a file that is sorted by user ends in ids of another kind.

    None of a compressed file, nor where a quoted field may hold a line break.
    """
    lines = _last_lines(path)
    if any('"' in line for line in lines):
        return []
    rows = [line.split(delimiter or None) for line in lines[1:]]
    return [row for row in rows if len(row) == n_columns]


def _last_lines(path: Path) -> list[str]:
    """Return some of the last lines; the first of them may be cut. None of a compressed file."""
    if path.suffix == ".gz":
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        tail = file.read()
    return tail.decode("utf-8", errors="replace").splitlines()[-_SAMPLE_ROWS - 1 :]


def _require_last_object(path: Path) -> None:
    """Refuse JSON lines that end within an object; those of gzip are checked by its own sums."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        *_, last = b"\n", *file.read().splitlines(keepends=True)
    if path.suffix == ".gz" or last.endswith((b"\n", b"\r", b"}")):
        return
    try:
        json.loads(last)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: the last line is cut off: it ends in {last[-20:].decode(errors='replace')!r}"
            ", expected '}'; copy or write the file again"
        ) from error


def _delimiter_of(header: str) -> str:
    """Return the delimiter that occurs most, not counting what is quoted."""
    return max(DELIMITERS, key=_QUOTED.sub("", header).count)


def _csv_rows(path: Path, text: str, delimiter: str, *, escape: str) -> list[list[str]]:
    try:
        return [row for row in csv_rows(io.StringIO(text), delimiter, escape=escape) if row]
    except csv.Error as error:
        raise DataError(
            f"{path}: not sound CSV: {_one_line(error).split(' - ')[0]}; "
            "expected quoted text and lines that end in a line feed"
        ) from error


def _columns_of(path: Path, first: Sequence[str], shape: FileShape) -> tuple[str, ...]:
    if not shape.names:
        # A table is often written with an unnamed column of row numbers, or a delimiter too many.
        return tuple(
            name if name.strip() else f"unnamed column {place}"
            for place, name in enumerate(first, start=1)
        )
    if len(first) != len(shape.names):
        raise SchemaError(
            f"{path}: {len(first)} columns in the first line, but {len(shape.names)} names "
            f"({', '.join(shape.names)}); name every column of the file"
        )
    return shape.names


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a text file, compressed or not.

    A DataError tells in one line that a compressed one is cut off or holds other bytes.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield cast("BinaryIO", stream)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: broken gzip: {_one_line(error)}; download it again") from error


def csv_rows(lines: Iterable[str], delimiter: str, *, escape: str) -> Iterator[list[str]]:
    """Read rows of CSV whose quotes are doubled, or stand behind another escape."""
    is_doubled = escape == '"'
    return csv.reader(
        lines,
        delimiter=delimiter,
        doublequote=is_doubled,
        escapechar=None if is_doubled else escape,
    )


def _first_text(path: Path, *, is_json: bool = False) -> tuple[str, bool]:
    """Return the beginning of a text file, and whether there is more."""
    with opened(path) as file:
        head = file.read(HEAD_BYTES)
    for mark, found in _ENCODINGS.items():
        if head.startswith(mark) and not (is_json and found == "JSON"):
            remedy = f"name it {path.name}.gz" if found == "gzip" else "convert the file"
            raise DataError(f"{path}: found {found}, expected UTF-8 text (CSV); {remedy}")
    if b"\0" in head:
        raise DataError(
            f"{path}: found zero bytes, as in UTF-16 or in what is not text, expected UTF-8 text "
            "(CSV); convert the file"
        )
    is_cut = len(head) == HEAD_BYTES
    try:
        return head.decode("utf-8-sig"), is_cut
    except UnicodeDecodeError as error:
        if is_cut and error.start > len(head) - 4:  # the sample ends inside a character
            return head[: error.start].decode("utf-8-sig"), is_cut
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8; convert the file to UTF-8"
        ) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
