"""The content of the input files, hashed while the run goes on with what was read."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from segmentry.errors import DataError
from segmentry.results.run_folder import FileFingerprint

_CHUNK = 1 << 22


class Fingerprinting:
    """Hashes files in one thread of its own; leave the context to join it."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._found: list[Future[FileFingerprint]] = [
            self._pool.submit(_fingerprint, file) for file in sorted(files)
        ]

    def __enter__(self) -> "Fingerprinting":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def results(self) -> tuple[FileFingerprint, ...]:
        """Wait for the hashes."""
        return tuple(future.result() for future in self._found)


def _fingerprint(file: Path) -> FileFingerprint:
    digest, n_bytes = hashlib.sha256(), 0
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                n_bytes += len(chunk)
    except OSError as error:
        raise DataError(
            f"{file}: {error.strerror or error}, though it was there when the run began; leave "
            "the files in place until it ends"
        ) from error
    return FileFingerprint(path=file.name, n_bytes=n_bytes, sha256=digest.hexdigest())
