"""How many rows files hold, counted without the reader that is checked."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from segmentry.errors import DataError
from segmentry.ingest.files._json import SUFFIXES
from segmentry.ingest.files._layout import FileLayout
from segmentry.ingest.files._parquet import count_rows
from segmentry.ingest.files._text import csv_rows, opened
from segmentry.schema import FileShape

_BLOCK = 1 << 18
_MAX_FIELD = 1 << 22
_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


class LineCount:
    r"""Lines of a text; a line end within quotes ends none.

    >>> count = LineCount(Path("log.csv"), FileShape())
    >>> _ = count.add(b'id,note\n1,"a\n\nb"\n')
    >>> _ = count.add(b"\n2,c")
    >>> count.n_lines, count.n_blank
    (4, 1)
    """

    def __init__(self, path: Path, shape: FileShape) -> None:
        is_json = shape.format == "auto" and path.name.endswith(SUFFIXES)
        self._has_quotes = shape.format in ("auto", "csv") and not is_json
        escape = re.escape(shape.escape).encode()
        self._escaped = None if shape.escape == '"' else re.compile(escape + b".", re.DOTALL)
        self._n_to_skip, self._is_quoted, self._before = shape.skip_lines, False, b"\n\n"
        self._n_ends = self.n_blank = 0

    @property
    def n_lines(self) -> int:
        """Lines so far, also the last one where no line end follows it."""
        return self._n_ends + (self._before[-1:] != b"\n")

    def add(self, piece: bytes) -> bytes:
        """Count the next bytes of the text, and return them."""
        block = piece
        while self._n_to_skip and block:
            _, end, block = block.partition(b"\n")
            self._n_to_skip -= bool(end)
        if not block:
            return piece
        text = self._before + block
        self._before = text[-2:]
        found = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(found[2:] == _NEWLINE) + 2
        if self._has_quotes and (self._is_quoted or b'"' in block):
            # A pair that two blocks share is one quote too many: counted with care then.
            plain = self._escaped.sub(b"  ", block) if self._escaped else block
            quotes = np.flatnonzero(np.frombuffer(plain, np.uint8) == _QUOTE) + 2
            n_before = np.searchsorted(quotes, ends) + self._is_quoted
            ends = ends[n_before % 2 == 0]
            self._is_quoted = bool((quotes.size + self._is_quoted) % 2)
        last, before = found[ends - 1], found[ends - 2]
        is_blank = (last == _NEWLINE) | ((last == _RETURN) & (before == _NEWLINE))
        self._n_ends += ends.size
        self.n_blank += int(np.count_nonzero(is_blank))
        return piece


def require_all_rows(
    layouts: Sequence[FileLayout],
    n_read: int,
    shape: FileShape,
    *,
    counted: Mapping[Path, LineCount] | None = None,
    with_blank: bool = False,
) -> None:
    """Check that a reader found each row of some files, whether it used it or set it aside.

    `counted` are the lines of files that were counted already; `with_blank` says that the reader
    took blank lines for rows. Where lines and rows differ, rows
    are counted again with care: quotes within a field close none.

    Raises DataError with both numbers.
    """
    n_lines = sum(_n_lines(each, shape, counted or {}, with_blank=with_blank) for each in layouts)
    if n_lines == n_read:
        return
    n_rows = sum(_n_rows(each, with_blank=with_blank) for each in layouts)
    if n_rows != n_read:
        more = f" and {len(layouts) - 1:,} more" if len(layouts) > 1 else ""
        raise DataError(
            f"{layouts[0].path}{more}: {n_read:,} rows were found, expected the {n_rows:,} that "
            "the text holds; look for odd quotes and line ends, or write the file again"
        )


def _n_lines(
    layout: FileLayout, shape: FileShape, counted: Mapping[Path, LineCount], *, with_blank: bool
) -> int:
    if layout.format == "parquet":
        return count_rows([layout.path])
    count = counted.get(layout.path)
    if count is None:
        count = lines_of(layout.path, shape)
    # In a file of one column a blank line is a row whose value is missing.
    n_blank = 0 if with_blank or _is_single(layout) else count.n_blank
    return count.n_lines - n_blank - layout.has_header


def lines_of(path: Path, shape: FileShape) -> LineCount:
    """Count the lines of a text file."""
    count = LineCount(path, shape)
    with opened(path) as stream:
        while block := stream.read(_BLOCK):
            count.add(block)
    return count


def _is_single(layout: FileLayout) -> bool:
    return layout.format == "csv" and len(layout.columns) == 1


def _n_rows(layout: FileLayout, *, with_blank: bool) -> int:
    """Count the rows of a text one by one."""
    if layout.format == "parquet":
        return _n_lines(layout, FileShape(), {}, with_blank=with_blank)
    takes_blank, limit = with_blank or _is_single(layout), csv.field_size_limit(_MAX_FIELD)
    try:
        with opened(layout.path) as stream:
            end = "" if layout.format == "csv" else "\n"
            text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline=end)
            for _ in range(layout.skip_lines):
                text.readline()
            n_rows = sum(bool(row) or takes_blank for row in _rows(layout, text))
    except csv.Error as error:
        raise DataError(f"{layout.path}: rows cannot be counted: {error}; expected CSV") from error
    finally:
        csv.field_size_limit(limit)
    return n_rows - layout.has_header


def _rows(layout: FileLayout, text: io.TextIOWrapper) -> Iterator[Sequence[str]]:
    if layout.format != "csv":
        blanks = " \r\n" if layout.format == "json" else " \t\r\n"
        return (line.strip(blanks) for line in text)
    return csv_rows(text, layout.delimiter, escape=layout.escape)
