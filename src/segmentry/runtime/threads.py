"""Run independent pieces of work on a few threads, each with one thread of arithmetic."""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
First = TypeVar("First")
Second = TypeVar("Second")

# Beyond four threads the Python part of scikit-learn's fits stands in their way.
_MAX_THREADS = 4
_this_thread = threading.local()


def map_in_threads(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    on_done: Callable[[Result], object] | None = None,
) -> list[Result]:
    """Apply a function to each item on a few threads, and keep the order of the items.

    BLAS and OpenMP are held to one thread each: parallel sums of floats depend on the number of
    threads, and the answers here must not. Load every library that brings its own BLAS or OpenMP
    before the call, since only loaded ones can be limited. A call from within such a thread goes
    through its items there: the outer call keeps the cores busy already.

    The `work` must not depend on what the others do. `on_done` is called in the calling thread with
    each result as it arrives, in no fixed order.

    >>> map_in_threads(abs, [-3, 1, -2])
    [3, 1, 2]
    """
    if getattr(_this_thread, "is_working", False):
        return [_reported(work(item), on_done) for item in items]

    def enter() -> None:
        # OpenMP keeps its limit per thread; BLAS keeps one for the process, set below.
        one_thread("openmp")
        _this_thread.is_working = True

    n_threads = min(os.cpu_count() or 1, _MAX_THREADS)
    with (
        one_thread(),
        ThreadPoolExecutor(n_threads, initializer=enter) as pool,
    ):
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                _reported(future.result(), on_done)
        finally:
            for future in futures:
                future.cancel()
        return [future.result() for future in futures]


def one_thread(user_api: str | None = None) -> AbstractContextManager[Any]:
    """Hold BLAS and OpenMP, or one of them, to one thread from the call on, until the end of with.

    The last bits of a sum depend on how many threads take part.

    >>> with one_thread("blas"):
    ...     pass
    """
    limited: AbstractContextManager[Any] = _libraries(len(sys.modules)).limit(
        limits=1, user_api=user_api
    )
    return limited


@functools.lru_cache(maxsize=1)
def _libraries(_n_modules: int) -> Any:
    """Look for the loaded libraries: once for as long as no module comes, since it takes 5 ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def do_together(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Do two pieces of work at once, each with one thread of arithmetic.

    >>> do_together(lambda: 1, lambda: "a")
    (1, 'a')
    """
    pieces: list[Callable[[], Any]] = [first, second]
    one, two = map_in_threads(lambda piece: piece(), pieces)
    return one, two


def prefetch(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply a function to each item, to the next one while the last result is used.

    >>> list(prefetch(abs, [-3, 1, -2]))
    [3, 1, 2]
    """
    with ThreadPoolExecutor(1) as pool:
        coming: Future[Result] | None = None
        for item in items:
            found, coming = coming, pool.submit(work, item)
            if found is not None:
                yield found.result()
        if coming is not None:
            yield coming.result()


def _reported(result: Result, on_done: Callable[[Result], object] | None) -> Result:
    if on_done is not None:
        on_done(result)
    return result
