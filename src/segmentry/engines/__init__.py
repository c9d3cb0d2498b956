"""Engines: they scan, collect and write; what is computed is defined above them."""

from pathlib import Path

from segmentry.errors import ConfigError
from segmentry.schema import Engine

__all__ = ["ENGINES", "open_engine"]

ENGINES = ("duckdb", "polars")


def open_engine(name: str, *, scratch: Path, memory_limit: str | None = None) -> Engine:
    """Open an engine; close it when done.

    Parameters
    ----------
    name : str
        "duckdb" or "polars".
    scratch : Path
        Existing folder for temporary files.
    memory_limit : str, optional
        As "2GB"; what the engine may use (DuckDB exceeds it by about 12 %, Polars ignores it).

    Raises
    ------
    ConfigError
        If there is no such engine.

    Examples
    --------
    >>> open_engine("sqlite", scratch=Path("."))
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: engine 'sqlite' is unknown; expected one of duckdb, polars
    """
    if name == "duckdb":
        from segmentry.engines._duckdb import DuckDBEngine

        return DuckDBEngine(scratch=scratch, memory_limit=memory_limit)
    if name == "polars":
        from segmentry.engines._polars import PolarsEngine

        return PolarsEngine()
    raise ConfigError(f"engine {name!r} is unknown; expected one of {', '.join(ENGINES)}")
