"""Look at a file before anything reads it."""

from collections.abc import Collection
from pathlib import Path

from segmentry.errors import DataError
from segmentry.ingest.files._layout import FileLayout, refuse_repeated
from segmentry.ingest.files._parquet import count_rows, inspect_parquet
from segmentry.ingest.files._text import HEAD_BYTES, inspect_text
from segmentry.ingest.files._values import is_number
from segmentry.schema import FileShape


def inspect_file(
    path: Path, shape: FileShape | None = None, *, columns: Collection[str] | None = None
) -> FileLayout:
    r"""Read the first lines of a CSV, CSV.gz or Parquet file, or of one set in columns by blanks.

    What `shape` leaves open is found by looking. Of Parquet, values of some `columns` are read.

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
        layout = inspect_parquet(path, columns) if is_parquet else inspect_text(path, shape)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise DataError(
            f"{path}: cannot be read: {reason}; expected a CSV or Parquet file"
        ) from error
    # A first line with numbers names no columns, and may hold one twice.
    if not any(map(is_number, layout.names)):
        refuse_repeated(layout, layout.names)
    return layout


def estimate_rows(path: Path) -> int | None:
    r"""Return about how many rows a file holds, to tell progress by; none for a compressed CSV.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = path.write_text("user,clk\n" + "7,0\n" * 100)
    >>> 90 < estimate_rows(path) < 110
    True
    """
    if path.suffix == ".parquet":
        return count_rows([path])
    if path.suffix == ".gz":
        return None
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    n_lines = head.count(b"\n")
    return int(path.stat().st_size * n_lines / len(head)) if n_lines else 1
