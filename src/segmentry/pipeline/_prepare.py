"""Prepared data: made once of the files of a log, and carried on as days and wishes come."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import polars as pl

from segmentry.config import RunConfig, load_config
from segmentry.errors import ConfigError, DataError
from segmentry.ingest.sources import with_duplicates
from segmentry.ingest.store.changes import add_files, forget_users
from segmentry.ingest.store.preparation import prepare_source
from segmentry.ingest.store.prepared import PREPARED_FILE, read_origin, read_prepared, tables_of
from segmentry.ingest.user_files import as_ids, read_user_file
from segmentry.lifecycle.history import REFRESHES_FILE, forget_members, read_history
from segmentry.pipeline._read import opened
from segmentry.results.elsewhere import takes_places
from segmentry.schema import Progress, RowAccount, Source
from segmentry.settings import ReadingOptions

_BLOCK_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class PreparedData:
    """What a preparation came to."""

    directory: Path
    accounts: tuple[RowAccount, ...]
    """Where the rows of each table went."""
    n_bytes_read: int
    n_bytes: int
    """`n_bytes_read`, `n_bytes`: of the files that were read and of those that were written."""
    is_new: bool
    """Whether anything had to be done."""


@takes_places(folders={"out": PREPARED_FILE})
def prepare(
    data_dir: Path | str | None,
    *,
    out: Path | str,
    mapping: Path | str | None = None,
    overwrite: bool = False,
    block_bytes: int = _BLOCK_BYTES,
    progress: Progress | None = None,
    **options: Unpack[ReadingOptions],
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
        The folder to make. Until it is whole, the work lies in a hidden folder next to it.
    mapping : Path or str, optional
        TOML file, for data that are not Taobao's.
    overwrite : bool
        Begin again, and replace an earlier prepared folder.
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
    settings = settings.model_copy(update={"with_": ("behaviours",)})
    with opened(data_dir, mapping, settings, progress=progress, are_files_whole=True) as found:
        source = _to_prepare(found, settings)
        n_bytes_read = _size_of(source)
        is_new = prepare_source(
            source,
            target,
            overwrite=overwrite,
            memory=settings.memory,
            block_bytes=block_bytes,
            progress=progress,
            engine=settings.engine,
            spark=settings.spark,
        )
    prepared = read_prepared(target)
    accounts = tuple(each.prepared for each in tables_of(prepared).values() if each.prepared)
    return PreparedData(
        directory=target,
        accounts=accounts,
        n_bytes_read=n_bytes_read,
        n_bytes=_size_of(prepared),
        is_new=is_new,
    )


@takes_places(files=("files",), folders={"prepared": PREPARED_FILE})
def add_data(
    prepared: Path | str,
    files: Sequence[Path | str],
    *,
    block_bytes: int = _BLOCK_BYTES,
    progress: Progress | None = None,
    **options: Unpack[ReadingOptions],
) -> tuple[RowAccount, ...]:
    """Add new days, late rows, profiles or ads to prepared data, each block of a file once.

    A run on them then finds what it would find if all files had been prepared at once.

    Parameters
    ----------
    prepared : Path or str
        A folder that `prepare` made.
    files : sequence of Path or str
        In any order; the table of each is found by its columns.
    block_bytes : int
        Text to work on at once.
    progress : callable, optional
    **options
        ``memory`` of `RunConfig`.

    Returns
    -------
    tuple of RowAccount
        Where the rows went, by table.

    Raises
    ------
    DataError
        If a file has the columns of no table, no row that can be used, or nothing new. The data
        are then as they were.
    OutputError
        If the folder cannot be written, or is being changed by another process.
    """
    settings = load_config(None, options)
    return add_files(
        Path(prepared).absolute(),
        [Path(file) for file in files],
        memory=settings.memory,
        block_bytes=block_bytes,
        progress=progress,
    )


@takes_places(files=("users",), folders={"prepared": PREPARED_FILE, "history": REFRESHES_FILE})
def forget_data(
    prepared: Path | str,
    users: Path | str,
    *,
    history: Path | str | None = None,
    progress: Progress | None = None,
    **options: Unpack[ReadingOptions],
) -> tuple[RowAccount, ...]:
    """Erase users from prepared data: from the logs, the profiles and all that was counted.

    Parameters
    ----------
    prepared : Path or str
        A folder that `prepare` made.
    users : Path or str
        CSV or Parquet file with a column ``user_id``, or called as in the files of the log.
    history : Path or str, optional
        A history of ``segmentry refresh``, from which they are erased too.
    progress : callable, optional
    **options
        ``memory`` of `RunConfig`.

    Returns
    -------
    tuple of RowAccount
        The accounts of the tables that held one of the users.

    Raises
    ------
    DataError
        If the data hold none of the users, or the file names none or one twice.
    OutputError
        If the folder cannot be written, or is being changed by another process.
    """
    settings, target = load_config(None, options), Path(prepared).absolute()
    log = read_origin(target).plan.tables["impressions"].columns["user_id"]
    rows = read_user_file(Path(users), ["user_id"], other_names={"user_id": ["user", log.name]})
    kind = pl.String() if log.type == "text" else pl.Int64()
    ids = as_ids(rows["user_id"], like=kind, source=str(users))
    if n_repeated := len(ids) - ids.n_unique():
        raise DataError(
            f"{users}: {n_repeated:,} of {len(ids):,} rows repeat a user; expected each user once; "
            "remove the others"
        )
    if history is not None:
        read_history(Path(history))  # before anything is changed: it must be one
    accounts = forget_users(target, ids, memory=settings.memory, progress=progress)
    if history is not None:
        forget_members(Path(history), ids)
    return accounts


def _to_prepare(source: Source, settings: RunConfig) -> Source:
    if source.impressions is None:
        raise ConfigError("a ready user table is read at once; there is nothing to prepare")
    if source.impressions.prepared is not None:
        raise ConfigError("the data are prepared already; run on them as they are")
    return with_duplicates(source, settings.duplicates)


def _size_of(source: Source) -> int:
    files = {file for table in tables_of(source).values() for file in table.files}
    return sum(file.stat().st_size for file in files)
