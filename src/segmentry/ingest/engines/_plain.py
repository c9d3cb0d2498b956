"""Count the users of a log of plain whole numbers in threads, faster than an engine can.

A chunk is plain where it is ASCII text without quotes and carriage returns, where every line has
as many fields as there are columns, and where each value that is wanted is a whole number of at
most 64 bits or empty. There is then one way only to read it. The first chunk that is not plain
ends the reading, and the engine reads with care instead: `docs/decisions/duckdb-reads.md`.
"""

import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.ingest.engines._validity import REASON, Judged, judge
from segmentry.ingest.files import NULL_WORDS, FileLayout
from segmentry.schema import COUNT_COLUMNS, EVENT_COLUMNS, TableSource, UserTally
from segmentry.schema.arrays import IntVector

MIN_TEXT_BYTES = 4 << 20
"""Of smaller files nothing is to be gained."""
_HEAD = 1 << 20
_BLOCK = 1 << 18
_ZERO, _A, _UNDERSCORE, _MINUS, _NEWLINE = b"0a_-\n"
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PlainText:
    """Files of digits, and of words that touch none."""

    layouts: tuple[FileLayout, ...]
    underscored: str = ""
    """The column of text that holds one underscore in each row; empty where there is none."""

    def n_lines(self) -> int | None:
        """Look at every byte and count the lines; None where the text is not plain.

        As many rows with an underscore in the column of text as there are lines, and underscores,
        say that no other column holds one.
        """
        found = [_n_lines(each, has_underscores=bool(self.underscored)) for each in self.layouts]
        return None if None in found else sum(each or 0 for each in found)


def plain_text(source: TableSource, look: Callable[[], Sequence[FileLayout]]) -> PlainText | None:
    """Tell whether it pays to prove more; `look` finds layouts, where files are large enough."""
    columns = {each.name: each.type for each in source.columns.values()}
    words = {word for each in source.columns.values() for word, _ in each.codes}
    if not set(columns.values()) <= {"integer", "text", "code"} or words & set(NULL_WORDS):
        return None
    if source.prepared is not None or not all(map(_may_be_text, source.files)):
        return None
    layouts = look()
    if not all(each.format == "csv" and not each.partitions for each in layouts):
        return None
    held = {
        name
        for each in layouts
        for row in each.sample
        for name, value in zip(each.names, row, strict=False)
        if "_" in value
    }
    if len(held) > 1 or any(columns.get(name) != "text" for name in held):
        return None
    found = PlainText(tuple(layouts), "".join(held))
    heads = (_n_lines(each, has_underscores=bool(held), n_bytes=_HEAD) for each in layouts)
    return None if None in heads else found


def _may_be_text(file: Path) -> bool:
    return (
        file.suffix not in (".gz", ".parquet")
        and file.is_file()
        and file.stat().st_size >= MIN_TEXT_BYTES
    )


def _n_lines(
    layout: FileLayout, *, has_underscores: bool, n_bytes: int | None = None
) -> int | None:
    n_lines = n_underscores = n_read = 0
    last = b"\n"
    with layout.path.open("rb") as stream:
        for _ in range(layout.skip_lines + layout.has_header):
            stream.readline()
        while (n_bytes is None or n_read < n_bytes) and (piece := stream.read(_BLOCK)):
            block = np.frombuffer(last + piece, np.uint8)
            found = _counts(block, ord(layout.delimiter), has_underscores=has_underscores)
            if found is None:
                return None
            n_lines, n_underscores = n_lines + found[0], n_underscores + found[1]
            n_read += len(piece)
            last = piece[-1:]
    n_lines += last != b"\n"
    is_cut = n_bytes is not None
    return n_lines if is_cut or not has_underscores or n_lines == n_underscores else None


def _counts(block: Bytes, delimiter: int, *, has_underscores: bool) -> tuple[int, int] | None:
    """Count line ends and underscores; None where the block is not plain.

    Its first byte is the last one of the block before.
    """
    part = block[1:]
    is_end, is_digit = part == _NEWLINE, part - np.uint8(_ZERO) < 10
    n_ends = int(np.count_nonzero(is_end))
    n_underscores = int(np.count_nonzero(part == _UNDERSCORE)) if has_underscores else 0
    n_known = n_ends + n_underscores + int(np.count_nonzero(is_digit))
    n_known += int(np.count_nonzero(part == delimiter))
    if n_known < len(part):
        is_letter, n_signs = part - np.uint8(_A) < 26, int(np.count_nonzero(part == _MINUS))
        if n_known + n_signs + int(np.count_nonzero(is_letter)) < len(part):
            return None
        # Where a block begins, the letter or digit before it counts too.
        before = block[:-1]
        was_letter, was_digit = before - np.uint8(_A) < 26, before - np.uint8(_ZERO) < 10
        if (was_letter & is_digit | was_digit & is_letter).any():
            return None
    # A line that begins with a delimiter may be empty.
    is_odd = (part < _ZERO) | (part == delimiter) if delimiter > _ZERO else part < _ZERO
    return None if (is_odd & (block[:-1] == _NEWLINE)).any() else (n_ends, n_underscores)


MIN_BYTES = 4 << 20
"""Of smaller files nothing is to be gained."""
CHUNK = 16 << 20
_LINE = 1 << 14
_MAX_THREADS = 4
# A quoted field may hold a line end.
_NOT_PLAIN = (b'"', b"\r", b"\0")
_READ = ("user_id", "shown_at", "is_click", "is_not_click")
_MAX_IDS = 1 << 22
"""Counters take 24 bytes for each id up to the largest: 100 MB for these."""
_CLICK = 1 << 32  # clicks are counted in the upper half of a counter of impressions
_NEVER = np.iinfo(np.int64).max


class NotPlainError(Exception):
    """There is more than one way to read the text, or an id is too large for a counter."""


def tally_if_plain(
    source: TableSource,
    layouts: Sequence[FileLayout],
    *,
    exclude: Mapping[str, nw.Expr],
    on_progress: Callable[[int, int], None],
) -> UserTally | None:
    """Count the users of a log here if all its files are plain, else return None.

    Ids of 4,194,304 and more are not counted here either. `layouts` are those of the files, the
    others as for `Engine.tally_users`.
    """
    names = {role: source.columns[role].name for role in _READ if role in source.columns}
    if not all(may_be_plain(source, layout, names) for layout in layouts):
        return None
    counters = _Counters()
    found: list[Judged] = []

    def count(chunk: pl.DataFrame) -> None:
        judged = judged_chunk(chunk, source, exclude, _READ)
        counters.add(judged)
        found[:] = [judged]  # of one chunk alone, as it holds the rows

    is_plain = read_chunks(layouts, names, count, on_progress=on_progress)
    return found[0].tally(counters.table(), unreadable={}) if is_plain and found else None


def read_chunks(
    layouts: Sequence[FileLayout],
    names: Mapping[str, str],
    use: Callable[[pl.DataFrame], None],
    *,
    on_progress: Callable[[int, int], None],
) -> bool:
    """Use the wanted columns of each chunk, in threads; return whether all of them were plain.

    `names` are the columns of the files by role; the placement is read as a text, all others as
    whole numbers. `on_progress` is called with (bytes done, bytes in all).
    """
    total = sum(layout.path.stat().st_size for layout in layouts)

    def read(span: tuple[FileLayout, int, int]) -> int:
        layout, first, end = span
        # Read whole, by each thread for itself: joining pieces would copy every byte twice.
        use(_parsed(_bytes_of(layout.path, first, end), layout, names))
        return end - first

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS)) as pool:
        try:
            for done in itertools.accumulate(pool.map(read, _spans_of(layouts))):
                on_progress(done, total)
        except (NotPlainError, OSError):
            return False
        finally:
            pool.shutdown(cancel_futures=True)
    return True


def may_be_plain(
    source: TableSource,
    layout: FileLayout,
    names: Mapping[str, str],
    *,
    texts: Collection[str] = (),
) -> bool:
    """Tell by what is known of a file whether it pays to try; the roles `texts` may be text."""
    numbers = all(
        source.columns[role].type == ("text" if role in texts else "integer") for role in names
    )
    columns = [source.columns[role] for role in names]
    return (
        source.columns.keys().isdisjoint((*EVENT_COLUMNS, *COUNT_COLUMNS))
        and numbers
        and not any(each.missing or each.is_whole for each in columns)
        and layout.format == "csv"
        and not layout.partitions
        and set(names.values()) <= set(layout.names)
        and layout.path.suffix != ".gz"
        and layout.path.stat().st_size >= MIN_BYTES
    )


def judged_chunk(
    rows: pl.DataFrame, source: TableSource, exclude: Mapping[str, nw.Expr], roles: Sequence[str]
) -> Judged:
    """Judge the rows of a chunk; roles that the source lacks are null."""
    absent = [name for name in roles if name not in rows.columns]
    lacking = rows.with_columns(pl.lit(None, _type_of(name)).alias(name) for name in absent)
    return judge(nw.from_native(lacking.lazy()), source, exclude=exclude, keep_users=None)


def _spans_of(layouts: Sequence[FileLayout]) -> Iterator[tuple[FileLayout, int, int]]:
    """Whole lines of each file after its header: from where to where."""
    for layout in layouts:
        file, size = layout.path, layout.path.stat().st_size
        first = 0
        for _ in range(layout.skip_lines + layout.has_header):
            begin, first = first, _end_of_line(file, first, size)
            head = _bytes_of(file, begin, first)
            if not head.endswith(b"\n") or not _is_plain(head):
                raise NotPlainError
        while first < size:
            end = _end_of_line(file, min(first + CHUNK, size) - 1, size)
            if end - first > 2 * CHUNK:
                raise NotPlainError  # no line of numbers is so long
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
        raise NotPlainError  # the file was cut meanwhile
    return found


def _is_plain(text: bytes) -> bool:
    return text.isascii() and not any(byte in text for byte in _NOT_PLAIN)


def _may_end_early(layout: FileLayout, names: Mapping[str, str]) -> bool:
    """Whether the last column does not tell that a line has all its fields."""
    last = layout.names[-1]
    return last not in names.values() or len(layout.values(last)) < len(layout.sample)


def _parsed(chunk: bytes, layout: FileLayout, names: Mapping[str, str]) -> pl.DataFrame:
    """Read the wanted columns of a chunk.

    All lines have as many fields as there are columns where the delimiters of all add up to that,
    and no line has fewer: each has a value in the last column. Without one, where none has more:
    the reader says so where it reads all columns.
    """
    if not _is_plain(chunk):
        raise NotPlainError
    places = {name: layout.names.index(column) for name, column in names.items()}
    need_all = _may_end_early(layout, names)
    found = _fields(chunk, layout, places, are_all_read=need_all)
    n_delimiters = np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord(layout.delimiter))
    if n_delimiters != found.height * (len(layout.names) - 1):
        raise NotPlainError
    if not need_all:
        last = next(name for name, column in names.items() if column == layout.names[-1])
        if found[last].null_count():
            _fields(chunk, layout, places, are_all_read=True)
    # A line without any value is not a row; what is in the other columns is not known here.
    if found["user_id"].null_count():
        raise NotPlainError
    return found


def _type_of(role: str) -> pl.DataType:
    return pl.String() if role == "placement" else pl.Int64()


def _fields(
    chunk: bytes, layout: FileLayout, places: dict[str, int], *, are_all_read: bool
) -> pl.DataFrame:
    columns = [str(place) for place in range(len(layout.names))]
    schema: dict[str, pl.DataType] = dict.fromkeys(columns, pl.String())
    schema |= {str(place): _type_of(name) for name, place in places.items()}
    rows = pl.scan_csv(
        chunk, has_header=False, separator=layout.delimiter, quote_char=None, schema=schema
    )
    wanted = [pl.col(str(place)).alias(name) for name, place in places.items()]
    try:
        return (rows.collect().lazy() if are_all_read else rows).select(wanted).collect()
    except pl.exceptions.PolarsError as error:
        raise NotPlainError from error


class _Counters:
    """What is counted of each id, at its place; and rows that are not used, by reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons = Counter[int]()
        self._counts: IntVector = np.zeros(0, dtype=np.int64)
        self._first: IntVector = np.zeros(0, dtype=np.int64)
        self._last: IntVector = np.zeros(0, dtype=np.int64)

    def add(self, judged: Judged) -> None:
        """Count the rows that are used, and all others by reason."""
        lazy: pl.LazyFrame = nw.to_native(judged.rows)
        rows = lazy.select("user_id", "shown_at", "is_click", REASON).collect()
        reasons = rows[REASON].to_numpy()
        used = rows.filter(pl.col(REASON) == 0) if reasons.any() else rows
        ids, at, clicks = (used[name].to_numpy() for name in ("user_id", "shown_at", "is_click"))
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < _MAX_IDS:
            raise NotPlainError
        with self._lock:
            if used.height < reasons.size:
                codes, numbers = np.unique(reasons[reasons != 0], return_counts=True)
                self._reasons.update(dict(zip(codes.tolist(), numbers.tolist(), strict=True)))
            self._make_room(int(ids.max(initial=-1)) + 1)
            np.add.at(self._counts, ids, clicks * _CLICK + 1)
            np.minimum.at(self._first, ids, at)
            np.maximum.at(self._last, ids, at)

    def _make_room(self, n_ids: int) -> None:
        n_more = n_ids - self._counts.size
        if n_more > 0:
            n_more = max(n_more, self._counts.size // 4)
            self._counts = np.append(self._counts, np.zeros(n_more, dtype=np.int64))
            self._first = np.append(self._first, np.full(n_more, _NEVER))
            self._last = np.append(self._last, np.full(n_more, -_NEVER))

    def table(self) -> pl.DataFrame:
        """Return the columns of `Judged.by_user`."""
        ids = np.flatnonzero(self._counts)
        users = pl.DataFrame(
            {
                "user_id": ids,
                REASON: np.zeros_like(ids),
                "n_impressions": self._counts[ids] % _CLICK,
                "n_clicks": self._counts[ids] // _CLICK,
                "first_seen_at": self._first[ids],
                "last_seen_at": self._last[ids],
            }
        )
        aside = {REASON: list(self._reasons), "n_impressions": list(self._reasons.values())}
        rejected = pl.DataFrame(aside, schema={REASON: pl.Int64, "n_impressions": pl.Int64})
        return pl.concat([users, rejected], how="diagonal")
