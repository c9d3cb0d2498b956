"""What goes wrong while an engine reads, as one line: its own errors, and damaged gzip files."""

import contextlib
import gzip
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from segmentry.errors import DataError, EngineError
from segmentry.ingest.files import explaining_gzip
from segmentry.schema import Engine

_MAX_LOOKED_AT = 1 << 22
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
    return " ".join(message.split())


def advice_on_quotes(path: Path) -> str:
    """Say what to do about text with a quote that is not closed."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
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


_CHUNK, _FIRST_BYTES = 1 << 20, 1 << 13


@contextlib.contextmanager
def proving_text(files: Sequence[Path]) -> Iterator[None]:
    """Prove that text files have no line that DuckDB would lose, and that gzip files are whole.

    DuckDB refuses a line beyond 2 MB, but one beyond its buffer of 32 MB is lost without a word.
    Gzip files are unpacked next to what reads them, and their checksums compared.

    DuckDB compares none: of 640,000 rows with a wrong checksum it reads all. Unpacking takes one
    core, as DuckDB's own does, and the other is there for it. On leaving, a DataError says which
    file is cut off or holds other bytes than were packed; whatever else went wrong meanwhile is its
    consequence.
    """
    for file in files:
        if file.suffix not in (".gz", ".parquet"):
            _refuse_long_lines(file)
    if not any(file.suffix == ".gz" for file in files):
        yield
        return
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as worker:
        proof = worker.submit(require_whole, files, is_over)
        try:
            yield
        except Exception:
            proof.result()
            raise
        except BaseException:
            is_over.set()
            raise
        proof.result()


def require_whole(files: Sequence[Path], is_over: threading.Event | None = None) -> None:
    """Unpack the gzip files among some to their ends, until `is_over`, and keep nothing.

    Raises DataError if a file is cut off or holds other bytes than were packed.
    """
    for file in files:
        if file.suffix != ".gz":
            continue
        with explaining_gzip(file), gzip.open(file, "rb") as stream:
            while (piece := stream.read(_CHUNK)) and not (is_over and is_over.is_set()):
                if len(piece) == _CHUNK and b"\n" not in piece:
                    raise _long_line(file, stream.tell() - _CHUNK)


def _refuse_long_lines(file: Path) -> None:
    """Look for a line end in each megabyte of a file; nearly all show one in their first bytes."""
    with file.open("rb", buffering=0) as stream:
        n_bytes = file.stat().st_size
        for start in range(0, n_bytes - _CHUNK + 1, _CHUNK):
            stream.seek(start)
            if b"\n" not in stream.read(_FIRST_BYTES) and b"\n" not in stream.read(
                _CHUNK - _FIRST_BYTES
            ):
                raise _long_line(file, start)


def _long_line(file: Path, start: int) -> DataError:
    return DataError(
        f"{file}: a line of more than 1 MB around byte {start:,}; expected shorter lines; look for "
        "a quote that is not closed, for other line ends than line feeds, or for binary data"
    )
