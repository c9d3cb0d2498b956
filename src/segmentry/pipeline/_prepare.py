"""Turn the files of a log once into compact Parquet, block by block, so that it can go on later."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmentry.config import RunConfig, load_config
from segmentry.errors import ConfigError, OutputError
from segmentry.ingest.engines import open_engine
from segmentry.ingest.room import require_room_for
from segmentry.ingest.sources import find_source, with_duplicates
from segmentry.ingest.store.blocks import (
    LOGS,
    Work,
    as_plain,
    begin_work,
    check_inputs,
    convert_table,
    merge_parts,
    plan_of,
    split_blocks,
)
from segmentry.ingest.store.journal import Journal, locked
from segmentry.ingest.store.prepared import (
    PREPARED_FILE,
    read_origin,
    read_prepared,
    render_prepared,
    tables_of,
    with_tables,
)
from segmentry.runtime.whole_files import put_in_place
from segmentry.schema import Progress, RowAccount, Source

_BLOCK_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class PreparedData:
    """What a preparation came to.

    Parameters
    ----------
    directory : Path
    accounts : tuple of RowAccount
        Where the rows of each table went.
    n_bytes_read, n_bytes : int
        Of the files that were read and of those that were written.
    is_new : bool
        Whether anything had to be done.
    """

    directory: Path
    accounts: tuple[RowAccount, ...]
    n_bytes_read: int
    n_bytes: int
    is_new: bool


def prepare(
    data_dir: Path | str | None,
    *,
    out: Path | str,
    mapping: Path | str | None = None,
    overwrite: bool = False,
    block_bytes: int = _BLOCK_BYTES,
    progress: Progress | None = None,
    **options: Any,
) -> PreparedData:
    """Turn the files of a log into compact Parquet, in parts by user.

    What is written takes the place of the files: `run`, `score` and `check_data` read it as they
    would read them, and find the same. A preparation that was interrupted, by whatever, goes on
    where it stopped; that the files are still the same is seen by their content.

    Parameters
    ----------
    data_dir : Path or str or None
        Folder of the files; that of the mapping if absent.
    out : Path or str
        The folder to make. Until it is whole, the work lies in a hidden folder beside it.
    mapping : Path or str, optional
        TOML file, for data that are not Taobao's.
    overwrite : bool
        Begin anew, and replace an earlier prepared folder.
    block_bytes : int
        Text to work on between two moments at which the work can go on.
    progress : callable, optional
    **options
        ``memory`` and ``duplicates`` of `RunConfig`.

    Raises
    ------
    DataError
        If a file cannot be read or is not what it was when the work began.
    OutputError
        If the folder is in the way, cannot be written, or is being prepared by another process.

    Examples
    --------
    >>> import tempfile
    >>> from segmentry.datasets import GeneratorOptions, generate_taobao
    >>> home = Path(tempfile.mkdtemp())
    >>> data = generate_taobao(home / "data", GeneratorOptions(n_users=300, behaviours=True))
    >>> prepared = prepare(home / "data", out=home / "prepared")
    >>> [account.role for account in prepared.accounts], prepared.is_new
    (['impressions', 'profiles', 'ads', 'behaviours'], True)
    >>> prepare(home / "data", out=home / "prepared").is_new
    False
    """
    settings, target = load_config(None, options), Path(out).absolute()
    source = _source_to_prepare(data_dir, mapping, settings)
    _check_target(target)
    staging = target.parent / f".{target.name}.preparing"
    is_new = overwrite or not target.exists()
    with _written(target):
        staging.mkdir(parents=True, exist_ok=True)
        busy = f"{target}: is being prepared by another process; wait until it has ended"
        with locked(staging / "lock", busy=busy):
            if overwrite:
                _empty(staging)
            if is_new:
                _prepare_in(staging, source, settings, block_bytes=block_bytes, progress=progress)
                put_in_place(staging / "whole", target)
            shutil.rmtree(staging)
    if not is_new:
        _check_same(source, target)
    prepared = read_prepared(target)
    accounts = tuple(each.prepared for each in tables_of(prepared).values() if each.prepared)
    return PreparedData(
        directory=target,
        accounts=accounts,
        n_bytes_read=_size_of(source),
        n_bytes=_size_of(prepared),
        is_new=is_new,
    )


def _source_to_prepare(
    data_dir: Path | str | None, mapping: Path | str | None, settings: RunConfig
) -> Source:
    source = find_source(data_dir, mapping)
    if source.impressions is None:
        raise ConfigError("a ready user table is read at once; there is nothing to prepare")
    if source.impressions.prepared is not None:
        raise ConfigError(f"{data_dir}: is prepared already; run on it as it is")
    return with_duplicates(source, settings.duplicates)


def _check_target(target: Path) -> None:
    if target.exists() and not (target / PREPARED_FILE).is_file():
        raise OutputError(
            f"{target}: exists and is no prepared folder (no {PREPARED_FILE}), so it is not "
            "replaced; choose another --out"
        )


def _check_same(source: Source, target: Path) -> None:
    """Refuse a folder that was prepared from something else."""
    tables = tables_of(source)
    plan, inputs = read_origin(target)
    if {**plan, "engine": ""} != {**as_plain(plan_of(tables)), "engine": ""}:
        raise OutputError(
            f"{target}: was prepared from other files or with other options; choose another --out "
            "or add --overwrite"
        )
    for role, table in tables.items():
        check_inputs(table, inputs[role])


def _size_of(source: Source) -> int:
    files = {file for table in tables_of(source).values() for file in table.files}
    return sum(file.stat().st_size for file in files)


@contextlib.contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{target}: cannot be written: {reason}; mend that and prepare again: it goes on where "
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
    source: Source,
    settings: RunConfig,
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
    engine = open_engine("duckdb", scratch=scratch, memory=settings.memory)
    try:
        work = Work(staging, Journal(staging / "journal"), engine, block_bytes, progress)
        plan = plan_of(tables)
        n_parts = begin_work(work, plan, tables)
        made, inputs = {}, {}
        for role, table in tables.items():
            if role in LOGS:
                inputs[role] = split_blocks(work, table, n_parts=n_parts)
                made[role] = merge_parts(work, table, n_parts=n_parts)
            else:
                made[role], inputs[role] = convert_table(work, table)
    finally:
        engine.close()
    text = render_prepared(with_tables(source, made), staging / "whole", plan=plan, inputs=inputs)
    (staging / "whole" / PREPARED_FILE).write_text(text, encoding="utf-8")
