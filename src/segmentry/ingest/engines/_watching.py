"""How far a running query is, reported from a thread."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import duckdb

from segmentry.schema import TableSource

Config = dict[str, str | bool | int | float | list[str]]

_SECONDS_BETWEEN_LOOKS = 0.2


def connect(config: Config) -> duckdb.DuckDBPyConnection:
    """Open a database in memory whose queries tell how far they are."""
    connection = duckdb.connect(config=config)
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    # A moment with a zone is written as text before it is read: in UTC on every machine.
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@contextlib.contextmanager
def watched(
    query_progress: Callable[[], float],
    source: TableSource,
    *,
    on_progress: Callable[[int, int], None],
) -> Iterator[None]:
    """Report how much of a running query is done, from a thread that ends with it.

    `query_progress` returns percents.
    """
    n_bytes = sum(file.stat().st_size for file in source.files)
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(_SECONDS_BETWEEN_LOOKS):
            percent = query_progress()
            if percent > 0:
                on_progress(int(n_bytes * percent / 100), n_bytes)

    on_progress(0, n_bytes)
    watcher = threading.Thread(target=watch, daemon=True)
    try:
        watcher.start()  # within: Ctrl-C may arrive when the thread runs, but before this returns
        yield
    finally:
        is_done.set()
        if watcher.is_alive():
            watcher.join()
    on_progress(n_bytes, n_bytes)
