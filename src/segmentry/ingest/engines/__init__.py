"""How are large files read, checked and split by user?

In: a `TableSource`. Out: tables, parts by user, and their accounts. Engines compute no feature.
"""

from pathlib import Path

from segmentry.errors import ConfigError
from segmentry.ingest.engines._failures import explained
from segmentry.ingest.engines._validity import REPEATED, TIME_OF, reasons_of
from segmentry.runtime.memory import engine_share, process_limit
from segmentry.schema import Engine

__all__ = ["ENGINES", "REPEATED", "TIME_OF", "explained", "open_engine", "reasons_of"]

ENGINES = ("duckdb",)


def open_engine(name: str, *, scratch: Path, memory: str | None = None) -> Engine:
    """Open an engine; close it when done.

    Parameters
    ----------
    name : str
        "duckdb".
    scratch : Path
        Existing folder for temporary files.
    memory : str, optional
        As "2GB": what the whole process may take, half of the machine's by default. DuckDB gets
        so much of it that the process stays within.

    Raises
    ------
    ConfigError
        If there is no such engine.

    Examples
    --------
    >>> open_engine("sqlite", scratch=Path("."))
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: engine 'sqlite' is unknown; expected duckdb
    """
    if name not in ENGINES:
        raise ConfigError(f"engine {name!r} is unknown; expected {' or '.join(ENGINES)}")
    from segmentry.ingest.engines._duckdb import DuckDBEngine

    return DuckDBEngine(scratch=scratch, n_bytes=engine_share(process_limit(memory)))
