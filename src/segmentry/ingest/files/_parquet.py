"""The columns of a Parquet file, and some of its rows as text, by DuckDB, which reads it later."""

import functools
import os
import re
import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentry.errors import DataError, EmptyDataError
from segmentry.ingest.files._layout import FileLayout, partitions_of
from segmentry.ingest.quoting import quoted_name, quoted_text

if TYPE_CHECKING:
    import duckdb

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_SAMPLE_ROWS = 1000
_UUID_BYTES = 16
_MAX_TEXT_BYTES = 1 << 16
_MAX_DICTIONARY_BYTES, _MAX_RATIO = 1 << 24, 1000
_KIND = re.compile(r"^(?:[A-Z]\w+ )+Error: ")
"""What some versions of DuckDB put before a message."""
_NUMBERED = re.compile(r"_\d+$")
_NESTED = frozenset(("struct", "list", "array", "map", "union", "variant"))
_COLUMNS = (
    "row_group_id, row_group_num_rows, type, path_in_schema, num_values, total_uncompressed_size, "
    "total_compressed_size, dictionary_page_offset"
)


def inspect_parquet(path: Path, wanted: Collection[str] | None) -> FileLayout:
    """Read the footer of a Parquet file, and the first and last rows of `wanted` columns."""
    import duckdb

    _require_ends(path)
    try:
        with _cursor() as cursor:
            return _inspect(path, wanted, cursor)
    except duckdb.Error as error:
        raise DataError(_unsound(path, error)) from error


def count_rows(files: Sequence[Path]) -> int:
    """Return how many rows some Parquet files have, by their footers.

    Raises DataError if one is not sound.
    """
    import duckdb

    shown = ", ".join(map(_literal, files))
    try:
        with _cursor() as cursor:
            query = f"SELECT sum(num_rows) FROM parquet_file_metadata([{shown}])"  # noqa: S608  # quoted
            ((n_rows,),) = cursor.execute(query).fetchall()
    except duckdb.Error as error:
        raise DataError(_unsound(files[0], error)) from error
    return int(n_rows)


def _inspect(
    path: Path, wanted: Collection[str] | None, cursor: "duckdb.DuckDBPyConnection"
) -> FileLayout:
    shown = _literal(path)
    query = f"SELECT {_COLUMNS} FROM parquet_metadata({shown})"  # noqa: S608  # quoted
    query += " WHERE column_id = 0 OR type = 'BYTE_ARRAY'"
    chunks = cursor.execute(query).fetchall()
    _refuse_long_texts(path, [chunk for _, _, kind, *chunk in chunks if kind == "BYTE_ARRAY"])
    rows = cursor.read_parquet(_pattern(path))
    fields = list(zip(_names(shown, rows.columns, cursor), rows.columns, rows.types, strict=False))
    columns = {name: (quoted_name(field), kind) for name, field, kind in fields}
    plain = {path: found for each in fields for path, found in _paths_into(each)}
    sizes = [n for _, n in sorted({(group, n) for group, n, *_ in chunks}) if n]
    if not sizes:
        raise EmptyDataError(f"{path}: no rows; expected at least one")
    every = columns | plain
    read = [name for name in every if wanted is None or name.strip() in wanted]
    # A file that is sorted ends in other values.
    starts = sorted({0, sum(sizes[:-1])}) if read else ()
    values = ", ".join(_value(*each) if name in read else "''" for name, each in every.items())
    query = f"SELECT {values} FROM read_parquet({shown}, file_row_number = true)"  # noqa: S608  # quoted
    query += f" WHERE file_row_number >= {{}} LIMIT {_SAMPLE_ROWS}"
    found = [row for start in starts for row in cursor.execute(query.format(start)).fetchall()]
    binary = tuple(name.strip() for name, (_, kind) in columns.items() if kind.id == "blob")
    places = {name.strip(): place for place, name in enumerate(every)}
    uuids = tuple(name for name in binary if _are_uuids([row[places[name]] for row in found]))
    is_uuid = [name.strip() in uuids for name in every]
    return FileLayout(
        path=path,
        format="parquet",
        delimiter="",
        columns=tuple(every),
        sample=tuple(tuple(map(_as_text, row, is_uuid)) for row in found),
        partitions=partitions_of(path),
        nested=tuple(name.strip() for name, (_, kind) in columns.items() if kind.id in _NESTED),
        paths=tuple(plain),
        binary=binary,
        uuids=uuids,
    )


def _require_ends(path: Path) -> None:
    """Refuse a file that was cut off, or is none of Parquet, by its first and last bytes."""
    with path.open("rb") as file:
        first = file.read(len(_MAGIC))
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, n_bytes - 8))
        length, last = int.from_bytes(file.read(4), "little"), file.read(4)
    if n_bytes == 0:
        raise DataError(f"{path}: 0 bytes, expected a Parquet file; copy or write it again")
    if last == _MAGIC and length + 12 <= n_bytes:
        return  # of a file elsewhere the beginning need not be here
    if last == _ENCRYPTED:
        raise DataError(f"{path}: an encrypted Parquet file; write it without encryption")
    if first != _MAGIC:
        raise DataError(
            f"{path}: no Parquet file: it begins with {first!r}, expected {_MAGIC!r}; "
            "if it is text, name it .csv, else write it again"
        )
    raise DataError(
        f"{path}: the end of the Parquet file is missing ({n_bytes:,} bytes are there): "
        "it was cut off while it was written or copied; copy or write it again"
    )


def _refuse_long_texts(path: Path, chunks: Sequence[Sequence[Any]]) -> None:
    """Refuse columns of texts beyond 64 kB each: few bytes of them unpack to all memory."""
    for name, n_values, n_bytes, n_packed, dictionary in chunks:
        is_long = n_bytes > _MAX_TEXT_BYTES * max(1, n_values)
        # One text that is said a million times stands in a dictionary, once.
        most = max(_MAX_DICTIONARY_BYTES, _MAX_RATIO * n_packed)
        if is_long or (dictionary is not None and n_bytes > most):
            raise DataError(
                f"{path}: column {name.replace(', ', '.')!r} holds texts of more than 64 kB each;"
                " expected ids, codes and numbers; leave the column out of the file"
            )


def _unsound(path: Path, error: Exception) -> str:
    reason = " ".join(_KIND.sub("", str(error)).replace(f"'{path}'", "it").split())
    return f"{path}: not a sound Parquet file: {reason}; write it again"


def _names(shown: str, names: Sequence[str], cursor: "duckdb.DuckDBPyConnection") -> Sequence[str]:
    """Return the columns as the file names them: DuckDB numbers what differs in case alone."""
    if not any(_NUMBERED.search(name) for name in names):
        return names
    found, n_within = [], 0
    query = f"SELECT name, num_children FROM parquet_schema({shown})"  # noqa: S608  # quoted
    for name, n_children in cursor.execute(query).fetchall()[1:]:
        if not n_within:
            found.append(name)
        n_within += (n_children or 0) - (1 if n_within else 0)
    return found


def _paths_into(
    field: tuple[str, str, Any],
) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield the paths to the plain values of a record, and how DuckDB reads each."""
    waiting = [(field[0], quoted_name(field[1]), field[2])]
    while waiting:
        path, found, kind = waiting.pop(0)
        if kind.id != "struct":
            if path != field[0] and kind.id not in _NESTED:
                yield path, (found, kind)
        elif "." not in path.removeprefix(field[0]).rpartition(".")[2] and "." not in field[0]:
            waiting[:0] = [
                (f"{path}.{name}", f"struct_extract({found}, {quoted_text(name)})", each)
                for name, each in kind.children
            ]


def _value(found: str, kind: Any) -> str:
    """Return a value as text, whatever clock DuckDB has; bytes as they are."""
    if kind.id == "blob":
        return found
    if kind.id == "boolean":
        found = f"{found}::TINYINT"
    if kind.id == "timestamp with time zone":
        return f"make_timestamp(epoch_us({found}))::VARCHAR || '+00:00'"
    return f"{found}::VARCHAR"


def _are_uuids(values: Sequence[object]) -> bool:
    """Whether all values are of 16 bytes, and some are no text."""
    known = [value for value in values if isinstance(value, bytes) and value]
    are_long = all(len(value) == _UUID_BYTES for value in known)
    return are_long and not all(value.isascii() and value.isalnum() for value in known)


def _as_text(value: object, is_uuid: bool) -> str:
    if isinstance(value, bytes):
        is_whole = is_uuid and len(value) == _UUID_BYTES
        return str(uuid.UUID(bytes=value)) if is_whole else value.decode(errors="replace")
    return "" if value is None else str(value)


def _pattern(path: Path) -> str:
    """Return a pattern that a path alone matches."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in str(path))


def _literal(path: Path) -> str:
    return quoted_text(_pattern(path))


def _cursor() -> "duckdb.DuckDBPyConnection":
    return _connection(os.getpid()).cursor()


@functools.cache
def _connection(_process: int) -> "duckdb.DuckDBPyConnection":
    """Return what asks about footers: opened once, as that takes longer than an answer."""
    import duckdb

    return duckdb.connect(config={"threads": 1})
