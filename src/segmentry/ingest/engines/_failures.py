"""What goes wrong while an engine reads, as one line: its own errors, and damaged gzip files."""

import contextlib
import itertools
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from segmentry.errors import DataError, EngineError
from segmentry.ingest.files import LineCount, opened
from segmentry.schema import Engine, FileShape

_MAX_LOOKED_AT = 1 << 22
_LONGEST_READ, _LONGEST_SHOWN = 1 << 14, 500
_OTHER_TYPE = re.compile(r'file "(.+?)": failed to cast column "(.+?)" from type (\S+) to (\S+?):')
_DISK_REASONS = ("No space left on device", "File too large", "Disk quota exceeded")


def cause_of(error: BaseException) -> str:
    """Return an error's message on one line; of a full disk the reason and its remedy.

    >>> cause_of(OSError('{"exception_message":"No space left on device","errno":"28"}'))
    'No space left on device for temporary files; free some, or have them on a larger disk'
    """
    message = str(error)
    for reason in _DISK_REASONS:
        if reason.lower() in message.lower():
            return f"{reason} for temporary files; free some, or have them on a larger disk"
    line = " ".join(message[:_LONGEST_READ].split())
    if found := _OTHER_TYPE.search(line):
        file, name, own, other = found.groups()
        return f"{file}: column {name!r} is {own}, and {other} in other files; write them alike"
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]} …"


def failure_of(engine: str, step: str, error: Exception) -> EngineError | DataError:
    """Return what an engine met while it read: of its own, or in the file."""
    if "state machine reached an invalid state" in str(error):
        return DataError(
            f"{step}: a line ends in another way than the others, or a quote stands inside a "
            "field; expected the same line end everywhere; write the file with one of them"
        )
    return EngineError(engine=engine, step=step, cause=cause_of(error))


def advice_on_quotes(path: Path) -> str:
    """Say what to do about text with a quote that is not closed."""
    with opened(path) as file:
        has_backslashes = b'\\"' in file.read(_MAX_LOOKED_AT)
    if has_backslashes:
        return "quotes within text are written as \\\": say escape = '\\' in the mapping"
    return "look for a quote that is not closed and fix the line"


@contextlib.contextmanager
def explained(engine: Engine, step: str) -> Iterator[None]:
    """Make an engine's own error, met while queries are built, one line with the step.

    It is an EngineError, such as for temporary files that somebody has removed.

    >>> from pathlib import Path
    >>> from segmentry.ingest.engines import open_engine
    >>> engine = open_engine("duckdb", scratch=Path("."))
    >>> with explained(engine, "counting"):
    ...     raise FileNotFoundError("part-0.parquet is gone")
    Traceback (most recent call last):
    ...
    segmentry.errors.EngineError: duckdb failed while counting: part-0.parquet is gone
    """
    try:
        yield
    except engine.errors as error:
        raise EngineError(engine=engine.name, step=step, cause=cause_of(error)) from error


_CHUNK, _BLOCK, _FIRST_BYTES = 1 << 20, 1 << 14, 1 << 9
_HEAD_START = 1 << 26
"""So many bytes are proved before the engine begins."""
_MAX_MORE_FIELDS = 4096
"""In a block without line end, more than in the header."""
_DELIMITERS = (b",", b"\t", b";", b"|")


@contextlib.contextmanager
def proving_text(
    files: Sequence[Path], shape: FileShape, interrupt: Callable[[], None]
) -> Iterator[Mapping[Path, LineCount]]:
    """Prove that text files have no line that DuckDB would lose, and that gzip files are whole.

    DuckDB refuses a line beyond 2 MB, but one beyond its buffer of 32 MB is lost without a word;
    of a line with too many fields it writes down each with the whole line, which takes hours.
    Gzip files are unpacked next to what reads them and before it, and their checksums compared.

    DuckDB compares none: of 640,000 rows with a wrong checksum it reads all. Unpacking takes one
    core, as DuckDB's own does, and the other is there for it. On leaving, a DataError says which
    file is cut off or holds other bytes than were packed; whatever else went wrong meanwhile is its
    consequence, also that `interrupt` ended the reading as soon as this was known. Their lines are
    then counted too.
    """
    for file in files:
        if file.suffix not in (".gz", ".parquet"):
            with file.open("rb", buffering=0) as stream:
                _refuse_long_lines(file, _beginnings(stream.fileno(), file.stat().st_size))
    packed = {file: LineCount(file, shape) for file in files if file.suffix == ".gz"}
    with _proving_packed(packed, interrupt) if packed else contextlib.nullcontext():
        yield packed


@contextlib.contextmanager
def _proving_packed(
    files: Mapping[Path, LineCount], interrupt: Callable[[], None]
) -> Iterator[None]:
    has_head_start, is_over, has_left = threading.Event(), threading.Event(), threading.Event()

    def is_stopped(n_bytes: int) -> bool:
        if n_bytes >= _HEAD_START:
            has_head_start.set()
        return is_over.is_set()

    def prove() -> None:
        try:
            _require_whole(files, is_stopped)
        except DataError:
            if not has_head_start.is_set():
                is_over.set()
            # Within a line of a million fields it hears nothing: hence the proof comes first.
            while not is_over.is_set() and not has_left.wait(0.1):
                interrupt()
            raise
        finally:
            has_head_start.set()

    with ThreadPoolExecutor(1) as worker:
        proof = worker.submit(prove)
        try:
            has_head_start.wait()
            if is_over.is_set():
                proof.result()
            yield
        except Exception:
            has_left.set()
            proof.result()
            raise
        except BaseException:
            has_left.set()
            is_over.set()
            raise
        has_left.set()
        proof.result()


def _require_whole(files: Mapping[Path, LineCount], is_stopped: Callable[[int], bool]) -> None:
    """Unpack gzip files to their ends, count their lines and keep nothing.

    `is_stopped` is called with the bytes unpacked so far, and ends it.

    Raises DataError if a file is cut off or holds other bytes than were packed.
    """
    n_bytes = itertools.count(step=_CHUNK)
    for file, count in files.items():
        with opened(file) as stream:
            pieces = iter(lambda: b"" if is_stopped(next(n_bytes)) else stream.read(_CHUNK), b"")
            seen = map(count.add, pieces)
            blocks = (p[at : at + _BLOCK] for p in seen for at in range(0, len(p), _BLOCK))
            _refuse_long_lines(file, blocks)


def _beginnings(descriptor: int, n_bytes: int) -> Iterator[bytes]:
    """Yield each block of a file, or only its beginning where that has a line end already."""
    for start in range(0, n_bytes, _BLOCK):
        first = os.pread(descriptor, _FIRST_BYTES if start else _BLOCK, start)
        yield first if b"\n" in first else os.pread(descriptor, _BLOCK, start)


def _refuse_long_lines(file: Path, blocks: Iterable[bytes]) -> None:
    """Refuse a file with a megabyte without line end, or with far more fields than its header."""
    n_silent, head = 0, b""
    for place, block in enumerate(blocks):
        n_silent = 0 if b"\n" in block else n_silent + 1
        if not place:
            head = block.partition(b"\n")[0]
        is_odd = n_silent and place and len(head) < _BLOCK  # a wider table may have as many fields
        if is_odd and any(block.count(d) > head.count(d) + _MAX_MORE_FIELDS for d in _DELIMITERS):
            raise _long_line(file, place * _BLOCK, f"more than {_MAX_MORE_FIELDS:,} fields")
        if n_silent == _CHUNK // _BLOCK:
            raise _long_line(file, place * _BLOCK, "more than 1 MB")


def _long_line(file: Path, start: int, what: str) -> DataError:
    return DataError(
        f"{file}: a line of {what} around byte {start:,}; expected shorter lines; look for "
        "a quote that is not closed, for other line ends than line feeds, or for binary data"
    )
