"""What a session of Spark brings: its tables, and files elsewhere that its tasks fetch."""

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from segmentry.errors import ConfigError, DataError
from segmentry.ingest.engines.spark._session import (
    COMPRESSION,
    explained_by,
    held_session,
    opened_cluster,
)
from segmentry.ingest.engines.spark._tasks import fetch_each
from segmentry.ingest.remote import Rows, Session, Wanted
from segmentry.settings import SparkEngine

_LOSING = ("spark.sql.files.ignoreCorruptFiles", "spark.sql.files.ignoreMissingFiles")
_FEW_BYTES = 10**8
"""For what tasks that fetch give back, which is errors."""
_TIMES = "spark.sql.parquet.outputTimestampType"


def session_of(spark: SparkEngine) -> Session:
    """Return what a session brings, which is opened when it is first needed."""
    return Session(
        partial(_rows, spark=spark), partial(_fetch, spark=spark), partial(held_session, spark)
    )


def _fetch(wanted: Sequence[Wanted], folder: Path, *, spark: SparkEngine) -> None:
    """Fetch pieces of files into a shared folder, a task for each file."""
    with opened_cluster(spark, folder=folder, max_bytes=_FEW_BYTES) as cluster:
        body = partial(fetch_each, wanted=wanted)
        cluster.rows_of("fetching files", (len(wanted), body))


def _rows(name: str, *, spark: SparkEngine) -> Rows:
    """Open a table of a session, which stays open until its rows are closed.

    Raises DataError if the session has no such table, ConfigError if it leaves out what it cannot
    read; else as `held_session`.
    """
    shown, step = f"table:{name}", f"reading table:{name}"
    held = contextlib.ExitStack()
    try:
        session = held.enter_context(held_session(spark))
        with explained_by(step):
            _refuse_losses(session)
            if not session.catalog.tableExists(name):
                raise DataError(
                    f"{shown}: the session of Spark has no such table; check the name, and that "
                    "the session has its catalog (--spark-conf)"
                )
            table = session.table(name)
            columns = tuple(table.columns)
    except BaseException:
        held.close()
        raise

    def write(wanted: Sequence[str], folder: Path) -> int:
        texts = ["`" + each.replace("`", "``") + "`" for each in wanted]
        with explained_by(step), _times_with_zone(session):
            table.select(*texts).write.parquet(
                f"file://{folder.absolute()}", compression=COMPRESSION
            )
        files = list(folder.glob("part-*.parquet"))
        if not files:
            raise DataError(
                f"{shown}: {folder} holds none of the rows that the workers wrote; name a folder "
                "that all machines share as --temp"
            )
        return sum(file.stat().st_size for file in files)

    return Rows(shown, columns, "as of this run", write, held.close)


def _refuse_losses(session: Any) -> None:
    """Refuse settings under which Spark leaves out rows and says nothing."""
    for each in _LOSING:
        if session.conf.get(each, "false") == "true":
            raise ConfigError(
                f"Spark setting {each}=true: rows that cannot be read would be left out and not "
                "counted; set it to false"
            )


@contextlib.contextmanager
def _times_with_zone(session: Any) -> Any:
    """Let a moment be written as one, not in the old form that says nothing of its zone."""
    before = session.conf.get(_TIMES)
    session.conf.set(_TIMES, "TIMESTAMP_MICROS")
    try:
        yield
    finally:
        session.conf.set(_TIMES, before)
