"""Look at a file before anything reads it: its format, its delimiter, its columns, its ids."""

import csv
import difflib
import functools
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from segmentry.errors import DataError, EmptyDataError, SchemaError
from segmentry.schema import FileShape

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


NULL_WORDS = (
    *("", "NULL", "null", "Null", "(null)", "NA", "<NA>", "N/A", "#N/A", "NaN", "nan"),
    *("None", "NONE", r"\N"),
)
"""How a missing value is written: by databases, spreadsheets, R, pandas and Hive."""
FLAGS = (
    *((word, 1) for word in ("1", "1.0", "true", "t", "yes", "y")),
    *((word, 0) for word in ("0", "0.0", "false", "f", "no", "n")),
)
"""How yes and no are written, in lower case."""
BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""All that `str.strip` takes away, for readers that take away less by themselves."""

_SAMPLE_BYTES = 1 << 18
_TAIL_BYTES = 1 << 16
_SAMPLE_ROWS = 1000
_MAX_TEXT_BYTES = 1 << 16
_MAX_DICTIONARY_BYTES, _MAX_RATIO = 1 << 24, 1000
_DELIMITERS = ",\t;|"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_PADDED = re.compile(r"[+-]?0[0-9]")
_QUOTED = re.compile(r'"[^"]*"')
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
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


@dataclass(frozen=True)
class FileLayout:
    """What the first lines of a file tell."""

    path: Path
    format: Literal["csv", "parquet", "whitespace"]
    delimiter: str
    """Empty but for CSV."""
    columns: tuple[str, ...]
    """Names as written, in order of the file."""
    sample: tuple[tuple[str, ...], ...]
    """The first rows as text; a missing value is ""."""
    has_header: bool = True
    """Whether the first line names the columns."""
    skip_lines: int = 0
    """Lines before that one."""
    escape: str = '"'
    """What stands before a quote within quoted text."""
    partitions: tuple[tuple[str, str], ...] = ()
    """Columns that the folders name, as in ``day=2017-05-06/part-0.parquet``."""
    nested: tuple[str, ...] = ()
    """Columns of Parquet that hold lists or records."""
    uuids: tuple[str, ...] = ()
    """Columns of Parquet that hold UUIDs as 16 bytes."""

    # Made once: a file may have thousands of columns, and each is looked up by its name.
    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Column names without surrounding white space."""
        return tuple(name.strip() for name in self.columns)

    @functools.cached_property
    def _known(self) -> dict[str, tuple[str, ...]]:
        return {}

    @functools.cached_property
    def _rows(self) -> list[tuple[str, ...]]:
        """The sample without lines of few fields, such as "(41 rows affected)"."""
        return [row for row in self.sample if 2 * len(row) >= len(self.columns)]

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of the columns of the file and of its folders."""
        folders = (name for name, _ in self.partitions if name not in self.names)
        return (*self.names, *folders)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the sampled values of a column that are not missing."""
        if name not in self._known:
            self._known[name] = tuple(self._values(name))
        return self._known[name]

    def _values(self, name: str) -> list[str]:
        if name not in self.names:
            return [value for folder, value in self.partitions if folder == name and value]
        position = self.names.index(name)
        return [
            value
            for row in self._rows
            if len(row) > position and (value := row[position].strip()) not in NULL_WORDS
        ]


def inspect_file(path: Path, shape: FileShape | None = None) -> FileLayout:
    r"""Read the first lines of a CSV, CSV.gz or Parquet file, or of one set in columns by blanks.

    What `shape` leaves open is found by looking.

    Raises EmptyDataError if the file is empty or holds a header only; DataError if it cannot be
    read or is of another format than its name says; SchemaError if two columns have the same name.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "profiles.csv"
    >>> _ = path.write_text("user_id;city \n7;4.0\n")
    >>> layout = inspect_file(path)
    >>> layout.delimiter, layout.names, layout.sample
    (';', ('user_id', 'city'), (('7', '4.0'),))
    """
    shape = shape or FileShape()
    if path.is_dir():
        raise DataError(f"{path}: a folder, expected a CSV or Parquet file; name the file")
    if path.exists() and not path.is_file():  # such as a pipe, which would be waited for
        raise DataError(f"{path}: no plain file, expected a CSV or Parquet file; write it to one")
    is_parquet = shape.format == "parquet" or (shape.format, path.suffix) == ("auto", ".parquet")
    try:
        layout = _inspect_parquet(path) if is_parquet else _inspect_text(path, shape)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except OSError as error:
        reason = error.strerror or _one_line(error)
        raise DataError(
            f"{path}: cannot be read: {reason}; expected a CSV or Parquet file"
        ) from error
    # A first line with numbers names no columns, and may hold one twice.
    if not any(map(is_number, layout.names)):
        _refuse_repeated(layout, layout.names)
    return layout


def _refuse_repeated(layout: FileLayout, names: Iterable[str]) -> None:
    counts = Counter(layout.names)
    for name in sorted(names):
        if counts[name] > 1:
            text = f"column {name!r} occurs more than once; rename one of them"
            raise SchemaError(f"{layout.path}: {text}")


def _inspect_parquet(path: Path) -> FileLayout:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns, n_rows = tuple(file.schema_arrow.names), file.metadata.num_rows
            _refuse_long_texts(path, file.metadata)
            nested = tuple(f.name.strip() for f in file.schema_arrow if pa.types.is_nested(f.type))
            uuids = tuple(f.name.strip() for f in file.schema_arrow if f.type == pa.uuid())
            batches = [next(file.iter_batches(batch_size=_SAMPLE_ROWS), None)]
            if file.num_row_groups > 1:  # a file that is sorted ends in other values
                ends = file.iter_batches(_SAMPLE_ROWS, row_groups=[file.num_row_groups - 1])
                batches.append(next(ends, None))
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path}: not a sound Parquet file: {_one_line(error)}; write it again"
        ) from error
    if n_rows == 0:
        raise EmptyDataError(f"{path}: no rows; expected at least one")
    sample = tuple(row for batch in batches if batch is not None for row in _texts_of(batch))
    return FileLayout(
        path=path,
        format="parquet",
        delimiter="",
        columns=columns,
        sample=sample,
        partitions=_partitions(path),
        nested=nested,
        uuids=uuids,
    )


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


def _texts_of(batch: "pa.RecordBatch") -> Iterator[tuple[str, ...]]:
    """Return the rows of a piece of Parquet as text."""
    import pyarrow as pa

    columns = [
        # Python has no nanoseconds, and pandas, which has, need not be there.
        column.cast(pa.string()) if getattr(column.type, "unit", "") == "ns" else column
        for column in batch.columns
    ]
    return zip(*([_as_text(value) for value in each.to_pylist()] for each in columns), strict=True)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _inspect_text(path: Path, shape: FileShape) -> FileLayout:
    text, is_cut = _first_text(path)
    if not text.strip():
        raise EmptyDataError(f"{path}: the file is empty; expected a header line and rows")
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
        sample=tuple(tuple(row) for row in sample),
        has_header=not shape.names,
        skip_lines=shape.skip_lines,
        escape=shape.escape,
        partitions=_partitions(path),
    )


def _last_rows(path: Path, delimiter: str, *, n_columns: int) -> list[list[str]]:
    """Return some of the last rows: a file that is sorted by user ends in ids of another kind.

    None of a compressed file, nor where a quoted field may hold a line break.
    """
    if path.suffix == ".gz":
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    if b'"' in tail:
        return []
    lines = tail.decode("utf-8", errors="replace").splitlines()[1:]
    rows = [line.split(delimiter or None) for line in lines[-_SAMPLE_ROWS:]]
    return [row for row in rows if len(row) == n_columns]


def _delimiter_of(header: str) -> str:
    """Return the delimiter that occurs most, not counting what is quoted."""
    return max(_DELIMITERS, key=_QUOTED.sub("", header).count)


def _csv_rows(path: Path, text: str, delimiter: str, *, escape: str) -> list[list[str]]:
    is_doubled = escape == '"'
    lines = csv.reader(
        io.StringIO(text),
        delimiter=delimiter,
        doublequote=is_doubled,
        escapechar=None if is_doubled else escape,
    )
    try:
        return [row for row in lines if row]
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


def _partitions(path: Path) -> tuple[tuple[str, str], ...]:
    """Return the columns that folders name, the outermost first; unknown is the empty text."""
    pairs = (part.partition("=") for part in path.parent.parts)
    return tuple(
        (name, "" if value == _NO_PARTITION else unquote(value))
        for name, equals, value in pairs
        if equals and name
    )


@contextmanager
def explaining_gzip(path: Path) -> Iterator[None]:
    """Tell in one line, by a DataError, that a compressed file is cut off or holds other bytes."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: broken gzip: {_one_line(error)}; download it again") from error


def _first_text(path: Path) -> tuple[str, bool]:
    """Return the beginning of a text file, and whether there is more."""
    with (
        explaining_gzip(path),
        gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file,
    ):
        head = file.read(_SAMPLE_BYTES)
    for mark, found in _ENCODINGS.items():
        if head.startswith(mark):
            remedy = f"name it {path.name}.gz" if found == "gzip" else "convert the file"
            raise DataError(f"{path}: found {found}, expected UTF-8 text (CSV); {remedy}")
    if b"\0" in head:
        raise DataError(
            f"{path}: found zero bytes, as in UTF-16 or in what is not text, expected UTF-8 text "
            "(CSV); convert the file"
        )
    is_cut = len(head) == _SAMPLE_BYTES
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


def require_columns(layout: FileLayout, required: Iterable[str]) -> None:
    """Check that a file has all required columns; all missing ones are reported together.

    A SchemaError says what was found and the nearest match of each missing column.

    >>> layout = FileLayout(Path("log.csv"), "csv", ",", ("usr", "clk"), ())
    >>> require_columns(layout, ["user", "clk"])
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: log.csv: no column 'user' (did you mean 'usr'?); found clk, usr
    """
    required = list(required)
    missing = [name for name in required if name not in layout.all_names]
    if missing:
        text = ", ".join(_missing(name, layout.all_names) for name in missing)
        raise SchemaError(
            f"{layout.path}: no column {text}; found {', '.join(sorted(layout.all_names))}"
            + _header_further_down(layout, required)
        )
    _refuse_repeated(layout, required)
    nested = [name for name in required if name in layout.nested]
    if nested:
        raise SchemaError(
            f"{layout.path}: column {nested[0]!r} holds lists or records, expected plain values; "
            "write it flat"
        )


def _header_further_down(layout: FileLayout, required: Collection[str]) -> str:
    """Say which line names the columns, where one below the first does."""
    for place, row in enumerate(layout.sample, start=1):
        if set(required) <= {each.strip() for each in row}:
            n_lines = layout.skip_lines + place
            return f"; line {n_lines + 1} names them: say skip_lines = {n_lines} in the mapping"
    return ""


def _missing(name: str, found: Collection[str]) -> str:
    near = difflib.get_close_matches(name, found, n=1, cutoff=0.5)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


def has_integers_only(values: Sequence[str]) -> bool:
    """Whether all values are whole numbers of at most 18 digits, such as ``4`` or ``4.0``.

    >>> has_integers_only(["4", "-1", "4.0"]), has_integers_only(["4", "u7"])
    (True, False)
    """
    return all(map(_INTEGER.fullmatch, values))


def is_padded(text: str) -> bool:
    """Whether digits begin with a zero, as those of a code do: 007 is not to become 7.

    >>> is_padded("007"), is_padded("0"), is_padded("0.5")
    (True, False, False)
    """
    return _PADDED.match(text) is not None


def is_number(text: str) -> bool:
    """Whether a text can be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def estimate_rows(path: Path) -> int | None:
    r"""Return about how many rows a file holds, to tell progress by; none for a compressed CSV.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = path.write_text("user,clk\n" + "7,0\n" * 100)
    >>> 90 < estimate_rows(path) < 110
    True
    """
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    if path.suffix == ".gz":
        return None
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
    n_lines = head.count(b"\n")
    return int(path.stat().st_size * n_lines / len(head)) if n_lines else 1
