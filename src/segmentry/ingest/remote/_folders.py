"""Folders of an object store: a copy to work on here, and a folder put there whole."""

import contextlib
import io
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from segmentry.errors import BundleError, DataError, OutputError
from segmentry.ingest.remote._names import Place, place_of
from segmentry.ingest.remote._places import Places
from segmentry.ingest.remote._stores import Found, ObjectStore, object_store_of, store_of
from segmentry.runtime.progress import step_reporter
from segmentry.schema import Progress

_N_CONNECTIONS = 8
_UNFINISHED = ".partial"


@contextlib.contextmanager
def at_hand(
    path: Path,
    *,
    last: str | None = None,
    only: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Path]:
    """Yield a local copy of a file or folder that is elsewhere; one that is here, as it is.

    A file that is written `last` may show that a folder is whole: a folder without it is refused,
    and what is changed in the copy is put back at the end. Of `only` some files and folders a copy
    is made to read.

    Raises BundleError if such a folder is not whole; DataError if nothing is there, or it changes
    while it is copied.
    """
    place = place_of(path)
    if place is None:
        yield path
        return
    store = store_of(place)
    found = _visible(store.below(place), place)
    if not found:
        raise DataError(f"{place}: nothing is there; check the names of the bucket and the folder")
    if last is not None and _name_of(found, place).get(last) is None:
        raise BundleError(
            f"{place}: found no {last}, so it is not a whole run; expected a run folder"
        )
    if only:
        wanted = tuple(f"{place.path}/{each}" for each in (*only, last))
        found = [each for each in found if each.path.startswith(wanted)]
    with Places.opened(None, progress) as places:
        folder = places.copy(place, found)
        before = _states(folder)
        yield folder
        if last is not None and not only and _states(folder) != before:
            places.finish()  # somebody else may have changed it meanwhile
            put_folder(folder, place, last=last, unchanged=before, progress=progress)


def require_free(place: Place, *, last: str, overwrite: bool) -> None:
    """Refuse a folder that is in the way, or cannot be written, before any work is done.

    Raises OutputError.
    """
    store = object_store_of(place)
    all_there = store.below(place)
    names = _name_of(all_there, place)
    is_left_over = any(f"{_UNFINISHED}/" in name for name in names)
    if last in names and not overwrite:
        raise OutputError(f"{place}: a run folder exists; choose another --out or add --overwrite")
    if last not in names and _visible(all_there, place) and not is_left_over:
        raise OutputError(
            f"{place}: exists and is not a run folder (no {last}), so it is not replaced; choose "
            "another --out"
        )
    require_writable(store, place)


def require_writable(store: ObjectStore, folder: Place) -> None:
    """Refuse a folder that cannot be written, before any work is done; raises OutputError."""
    probe = _within(folder, f".{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        store.put(io.BytesIO(), probe)
        store.remove(probe)
    except OutputError as error:
        raise OutputError(str(error).replace(str(probe), str(folder))) from error


def put_folder(
    folder: Path,
    place: Place,
    *,
    last: str,
    unchanged: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> None:
    """Make a folder of an object store the same as a local one.

    All is uploaded next to it first. Only then it takes its place, by copies within the store: the
    file that says that it is whole goes first and comes last, so that no reader takes a mixture for
    a run. Files that are `unchanged` stay where they are.

    Raises OutputError if it cannot be written. While it is uploaded, the folder is as it was; later
    it is absent, and the error says where all that was uploaded is.
    """
    store = object_store_of(place)
    states, kept = _states(folder), unchanged or {}
    names = [name for name, state in states.items() if kept.get(name) != state and name != last]

    def upload(name: str) -> None:
        with (folder / name).open("rb") as content:
            store.put(content, _within(staging, name))

    with _staging(store, place) as staging, ThreadPoolExecutor(_N_CONNECTIONS) as pool:
        _for_each(pool, upload, (*names, last), step_reporter(progress, "storing files"))
        there = _name_of(store.below(place), place)
        lost = {f"{_hidden_name(staging)}/{name}" for name in (*names, last)} - set(there)
        if lost:
            raise OutputError(f"{place}: another process writes there too; choose another --out")
        gone = [name for name in there if name not in states and not _is_in(name, staging)]
        store.remove(_within(place, last))
        try:
            _for_each(pool, lambda n: store.copy(_within(staging, n), _within(place, n)), names)
            _for_each(pool, lambda name: store.remove(_within(place, name)), gone)
            store.copy(_within(staging, last), _within(place, last))
        except OutputError as error:
            raise _KeptError(
                f"{error}; what was uploaded is whole in {staging}; write it again"
            ) from error


class _KeptError(OutputError):
    """An error that leaves what was uploaded."""


def _for_each(
    pool: ThreadPoolExecutor,
    action: Callable[[str], None],
    names: Collection[str],
    report: Callable[[int, int], None] = lambda _, __: None,
) -> None:
    """Do something for all names at once; the first failure ends it."""
    tasks = [pool.submit(action, name) for name in names]
    try:
        for n_done, task in enumerate(tasks, 1):
            task.result()
            report(n_done, len(tasks))
    finally:
        for task in tasks:
            task.cancel()


@contextlib.contextmanager
def _staging(store: ObjectStore, place: Place) -> Iterator[Place]:
    """Yield a new hidden folder of a folder; it is removed at the end."""
    staging = _within(place, f".{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        yield staging
    except _KeptError:
        raise
    except BaseException as error:
        with contextlib.suppress(OutputError):
            store.remove(staging, is_folder=True)
        if isinstance(error, OutputError):
            raise OutputError(str(error).replace(str(staging), str(place))) from error
        raise
    store.remove(staging, is_folder=True)


def _is_in(name: str, folder: Place) -> bool:
    return name.startswith(f"{_hidden_name(folder)}/")


def _hidden_name(folder: Place) -> str:
    return folder.path.rpartition("/")[2]


def _within(place: Place, name: str) -> Place:
    return replace(place, path=f"{place.path}/{name}")


def _name_of(found: Collection[Found], place: Place) -> dict[str, Found]:
    """Return files by their names within a folder; a file that is itself the place has none."""
    return {each.path.removeprefix(place.path).lstrip("/"): each for each in found}


def _visible(found: Collection[Found], place: Place) -> list[Found]:
    """Leave out what begins with a dot, as what is not finished does."""
    names = _name_of(found, place)
    return [each for name, each in names.items() if not name.startswith(".")]


def _states(folder: Path) -> dict[str, object]:
    """Return what changes when a file of a folder is written, by its name."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    states = [(each, each.stat()) for each in sorted(files)]
    return {
        each.relative_to(folder).as_posix(): (state.st_mtime_ns, state.st_size, state.st_ino)
        for each, state in states
    }
