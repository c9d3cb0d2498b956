"""How are large files read, checked and split by user?

In: a `TableSource`. Out: tables, parts by user, and their accounts. Engines compute no feature.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from segmentry.errors import ConfigError, EngineError
from segmentry.ingest.engines._disk import disk_cause
from segmentry.ingest.engines._validity import REPEATED
from segmentry.runtime.memory import engine_share, process_limit
from segmentry.schema import Engine

__all__ = [
    "ENGINES",
    "REPEATED",
    "count_moves",
    "explained",
    "find_user",
    "open_engine",
    "pick_users",
    "sample_users",
    "top_users",
]

ENGINES = ("duckdb", "polars")


def open_engine(name: str, *, scratch: Path, memory: str | None = None) -> Engine:
    """Open an engine; close it when done.

    Parameters
    ----------
    name : str
        "duckdb" or "polars".
    scratch : Path
        Existing folder for temporary files.
    memory : str, optional
        As "2GB": what the whole process may take, half of the machine's by default. DuckDB gets
        so much of it that the process stays within; Polars knows no limit: there the parts of
        the log alone bound what is held.

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
        from segmentry.ingest.engines._duckdb import DuckDBEngine

        return DuckDBEngine(scratch=scratch, n_bytes=engine_share(process_limit(memory)))
    if name == "polars":
        from segmentry.ingest.engines._polars import PolarsEngine

        return PolarsEngine()
    raise ConfigError(f"engine {name!r} is unknown; expected one of {', '.join(ENGINES)}")


def find_user(file: Path, user_id: str) -> pl.DataFrame:
    """Return the row of a user in a Parquet file, or no row.

    Raises
    ------
    EngineError
        If the file cannot be read.
    """
    from segmentry.ingest.engines import _run_tables

    return _run_tables.find_user(file, user_id)


def sample_users(file: Path, *, n_users: int) -> pl.DataFrame:
    """Return about `n_users` rows of a Parquet file, chosen by a hash of the id.

    Raises
    ------
    EngineError
        If the file cannot be read.
    """
    from segmentry.ingest.engines import _run_tables

    return _run_tables.sample_users(file, n_users=n_users)


def pick_users(file: Path, places: Path, *, n_users: int) -> pl.DataFrame:
    """Return about `n_users` rows of a Parquet file for users of another, with their places there.

    Raises
    ------
    EngineError
        If a file cannot be read, or ids are numbers in one and text in the other.
    """
    from segmentry.ingest.engines import _run_tables

    return _run_tables.pick_users(file, places, n_users=n_users)


def top_users(file: Path, *, segment_id: int, by: str, n_users: int) -> pl.DataFrame:
    """Return the users of a segment with the largest values of a column; ties by id.

    Raises
    ------
    EngineError
        If the file cannot be read or lacks a column.
    """
    from segmentry.ingest.engines import _run_tables

    return _run_tables.top_users(file, segment_id=segment_id, by=by, n_users=n_users)


def count_moves(before: Path, after: Path) -> pl.DataFrame:
    """Count users by their segment in two Parquet files; null where a user is in one only.

    Raises
    ------
    EngineError
        If a file cannot be read.
    """
    from segmentry.ingest.engines import _run_tables

    return _run_tables.count_moves(before, after)


@contextlib.contextmanager
def explained(engine: Engine, step: str) -> Iterator[None]:
    """Make an engine's own error, met while queries are put together, one line with the step.

    Raises
    ------
    EngineError
        Such as for temporary files that somebody has removed.

    Examples
    --------
    >>> engine = open_engine("polars", scratch=Path("."))
    >>> with explained(engine, "counting"):
    ...     raise FileNotFoundError("part-0.parquet is gone")
    Traceback (most recent call last):
    ...
    segmentry.errors.EngineError: polars failed while counting: part-0.parquet is gone
    """
    try:
        yield
    except engine.errors as error:
        cause = disk_cause(str(error)) or " ".join(str(error).split())
        raise EngineError(engine=engine.name, step=step, cause=cause) from error
