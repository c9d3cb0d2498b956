"""Call a function in a process of its own, whose memory ends with it."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from segmentry.errors import SegmentryError

__all__ = ["call_apart"]

_CHILD = "from segmentry.apart import _answer; _answer()"
_Asked = ParamSpec("_Asked")
_Found = TypeVar("_Found")


def call_apart(
    function: Callable[_Asked, _Found], *args: _Asked.args, **kwargs: _Asked.kwargs
) -> _Found:
    """Call a function of this package in a new process and return what it returns.

    A plain child and not multiprocessing: a spawned worker first runs the caller's ``__main__``
    again, be it a page of Streamlit, a notebook, or a script without a guard.

    Parameters
    ----------
    function : callable
        Of a module, not a lambda.
    *args, **kwargs
        Plain data and arrays.

    Raises
    ------
    SegmentryError
        What the function raised.
    RuntimeError
        If the process ended otherwise; its own words are on standard error.

    Examples
    --------
    >>> from segmentry.clustering import distinct_rows
    >>> call_apart(distinct_rows, [[1.0], [1.0], [5.0]]).weights
    array([2., 1.])
    """
    child = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps((function, args, kwargs)),
        stdout=subprocess.PIPE,
        check=False,
    )
    if child.returncode:
        name = getattr(function, "__name__", "a function")
        raise RuntimeError(f"the process of {name} ended with code {child.returncode}")
    found = pickle.loads(child.stdout)  # noqa: S301 - written by our own child, never a file
    if isinstance(found, SegmentryError):
        raise found
    return found  # type: ignore[no-any-return] # what the function returned


def _answer() -> None:
    """Do what standard input asks for, and write what came of it to standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    function, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our parent
    try:
        found = function(*args, **kwargs)
    except SegmentryError as error:
        found = error
    with answers:
        pickle.dump(found, answers)
