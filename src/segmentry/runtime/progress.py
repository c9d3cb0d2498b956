"""Progress of a step, where somebody listens."""

import itertools
from collections.abc import Callable

from segmentry.schema import Progress


def step_reporter(progress: Progress | None, step: str) -> Callable[[int, int], None]:
    """Return what tells the progress of one step, if anybody wants to hear it."""

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(step, done, total)

    return report


def row_reporter(
    progress: Progress | None, step: str, n_rows: int | None
) -> Callable[[int, int], None]:
    """Return what tells a share of the work as rows, of about `n_rows`; as it is if unknown."""
    report = step_reporter(progress, step)

    def report_rows(done: int, total: int) -> None:
        if n_rows is None or not total:
            report(done, total)
        else:
            report(n_rows * done // total, n_rows)

    return report_rows


def counted(on_done: Callable[[int, int], None] | None, total: int) -> Callable[[object], None]:
    """Return what counts the pieces that are done, and reports (pieces done, pieces in all).

    >>> count = counted(lambda done, total: print(done, "of", total), 2)
    >>> count("any piece")
    1 of 2
    """
    done = itertools.count(1)

    def count(_: object) -> None:
        if on_done is not None:
            on_done(next(done), total)

    return count
