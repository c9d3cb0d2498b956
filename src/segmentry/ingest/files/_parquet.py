"""The columns of a Parquet file, and some of its rows as text."""

import uuid
from collections.abc import Collection, Iterator, Sequence
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


def inspect_parquet(path: Path) -> FileLayout:
    """Read the footer and the first rows, and the last ones, of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns, n_rows = tuple(file.schema_arrow.names), file.metadata.num_rows
            early_uuids = _early_uuids(file)
            _refuse_long_texts(path, file.metadata)
            nested = tuple(f.name.strip() for f in file.schema_arrow if pa.types.is_nested(f.type))
            binary = tuple(f.name.strip() for f in file.schema_arrow if _is_binary(f.type))
            batches = [next(file.iter_batches(batch_size=_SAMPLE_ROWS), None)]
            if file.num_row_groups > 1:  # a file that is sorted ends in other values
                ends = file.iter_batches(_SAMPLE_ROWS, row_groups=[file.num_row_groups - 1])
                batches.append(next(ends, None))
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path}: not a sound Parquet file: {' '.join(str(error).split())}; write it again"
        ) from error
    if n_rows == 0:
        raise EmptyDataError(f"{path}: no rows; expected at least one")
    found = [batch for batch in batches if batch is not None]
    uuids = tuple(name for name in binary if _are_uuids(found, columns, name))
    sample = tuple(row for batch in found for row in _texts_of(batch, uuids))
    return FileLayout(
        path=path,
        format="parquet",
        delimiter="",
        columns=columns,
        sample=sample,
        partitions=partitions_of(path),
        nested=nested,
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


def _is_binary(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    is_binary: bool = pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return is_binary or bool(pa.types.is_large_binary(kind))


def _are_uuids(batches: "Sequence[pa.RecordBatch]", columns: Sequence[str], name: str) -> bool:
    """Whether all values are of 16 bytes, and some are no text."""
    place = [column.strip() for column in columns].index(name)
    values = [value for batch in batches for value in batch.column(place).to_pylist() if value]
    are_long = all(len(value) == _UUID_BYTES for value in values)
    return are_long and not all(value.isascii() and value.isalnum() for value in values)


def _texts_of(batch: "pa.RecordBatch", uuids: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Return the rows of a piece of Parquet as text."""
    import pyarrow as pa

    columns = [
        # Python has no nanoseconds, and pandas, which has, need not be there.
        column.cast(pa.string()) if getattr(column.type, "unit", "") == "ns" else column
        for column in batch.columns
    ]
    are_uuids = [name.strip() in uuids for name in batch.schema.names]
    texts = (
        [_as_text(value, is_uuid=is_uuid) for value in each.to_pylist()]
        for each, is_uuid in zip(columns, are_uuids, strict=True)
    )
    return zip(*texts, strict=True)


def _as_text(value: object, *, is_uuid: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if is_uuid else value.decode(errors="replace")
    return str(int(value)) if isinstance(value, bool) else str(value)
