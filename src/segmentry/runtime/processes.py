"""Call functions in worker processes, whose memory and interpreter are their own.

Plain children and not `ProcessPoolExecutor`: a spawned worker of that first runs the caller's
``__main__`` again, be it a page of Streamlit, a notebook, or a script without a guard.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, ParamSpec, TypeVar

from segmentry.errors import SegmentryError

_CHILD = "from segmentry.runtime.processes import _serve; _serve()"
_CHILDREN: set[subprocess.Popen[bytes]] = set()
_Requested = ParamSpec("_Requested")
_Found = TypeVar("_Found")


def call_in_worker(
    function: Callable[_Requested, _Found], *args: _Requested.args, **kwargs: _Requested.kwargs
) -> _Found:
    """Call a function of a module in a new process, with plain data and arrays.

    Raises the SegmentryError that the function raised; RuntimeError if the process ended otherwise:
    its own words are on standard error.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> call_in_worker(distinct_rows, [[1.0], [1.0], [5.0]]).weights
    array([2., 1.])
    """
    with serving(function) as ask:
        return ask(*args, **kwargs).result()


@contextmanager
def serving(
    function: Callable[_Requested, _Found],
    *,
    n_processes: int = 1,
    first: Callable[[], object] | None = None,
) -> Iterator[Callable[_Requested, "Future[_Found]"]]:
    """Start processes that answer calls of a function of a module; whichever is free answers.

    `first` is called in each process before any other call, so that what it takes to get ready is
    over when the calls come. Where it fails, every call raises what it raised. What is yielded
    takes what `function` takes and returns a future at once. The future raises as `call_in_worker`
    does, and so do all later ones once a process has ended.

    >>> with serving(abs) as ask:
    ...     [answer.result() for answer in (ask(-1), ask(2))]
    [1, 2]
    """
    children = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(n_processes)
    ]
    free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
    broken: list[Exception] = []

    def exchange(called: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if broken:
            raise broken[0]
        child = free.get()
        try:
            return _answer_of(child, called, args, kwargs)
        except RuntimeError as error:
            broken.append(error)
            raise
        finally:
            free.put(child)

    def get_ready(call: Callable[[], object]) -> None:
        try:
            exchange(call)
        except (SegmentryError, RuntimeError) as error:
            broken.append(error)

    with ExitStack() as running, ThreadPoolExecutor(n_processes) as pipes:
        for child in children:
            _CHILDREN.add(running.enter_context(child))
            free.put(child)
        try:
            if first is not None:
                for _ in children:
                    pipes.submit(get_ready, first)
            yield lambda *args, **kwargs: pipes.submit(exchange, function, *args, **kwargs)
        finally:
            _CHILDREN.difference_update(children)
            pipes.shutdown(cancel_futures=True)


def end_calls() -> None:
    """End the processes of calls that other threads still wait for."""
    for child in tuple(_CHILDREN):
        child.kill()


def _answer_of(
    child: subprocess.Popen[bytes], function: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    questions, answers = child.stdin, child.stdout
    assert questions is not None and answers is not None  # noqa: S101, PT018 - both are pipes
    try:
        pickle.dump((function, args, kwargs), questions)
        questions.flush()
        found = pickle.load(answers)  # noqa: S301 - written by our own child, never a file
    except (EOFError, BrokenPipeError) as error:
        name = getattr(function, "__name__", "a function")
        raise RuntimeError(f"the process of {name} ended with code {child.wait()}") from error
    if isinstance(found, SegmentryError):
        raise found
    return found


def _serve() -> None:
    """Do what standard input asks for, and write what came of it to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    while True:
        try:
            function, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 - by our parent
        except EOFError:
            return
        try:
            found = function(*args, **kwargs)
        except SegmentryError as error:
            found = error
        pickle.dump(found, answers)
        answers.flush()
