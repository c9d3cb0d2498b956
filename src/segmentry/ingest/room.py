"""Room for temporary files, and into how many parts a log is split to fit into memory."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from segmentry.errors import OutputError
from segmentry.ingest.files import estimate_rows, inspect_file
from segmentry.ingest.numbers import read_number
from segmentry.runtime.memory import process_limit, require_room, rows_per_part
from segmentry.runtime.temporary import temporary_folder
from segmentry.schema import TableSource

GZIP_RATIO = 4
"""Text per byte of a compressed log; 3.5 to 4.5 were measured."""
_BYTES_PER_LINE = 30
BYTES_PER_ROW = 16
"""Of the parts: 12 for a row of the behaviours, 15 for an impression, and the rows set aside."""
_BYTES_KEPT = 14
"""Of an impression that is kept in order to describe the log."""


def about_rows(table: TableSource) -> int:
    """Return about how many rows are read of a table; one that holds counts is as many."""
    n_rows = sum(map(_about_rows, table.files))
    column = table.columns.get("n_impressions")
    if column is None or not table.files:
        return n_rows
    first = inspect_file(table.files[0], table.shape, columns=[column.name])
    texts = first.values(column.name)
    counts = [read_number(text, column.number_format) or 1 for text in texts]
    return round(n_rows * max(1, sum(counts) / max(1, len(counts))))


def _about_rows(file: Path) -> int:
    """Return about how many rows a file holds, by its first lines or by its size."""
    known = estimate_rows(file)
    return known if known is not None else file.stat().st_size * GZIP_RATIO // _BYTES_PER_LINE


def parts_of(tables: Sequence[TableSource], memory: str | None) -> int:
    """Return into how many parts by user logs are split, so that one fits into the memory."""
    most = max(map(about_rows, tables), default=0)
    return 1 + most // rows_per_part(process_limit(memory), most)


def require_room_for(tables: Sequence[TableSource], folder: Path, *, is_kept: bool = False) -> None:
    """Refuse, before anything is written, to split logs for which the disk is too full.

    Impressions that are kept as well take more.
    """
    n_bytes = sum(BYTES_PER_ROW * about_rows(table) for table in tables if table.prepared is None)
    if is_kept:
        n_bytes += sum(
            _BYTES_KEPT * about_rows(each) for each in tables if each.role == "impressions"
        )
    remedy = "free some, or give --temp DIR on a larger disk"
    require_room(folder, n_bytes, remedy=remedy)


@contextlib.contextmanager
def scratch_folder(temp: str | None, *, default: Path | None = None) -> Iterator[Path]:
    """Yield the folder for temporary files: in `--temp`, else `default`, else the system's.

    Raises OutputError if it cannot be made.
    """
    if temp is None and default is not None:
        default.mkdir()
        try:
            yield default
        finally:
            shutil.rmtree(default, ignore_errors=True)
        return
    parent = Path(temp or tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder(parent))
        except (OSError, ValueError) as error:  # ValueError: a null byte, which TOML can write
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(
                f"{parent}: cannot hold temporary files: {reason}; name another --temp"
            ) from error
        yield folder
