"""Where a table of results goes: a file here, an object, a Delta table, a table of PostgreSQL.

Each is whole or as it was before, whatever goes wrong. A folder of parts is written by many.
"""

import contextlib
import io
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from segmentry.errors import ConfigError, OutputError
from segmentry.ingest.remote import (
    Place,
    database_address,
    lake_options,
    object_store_of,
    place_of,
    require_writable,
)
from segmentry.runtime.preload import require
from segmentry.runtime.spreadsheets import without_formulas
from segmentry.runtime.temporary import claimed, put_in_place, written_whole

_SUFFIXES = (".parquet", ".csv")
_DELTA = re.compile(r"delta:(.+)", re.DOTALL)
_TABLE = re.compile(r"env:(\w+)/(?:(\w+)\.)?(\w+)")
_PIECE = 8 << 20
_RIGHTS = (
    "SELECT to_regclass($1) IS NOT NULL, "
    "has_schema_privilege(coalesce(nullif($2, ''), current_schema()), 'CREATE')"
)
Writer = Callable[[pl.DataFrame], None]


def target_of(out: Path | str, *, overwrite: bool, append: bool) -> Writer:
    """Check a place before the work and return what writes a table there.

    Parameters
    ----------
    out : Path or str
        A file, an object as ``s3://bucket/scores.parquet``, a Delta table as ``delta:PATH``, or a
        table of the PostgreSQL that a variable leads to, as ``env:SHOP_DB/scores``.
    overwrite : bool
        Replace what is there.
    append : bool
        Add rows to a table that is there.

    Raises
    ------
    ConfigError
        If the name is of none of these, or rows are to be added to a file.
    OutputError
        If something is there and is neither replaced nor added to, or the place cannot be written.

    >>> target_of("scores.xlsx", overwrite=False, append=False)
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --out scores.xlsx: expected a name that ends in .parquet or \
.csv; without an ending it is a folder of parts
    """
    if overwrite and append:
        raise ConfigError("--overwrite and --append: rows are replaced or added; leave out one")
    name = str(out)
    mode = "overwrite" if overwrite else "append" if append else "error"
    if found := _DELTA.fullmatch(name):
        return _delta(found[1], mode)
    if found := _TABLE.fullmatch(name):
        return _database(found, mode)
    if not name.endswith(_SUFFIXES):
        raise ConfigError(
            f"--out {out}: expected a name that ends in .parquet or .csv; without an ending it is "
            "a folder of parts"
        )
    if append:
        raise ConfigError(f"--append: {out} is a file; rows are added to tables alone")
    place = place_of(name)
    return _file(Path(out), overwrite) if place is None else _object(place, overwrite)


def is_folder(out: Path | str) -> bool:
    """Whether a folder of parts is requested: a name on this machine without an ending.

    >>> is_folder("scores"), is_folder("scores.csv"), is_folder("delta:scores"), is_folder("env:DB")
    (True, False, False, False)
    """
    return not re.match(r"\w{2,}:", str(out)) and not Path(out).suffix


@dataclass(frozen=True, slots=True)
class PartsFolder:
    """A folder that fills: what is written stands in it when it is whole."""

    staging: Path

    @property
    def scratch(self) -> Path:
        """For temporary files: of a name that nothing has yet."""
        return self.staging / "scratch"

    def n_rows(self) -> int:
        """Return how many rows all parts have."""
        files = list((self.staging / "parts").iterdir())
        return int(pl.scan_parquet(files).select(pl.len()).collect().item()) if files else 0

    def write(self, table: pl.DataFrame, number: int) -> None:
        """Write a part; twice is as once.

        A copy of a task that ends when the folder has its place finds no folder to write to.
        """
        name = f"part-{number:05}.parquet"
        partial = self.staging / "writing" / f"{name}.{secrets.token_hex(8)}"
        try:
            table.write_parquet(partial)
            partial.replace(self.staging / "parts" / name)
        except OSError as error:
            raise _refused(f"{self.staging}/{name}", error) from error


@contextlib.contextmanager
def parts_folder(out: Path, *, overwrite: bool, append: bool) -> Iterator[PartsFolder]:
    """Yield a folder of parts that takes its place when all went well.

    Raises ConfigError if rows are to be added; OutputError if something else is there, or what is
    there may not be replaced.
    """
    if append:
        raise ConfigError(f"--append: {out} is a folder of parts; rows are added to tables alone")
    if out.exists():
        is_parts = out.is_dir() and all(each.match("part-*.parquet") for each in out.iterdir())
        if not (is_parts and overwrite):
            remedy = " or add --overwrite" if is_parts else ""
            raise OutputError(f"{out}: exists; choose another --out{remedy}")
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out.absolute().parent}: no such folder; make it first")
    target = out.absolute()
    staging = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with claimed(staging, leftovers=f".{target.name}.*.partial"):
            for name in ("parts", "writing"):
                (staging / name).mkdir()
            yield PartsFolder(staging)
            put_in_place(staging / "parts", target)
    except OSError as error:
        raise _refused(str(out), error) from error


def _write(table: pl.DataFrame, file: Any, *, is_csv: bool) -> None:
    if is_csv:
        without_formulas(table).write_csv(file)
    else:
        table.write_parquet(file)


def _file(file: Path, overwrite: bool) -> Writer:  # requested by name above
    if file.is_dir():
        raise OutputError(f"{file}: is a folder; name a file")
    if file.exists() and not overwrite:
        raise OutputError(f"{file}: exists; choose another --out or add --overwrite")
    if not file.absolute().parent.is_dir():
        raise OutputError(f"{file.absolute().parent}: no such folder; make it first")

    def write(table: pl.DataFrame) -> None:
        with written_whole(file) as partial:
            _write(table, partial, is_csv=file.suffix == ".csv")

    return write


def _object(place: Place, overwrite: bool) -> Writer:  # as above
    store = object_store_of(place)
    if store.below(place, is_deep=False) and not overwrite:
        raise OutputError(f"{place}: exists; choose another --out or add --overwrite")
    folder, _, _ = place.path.rpartition("/")
    if not folder:
        raise OutputError(f"{place}: a bucket, expected a file in one; add its name")
    require_writable(store, replace(place, path=folder))

    def write(table: pl.DataFrame) -> None:
        content = io.BytesIO()
        _write(table, content, is_csv=place.path.endswith(".csv"))
        store.put(content, place)

    return write


def _delta(path: str, mode: str) -> Writer:
    lake = require("deltalake", extra="lake")
    place = place_of(path)
    address = path if place is None else str(place)
    options = lake_options(address)
    name = f"delta:{address}"
    if mode == "error" and lake.DeltaTable.is_deltatable(address, options):
        raise OutputError(f"{name}: exists; add --append or --overwrite, or choose another --out")

    def write(table: pl.DataFrame) -> None:
        try:
            lake.write_deltalake(address, table.to_arrow(), mode=mode, storage_options=options)
        except (lake.exceptions.DeltaError, OSError) as error:
            raise _refused(name, error) from error

    return write


def _database(found: re.Match[str], mode: str) -> Writer:
    driver = require("adbc_driver_postgresql.dbapi", extra="sql")
    variable, schema, table_name = found.groups()
    address = database_address(f"env:{variable}", where="--out")
    requested = ".".join(f'"{each}"' for each in (schema, table_name) if each)
    try:
        with driver.connect(address) as opened, opened.cursor() as cursor:
            cursor.execute(_RIGHTS, (requested, schema or ""))
            is_there, may_create = map(bool, cursor.fetchone())
    except driver.Error as error:
        raise _refused(found[0], error) from error
    if is_there and mode == "error":
        raise OutputError(f"{found[0]}: exists; add --append or --overwrite, or choose another")
    if not is_there and not may_create:
        raise OutputError(f"{found[0]}: no right to create a table there; ask for it")
    action = {"append": "create_append", "overwrite": "replace" if is_there else "create"}

    def write(table: pl.DataFrame) -> None:
        try:
            # One transaction: others see the table of before until all rows are there.
            with driver.connect(address) as opened, opened.cursor() as cursor:
                rows = table.to_arrow(compat_level=pl.CompatLevel.oldest())
                cursor.adbc_ingest(
                    table_name, rows, action.get(mode, "create"), db_schema_name=schema
                )
                opened.commit()
        except driver.Error as error:
            raise _refused(found[0], error) from error

    return write


def _refused(name: str, error: Exception) -> OutputError:
    text = " ".join(str(error).split())
    answer = re.search(r"(?:ERROR|FATAL): +(.+?)(?: SQLSTATE| LINE \d| CONTEXT| Query was|$)", text)
    shown = answer[1] if answer else re.sub(r"[?]\S+", "?…", text)
    return OutputError(
        f"{name}: cannot be written: {shown[:160].rstrip(' .')}; choose another --out"
    )
