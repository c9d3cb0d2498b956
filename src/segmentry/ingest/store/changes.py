"""Changes to a prepared folder: rows that come later, users who are to be forgotten.

New files lie next to the old ones until ``prepared.json`` names them, in one step; whatever ends
the process before it leaves the folder as it was.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import polars as pl

from segmentry.errors import DataError, OutputError, SchemaError, SegmentryError
from segmentry.ingest.engines import open_engine, total_account
from segmentry.ingest.files import FileLayout, has_integers_only, inspect_file, require_columns
from segmentry.ingest.room import require_room_for
from segmentry.ingest.store.blocks import (
    LOGS,
    convert_table,
    place_table,
    split_blocks,
)
from segmentry.ingest.store.journal import Journal, Work, done_accounts
from segmentry.ingest.store.prepared import (
    PREPARED_FILE,
    Plan,
    PlannedTable,
    Prepared,
    PreparedTable,
    check_content,
    prepared_tables,
    read_origin,
    read_prepared,
    tables_of,
    write_prepared,
)
from segmentry.ingest.store.slices import merge_parts, place_slice
from segmentry.ingest.text_blocks import BlockRecord, record_of
from segmentry.runtime.temporary import locked, own_folder
from segmentry.schema import PreparedFile, Progress, RowAccount, TableSource

FORGOTTEN = "forgotten at the user's request"
_JOINED = ("user_id", "ad_id", "category_id", "brand_id")


@contextlib.contextmanager
def _changing(
    target: Path, *, memory: str | None, block_bytes: int, progress: Progress | None
) -> Iterator[Work]:
    """Yield a work in a hidden folder next to `target` that no other process changes meanwhile."""
    if not (target / PREPARED_FILE).is_file():
        raise DataError(
            f"{target}: no {PREPARED_FILE}; expected a folder of segmentry data prepare"
        )
    staging = target.parent / f".{target.name}.preparing"
    busy = f"{target}: is being changed by another process; wait until it has ended"
    try:
        own_folder(staging)
        with locked(staging / "lock", busy=busy):
            if (staging / "journal").exists():
                (staging / "journal").unlink()
            for old in staging.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            (staging / "scratch").mkdir()
            engine = open_engine("duckdb", scratch=staging / "scratch", memory=memory)
            try:
                _sweep(target)
                journal = Journal(staging / "journal")
                yield Work(staging, journal, engine, block_bytes, progress, target)
            finally:
                engine.close()
                shutil.rmtree(staging)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{target}: cannot be changed: {reason}; it is as it was; fix that and repeat it"
        ) from error


def _sweep(target: Path) -> None:
    """Remove files that ``prepared.json`` does not name: those of a change before, or cut off."""
    named = {target / name for each in read_origin(target).tables.values() for name in each.files}
    found = (*target.glob("*/part=*/*.parquet"), *target.glob("*.parquet"))
    for file in (*found, *target.glob(f".{PREPARED_FILE}.*.partial")):
        if file not in named:
            file.unlink()


def _publish(work: Work, target: Path, content: Prepared) -> None:
    """Put new files next to the old ones, then make the folder what `content` says."""
    for table in content.tables.values():
        for name in table.files:
            if (work.whole / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (work.whole / name).replace(target / name)
    write_prepared(content, target)


@dataclass(frozen=True, slots=True)
class _Added:
    """A table that took up files."""

    table: PreparedTable
    blocks: tuple[BlockRecord, ...]
    account: RowAccount
    """Of the rows that were added."""


def add_files(
    target: Path,
    files: Sequence[Path],
    *,
    memory: str | None,
    block_bytes: int,
    progress: Progress | None,
) -> tuple[RowAccount, ...]:
    """Add the rows of files to a prepared folder, each block of them once; return where they went.

    Raises DataError if a file is of no table of the folder, holds nothing new, or cannot be read;
    OutputError if the folder cannot be written or is being changed by another process.
    """
    with _changing(target, memory=memory, block_bytes=block_bytes, progress=progress) as work:
        origin, tables = read_origin(target), tables_of(read_prepared(target))
        _check_engine(target, origin.plan)
        requested = _tables_to_read(files, origin.plan)
        require_room_for([each for role, each in requested.items() if role in LOGS], work.folder)
        added: dict[str, _Added] = {}
        for role, table in requested.items():
            add = _add_to_log if role in LOGS else _add_to_table
            found = add(work, origin, tables[role], table)
            added |= {} if found is None else {role: found}
        if not added:
            named = str(files[0]) if len(files) == 1 else f"all {len(files)} files"
            raise DataError(
                f"{named}: every block was added before, so nothing is added; expected new days or "
                "late rows"
            )
        blocks = {role: (*origin.added.get(role, ()), *each.blocks) for role, each in added.items()}
        content = replace(
            origin,
            tables={**origin.tables, **{role: each.table for role, each in added.items()}},
            added={**origin.added, **blocks},
        )
        _publish(work, target, content)
    return tuple(each.account for each in added.values())


def _check_engine(target: Path, plan: Plan) -> None:
    """Refuse another version of what gives users to parts: a user would be in two."""
    now = f"duckdb {version('duckdb')}"
    if plan.engine != now:
        raise DataError(
            f"{target}: was prepared with {plan.engine}, found {now}, which may give users to "
            "other parts; prepare all files again with segmentry data prepare --overwrite"
        )


def _tables_to_read(files: Sequence[Path], plan: Plan) -> dict[str, TableSource]:
    """Return of each table the files that have its columns.

    Raises SchemaError if a file has those of none.
    """
    found: dict[str, list[Path]] = {}
    for file in files:
        for role in _roles_of(file, plan):
            found.setdefault(role, []).append(file)
    return {
        role: TableSource(
            role,
            tuple(found[role]),
            planned.columns,
            shape=planned.shape,
            is_distinct=planned.is_distinct,
            possible=planned.possible,
        )
        for role, planned in plan.tables.items()
        if role in found
    }


def _roles_of(file: Path, plan: Plan) -> list[str]:
    layouts: dict[str, FileLayout] = {}
    refusals: list[SegmentryError] = []
    for role, planned in plan.tables.items():
        try:
            layouts[role] = inspect_file(file, planned.shape)
        except SegmentryError as error:
            refusals.append(error)
    if not layouts:
        raise refusals[0]
    lacking = {role: _lacking(layout, plan.tables[role]) for role, layout in layouts.items()}
    complete = [role for role, names in lacking.items() if not names]
    if not complete:
        nearest = min(lacking, key=lambda role: len(lacking[role]) / len(plan.tables[role].columns))
        require_columns(layouts[nearest], sorted(lacking[nearest]))
    in_log = [role for role in complete if role not in LOGS and plan.tables[role].is_distinct]
    own = [role for role in complete if role not in in_log]
    best = sorted(own, key=lambda role: len(plan.tables[role].columns))[-1:]
    for role in (*best, *in_log):
        _check_ids(layouts[role], plan.tables[role])
    return [*best, *in_log]


def _lacking(layout: FileLayout, planned: PlannedTable) -> set[str]:
    return {column.name for column in planned.columns.values()} - set(layout.all_names)


def _check_ids(layout: FileLayout, planned: PlannedTable) -> None:
    for name in _JOINED:
        column = planned.columns.get(name)
        if column is not None and column.type == "integer":
            values = layout.values(column.name)
            if not has_integers_only(values):
                raise SchemaError(
                    f"{layout.path}: column {column.name!r} holds other than whole numbers, as the "
                    "prepared folder has them; prepare all files again with segmentry data prepare "
                    "--overwrite"
                )


def _add_to_log(
    work: Work, origin: Prepared, old: TableSource, table: TableSource
) -> _Added | None:
    """Add the blocks of a log that are new, if there are any."""
    role, known = table.role, set(origin.known[table.role])
    inputs = split_blocks(work, table, n_parts=origin.n_parts, known=known)
    blocks = tuple(block for each in inputs for block in each)
    if not blocks:
        return None
    accounts = done_accounts(work, table)
    new = RowAccount.total(role, accounts)
    if not new.n_used:
        why = ", ".join(f"{n:,} {reason}" for reason, n in new.rejected.items())
        raise DataError(
            f"{table.files[0]}: no row can be used of {new.n_read:,}: {why or 'none read'}; "
            "expected rows written as those of the folder"
        )
    merged = merge_parts(
        work,
        table,
        n_parts=origin.n_parts,
        offset=round(origin.source.utc_offset_hours * 3600),
        old=old,
    )
    before = [old.prepared] if old.prepared is not None else []
    total = total_account(table, [*before, *accounts], n_repeated=merged.n_repeated)
    return _Added(
        PreparedTable(merged.files, old.columns, total),
        blocks,
        total_account(table, accounts, n_repeated=merged.n_repeated),
    )


def _add_to_table(
    work: Work, origin: Prepared, old: TableSource, table: TableSource
) -> _Added | None:
    """Add the files of a small table that are new, if there are any."""
    records = {file: record_of(file) for file in table.files}
    fresh = {record: file for file, record in records.items()}
    for record in origin.known[table.role]:
        fresh.pop(record, None)
    if not fresh:
        return None
    check_content([old])
    made, _ = convert_table(work, replace(table, files=tuple(fresh.values())), old)
    assert made.prepared is not None, "it was just prepared"  # noqa: S101  # written so
    written = prepared_tables(work.whole, {table.role: made})[table.role]
    return _Added(written, tuple(fresh), made.prepared)


def forget_users(
    target: Path,
    users: pl.Series,
    *,
    memory: str | None,
    progress: Progress | None,
) -> tuple[RowAccount, ...]:
    """Erase users from every table of a prepared folder; return the accounts of these.

    Rows that are gone are counted as left out, without saying whose they were.

    Raises DataError if the folder has none of the users; OutputError if it cannot be written or is
    being changed by another process.
    """
    with _changing(target, memory=memory, block_bytes=0, progress=progress) as work:
        origin, tables = read_origin(target), tables_of(read_prepared(target))
        made: dict[str, PreparedTable] = {}
        for role, table in tables.items():
            if role in LOGS:
                made |= _forget_in_log(work, origin, table, users)
            elif role == "profiles":
                made |= _forget_in_profiles(work, table, users)
        if not made:
            raise DataError(
                f"{target}: holds none of the {len(users):,} users to forget; check the ids"
            )
        _publish(work, target, replace(origin, tables={**origin.tables, **made}))
        _sweep(target)
    return tuple(each.account for each in made.values() if each.account is not None)


def _forget_in_log(
    work: Work, origin: Prepared, table: TableSource, users: pl.Series
) -> dict[str, PreparedTable]:
    held = work.engine.count_users_in(table.files, users) if table.files else {}
    if not held:
        return {}
    check_content([replace(table, files=tuple(held))])
    offset = round(origin.source.utc_offset_hours * 3600)
    files: dict[str, PreparedFile] = {
        str(file.relative_to(work.target)): each
        for file, each in table.written.items()
        if file not in held
    }
    for file in sorted(held):
        rows = work.fresh("merge") / "rows.parquet"
        work.engine.write_part(
            table.role, [file], rows, is_distinct=False, is_sorted=True, without=users
        )
        if work.engine.extent_of(table.role, rows)[0]:
            part = int(file.parent.name.removeprefix("part="))
            files |= place_slice(work.engine, work.whole, table.role, part, rows, offset=offset)
    account = _without(table, sum(held.values()))
    return {table.role: PreparedTable(files, table.columns, account)}


def _forget_in_profiles(
    work: Work, table: TableSource, users: pl.Series
) -> dict[str, PreparedTable]:
    check_content([table])
    rows = pl.read_parquet(table.files[0])
    left = rows.filter(~pl.col("user_id").is_in(users.implode()) | pl.col("user_id").is_null())
    if left.height == rows.height:
        return {}
    account = _without(table, rows.height - left.height)
    made = replace(place_table(work, table.role, left), prepared=account)
    return prepared_tables(work.whole, {table.role: made})


def _without(table: TableSource, n_rows: int) -> RowAccount:
    before = table.prepared
    assert before is not None, "a prepared table has an account"  # noqa: S101  # written so
    excluded = {**before.excluded, FORGOTTEN: before.excluded.get(FORGOTTEN, 0) + n_rows}
    return replace(before, n_used=before.n_used - n_rows, excluded=excluded)
