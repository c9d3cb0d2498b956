"""How are large files read, checked and split by user?

In: a `TableSource`. Out: tables, parts by user, and their accounts. Engines compute no feature.
"""

from contextlib import ExitStack
from pathlib import Path

from segmentry.errors import ConfigError
from segmentry.ingest.engines._failures import explained
from segmentry.ingest.engines._validity import REPEATED, TIME_OF, total_account
from segmentry.runtime.memory import engine_share, process_limit, users_that_fit
from segmentry.schema import Engine
from segmentry.settings import SparkEngine

__all__ = [
    "ENGINES",
    "REPEATED",
    "TIME_OF",
    "explained",
    "open_engine",
    "total_account",
]

ENGINES = ("duckdb",)
"""Engines of one machine; "spark" reads by the first of them."""
_TASK_MEMORY = "1GB"


def open_engine(
    name: str,
    *,
    scratch: Path,
    memory: str | None = None,
    spark: SparkEngine | None = None,
    is_by_part: bool = False,
) -> Engine:
    """Open an engine; close it when done.

    Parameters
    ----------
    name : str
        "duckdb" or "spark".
    scratch : Path
        Existing folder for temporary files; on a cluster one that all its machines share.
    memory : str, optional
        As "2GB": what the whole process may take, half of the machine's by default. DuckDB gets
        so much of it that the process stays within.
    spark : SparkEngine, optional
        How the cluster is reached.
    is_by_part : bool
        Whether all that is made of users stays where it is made, so that a cluster may have any
        number of them.

    Raises
    ------
    ConfigError
        If the engine is unknown, or the cluster does not answer.

    Examples
    --------
    >>> open_engine("sqlite", scratch=Path("."))
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: engine 'sqlite' is unknown; expected duckdb or spark
    """
    if name not in (*ENGINES, "spark"):
        raise ConfigError(f"engine {name!r} is unknown; expected duckdb or spark")
    limit = process_limit(memory)
    if name == "spark":
        spark = spark or SparkEngine(None)
        return _open_spark(spark, scratch.absolute(), limit, memory, is_by_part=is_by_part)
    from segmentry.ingest.engines._duckdb import DuckDBEngine

    return DuckDBEngine(scratch=scratch, n_bytes=engine_share(limit))


def _open_spark(
    spark: SparkEngine, scratch: Path, limit: int, memory: str | None, *, is_by_part: bool
) -> Engine:
    from segmentry.ingest.engines.spark import ClusterEngine, opened_cluster

    with ExitStack() as stack:
        cluster = stack.enter_context(opened_cluster(spark, folder=scratch, max_bytes=limit // 2))
        return ClusterEngine(
            cluster,
            scratch=scratch,
            n_bytes=engine_share(limit),
            task_bytes=engine_share(process_limit(memory or _TASK_MEMORY)),
            max_users=None if is_by_part else users_that_fit(limit),
            stack=stack.pop_all(),
        )
    raise AssertionError  # for the type checker: the block above returns
