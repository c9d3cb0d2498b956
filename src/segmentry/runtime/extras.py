"""The one door through which optional libraries come in."""

import importlib
from types import ModuleType

from segmentry.errors import MissingExtraError


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module or say how to install it.

    Raises MissingExtraError if the module is not installed.

    Examples
    --------
    >>> require("json", extra="spark").__name__
    'json'
    >>> require("not_there", extra="spark")
    Traceback (most recent call last):
    ...
    segmentry.errors.MissingExtraError: not_there is not installed; run: \
    install "segmentry[spark]"
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        top = module.split(".", maxsplit=1)[0]
        message = f'{top} is not installed; run: pip install "segmentry[{extra}]"'
        raise MissingExtraError(message) from error
