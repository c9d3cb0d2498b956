"""Read the whole numbers of a plain CSV file in threads, faster than an engine can.

A chunk is plain where it is ASCII text without quotes, carriage returns and hexadecimal numbers,
where every line has as many fields as there are columns, and where each value that is wanted is a
whole number of at most 64 bits or empty. There is then one way only to read it. The first chunk
that is not plain ends the reading, and the engine reads with care instead.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import polars as pl

from segmentry.files import FileLayout
from segmentry.schema import TableSource

__all__ = ["plain_table", "read_plain_numbers"]

LEAST_BYTES = 4 << 20
"""Of smaller files nothing is to be gained."""
CHUNK = 4 << 20
_MOST_THREADS = 4
# A quoted field may hold a line end, and 0x1F is a number to this reader alone.
_NOT_PLAIN = (b'"', b"\r", b"\0", b"x", b"X")

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

    def work(_: int) -> list[T]:
        found = []
        for layout, chunk in chunks:
            found.append(use(_parsed(chunk, layout, names)))
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
        self._lines = _chunks_of(layouts)
        self._on_read, self._n_read = on_read, 0
        self._lock, self._is_over = threading.Lock(), False

    def __iter__(self) -> Iterator[tuple[FileLayout, bytes]]:
        while True:
            with self._lock:
                found = None if self._is_over else next(self._lines, None)
                if found is None:
                    return
                self._n_read += len(found[1])
                self._on_read(self._n_read)
            yield found

    def stop(self) -> None:
        """Give out no more chunks."""
        self._is_over = True


def _chunks_of(layouts: Sequence[FileLayout]) -> Iterator[tuple[FileLayout, bytes]]:
    for layout in layouts:
        yield from ((layout, chunk) for chunk in _chunks_of_file(layout.path, layout.has_header))


def _chunks_of_file(file: Path, has_header: bool) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as stream:
        rest = b""
        is_first = has_header
        while block := stream.read(CHUNK):
            text = rest + block
            if is_first:
                head, end, text = text.partition(b"\n")
                if not end or not _is_plain(head):
                    raise _NotPlainError
                is_first = False
            cut = text.rfind(b"\n") + 1
            rest = text[cut:]
            if cut:
                yield text[:cut]
        if rest:
            yield rest


def _is_plain(text: bytes) -> bool:
    return text.isascii() and not any(byte in text for byte in _NOT_PLAIN)


def _parsed(chunk: bytes, layout: FileLayout, names: dict[str, str]) -> pl.DataFrame:
    """Read the wanted columns of a chunk."""
    import pyarrow as pa
    import pyarrow.csv as pc

    if not _is_plain(chunk):
        raise _NotPlainError
    places = {name: str(layout.names.index(column)) for name, column in names.items()}
    try:
        table = pc.read_csv(
            pa.py_buffer(chunk),
            pc.ReadOptions(
                use_threads=False,
                block_size=2 * max(CHUNK, len(chunk)),
                column_names=[str(place) for place in range(len(layout.names))],
            ),
            pc.ParseOptions(delimiter=layout.delimiter, quote_char=False),
            pc.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(places.values(), pa.int64()),
                include_columns=list(places.values()),
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        raise _NotPlainError from error
    found = pl.DataFrame(table.rename_columns(list(places)))
    # A line without any value is no row; what is in the other columns is not known here.
    if found["user_id"].null_count():
        raise _NotPlainError
    return found
