"""Files elsewhere, and the local files that stand in for them."""

import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from segmentry.errors import ConfigError, DataError, EngineError, SegmentryError
from segmentry.ingest.files import HEAD_BYTES, TAIL_BYTES, FileLayout, require_columns
from segmentry.ingest.remote._failures import changed, patiently
from segmentry.ingest.remote._names import MAGIC, SCHEMES, Place, fixed_part
from segmentry.ingest.remote._pruning import (
    TimeBounds,
    folders_of,
    keep_groups,
    metadata_of,
    reasons_of,
    spans_of,
)
from segmentry.ingest.remote._rows import OF_SESSION, Rows, table_rows
from segmentry.ingest.remote._stores import Found, Opened, Store, store_of
from segmentry.ingest.room import scratch_folder
from segmentry.runtime.memory import require_room
from segmentry.runtime.progress import step_reporter
from segmentry.schema import BroughtFile, Progress

_CHUNK = 64 << 20
"""Of a request: many a server takes a tenth of a second for each, however little is wanted."""
_ON_THE_WAY = 256 << 20
_N_CONNECTIONS = 8
_FOOTER = 16 << 10
_LONG_FOOTER = 64 << 10
"""What is fetched of a long file at first, where no second request is to follow."""
Span = tuple[int, int]
_T = TypeVar("_T")


@dataclass(slots=True)
class _Held:
    """What is here of a file elsewhere."""

    place: Place
    n_bytes: int
    spans: list[Span] = field(default_factory=list)
    n_fetched: int = 0
    opened: Opened | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_parquet: bool = False
    of_table: str = ""
    """Version of the table of a lake that it is of."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pieces of a file elsewhere, for what stands in for it; its version is the one looked at."""

    place: Place
    file: Path
    n_bytes: int
    version: str
    spans: tuple[Span, ...]


def fetch(wanted: Wanted) -> None:
    """Copy pieces of a file elsewhere, in whatever process, with its credentials.

    Raises DataError if it cannot be read, or is not what it was when it was looked at.
    """
    place = wanted.place
    opened = _there(lambda: store_of(place).open(place), place)
    if (opened.n_bytes, opened.version) != (wanted.n_bytes, wanted.version):
        raise changed(place)
    for span in wanted.spans:
        _copy(opened, wanted.file, span, place)


@dataclass(frozen=True, slots=True)
class Session:
    """What a session of Spark does for files elsewhere: opens its tables, fetches in its tasks."""

    table: Callable[[str], Rows]
    fetch: Callable[[Sequence[Wanted], Path], None]
    held: Callable[[], contextlib.AbstractContextManager[object]]
    """Keep the session open: what follows uses it too."""


class Places:
    """The door to files elsewhere, open while they are used.

    Each stands in a local folder, of its own size, and holds what was fetched of it; where the file
    system has sparse files it takes no more room than that. Readers take it for a local file.
    """

    def __init__(
        self,
        make_folder: Callable[[], Path],
        progress: Progress | None,
        session: Session | None = None,
    ) -> None:
        self._make_folder, self._progress, self._session = make_folder, progress, session
        self.are_files_whole = False
        """Whether all of a file is fetched, and not only what is needed of it."""
        self._held: dict[Path, _Held] = {}
        self._closing = contextlib.ExitStack()
        self._rows: dict[Path, Rows] = {}
        self._written: list[BroughtFile] = []
        self._stores: dict[str, Store] = {}

    @functools.cached_property
    def _folder(self) -> Path:
        """Made when the first file elsewhere is named."""
        return self._make_folder()

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        temp: str | None,
        progress: Progress | None,
        session: Session | None = None,
    ) -> Iterator["Places"]:
        """Open the door; what was fetched is removed at the end, and errors name the places."""
        with contextlib.ExitStack() as stack:
            places = cls(lambda: stack.enter_context(scratch_folder(temp)), progress, session)
            stack.push(places._closing)
            with places._naming():
                yield places

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Name the place in an error that names what stands in for it."""
        try:
            yield
        except SegmentryError as error:
            text = str(error)
            is_read = isinstance(error, DataError | EngineError) and bool(self._held)
            if is_read and f"{self._folder}/" in text:
                self.finish()  # what cannot be read may be half of an earlier file
            for scheme in SCHEMES if "_folder" in vars(self) else ():
                text = text.replace(f"{self._folder}/{scheme}:/", f"{scheme}://")
            for file, rows in self._rows.items():
                text = text.replace(str(file), rows.name)
            error.args = (text,)
            raise

    def stand_in(self, place: Place) -> Path:
        """List a file, folder or glob, and return its local name.

        Raises DataError if it cannot be listed.
        """
        store = self._store(place)
        is_glob = not place.is_web and bool(MAGIC & set(place.path))
        within = replace(place, path=fixed_part(place.path)) if is_glob else place
        found = store.below(within)
        if not found and "/" in within.path and not place.is_web:
            # What is next to it, for a message that says what is there.
            near = replace(within, path=within.path.rpartition("/")[0])
            found = store.below(near, is_deep=False)
        if not found:
            what = "address" if place.is_web else "names of the bucket and the folder"
            raise DataError(f"{place}: nothing is there; check the {what}")
        for each in found:
            self._place(replace(place, path=each.path), each.n_bytes)
        return place.local(self._folder)

    def copy(self, place: Place, found: Iterable[Found]) -> Path:
        """Fetch files of a place whole, and return its local name.

        Raises DataError if one cannot be fetched, or changed while it was.
        """
        copy = self.shape(place, found)
        self._fetch({file: [(0, held.n_bytes)] for file, held in self._held.items()})
        self.finish()
        return copy

    def shape(self, place: Place, found: Iterable[Found]) -> Path:
        """Let files of a place be here by name and size alone, and return its local name."""
        for each in found:
            self._place(replace(place, path=each.path), each.n_bytes)
        return place.local(self._folder)

    def sample(self, files: Sequence[Path]) -> Sequence[Path]:
        """Fetch what shows how files look: beginnings of text, first row groups of Parquet."""
        if any(each in self._rows for each in files):
            raise DataError("found a table, expected files; write its mapping by hand")
        held = [each for each in self.look(files) if self._held[each].is_parquet]
        metadata = {file: metadata_of(file) for file in held}
        wanted = {
            f: spans_of(m, range(min(1, m.num_row_groups)), None) for f, m in metadata.items()
        }
        self._fetch(wanted)
        return files

    def name_of(self, file: Path, *, base: Path) -> str:
        """Return how a file is named, from a folder if it is below it."""
        if file in self._held:
            return str(self._held[file].place)
        return str(file.relative_to(base) if file.is_relative_to(base) else file)

    def table(self, name: str, *, base: Path) -> Path:
        """Return where the rows of a table are written: of a lake, or of a session of Spark.

        Raises ConfigError without a session.
        """
        if not name.startswith(OF_SESSION):
            return self.rows(table_rows(name, base=base))
        if self._session is None:
            raise ConfigError(f"{name}: a table of a session of Spark; add --engine spark")
        return self.rows(self._session.table(name.removeprefix(OF_SESSION)))

    def rows(self, rows: Rows) -> Path:
        """Return where the rows of a table that is not a file are written."""
        file = self._folder / "tables" / f"{len(self._rows) + 1}.parquet"
        self._rows[file] = rows
        self._closing.callback(rows.close)
        return file

    def _files_of(self, file: Path, columns: frozenset[str]) -> list[Path]:
        """Return the files of a table that is not a file, one or many, with some of its columns."""
        rows = self._rows[file]
        require_columns(FileLayout(file, "parquet", "", rows.columns, ()), sorted(columns))
        for part in rows.parts:
            self._place(part.place, part.n_bytes, version=rows.version)
        parts = self.look([p.place.local(self._folder) for p in rows.parts], is_parquet=True)
        is_whole = all(rows.are_in(metadata_of(each), columns, folders_of(each)) for each in parts)
        return parts if parts and is_whole else self._write(file, columns)

    def _write(self, file: Path, columns: frozenset[str]) -> list[Path]:
        """Write some columns of a table that is not a file."""
        rows = self._rows[file]
        file.parent.mkdir(exist_ok=True)
        wanted = [name for name in rows.columns if name.strip() in columns]
        n_bytes = rows.write(wanted, file)
        self._written.append(BroughtFile(file, rows.name, n_bytes, n_bytes, rows.version))
        return sorted(file.glob("part-*.parquet")) if file.is_dir() else [file]

    def _place(self, place: Place, n_bytes: int, *, version: str = "") -> None:
        """Make an empty file of the size of another, which may be of a `version` of a table."""
        file = place.local(self._folder)
        if file in self._held:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            stream.truncate(n_bytes)
        self._held[file] = _Held(place, n_bytes, of_table=version)

    def _store(self, place: Place) -> Store:
        if place.scheme not in self._stores:
            self._stores[place.scheme] = store_of(place)
        return self._stores[place.scheme]

    def look(self, files: Iterable[Path], *, is_parquet: bool = False) -> list[Path]:
        """Fetch the beginning and end of text, and the footers; return the files elsewhere."""
        held = [each for each in files if each in self._held]
        spans: dict[Path, list[Span]] = {}
        for file in held:
            n_bytes = self._held[file].n_bytes
            if is_parquet or file.suffix == ".parquet":
                self._held[file].is_parquet = True
                footer = _LONG_FOOTER if n_bytes > _CHUNK else _FOOTER
                spans[file] = [(n_bytes - footer, footer)]
            else:
                spans[file] = [(0, HEAD_BYTES), (n_bytes - TAIL_BYTES, TAIL_BYTES)]
        self._fetch(spans)
        self._fetch({file: [_footer_span(file)] for file in held if self._held[file].is_parquet})
        return held

    def bring(
        self, files: Sequence[Path], columns: frozenset[str], bounds: TimeBounds | None
    ) -> tuple[tuple[Path, ...], Counter[str]]:
        """Fetch the rest of text files, and the columns of Parquet files that were looked at.

        Returns the files that are needed, and how many rows of others are left out, by reason.
        `bounds` are of the times of a log.
        """
        requested = [file for file in files if file in self._rows]
        files = [
            each
            for file in files
            for each in (self._files_of(file, columns) if file in self._rows else [file])
        ]
        held = {file: self._held[file] for file in files if file in self._held}
        pruned = [] if self.are_files_whole else [f for f, each in held.items() if each.is_parquet]
        metadata = {file: metadata_of(file) for file in pruned}
        reasons = {file: reasons_of(m, folders_of(file), bounds) for file, m in metadata.items()}
        if reasons and len(reasons) == len(files) and all(all(each) for each in reasons.values()):
            # One part is read anyway, so that it is reported where all rows went.
            next(each for each in reasons.values() if each)[0] = ""
        spans: dict[Path, list[Span]] = {file: [(0, each.n_bytes)] for file, each in held.items()}
        n_left_out = Counter[str]()
        for each in requested:
            n_left_out.update(self._rows[each].left_out)
        for file, found in reasons.items():
            spans[file] = spans_of(metadata[file], _kept(found), columns)
            for place, reason in enumerate(found):
                if reason:
                    n_left_out[reason] += metadata[file].row_group(place).num_rows
        self._fetch(spans, in_tasks=True)
        for file, found in reasons.items():
            if any(found) and not all(found):
                keep_groups(file, _kept(found), columns)
        return tuple(f for f in files if not reasons.get(f) or not all(reasons[f])), n_left_out

    def finish(self) -> tuple[BroughtFile, ...]:
        """Check that no file changed meanwhile, and tell what was read of each."""
        read = {file: held for file, held in self._held.items() if held.opened is not None}

        def check(held: _Held) -> None:
            now = _there(lambda: self._store(held.place).open(held.place), held.place)
            before = held.opened
            if before is None or (now.n_bytes, now.version) != (before.n_bytes, before.version):
                raise changed(held.place)

        with ThreadPoolExecutor(_N_CONNECTIONS) as pool:
            for _ in pool.map(check, read.values()):
                pass
        found = (
            BroughtFile(file, str(held.place), held.n_bytes, held.n_fetched, _version_of(held))
            for file, held in sorted(read.items())
        )
        return (*found, *self._written)

    def _fetch(self, wanted: Mapping[Path, Sequence[Span]], *, in_tasks: bool = False) -> None:
        """Fetch pieces of files that are not here yet, in tasks of a session if there is one."""
        missing: dict[Path, list[Span]] = {}
        for file, requested in wanted.items():
            held = self._held[file]
            if spans := _without(_joined(requested, held.n_bytes), held.spans):
                missing[file] = spans
        if not missing:
            return
        n_bytes = sum(n for spans in missing.values() for _, n in spans)
        require_room(self._folder, n_bytes, remedy="free some, or give --temp DIR on a larger disk")
        report, n_done = step_reporter(self._progress, "fetching files"), 0
        longest = max(n for spans in missing.values() for _, n in spans)
        with ThreadPoolExecutor(min(_N_CONNECTIONS, _ON_THE_WAY // longest)) as pool:
            try:
                tasks: list[tuple[Path, Span]] = []
                for file, has_ranges in zip(missing, pool.map(self._open, missing), strict=True):
                    whole = [(0, self._held[file].n_bytes)]
                    tasks += [(file, each) for each in (missing[file] if has_ranges else whole)]
                if in_tasks and self._session is not None:
                    self._closing.enter_context(self._session.held())
                    self._session.fetch(self._wanted(tasks), self._folder.absolute())
                    return
                for task, span in zip(tasks, pool.map(self._fetch_span, tasks), strict=True):
                    self._held[task[0]].spans.append(span)
                    n_done += span[1]
                    report(min(n_done, n_bytes), n_bytes)
            finally:
                pool.shutdown(cancel_futures=True)

    def _wanted(self, tasks: Sequence[tuple[Path, Span]]) -> list[Wanted]:
        """Note pieces as fetched, and return them by file."""
        spans: dict[Path, list[Span]] = {}
        for file, span in tasks:
            spans.setdefault(file, []).append(span)
            self._held[file].spans.append(span)
            self._held[file].n_fetched += span[1]
        return [
            Wanted(held.place, file.absolute(), held.n_bytes, _version_of(held), tuple(spans[file]))
            for file, held in self._held.items()
            if file in spans
        ]

    def _open(self, file: Path) -> bool:
        """Open a file, once, and return whether pieces of it can be had."""
        held = self._held[file]
        if held.opened is None:
            held.opened = _there(lambda: self._store(held.place).open(held.place), held.place)
        if held.opened.n_bytes != held.n_bytes:
            raise changed(held.place)
        return held.opened.has_ranges

    def _fetch_span(self, task: tuple[Path, Span]) -> Span:
        """Copy a piece of a file into what stands in for it."""
        file, span = task
        held = self._held[file]
        assert held.opened is not None, "opened before"  # noqa: S101  # by what calls it
        n_fetched = _copy(held.opened, file, span, held.place)
        with held.lock:
            held.n_fetched += n_fetched
        return span


def _copy(opened: Opened, file: Path, span: Span, place: Place) -> int:
    """Copy a piece of a file into what stands in for it; return the bytes of all tries."""
    first, n_bytes = span
    n_done: list[int] = []

    def copy() -> None:
        n_done.append(0)
        with file.open("r+b") as stream:
            stream.seek(first)
            for piece in opened.pieces(first, n_bytes):
                stream.write(piece)
                n_done[-1] += len(piece)
        if n_done[-1] < n_bytes:
            raise OSError(f"the connection broke after {n_done[-1]:,} of {n_bytes:,} bytes")

    _there(copy, place)
    return sum(n_done)


def _there(action: Callable[[], _T], place: Place) -> _T:
    """Do something with a file that was listed, patiently."""
    try:
        return patiently(action, place)
    except FileNotFoundError as error:
        raise DataError(f"{place}: is gone, though it was listed; keep it until the end") from error


def _kept(reasons: Sequence[str]) -> list[int]:
    return [place for place, reason in enumerate(reasons) if not reason]


def _version_of(held: _Held) -> str:
    return held.of_table or ("" if held.opened is None else held.opened.version)


def _joined(spans: Iterable[Span], size: int) -> list[Span]:
    """Join pieces that touch, within the file, and cut them into requests."""
    joined: list[list[int]] = []
    for first, n in sorted(spans):
        begin, end = max(0, first), min(size, first + n)
        if end <= begin:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([begin, end])
    return [(begin, end - begin) for begin, end in joined]


def _without(spans: Iterable[Span], held: Iterable[Span]) -> list[Span]:
    """Return what is missing of some pieces, cut into requests."""
    found = []
    taken = sorted(held)
    for first, n in spans:
        begin, end = first, first + n
        for other, m in taken:
            if other + m <= begin or other >= end:
                continue
            if other > begin:
                found.append((begin, other))
            begin = max(begin, other + m)
        if begin < end:
            found.append((begin, end))
    return [
        (start, min(_CHUNK, end - start))
        for begin, end in found
        for start in range(begin, end, _CHUNK)
    ]


def _footer_span(file: Path) -> Span:
    """Return where the footer of a Parquet file is, by its last bytes."""
    n_bytes = file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(max(0, n_bytes - 8))
        length = int.from_bytes(stream.read(4), "little")
    return (n_bytes - 8 - length, length)
