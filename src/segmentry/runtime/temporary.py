"""Temporary folders, known to be left over once their process is dead; files whole or absent."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from segmentry.errors import OutputError

LOCK = ".lock"
"""Held as long as the process of the folder lives; removed where the folder is to stay."""


@contextlib.contextmanager
def claimed(folder: Path, *, leftovers: str) -> Iterator[Path]:
    """Make a folder that is this process's while it lives, and remove it at the end.

    What a process left that was killed is removed before: folders next to this one, of names that
    match `leftovers`, whose lock nobody holds.

    Raises OSError if it cannot be made.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> with claimed(home / "a.partial", leftovers="*.partial") as folder:
    ...     with claimed(home / "b.partial", leftovers="*.partial") as other:
    ...         folder.is_dir(), other.is_dir()
    (True, True)
    >>> list(home.iterdir())
    []
    """
    from filelock import lock_descriptor

    for old in folder.parent.glob(leftovers):
        if not (old / LOCK).is_file():  # a pipe would never answer
            continue
        with contextlib.suppress(OSError), (old / LOCK).open("r") as lock:
            if lock_descriptor(lock.fileno(), blocking=False):
                shutil.rmtree(old, ignore_errors=True)
    # Under its own name it is locked from the beginning.
    unborn = folder.with_name(f".{secrets.token_hex(8)}")
    try:
        unborn.mkdir(parents=True)
        with (unborn / LOCK).open("w") as lock:
            lock_descriptor(lock.fileno())
            unborn.rename(folder)
            yield folder
    finally:
        shutil.rmtree(unborn, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a folder of a new name in `parent`, which is removed at the end, or by the next.

    >>> import tempfile
    >>> with temporary_folder(Path(tempfile.mkdtemp())) as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    name = f".segmentry-{secrets.token_hex(4)}.temporary"
    with claimed(parent / name, leftovers=".segmentry-*.temporary") as folder:
        yield folder


@contextlib.contextmanager
def locked(file: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends; a link is not followed.

    An OutputError says that the file is `busy` if another process holds it.
    """
    from filelock import lock_descriptor

    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)  # not on Windows
    with os.fdopen(os.open(file, flags, 0o600), "a") as stream:
        is_mine = lock_descriptor(stream.fileno(), blocking=False)
        # Whoever held it before may have removed the file meanwhile.
        if (
            not is_mine
            or not file.exists()
            or not os.path.samestat(os.fstat(stream.fileno()), file.stat())
        ):
            raise OutputError(busy)
        yield


def own_folder(folder: Path) -> None:
    """Make a folder whose name others can guess, or take up one that this user made before.

    Raises OSError if there is a link, or what somebody else made.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> (home / ".a").symlink_to(home)
    >>> own_folder(home / ".a")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    FileExistsError: [Errno 17] a link, or not your own; remove it: '...'
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.lstat()
    is_own = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()  # not on Windows
    if not stat.S_ISDIR(found.st_mode) or not is_own:
        raise FileExistsError(errno.EEXIST, "a link, or not your own; remove it", str(folder))


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


def put_whole(file: Path, target: Path) -> None:
    """Move a file under another name, where it is whole or absent, on another disk too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        shutil.copyfile(file, partial)
        partial.replace(target)


@contextlib.contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Yield a name next to `file` that takes its place when all went well.

    Raises OutputError if the place cannot be written.
    """
    partial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.partial")
    try:
        partial.touch(exist_ok=False)
        yield partial
        partial.replace(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{file}: cannot be written: {reason}; choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
