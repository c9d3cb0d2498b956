"""Run independent pieces of work on a few threads, each with one thread of arithmetic."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
First = TypeVar("First")
Second = TypeVar("Second")

# Beyond four threads the Python part of scikit-learn's fits stands in their way.
_MOST_THREADS = 4
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

    Examples
    --------
    >>> map_in_threads(abs, [-3, 1, -2])
    [3, 1, 2]
    """
    if getattr(_this_thread, "is_working", False):
        return [_reported(work(item), on_done) for item in items]
    from threadpoolctl import ThreadpoolController

    # Looking for the loaded libraries takes 5 ms: once a call, not once an item.
    controller = ThreadpoolController()

    def enter() -> None:
        # OpenMP keeps its limit per thread; BLAS keeps one for the process, set below.
        controller.limit(limits=1, user_api="openmp")
        _this_thread.is_working = True

    n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
    with (
        controller.limit(limits=1),
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


def do_together(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Do two pieces of work at once, each with one thread of arithmetic.

    Examples
    --------
    >>> do_together(lambda: 1, lambda: "a")
    (1, 'a')
    """
    pieces: list[Callable[[], Any]] = [first, second]
    one, two = map_in_threads(lambda piece: piece(), pieces)
    return one, two


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply a function to each item, to the next one while the last result is used.

    Examples
    --------
    >>> list(ahead(abs, [-3, 1, -2]))
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
