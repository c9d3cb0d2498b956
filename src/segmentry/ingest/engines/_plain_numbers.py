"""Read the whole numbers of a plain CSV file in threads, faster than an engine can.

A chunk is plain where it is ASCII text without quotes and carriage returns, where every line has
as many fields as there are columns, and where each value that is wanted is a whole number of at
most 64 bits or empty. There is then one way only to read it. The first chunk that is not plain
ends the reading, and the engine reads with care instead.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from segmentry.ingest.files import FileLayout
from segmentry.schema import TableSource

LEAST_BYTES = 4 << 20
"""Of smaller files nothing is to be gained."""
CHUNK = 16 << 20
_LINE = 1 << 14
_MOST_THREADS = 4
# A quoted field may hold a line end.
_NOT_PLAIN = (b'"', b"\r", b"\0")

T = TypeVar("T")


class _NotPlainError(Exception):
    """There is more than one way to read the text."""


def read_plain_numbers(
    source: TableSource,
    layouts: Sequence[FileLayout],
    wanted: Sequence[str],
    use: Callable[[pl.DataFrame], T],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[T] | None:
    """Use the wanted columns chunk by chunk; None where the text is not plain.

    Parameters
    ----------
    source : TableSource
    layouts : sequence of FileLayout
        Of its files.
    wanted : sequence of str
        Canonical names, ``user_id`` among them; those that the source lacks are left out.
    use : callable
        Gets the rows of a chunk, integers of 64 bits; called in several threads at once.
    on_progress : callable, optional
        Called with (bytes read, bytes in all).

    Returns
    -------
    list or None
        What `use` returned, in no fixed order. After None, what it did counts for nothing.
    """
    names = {name: source.columns[name].name for name in wanted if name in source.columns}
    if not _may_be_plain(source, layouts, tuple(names)):
        return None
    total = sum(layout.path.stat().st_size for layout in layouts)
    chunks = _Chunks(layouts, lambda done: on_progress and on_progress(done, total))
    need_all = {layout.path: _may_end_early(layout, names) for layout in layouts}

    def work(_: int) -> list[T]:
        found = []
        for layout, chunk in chunks:
            rows = _parsed(chunk, layout, names, need_all=need_all[layout.path])
            found.append(use(rows))
        return found

    n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            futures = [pool.submit(work, number) for number in range(n_threads)]
            return [each for future in futures for each in future.result()]
        except (_NotPlainError, OSError):
            return None
        finally:
            chunks.stop()


def plain_table(source: TableSource, layouts: Sequence[FileLayout]) -> pl.DataFrame | None:
    """Return all rows of a small table of whole numbers; None where the text is not plain.

    Parameters
    ----------
    source : TableSource
    layouts : sequence of FileLayout
        Of its files.
    """
    if source.is_distinct or "user_id" not in source.columns:
        return None
    found = read_plain_numbers(source, layouts, tuple(source.columns), lambda rows: rows)
    return pl.concat(found) if found else None


def _may_be_plain(
    source: TableSource, layouts: Sequence[FileLayout], names: tuple[str, ...]
) -> bool:
    """Tell by what is known of the files whether it pays to try."""
    columns = [source.columns[name] for name in names]
    is_sound = all(each.type == "integer" and not each.missing for each in columns)
    return is_sound and all(
        each.format == "csv"
        and not each.partitions
        and {column.name for column in columns} <= set(each.names)
        and each.path.suffix != ".gz"
        and each.path.stat().st_size >= LEAST_BYTES
        for each in layouts
    )


class _Chunks:
    """Whole lines of the files, a few megabytes at once, for several threads to take."""

    def __init__(self, layouts: Sequence[FileLayout], on_read: Callable[[int], object]) -> None:
        self._spans = _spans_of(layouts)
        self._on_read, self._n_read = on_read, 0
        self._lock, self._is_over = threading.Lock(), False

    def __iter__(self) -> Iterator[tuple[FileLayout, bytes]]:
        while True:
            with self._lock:
                found = None if self._is_over else next(self._spans, None)
                if found is None:
                    return
                layout, first, end = found
                self._n_read += end - first
                self._on_read(self._n_read)
            # Read whole, by each thread for itself: joining pieces would copy every byte twice.
            yield layout, _bytes_of(layout.path, first, end)

    def stop(self) -> None:
        """Give out no more chunks."""
        self._is_over = True


def _spans_of(layouts: Sequence[FileLayout]) -> Iterator[tuple[FileLayout, int, int]]:
    """Whole lines of each file after its header: from where to where."""
    for layout in layouts:
        file, size = layout.path, layout.path.stat().st_size
        first = 0
        if layout.has_header:
            first = _end_of_line(file, 0, size)
            head = _bytes_of(file, 0, first)
            if not head.endswith(b"\n") or not _is_plain(head):
                raise _NotPlainError
        while first < size:
            end = _end_of_line(file, min(first + CHUNK, size) - 1, size)
            if end - first > 2 * CHUNK:
                raise _NotPlainError  # no line of numbers is so long
            yield layout, first, end
            first = end


def _end_of_line(file: Path, place: int, size: int) -> int:
    """Return the place after the line end at or after a place; the size where there is none."""
    while place < size:
        piece = _bytes_of(file, place, min(place + _LINE, size))
        found = piece.find(b"\n")
        if found >= 0:
            return place + found + 1
        place += len(piece)
    return size


def _bytes_of(file: Path, first: int, end: int) -> bytes:
    """Read from one place to another."""
    with file.open("rb") as stream:
        stream.seek(first)
        found = stream.read(end - first)
    if len(found) < end - first:
        raise _NotPlainError  # the file was cut meanwhile
    return found


def _is_plain(text: bytes) -> bool:
    return text.isascii() and not any(byte in text for byte in _NOT_PLAIN)


def _may_end_early(layout: FileLayout, names: dict[str, str]) -> bool:
    """Whether the last column does not tell that a line has all its fields."""
    last = layout.names[-1]
    return last not in names.values() or len(layout.values(last)) < len(layout.sample)


def _parsed(
    chunk: bytes, layout: FileLayout, names: dict[str, str], *, need_all: bool
) -> pl.DataFrame:
    """Read the wanted columns of a chunk.

    All lines have as many fields as there are columns where the delimiters of all add up to that,
    and no line has fewer: each has a value in the last column. Without one, where none has more:
    the reader says so where it reads all columns.
    """
    if not _is_plain(chunk):
        raise _NotPlainError
    places = {name: layout.names.index(column) for name, column in names.items()}
    found = _fields(chunk, layout, places, are_all_read=need_all)
    n_delimiters = np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord(layout.delimiter))
    if n_delimiters != found.height * (len(layout.names) - 1):
        raise _NotPlainError
    if not need_all:
        last = next(name for name, column in names.items() if column == layout.names[-1])
        if found[last].null_count():
            _fields(chunk, layout, places, are_all_read=True)
    # A line without any value is no row; what is in the other columns is not known here.
    if found["user_id"].null_count():
        raise _NotPlainError
    return found


def _fields(
    chunk: bytes, layout: FileLayout, places: dict[str, int], *, are_all_read: bool
) -> pl.DataFrame:
    columns = [str(place) for place in range(len(layout.names))]
    schema = dict.fromkeys(columns, pl.String) | {str(place): pl.Int64 for place in places.values()}
    rows = pl.scan_csv(
        chunk, has_header=False, separator=layout.delimiter, quote_char=None, schema=schema
    )
    wanted = [pl.col(str(place)).alias(name) for name, place in places.items()]
    try:
        return (rows.collect().lazy() if are_all_read else rows).select(wanted).collect()
    except pl.exceptions.PolarsError as error:
        raise _NotPlainError from error
