"""Folders of an object store: a copy to work on here, and a folder put there whole."""

import contextlib
import datetime as dt
import io
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from segmentry.errors import BundleError, DataError, OutputError
from segmentry.ingest.remote import _failures
from segmentry.ingest.remote._names import Place, place_of
from segmentry.ingest.remote._places import Places
from segmentry.ingest.remote._stores import Found, ObjectStore, object_store_of, store_of
from segmentry.runtime.progress import step_reporter
from segmentry.schema import Progress

_N_CONNECTIONS = 8
_UNFINISHED, _CLAIM = ".partial", ".claim"
_RENEWED, _DEAD = 60, dt.timedelta(minutes=10)
"""Seconds after which a claim is made again, and after how long it is of a process that died."""
_LONG_AGO = dt.datetime.fromtimestamp(0, dt.UTC)
Seen = frozenset[Found]


@contextlib.contextmanager
def at_hand(
    path: Path,
    *,
    last: str | None = None,
    only: Collection[str] = (),
    companions: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Path]:
    """Yield a local copy of a file or folder that is elsewhere; one that is here, as it is.

    A file that is written `last` may show that a folder is whole: a folder without it is refused,
    and what is changed in the copy is put back at the end. Of `only` some files and folders a copy
    is made to read; of its `companions`, files next to it by their names, where they are there.

    Raises BundleError if such a folder is not whole; DataError if nothing is there, or it changes
    while it is copied.
    """
    place = place_of(path)
    if place is None:
        yield path
        return
    found = _visible(store_of(place).below(place), place)
    if not found:
        raise DataError(f"{place}: nothing is there; check the names of the bucket and the folder")
    if last is not None and _name_of(found, place).get(last) is None:
        raise BundleError(
            f"{place}: found no {last}, so it is not a whole run; expected a run folder"
        )
    if last is not None and not only:
        with changed_at(path, last=last, progress=progress) as copy:
            yield copy
        return
    if only:
        wanted = tuple(f"{place.path}/{each}" for each in (*only, last))
        found = [each for each in found if each.path.startswith(wanted)]
    for near in _companions(place, companions):
        found += store_of(place).below(near)
    with Places.opened(None, progress) as places:
        yield places.copy(place, found)


@contextlib.contextmanager
def changed_at(
    path: Path,
    *,
    last: str = "",
    companions: Collection[str] = (),
    is_read: bool = True,
    progress: Progress | None = None,
) -> Iterator[Path]:
    """Yield a file or folder to make or to change; what is elsewhere, by a copy of it.

    Where nothing is there, nothing is here. If it `is_read`, the copy is one of the content; else
    files are there by name alone. At the end what was written, changed or removed here, and of its
    `companions`, files next to it by their names, is put there: whole, or not at all. A folder may
    be whole by a file that is written `last`.

    Raises OutputError if it cannot be written, or another process wrote there meanwhile.
    """
    place = place_of(path)
    if place is None:
        yield path
        return
    store = object_store_of(place)
    if "/" not in place.path:
        raise OutputError(f"{place}: a bucket, expected a place in one; add its name")
    spots = (place, *_companions(place, companions))
    seen = _seen(store, spots)
    if not (seen and is_read):
        # Rights may be those to a folder alone; of a file it is the one around it.
        require_writable(store, place if last and not path.suffix else _parent(place))
    with Places.opened(None, progress) as places:
        here = places.copy(place, seen) if is_read else places.shape(place, seen)
        here.parent.mkdir(parents=True, exist_ok=True)
        before = _states(here.parent)
        yield here
        after = _states(here.parent)
        is_folder = here.is_dir() or any(here in each.parents for each in before)
        base = here if is_folder else here.parent
        change = _Change(
            base,
            place if is_folder else _parent(place),
            _names_in(base, (each for each in after if before.get(each) != after[each])),
            _names_in(base, before.keys() - after.keys()),
            last if is_folder else "",
            "" if is_folder else here.name,
        )

        def check() -> None:
            if _seen(store, spots) != seen:
                raise OutputError(
                    f"{place}: changed meanwhile by another process, so it is left as it is; "
                    "repeat the command"
                )
            places.finish()

        _put(store, change, check, progress)


def _companions(place: Place, names: Iterable[str]) -> list[Place]:
    return [_within(_parent(place), each) for each in names]


def _seen(store: ObjectStore, spots: Iterable[Place]) -> Seen:
    return frozenset(found for spot in spots for found in _visible(store.below(spot), spot))


def require_free(place: Place, *, last: str, overwrite: bool) -> Seen:
    """Refuse a folder that is in the way, or cannot be written, before any work is done.

    Returns what is there. Raises OutputError.
    """
    store = object_store_of(place)
    all_there = store.below(place)
    names = _name_of(all_there, place)
    is_left_over = any(f"{_UNFINISHED}/" in name or name.endswith(_CLAIM) for name in names)
    if last in names and not overwrite:
        raise OutputError(f"{place}: a run folder exists; choose another --out or add --overwrite")
    if last not in names and _visible(all_there, place) and not is_left_over:
        raise OutputError(
            f"{place}: exists and is not a run folder (no {last}), so it is not replaced; choose "
            "another --out"
        )
    require_writable(store, place)
    return frozenset(_visible(all_there, place))


def require_writable(store: ObjectStore, folder: Place) -> None:
    """Refuse a folder that cannot be written, before any work is done; raises OutputError."""
    probe = _within(folder, f".{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        store.put(io.BytesIO(), probe)
        store.remove(probe)
    except OutputError as error:
        raise OutputError(str(error).replace(str(probe), str(folder))) from error


def put_folder(
    folder: Path, place: Place, *, last: str, seen: Seen, progress: Progress | None = None
) -> None:
    """Make a folder of an object store the same as a local one, if nobody changed what was `seen`.

    Raises OutputError if it cannot be written. While it is uploaded, the folder is as it was; later
    it is absent, and the error says where all that was uploaded is.
    """
    store = object_store_of(place)
    names = _names_in(folder, _states(folder))
    gone = tuple(_name_of(seen, place).keys() - set(names))

    def check() -> None:
        if _seen(store, [place]) != seen:
            raise OutputError(
                f"{place}: another run was written there meanwhile; choose another --out"
            )

    _put(store, _Change(folder, place, names, gone, last, ""), check, progress)


@dataclass(frozen=True, slots=True)
class _Change:
    """Files of a local folder that are to stand in a folder of a store, and names to be gone."""

    folder: Path
    place: Place
    names: tuple[str, ...]
    gone: tuple[str, ...]
    last: str
    subject: str
    """The file that it is about; empty where that is the folder."""

    @property
    def hidden(self) -> str:
        """How names begin of what is not finished."""
        return f".{self.subject}.".replace("..", ".")


def _put(
    store: ObjectStore, change: _Change, check: Callable[[], None], progress: Progress | None
) -> None:
    """Put changed files in their places, if all is as it was by `check`.

    All is uploaded next to them first. Only then it takes its place, by copies within the store:
    the file that says that it is whole goes first and comes last, so that no reader takes a mixture
    for a run.
    """
    place, last = change.place, change.last
    if not change.names and not change.gone:
        return

    def upload(name: str, folder: Place) -> None:
        with (change.folder / name).open("rb") as content:
            store.put(content, _within(folder, name))

    if len(change.names) == 1 and not change.gone and not last:
        check()
        upload(change.names[0], place)  # which is there whole or not at all
        return
    names = [each for each in change.names if each != last]
    uploaded = (*names, last) if last else tuple(names)
    with _staging(store, change) as staging, ThreadPoolExecutor(_N_CONNECTIONS) as pool:
        report = step_reporter(progress, "storing files")
        _for_each(pool, lambda name: upload(name, staging), uploaded, report)
        with _alone(store, change, staging) as renew:
            check()
            _remove_unfinished(store, change, staging)
            try:
                if last:
                    store.remove(_within(place, last))
                _for_each(
                    pool, lambda n: store.copy(_within(staging, n), _within(place, n)), names, renew
                )
                _for_each(pool, lambda n: store.remove(_within(place, n)), change.gone, renew)
                if last:
                    store.copy(_within(staging, last), _within(place, last))
            except OutputError as error:
                raise _KeptError(
                    f"{error}; what was uploaded is whole in {staging}; write it again"
                ) from error


@contextlib.contextmanager
def _alone(
    store: ObjectStore, change: _Change, staging: Place
) -> Iterator[Callable[[int, int], None]]:
    """Hold a folder against others who put files there; what is yielded, called often, keeps it.

    Each writer leaves a claim and lists those of others: of two, at least the later one sees both,
    as stores list what was written before. The first one by the clock of the store goes on when
    the other has given way.

    Raises OutputError if another process holds it.
    """
    place = change.place
    own = replace(staging, path=f"{staging.path}{_CLAIM}")
    made_at = time.monotonic()
    store.put(io.BytesIO(), own)

    def renew(_done: int, _all: int) -> None:
        nonlocal made_at
        if time.monotonic() - made_at > _RENEWED:
            made_at = time.monotonic()
            store.put(io.BytesIO(), own)

    try:
        for wait in (*_failures.WAITS, None):
            names = _name_of(store.below(place, is_deep=False), place)
            claims = [
                each
                for name, each in names.items()
                if name.startswith(change.hidden) and name.endswith(_CLAIM)
            ]
            order = sorted((each.written_at or _LONG_AGO, each.path) for each in claims)
            mine = next((at for at, path in order if path == own.path), None)
            others = [(at, path) for at, path in order if path != own.path]
            if mine is not None:
                others = [each for each in others if each[0] > mine - _DEAD]
            if mine is not None and not others:
                break
            if mine is None or others[0] < (mine, own.path) or wait is None:
                raise OutputError(
                    f"{place}: another process writes there now; wait until it has ended, or "
                    "choose another place"
                )
            time.sleep(wait)
        yield renew
    finally:
        with contextlib.suppress(OutputError):
            store.remove(own)


def _remove_unfinished(store: ObjectStore, change: _Change, own: Place) -> None:
    """Remove what others uploaded: they died, or will be refused, as all is changed now."""
    own_name = own.path.rpartition("/")[2]
    names = _name_of(store.below(change.place), change.place)
    tops = {name.partition("/")[0] for name in names if name.startswith(change.hidden)}
    for top in tops:
        if top.endswith(_UNFINISHED) and top != own_name:
            store.remove(_within(change.place, top), is_folder=True)
        elif top.endswith(_CLAIM) and top != f"{own_name}{_CLAIM}":
            store.remove(_within(change.place, top))


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
def _staging(store: ObjectStore, change: _Change) -> Iterator[Place]:
    """Yield a new hidden folder of a folder; it is removed at the end."""
    place = change.place
    staging = _within(place, f"{change.hidden}{secrets.token_hex(4)}{_UNFINISHED}")
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


def _within(place: Place, name: str) -> Place:
    return replace(place, path=f"{place.path}/{name}")


def _parent(place: Place) -> Place:
    return replace(place, path=place.path.rpartition("/")[0])


def _names_in(folder: Path, files: Iterable[Path]) -> tuple[str, ...]:
    """Return the names of files within a folder; those of hidden ones are left out."""
    return tuple(
        each.relative_to(folder).as_posix()
        for each in files
        if each.is_relative_to(folder) and not each.relative_to(folder).parts[0].startswith(".")
    )


def _name_of(found: Collection[Found], place: Place) -> dict[str, Found]:
    """Return files by their names within a folder; a file that is itself the place has none."""
    return {each.path.removeprefix(place.path).lstrip("/"): each for each in found}


def _visible(found: Collection[Found], place: Place) -> list[Found]:
    """Leave out what begins with a dot, as what is not finished does."""
    names = _name_of(found, place)
    return [each for name, each in names.items() if not name.startswith(".")]


def _states(folder: Path) -> dict[Path, object]:
    """Return what changes when a file of a folder is written."""
    states = [(each, each.stat()) for each in sorted(folder.rglob("*")) if each.is_file()]
    return {each: (state.st_mtime_ns, state.st_size, state.st_ino) for each, state in states}
