"""Prepare a source: what is not done yet is done in a hidden folder, which then takes its place."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from segmentry.errors import OutputError
from segmentry.ingest.engines import open_engine, total_account
from segmentry.ingest.room import require_room_for
from segmentry.ingest.store.blocks import (
    LOGS,
    begin_work,
    check_inputs,
    convert_table,
    plan_of,
    prepared_log,
    split_blocks,
)
from segmentry.ingest.store.journal import Journal, Work, done_accounts
from segmentry.ingest.store.prepared import (
    PREPARED_FILE,
    Inputs,
    Prepared,
    prepared_tables,
    read_origin,
    tables_of,
    with_tables,
    write_prepared,
)
from segmentry.ingest.store.slices import merge_parts
from segmentry.runtime.temporary import locked, own_folder, put_in_place
from segmentry.schema import Engine, Progress, Source, TableSource
from segmentry.settings import SparkEngine


def prepare_source(
    source: Source,
    target: Path,
    *,
    overwrite: bool,
    memory: str | None,
    block_bytes: int,
    progress: Progress | None,
    engine: str = "duckdb",
    spark: SparkEngine | None = None,
) -> bool:
    """Write the tables of a source into a prepared folder, and return whether that was needed.

    Raises DataError if a file cannot be read or is not what it was when the work began; OutputError
    if the folder is in the way, cannot be written, was prepared from something else, or is being
    prepared by another process.
    """
    _check_target(target)
    staging = target.parent / f".{target.name}.preparing"
    is_new = overwrite or not target.exists()
    with _written(target):
        own_folder(staging)
        busy = f"{target}: is being prepared by another process; wait until it has ended"
        with locked(staging / "lock", busy=busy):
            if overwrite:
                _empty(staging)
            if is_new:
                opening = partial(open_engine, engine, memory=memory, spark=spark)
                _prepare_in(
                    staging, target, source, opening, block_bytes=block_bytes, progress=progress
                )
                put_in_place(staging / "whole", target)
            shutil.rmtree(staging)
    if not is_new:
        _check_same(source, target)
    return is_new


def _check_target(target: Path) -> None:
    if target.exists() and not (target / PREPARED_FILE).is_file():
        raise OutputError(
            f"{target}: exists and is not a prepared folder (no {PREPARED_FILE}), so it is not "
            "replaced; choose another --out"
        )


def _check_same(source: Source, target: Path) -> None:
    """Refuse a folder that was prepared from something else."""
    tables = tables_of(source)
    origin = read_origin(target)
    if origin.plan.tables != plan_of(tables).tables:
        raise OutputError(
            f"{target}: was prepared from other files or with other options; choose another --out "
            "or add --overwrite"
        )
    for role, table in tables.items():
        check_inputs(table, origin.inputs[role])


@contextlib.contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{target}: cannot be written: {reason}; fix that and prepare again: it goes on where "
            "it stopped"
        ) from error


def _empty(staging: Path) -> None:
    """Forget an earlier preparation; the lock stays."""
    for each in staging.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        elif each.name != "lock":
            each.unlink()


def _prepare_in(
    staging: Path,
    target: Path,
    source: Source,
    opening: Callable[..., Engine],
    *,
    block_bytes: int,
    progress: Progress | None,
) -> None:
    """Do what is not done yet; the folder ``whole`` is complete in the end."""
    scratch = staging / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    tables = tables_of(source)
    if not (staging / "journal").exists():
        require_room_for([each for role, each in tables.items() if role in LOGS], staging)
    with contextlib.closing(opening(scratch=scratch)) as opened:
        work = Work(staging, Journal(staging / "journal"), opened, block_bytes, progress, target)
        plan = plan_of(tables)
        n_parts = begin_work(work, plan, tables)
        made, inputs = {}, {}
        for role, table in tables.items():
            if role in LOGS:
                offset = round(source.utc_offset_hours * 3600)
                made[role], inputs[role] = _prepare_log(work, table, n_parts, offset=offset)
            else:
                made[role], inputs[role] = convert_table(work, table)
    written = prepared_tables(work.whole, made)
    content = Prepared(with_tables(source, {}), written, plan, n_parts, inputs)
    write_prepared(content, work.whole)


def _prepare_log(
    work: Work, table: TableSource, n_parts: int, *, offset: int
) -> tuple[TableSource, Inputs]:
    if work.engine.name == "spark":
        from segmentry.ingest.engines.spark import ClusterEngine
        from segmentry.ingest.store.on_cluster import prepare_on_cluster

        assert isinstance(work.engine, ClusterEngine), "by its name"  # noqa: S101
        return prepare_on_cluster(work, work.engine, table, n_parts=n_parts, offset=offset)
    inputs = split_blocks(work, table, n_parts=n_parts)
    merged = merge_parts(work, table, n_parts=n_parts, offset=offset)
    account = total_account(table, done_accounts(work, table), n_repeated=merged.n_repeated)
    return prepared_log(work.whole, table, merged.files, account), inputs
