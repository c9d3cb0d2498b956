"""The columns of a Parquet file, and some of its rows as text."""

import itertools
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmentry.errors import DataError, EmptyDataError
from segmentry.ingest.files._layout import FileLayout, partitions_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_SAMPLE_ROWS = 1000
_UUID_BYTES = 16
_MAX_TEXT_BYTES = 1 << 16
_MAX_DICTIONARY_BYTES, _MAX_RATIO = 1 << 24, 1000


def inspect_parquet(path: Path, wanted: Collection[str] | None) -> FileLayout:
    """Read the footer of a Parquet file, and the first and last rows of `wanted` columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            fields, n_rows = tuple(file.schema_arrow), file.metadata.num_rows
            paths = tuple(path for each in fields for path in _paths_into(each))
            columns = (*file.schema_arrow.names, *paths)
            early_uuids = _early_uuids(file)
            _refuse_long_texts(path, file.metadata)
            nested = tuple(f.name.strip() for f in file.schema_arrow if pa.types.is_nested(f.type))
            binary = tuple(f.name.strip() for f in file.schema_arrow if _is_binary(f.type))
            read = None if wanted is None else [each for each in columns if each.strip() in wanted]
            # A file that is sorted ends in other values.
            ends = sorted({0, file.num_row_groups - 1}) if read != [] and n_rows else ()
            batches = [next(file.iter_batches(_SAMPLE_ROWS, [end], read), None) for end in ends]
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path}: not a sound Parquet file: {' '.join(str(error).split())}; write it again"
        ) from error
    if n_rows == 0:
        raise EmptyDataError(f"{path}: no rows; expected at least one")
    found = [batch for batch in batches if batch is not None]
    uuids = tuple(name for name in binary if _are_uuids(found, name))
    sample = tuple(row for batch in found for row in _texts_of(batch, columns, uuids))
    return FileLayout(
        path=path,
        format="parquet",
        delimiter="",
        columns=columns,
        sample=sample,
        partitions=partitions_of(path),
        nested=nested,
        paths=paths,
        binary=binary,
        uuids=(*uuids, *early_uuids),
    )


def _early_uuids(file: "pq.ParquetFile") -> tuple[str, ...]:
    """Return columns that pyarrow before 21 wrote from UUIDs: only its own note names the type."""
    columns = map(file.schema.column, range(len(file.schema)))
    untyped = {each.name for each in columns if each.logical_type.type == "NONE"}
    fields = [field for field in file.schema_arrow if str(field.type) == "extension<arrow.uuid>"]
    return tuple(field.name.strip() for field in fields if field.name in untyped)


def _refuse_long_texts(path: Path, metadata: "pq.FileMetaData") -> None:
    """Refuse columns of texts beyond 64 kB each: few bytes of them unpack to all memory."""
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for place in range(rows.num_columns):
            column = rows.column(place)
            n_bytes = column.total_uncompressed_size
            is_long = n_bytes > _MAX_TEXT_BYTES * max(1, column.num_values)
            # One text that is said a million times stands in a dictionary, once.
            is_packed = column.has_dictionary_page and n_bytes > max(
                _MAX_DICTIONARY_BYTES, _MAX_RATIO * column.total_compressed_size
            )
            if column.physical_type == "BYTE_ARRAY" and (is_long or is_packed):
                raise DataError(
                    f"{path}: column {column.path_in_schema!r} holds texts of more than 64 kB each;"
                    " expected ids, codes and numbers; leave the column out of the file"
                )


def _paths_into(field: "pa.Field", before: str = "") -> Iterator[str]:
    """Yield the paths to the plain values of a record."""
    import pyarrow as pa

    if not pa.types.is_struct(field.type):
        if before and not pa.types.is_nested(field.type):
            yield before + field.name
    elif "." not in field.name:
        for each in field.type:
            yield from _paths_into(each, f"{before}{field.name}.")


def _values_at(batch: "pa.RecordBatch", path: str) -> list[object] | None:
    """Return the values that a path leads to; none where its record was not read."""
    root, *names = path.split(".")
    if root not in batch.schema.names:
        return None
    values: list[object] = batch.column(root).to_pylist()
    for name in names:
        values = [each.get(name) if isinstance(each, dict) else None for each in values]
    return values


def _is_binary(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    is_binary: bool = pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return is_binary or bool(pa.types.is_large_binary(kind))


def _are_uuids(batches: "Sequence[pa.RecordBatch]", name: str) -> bool:
    """Whether all values are of 16 bytes, and some are no text."""
    values = [
        value
        for batch in batches
        for place, column in enumerate(batch.schema.names)
        if column.strip() == name
        for value in batch.column(place).to_pylist()
        if value
    ]
    are_long = all(len(value) == _UUID_BYTES for value in values)
    return are_long and not all(value.isascii() and value.isalnum() for value in values)


def _texts_of(
    batch: "pa.RecordBatch", names: Sequence[str], uuids: Collection[str]
) -> Iterator[tuple[str, ...]]:
    """Return the rows of a piece of Parquet as text; empty where a column was not read."""
    import pyarrow as pa

    columns = [
        # Python has no nanoseconds, and pandas, which has, need not be there.
        column.cast(pa.string()) if getattr(column.type, "unit", "") == "ns" else column
        for column in batch.columns
    ]
    texts = {
        name: [_as_text(value, is_uuid=name.strip() in uuids) for value in column.to_pylist()]
        for name, column in zip(batch.schema.names, columns, strict=True)
    }
    if not batch.num_rows:
        return
    found: list[Iterable[str]] = []
    for name in names:
        values = None if name in texts else _values_at(batch, name)
        read = None if values is None else [_as_text(value, is_uuid=False) for value in values]
        found.append(texts.get(name) or read or itertools.repeat(""))
    yield from zip(*found, strict=False)


def _as_text(value: object, *, is_uuid: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if is_uuid else value.decode(errors="replace")
    return str(int(value)) if isinstance(value, bool) else str(value)
