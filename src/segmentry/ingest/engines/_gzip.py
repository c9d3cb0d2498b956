"""Prove that compressed files are whole while an engine reads them."""

import contextlib
import gzip
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from segmentry.ingest.files import explaining_gzip

_CHUNK = 1 << 20


@contextlib.contextmanager
def proving_gzip(files: Sequence[Path]) -> Iterator[None]:
    """Unpack the gzip files among some beside what reads them, and compare their checksums.

    DuckDB compares none: of 640,000 rows with a wrong checksum it reads all. Unpacking takes one
    core, as DuckDB's own does, and the other is there for it. On leaving, a DataError says which
    file is cut off or holds other bytes than were packed; whatever else went wrong meanwhile is its
    consequence.
    """
    if not any(file.suffix == ".gz" for file in files):
        yield
        return
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        proof = beside.submit(require_whole, files, is_over)
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
            while stream.read(_CHUNK) and not (is_over and is_over.is_set()):
                pass
