"""Load the heavy libraries of later steps while the engine reads."""

import contextlib
import importlib
import threading
from collections.abc import Iterator

__all__ = ["preloading"]

# Scikit-learn takes 0.9 s and altair 0.3 s; the engine's threads do not hold the interpreter, so
# that some of it is to be had for nothing.
_HEAVY = ("sklearn.cluster", "scipy.spatial.distance", "altair", "vl_convert", "jinja2")


@contextlib.contextmanager
def preloading() -> Iterator[None]:
    """Import what later steps need, in a thread; no more is begun once the context is left.

    Who needs a library meanwhile waits for its import as usual, and gets its error if it fails.
    """
    is_over = threading.Event()

    def load() -> None:
        for name in _HEAVY:
            if is_over.is_set():
                return
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    loading = threading.Thread(target=load, name="preloading")
    loading.start()
    try:
        yield
    except BaseException:
        # The process is about to end: an import that this cuts off complains on standard error.
        is_over.set()
        loading.join()
        raise
    finally:
        is_over.set()
