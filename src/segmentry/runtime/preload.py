"""Load libraries: the heavy ones of a later step meanwhile, and those that may be absent."""

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterable, Iterator
from types import ModuleType

from segmentry.errors import MissingExtraError

# 0.9 s: the engine's threads do not hold the interpreter, so that some of it is to be had for
# nothing while the log is read.
FOR_FORMING = ("sklearn.cluster", "scipy.spatial.distance")
# 0.4 s, and not before there are segments: until then both cores are busy.
FOR_DRAWING = ("altair", "vl_convert", "jinja2")


@contextlib.contextmanager
def preloading(libraries: Iterable[str]) -> Iterator[None]:
    """Import libraries in a thread; no more is begun once the context is left.

    Who needs a library meanwhile waits for its import as usual, and gets its error if it fails.
    """
    is_over = threading.Event()

    def load() -> None:
        for name in libraries:
            if is_over.is_set():
                return
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    loading = threading.Thread(target=load, name="preloading")
    try:
        loading.start()
        yield
    except BaseException:
        # The process is about to end: an import that this cuts off complains on standard error.
        is_over.set()
        if loading.is_alive():
            loading.join()
        raise
    finally:
        is_over.set()


def without_grammars() -> None:
    """Let this process do without a library that no figure and no check of segmentry needs.

    jsonschema, which altair loads, loads ``rfc3987_syntax`` where it is installed (Jupyter brings
    it), and that compiles grammars of web addresses: 1.4 of altair's 1.9 CPU s.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as Python documents


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module or say how to install it.

    Raises MissingExtraError if the module is not installed.

    >>> require("json", extra="spark").__name__
    'json'
    >>> require("not_there", extra="spark")
    Traceback (most recent call last):
    ...
    segmentry.errors.MissingExtraError: not_there is not installed; run: \
pip install "segmentry[spark]"
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        top = module.split(".", maxsplit=1)[0]
        message = f'{top} is not installed; run: pip install "segmentry[{extra}]"'
        raise MissingExtraError(message) from error
