"""Tables that are not files: of a lake, or the answer of a database."""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentry.errors import (
    ConfigError,
    DataError,
    EmptyDataError,
    OutputError,
    SchemaError,
    SegmentryError,
)
from segmentry.ingest.quoting import quoted_name
from segmentry.ingest.remote._failures import is_unreached, reason_of
from segmentry.ingest.remote._names import Place, place_of
from segmentry.ingest.remote._narrowing import narrowed
from segmentry.ingest.remote._pruning import TimeBounds
from segmentry.ingest.remote._stores import store_of
from segmentry.runtime.preload import require

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE = re.compile(r"(delta|iceberg):(.+?)(?:@(\d+))?", re.DOTALL)
OF_SESSION = "table:"
_BATCH_BYTES = 16 << 20
_PLAIN_FEATURES = frozenset({"timestampNtz"})
"""Of readers of Delta, those that change nothing of what its files hold."""
_NEWER = ("nsupported", "format_version", "format-version", "does not match any")


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file of a lake, elsewhere, all of whose rows are of the table."""

    place: Place
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table that is not a file."""

    name: str
    """For messages."""
    columns: tuple[str, ...]
    version: str
    write: Callable[[Sequence[str], Path], int]
    """Write some columns as Parquet, to a file or to a folder of that name; return the bytes."""
    close: Callable[[], None] = lambda: None
    """Release what the rows come through."""
    parts: tuple[Part, ...] = ()
    """The files that the table is made of, if they can be read without its library."""
    field_ids: Mapping[str, int] = field(default_factory=dict)
    """By which Iceberg knows the columns of its files, whatever they were called."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows that were not requested, by reason."""

    def are_in(self, file: Any, columns: Collection[str], folders: Collection[str]) -> bool:
        """Whether a file, by its footer, holds columns under the names that they have now."""
        own = {each.name.strip(): each for each in file.schema.to_arrow_schema()}
        for name in columns:
            if name not in own:
                if name not in folders:
                    return False
            elif self.field_ids:
                known = (own[name].metadata or {}).get(b"PARQUET:field_id", b"")
                if known.decode() != str(self.field_ids.get(name)):
                    return False
        return True


def is_table(name: str) -> bool:
    """Whether a name is that of a table of a lake or of a session, as ``delta:shop/log@3``.

    >>> is_table("delta:s3://bucket/log"), is_table("table:shop.log"), is_table("delta.csv")
    (True, True, False)
    """
    return name.startswith(OF_SESSION) or _TABLE.fullmatch(name) is not None


def table_rows(name: str, *, base: Path) -> Rows:
    """Open a table of a lake; its path is one elsewhere, or from `base`.

    Raises DataError if it cannot be read; MissingExtraError if its library is not installed.
    """
    found = _TABLE.fullmatch(name)
    assert found is not None, "checked before"  # noqa: S101  # by `is_table`
    kind, path, version = found[1], found[2], None if found[3] is None else int(found[3])
    place = place_of(path)
    address = str(base / path) if place is None else str(place)
    shown = f"{kind}:{path}"
    if kind == "delta":
        return _delta(address, version, shown)
    if place is None and "/" not in path and not (base / path).exists() and "." in path:
        return _iceberg_of_catalog(path, version, shown)
    return _iceberg(address, version, shown)


def _delta(address: str, version: int | None, name: str) -> Rows:
    lake = require("deltalake", extra="lake")
    try:
        table = lake.DeltaTable(address, version=version, storage_options=lake_options(address))
    except lake.exceptions.TableNotFoundError as error:
        raise DataError(f"{name}: no Delta table is there; check the path") from error
    except lake.exceptions.DeltaError as error:
        if version is not None and "end version" in str(error):
            raise DataError(f"{name}: no version {version}; take one that is there") from error
        raise _unread(name, "deltalake", error) from error
    except OSError as error:
        raise _unread(name, "deltalake", error) from error

    def batches(columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        import pyarrow as pa

        chosen = ", ".join(map(quoted_name, columns))
        try:
            query = lake.QueryBuilder().register("rows", table)
            answer = query.execute(f"SELECT {chosen} FROM rows")  # noqa: S608  # quoted names
            yield from pa.RecordBatchReader.from_stream(answer)
        except (lake.exceptions.DeltaError, OSError, pa.ArrowException) as error:
            raise _unread(name, "deltalake", error) from error

    names = tuple(each.name for each in table.schema().fields)
    found = _streamed(name, names, f"version {table.version()}", batches)
    return replace(found, parts=_parts_of_delta(table, address))


def _parts_of_delta(table: Any, address: str) -> tuple[Part, ...]:
    """Return the files of a table; none where they do not hold its rows as they are."""
    import pyarrow as pa

    protocol = table.protocol()
    features = {*(protocol.reader_features or ())} - _PLAIN_FEATURES
    if place_of(address) is None or protocol.min_reader_version == 2 or features:
        return ()
    actions = pa.table(table.get_add_actions())
    names, sizes = (actions[each].to_pylist() for each in ("path", "size_bytes"))
    if any("%" in each or "://" in each for each in names):
        return ()
    places = (place_of(f"{address}/{each}") for each in names)
    return tuple(Part(p, n) for p, n in zip(places, sizes, strict=True) if p is not None)


def lake_options(address: str) -> dict[str, str]:
    """Return what deltalake has to know besides the usual variables."""
    is_plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    return {"AWS_ALLOW_HTTP": "true"} if is_plain and address.startswith("s3:") else {}


def _iceberg_of_catalog(path: str, snapshot: int | None, name: str) -> Rows:
    """Open a table by its catalog, set up in ``.pyiceberg.yaml`` or the environment."""
    catalogs = require("pyiceberg.catalog", extra="lake")
    catalog, _, rest = path.partition(".")
    try:
        table = catalogs.load_catalog(catalog).load_table(rest)
    except Exception as error:  # each catalog raises its own, and so do its clients
        raise _unread(name, "pyiceberg", error) from error
    return _iceberg_rows(table, snapshot, name)


def _iceberg(address: str, snapshot: int | None, name: str) -> Rows:
    tables = require("pyiceberg.table", extra="lake")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    found = {"s3.endpoint": endpoint, "s3.region": region}  # a region it would look for elsewhere
    properties = {name: value for name, value in found.items() if value}
    try:
        table = tables.StaticTable.from_metadata(_metadata_file(address, name), properties)
    except SegmentryError:
        raise
    except Exception as error:  # its own of each kind, and those of what it reads with
        raise _unread(name, "pyiceberg", error) from error
    rows = _iceberg_rows(table, snapshot, name)
    if place_of(address) is None or _snapshot_of(table, snapshot) is None:
        return rows
    try:
        scan = table.scan(snapshot_id=snapshot)
        tasks = list(scan.plan_files())
    except Exception as error:  # as above
        raise _unread(name, "pyiceberg", error) from error
    places = [place_of(task.file.file_path) for task in tasks]
    if any(task.delete_files or task.file.file_format.value != "PARQUET" for task in tasks):
        places = [None]
    parts = tuple(
        Part(place, task.file.file_size_in_bytes)
        for place, task in zip(places, tasks, strict=False)
        if place is not None
    )
    ids = {each.name: each.field_id for each in scan.projection().fields}
    return replace(rows, parts=parts if len(parts) == len(tasks) else (), field_ids=ids)


def _snapshot_of(table: Any, requested: int | None) -> int | None:
    last = table.current_snapshot()
    return requested if requested is not None else (None if last is None else last.snapshot_id)


def _metadata_file(address: str, name: str) -> str:
    """Return the file that describes the latest state of a table."""
    if address.endswith(".metadata.json"):
        return address
    place = place_of(f"{address}/metadata")
    if place is None:
        found = [str(each) for each in Path(address, "metadata").glob("*.metadata.json")]
    else:
        listed = (each.path for each in store_of(place).below(place, is_deep=False))
        found = [f"{place.scheme}://{each}" for each in listed if each.endswith(".metadata.json")]
    if not found:
        raise DataError(f"{name}: no Iceberg table is there; check the path")
    return max(found, key=lambda each: (_number_of(each), each))


def _number_of(file: str) -> int:
    """Return the number of a state, which is how its file begins: ``00003-…`` or ``v3…``."""
    found = re.match(r"v?(\d+)", file.rpartition("/")[2])
    return int(found[1]) if found else -1


def _iceberg_rows(table: Any, snapshot: int | None, name: str) -> Rows:
    if snapshot is not None and table.snapshot_by_id(snapshot) is None:
        raise DataError(f"{name}: no snapshot {snapshot}; take one that is there")
    chosen = _snapshot_of(table, snapshot)
    # An earlier snapshot has its columns of then; the last one those of now, also if none was
    # written since they changed.
    names = tuple(each.name for each in table.scan(snapshot_id=snapshot).projection().fields)

    def batches(columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        import pyarrow as pa

        try:
            scan = table.scan(selected_fields=tuple(columns), snapshot_id=snapshot)
            yield from scan.to_arrow_batch_reader()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unread(name, "pyiceberg", error) from error

    return _streamed(name, names, f"snapshot {chosen}", batches)


def _unread(name: str, library: str, error: Exception) -> DataError:
    text = " ".join(re.sub(r"\x1b\S*", "", str(error)).split())
    if reason := reason_of(text):
        return DataError(f"{name}: {reason.format(verb='read')}")
    if is_unreached(text):
        return DataError(f"{name}: cannot be reached; check the network and the address")
    if any(word in text for word in _NEWER):
        return DataError(
            f"{name}: a table of a newer protocol than {library} here reads; "
            f"pip install -U {library}"
        )
    shown = re.sub(r"[?]\S+", "?…", text)[:160]  # an address may be signed
    return DataError(f"{name}: cannot be read: {shown}; check the path")


def database_address(connection: str, *, where: str) -> str:
    """Return the address that a variable of the environment holds, named as ``env:NAME``.

    Raises ConfigError if there is none.
    """
    variable = connection.removeprefix("env:")
    address = os.environ.get(variable)
    if not address:
        raise ConfigError(
            f"{where}: the environment has no {variable}; set it to an address such as "
            "postgresql://user@host/database"
        )
    return address


def query_rows(
    query: str,
    connection: str,
    *,
    role: str,
    columns: Collection[str],
    bounds: TimeBounds | None,
) -> Rows:
    """Run a query on PostgreSQL, that changes nothing, and return what is needed of its rows.

    Raises ConfigError if no connection is named; DataError if the query fails.
    """
    driver = require("adbc_driver_postgresql.dbapi", extra="sql")
    address = database_address(connection, where=f"[{role}] connection")
    name = f"[{role}] query"
    opened = contextlib.ExitStack()
    try:
        cursor = opened.enter_context(opened.enter_context(driver.connect(address)).cursor())
        # All that is requested is of one state.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        hint = "adbc.postgresql.batch_size_hint_bytes"
        cursor.adbc_statement.set_options(**{hint: str(_BATCH_BYTES)})

        def ask(text: str) -> tuple[Any, ...]:
            cursor.execute(text)
            return tuple(cursor.fetchone())

        schema = cursor.adbc_execute_schema(query)
        needed, left_out = narrowed(query, ask, schema, columns, bounds)
        cursor.execute(needed)
        reader = cursor.fetch_record_batch()
    except driver.Error as error:
        opened.close()
        raise _failed(name, error) from error

    def batches(columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        import pyarrow as pa

        try:
            for batch in reader:
                yield batch.select(list(columns))
        except (driver.Error, pa.ArrowException, OSError) as error:
            raise _failed(name, error) from error

    version = f"query {hashlib.sha256(query.encode()).hexdigest()[:12]}"
    rows = _streamed(name, tuple(schema.names), version, batches, opened.close)
    return replace(rows, left_out=left_out)


def _failed(name: str, error: Exception) -> DataError:
    """Say what a database answered; an address that cannot be read may hold a password."""
    text = str(error)
    found = re.search(r"(ERROR|FATAL): +(.+)", text)
    if found is not None:
        remedy = "correct the query" if found[1] == "ERROR" else "check the address, or try again"
        return DataError(f"{name}: the database says: {found[2].strip()}; {remedy}")
    if "onnection refused" in text or "translate host" in text or is_unreached(text):
        return DataError(f"{name}: the database cannot be reached; check the address")
    return DataError(f"{name}: cannot be read; check the address and the query")


def _streamed(
    name: str,
    columns: tuple[str, ...],
    version: str,
    batches: Callable[[Sequence[str]], Iterator["pa.RecordBatch"]],
    close: Callable[[], None] = lambda: None,
) -> Rows:
    """Return rows that come through this process, piece by piece."""
    return Rows(
        name, columns, version, lambda wanted, file: write_rows(batches(wanted), file), close
    )


def write_rows(batches: Iterator["pa.RecordBatch"], file: Path) -> int:
    """Write rows to a Parquet file, piece by piece, and return how many bytes they were.

    Raises OutputError if the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_bytes = 0
    writer = None
    try:
        for batch in batches:
            plain = pa.table(_plain(batch))
            n_bytes += plain.nbytes
            writer = writer or pq.ParquetWriter(file, plain.schema)
            writer.write_table(plain)
    except pa.ArrowNotImplementedError as error:
        kinds = ", ".join(f"{each.name} ({each.type})" for each in plain.schema)
        raise SchemaError(
            f"{file}: found a column of a type that no log has among {kinds}; cast it in the query"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be written: {error.strerror or error}; name another --temp"
        ) from error
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise EmptyDataError(f"{file}: no rows; expected at least one")
    return n_bytes


def _plain(batch: "pa.RecordBatch") -> dict[str, "pa.Array"]:
    """Return columns of types that every reader of Parquet knows."""
    import pyarrow as pa

    found = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = column.type
        if isinstance(kind, pa.BaseExtensionType) and kind != pa.uuid():
            column = column.storage  # noqa: PLW2901  # numeric and json, which are texts
        elif pa.types.is_dictionary(kind) or pa.types.is_string_view(kind):
            column = column.cast(pa.string())  # noqa: PLW2901  # as above
        found[name] = column
    return found
