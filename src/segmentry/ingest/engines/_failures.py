"""An engine's own error as one line that tells the step and what to do."""

import contextlib
from collections.abc import Iterator

from segmentry.errors import EngineError
from segmentry.schema import Engine

_DISK_REASONS = ("No space left on device", "File too large", "Disk quota exceeded")


def cause_of(error: BaseException) -> str:
    """Return an error's message on one line; of a full disk the reason and its remedy.

    Examples
    --------
    >>> cause_of(OSError('{"exception_message":"No space left on device","errno":"28"}'))
    'No space left on device for temporary files; free some, or have them on a larger disk'
    """
    message = str(error)
    for reason in _DISK_REASONS:
        if reason.lower() in message.lower():
            return f"{reason} for temporary files; free some, or have them on a larger disk"
    return " ".join(message.split())


@contextlib.contextmanager
def explained(engine: Engine, step: str) -> Iterator[None]:
    """Make an engine's own error, met while queries are put together, one line with the step.

    It is an EngineError, such as for temporary files that somebody has removed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from segmentry.ingest.engines import open_engine
    >>> engine = open_engine("duckdb", scratch=Path("."))
    >>> with explained(engine, "counting"):
    ...     raise FileNotFoundError("part-0.parquet is gone")
    Traceback (most recent call last):
    ...
    segmentry.errors.EngineError: duckdb failed while counting: part-0.parquet is gone
    """
    try:
        yield
    except engine.errors as error:
        raise EngineError(engine=engine.name, step=step, cause=cause_of(error)) from error
