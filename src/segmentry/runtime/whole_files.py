"""Files and folders that are whole or absent: written next to their place, then renamed."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from segmentry.errors import OutputError


def put_in_place(staging: Path, target: Path) -> None:
    """Make a whole folder take the place of another; whatever goes wrong, one of them is there."""
    if not target.is_dir():
        staging.replace(target)
        return
    old = staging.with_suffix(".old")
    target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Yield a name beside `file` that takes its place when all went well.

    Raises OutputError if the place cannot be written.
    """
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        partial.replace(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{file}: cannot be written: {reason}; choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
