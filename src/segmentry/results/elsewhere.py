"""Runs and small files that are in an object store: functions work on copies of them."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from segmentry.ingest.remote import at_hand, place_of, store_of
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


def is_run_folder(folder: Path) -> bool:
    """Whether a whole run is there."""
    place = place_of(folder)
    if place is None:
        return (folder / LAST).is_file()
    return bool(store_of(place).below(replace(place, path=f"{place.path}/{LAST}")))


def takes_places(
    *, runs: Sequence[str] = (), files: Sequence[str] = ()
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let arguments of a function, by their names, be runs and files in an object store.

    The function is called with local copies, and its errors name the places.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            bound = signature.bind(*args, **kwargs)
            with contextlib.ExitStack() as stack:
                for name in bound.arguments.keys() & {*runs, *files}:
                    last = LAST if name in runs else None
                    bound.arguments[name] = _copied(bound.arguments[name], stack, last)
                return function(*bound.args, **bound.kwargs)

        return call

    return decorate


def _copied(value: Any, stack: contextlib.ExitStack, last: str | None) -> Any:
    """Return a path, or each of a list, where it can be read; nothing of nothing."""
    if isinstance(value, list | tuple):
        return [_copied(each, stack, last) for each in value]
    return None if value is None else stack.enter_context(at_hand(Path(value), last=last))
