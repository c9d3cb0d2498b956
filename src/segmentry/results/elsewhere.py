"""Runs, files and folders that are in an object store: functions work on copies of them."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from segmentry.ingest.remote import at_hand, changed_at, place_of, store_of
from segmentry.results.run_folder import LAST

_P = ParamSpec("_P")
_R = TypeVar("_R")


def run_at_hand(
    run_dir: Path | str, *, only: Collection[str] = ()
) -> contextlib.AbstractContextManager[Path]:
    """Open a run, or `only` some files of it to read; what is changed in a copy is put back.

    Raises BundleError if no whole run is there; DataError if it changes meanwhile.
    """
    return at_hand(Path(run_dir), last=LAST, only=only)


def folder_at_hand(
    folder: Path | None, *, last: str
) -> contextlib.AbstractContextManager[Path | None]:
    """Open a folder that is whole by its `last` file, or absent; what is changed is put back.

    Raises OutputError if it changes meanwhile.
    """
    return contextlib.nullcontext() if folder is None else changed_at(folder, last=last)


def file_to_write(file: Path) -> contextlib.AbstractContextManager[Path]:
    """Open a file to make or replace, which is put in its place at the end."""
    return changed_at(file, is_read=False)


def is_there(file: Path) -> bool:
    """Whether a file, or anything of its name, is there."""
    place = place_of(file)
    return file.exists() if place is None else bool(store_of(place).below(place))


def is_run_folder(folder: Path) -> bool:
    """Whether a whole run is there."""
    return is_there(folder / LAST)


def takes_places(
    *,
    runs: Collection[str] = (),
    files: Collection[str] = (),
    folders: Mapping[str, str] = MappingProxyType({}),
    made: Mapping[str, str] = MappingProxyType({}),
    companions: Mapping[str, Callable[[Path], Collection[str]]] = MappingProxyType({}),
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let arguments of a function, by their names, be files and folders in an object store.

    The function is called with local copies; its errors and its answer name the places. What it
    changes in `runs` and `folders` is put back, and what is `made` is put there, whole or not at
    all. The latter two say which file makes a folder whole, if one does. `companions` returns names
    of files next to one that belong to it.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)
        last = {**dict.fromkeys(runs, LAST), **folders, **made}

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            bound = signature.bind(*args, **kwargs)
            named: dict[Path, Path] = {}
            with contextlib.ExitStack() as stack:
                for name in bound.arguments.keys() & {*last, *files}:
                    given = bound.arguments[name]
                    if name in folders or name in made:
                        opened = functools.partial(
                            changed_at, last=last[name], is_read=name in folders
                        )
                    else:
                        opened = functools.partial(at_hand, last=last.get(name))
                    near = companions.get(name, lambda _: ())
                    bound.arguments[name] = _at(given, stack, opened, near, named)
                answer = function(*bound.args, **bound.kwargs)
            return _renamed(answer, named) if named else answer

        return call

    return decorate


def _at(
    value: Any,
    stack: contextlib.ExitStack,
    opened: Callable[..., contextlib.AbstractContextManager[Path]],
    near: Callable[[Path], Collection[str]],
    named: dict[Path, Path],
) -> Any:
    """Return a path, or each of a list, where it can be read; nothing of nothing."""
    if isinstance(value, list | tuple):
        return [_at(each, stack, opened, near, named) for each in value]
    if value is None or place_of(value) is None:
        return value
    path = Path(value)
    here = stack.enter_context(opened(path, companions=near(path)))
    named[here] = path
    return here


def _renamed(value: Any, named: Mapping[Path, Path]) -> Any:
    """Return an answer whose paths name the places, not the local copies."""
    if isinstance(value, Path):
        here = next((each for each in named if value.is_relative_to(each)), None)
        return value if here is None else named[here] / value.relative_to(here)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_renamed(each, named) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        found = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        renamed = {name: _renamed(each, named) for name, each in found.items()}
        changed = {name: each for name, each in renamed.items() if each is not found[name]}
        return replace(value, **changed) if changed else value
    return value
