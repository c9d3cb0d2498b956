"""Tables that a session of Spark knows: of Hive, Delta, Iceberg, or made by the caller."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segmentry.errors import DataError
from segmentry.ingest.engines.spark._session import explained_by, held_session
from segmentry.ingest.remote import Rows
from segmentry.settings import SparkEngine

_TIMES = "spark.sql.parquet.outputTimestampType"


def session_rows(name: str, *, spark: SparkEngine) -> Rows:
    """Open a table of a session, which stays open until its rows are closed.

    Raises DataError if the session has no such table; else as `opened_cluster`.
    """
    shown, step = f"table:{name}", f"reading table:{name}"
    held = contextlib.ExitStack()
    try:
        session = held.enter_context(held_session(spark))
        with explained_by(step):
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
            table.select(*texts).write.parquet(f"file://{folder.absolute()}")
        files = list(folder.glob("part-*.parquet"))
        if not files:
            raise DataError(
                f"{shown}: {folder} holds none of the rows that the workers wrote; name a folder "
                "that all machines share as --temp"
            )
        return sum(file.stat().st_size for file in files)

    return Rows(shown, columns, "as of this run", write, held.close)


@contextlib.contextmanager
def _times_with_zone(session: Any) -> Any:
    """Let a moment be written as one, not in the old form that says nothing of its zone."""
    before = session.conf.get(_TIMES)
    session.conf.set(_TIMES, "TIMESTAMP_MICROS")
    try:
        yield
    finally:
        session.conf.set(_TIMES, before)
