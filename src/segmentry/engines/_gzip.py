"""Prove that compressed files are whole while an engine reads them."""

import contextlib
import gzip
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from segmentry.errors import DataError

__all__ = ["proving_gzip"]

_CHUNK = 1 << 20


@contextlib.contextmanager
def proving_gzip(files: Sequence[Path]) -> Iterator[None]:
    """Unpack the gzip files among some beside what reads them, and compare their checksums.

    DuckDB compares none: of 640,000 rows with a wrong checksum it reads all. Unpacking takes one
    core, as DuckDB's own does, and the other is there for it.

    Raises
    ------
    DataError
        On leaving, if a file is cut off or holds other bytes than were packed; whatever else went
        wrong meanwhile is its consequence.
    """
    packed = [file for file in files if file.suffix == ".gz"]
    if not packed:
        yield
        return
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        proof = beside.submit(_unpack, packed, is_over)
        try:
            yield
        except Exception:
            proof.result()
            raise
        except BaseException:
            is_over.set()
            raise
        proof.result()


def _unpack(files: Sequence[Path], is_over: threading.Event) -> None:
    """Unpack files and keep nothing."""
    for file in files:
        try:
            with gzip.open(file, "rb") as stream:
                while stream.read(_CHUNK) and not is_over.is_set():
                    pass
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{file}: broken gzip: {reason}; download it again") from error
