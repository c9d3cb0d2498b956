"""How far a running query of DuckDB is."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from segmentry.schema import TableSource

_SECONDS_BETWEEN_LOOKS = 0.2


@contextlib.contextmanager
def watched(
    percent_done: Callable[[], float],
    source: TableSource,
    *,
    on_progress: Callable[[int, int], None],
) -> Iterator[None]:
    """Tell how much of a running query is done, from a thread that ends with it."""
    n_bytes = sum(file.stat().st_size for file in source.files)
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(_SECONDS_BETWEEN_LOOKS):
            percent = percent_done()
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
