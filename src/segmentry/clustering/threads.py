"""Run independent pieces of work on a few threads, each with one thread of arithmetic."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

__all__ = ["map_in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Beyond four threads the Python part of scikit-learn's fits stands in their way.
_MOST_THREADS = 4


def map_in_threads(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    on_done: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Apply a function to each item on a few threads, and keep the order of the items.

    BLAS and OpenMP are held to one thread each: parallel sums of floats depend on the number of
    threads, and the answers here must not. Load every library that brings its own BLAS or OpenMP
    before the call, since only loaded ones can be limited.

    Parameters
    ----------
    work : callable
        Function of one item; must not depend on what the others do.
    items : iterable
        The items, started in this order.
    on_done : callable, optional
        Called in the calling thread with each result as it arrives, in no fixed order.

    Returns
    -------
    list
        Results in the order of the items.

    Examples
    --------
    >>> map_in_threads(abs, [-3, 1, -2])
    [3, 1, 2]
    """
    from threadpoolctl import threadpool_limits

    def limited(item: Item) -> Result:
        # OpenMP keeps its limit per thread; BLAS keeps one for the process, set below.
        with threadpool_limits(1, user_api="openmp"):
            return work(item)

    n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
    with threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        futures = [pool.submit(limited, item) for item in items]
        try:
            for future in as_completed(futures):
                result = future.result()
                if on_done is not None:
                    on_done(result)
        finally:
            for future in futures:
                future.cancel()
        return [future.result() for future in futures]
