"""DuckDB: out of core on one machine."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import polars.selectors as cs

from segmentry.errors import DataError
from segmentry.ingest.engines._duckdb_parts import TEMPORARY, part_query
from segmentry.ingest.engines._duckdb_scan import (
    alike,
    expanded,
    layouts_of,
    scan_query,
)
from segmentry.ingest.engines._failures import failure_of, proving_text
from segmentry.ingest.engines._parts import (
    PART,
    SET_ASIDE,
    collapse,
    files_of,
    n_rows_of,
    parts_of,
    rows_held,
    split_prepared,
    written_log,
)
from segmentry.ingest.engines._plain import PlainText, plain_text, tally_if_plain
from segmentry.ingest.engines._plain_parts import hashes_alike, split_if_plain
from segmentry.ingest.engines._rejects import forget_rejects, unreadable_rows
from segmentry.ingest.engines._streams import Readable, rows_of
from segmentry.ingest.engines._validity import REASON, TIME_OF, Judged, judge
from segmentry.ingest.engines._watching import Config, connect, watched
from segmentry.ingest.files import FileLayout, require_all_rows
from segmentry.ingest.quoting import quoted_text
from segmentry.runtime.sampling import is_sampled
from segmentry.runtime.threads import prefetch
from segmentry.schema import (
    SECONDS_PER_DAY,
    UNREADABLE_WHOLE,
    ColumnSource,
    Frames,
    LogParts,
    PartQueries,
    TableSource,
    UserTally,
)

T = TypeVar("T")
Item = TypeVar("Item")
Read = TypeVar("Read")
_BYTES_PER_HELD_ROW = 64


class Choice(NamedTuple):
    """Which rows of a log are used, and who hears how far it is, as for `Engine.split_log`."""

    exclude: Mapping[str, nw.Expr] = {}
    keep_users: pl.Series | None = None
    on_progress: Callable[[int, int], None] = lambda _done, _total: None


class DuckDBEngine:
    """An in-memory DuckDB database that spills to a folder."""

    name = "duckdb"
    errors: tuple[type[Exception], ...] = (duckdb.Error, OSError)

    def __init__(self, *, scratch: Path, n_bytes: int, n_threads: int | None = None) -> None:
        config: Config = {
            "temp_directory": str(scratch / "spill"),
            "preserve_insertion_order": False,
            "memory_limit": f"{n_bytes}B",
        }
        if n_threads is not None:
            config["threads"] = n_threads
        self._n_bytes, self._config = n_bytes, config
        self._registered: dict[int, tuple[str, pl.DataFrame]] = {}

    @functools.cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Opened when it is first requested: plain tables and counts need none."""
        return connect(self._config)

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()

    def read_table(self, source: TableSource) -> tuple[pl.DataFrame, int]:
        """Return a small table with canonical names, and its unreadable rows."""
        if not source.is_distinct:
            plain = self._read_plainly(source, rows_of, lambda rows: rows.height)
            if plain:
                return plain[0], 0
        frame, require_all = self._read(source, rows_of)
        n_unreadable = sum(unreadable_rows(self._ask).values())
        if not source.is_distinct:
            require_all(frame.height + n_unreadable)
        n_before = 0 if source.prepared is None else source.prepared.n_rejected
        return frame, n_before + n_unreadable

    def split_table(
        self, source: TableSource, directory: Path, *, n_parts: int
    ) -> tuple[tuple[Path, ...], int]:
        """Write a table of users into parts as those of a log; return them, and unreadable rows."""
        target = f"{quoted_text(str(directory))} (FORMAT parquet, PARTITION_BY ({PART}), OVERWRITE)"

        def write(rows: duckdb.DuckDBPyRelation) -> None:
            part = f"(hash(user_id) % {n_parts})::BIGINT AS {PART}"
            query = f"SELECT *, {part} FROM ({rows.sql_query()})"  # noqa: S608  # our own text
            self._connection.execute(f"COPY ({query}) TO {target}")

        _, require_all = self._read(source, write)
        parts, n_unreadable = parts_of(directory), sum(unreadable_rows(self._ask).values())
        if not source.is_distinct:
            require_all(sum(map(n_rows_of, parts)) + n_unreadable)
        n_before = 0 if source.prepared is None else source.prepared.n_rejected
        return tuple(parts), n_before + n_unreadable

    def unreadable_example(self, source: TableSource, name: str) -> str:
        """Return the first text, in order, that is not a number in a canonical column."""
        if source.prepared is not None:
            return ""
        column = source.columns[name]
        columns = {name: column, "written": ColumnSource(column.name, "text")}
        texts = TableSource("texts", source.files, columns, source.shape)
        is_number = column.type == "number" or column.days_until is not None
        is_strange = f"isnan({name})" if is_number else f"{name} = {UNREADABLE_WHOLE}"
        found, _ = self._read(texts, lambda rows: rows_of(rows.filter(is_strange).min("written")))
        unreadable_rows(self._ask)
        return str(found.item())

    def count_rows(self, source: TableSource) -> int:
        """Return how many rows the files of a log hold."""
        rows = TableSource("texts", source.files, source.columns, source.shape)
        found, require_all = self._read(rows, lambda found: found.count("*").fetchall())
        n_rows = int(found[0][0])
        n_unreadable = sum(unreadable_rows(self._ask).values())
        require_all(n_rows + n_unreadable)
        return n_rows

    def last_moment(self, source: TableSource) -> int | None:
        """Return the moment of the last row of a log that can be used."""
        if source.prepared is not None:
            return max((each.last_at for each in source.written.values()), default=None)

        def find(judged: Judged) -> tuple[int, int | None]:
            at = nw.when(nw.col(REASON) == 0).then(nw.col(TIME_OF[source.role]))
            found = judged.rows.select(n=nw.len(), last_at=at.max())
            n_rows, last_at = rows_of(nw.to_native(found)).row(0)
            return n_rows, last_at

        answer, _ = self._read_log(source, find, lambda found: found[0], Choice())
        return answer[1]

    def sampled_users(self, source: TableSource, share: float) -> pl.Series:
        """Return the distinct known user ids of a log that `is_sampled` takes, in any order."""
        known = "user_id IS NOT NULL"
        users, _ = self._read(
            source, lambda rows: rows_of(rows.filter(known).project("user_id").distinct())
        )
        unreadable_rows(self._ask)
        return users["user_id"].filter(is_sampled(users["user_id"], share))

    def split_log(
        self,
        source: TableSource,
        directory: Path,
        *,
        n_parts: int,
        exclude: Mapping[str, nw.Expr] = {},
        keep_users: pl.Series | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
        on_collapse: Callable[[int, int], None] | None = None,
    ) -> LogParts:
        """Read a log once, set bad rows aside with a reason, make parts by user."""
        choice = Choice(exclude, keep_users, on_progress)
        if source.prepared is None:
            return self._split(source, directory, choice, on_collapse, n_parts=n_parts)
        quiet = Choice(exclude, keep_users)
        return split_prepared(
            functools.partial(self._split, choice=quiet, on_collapse=on_collapse),
            source,
            directory,
            exclude=exclude,
            are_all_users_kept=keep_users is None,
            on_progress=on_progress,
        )

    def _split(
        self,
        source: TableSource,
        directory: Path,
        choice: Choice,
        on_collapse: Callable[[int, int], None] | None,
        *,
        n_parts: int,
    ) -> LogParts:
        judged = None
        if source.prepared is None and choice.keep_users is None and hashes_alike(self._ask):
            judged = split_if_plain(
                source,
                layouts_of(source),
                directory,
                n_parts=n_parts,
                n_held=self._held(n_parts),
                exclude=choice.exclude,
                on_progress=choice.on_progress,
            )
        unreadable: Mapping[str, int] = {}
        n_repeated = 0
        if judged is None:
            judged, unreadable = self._split_with_care(source, directory, choice, n_parts=n_parts)
        if source.is_distinct:
            distinct = functools.partial(self.write_part, source.role, is_distinct=True)
            n_repeated = collapse(directory, distinct, on_collapse)
        return written_log(directory, judged, unreadable=unreadable, n_repeated=n_repeated)

    def _split_with_care(
        self, source: TableSource, directory: Path, choice: Choice, *, n_parts: int
    ) -> tuple[Judged, Mapping[str, int]]:
        part = f"CASE WHEN {REASON} = 0 THEN hash(user_id) % {n_parts} ELSE {SET_ASIDE} END"
        options = f"{TEMPORARY}, PARTITION_BY ({PART}), OVERWRITE"
        target = f"{quoted_text(str(directory))} ({options})"

        def write(judged: Judged) -> Judged:
            sound = nw.to_native(judged.to_write()).sql_query()
            query = f"SELECT *, ({part})::BIGINT AS {PART} FROM ({sound})"  # noqa: S608  # no outside text
            self._connection.execute(f"COPY ({query}) TO {target}")
            return judged

        def count(_: Judged) -> int:
            return sum(map(n_rows_of, directory.glob(f"{PART}=*")))

        self._connection.execute(f"SET partitioned_write_flush_threshold = {self._held(n_parts)}")
        return self._read_log(source, write, count, choice)

    def _held(self, n_parts: int) -> int:
        """Return how many rows may be held back per part and thread before they are written.

        65,536 take 0.5 GB and 9 s at 26 million rows in 12 parts, where the default of DuckDB
        takes 1.6 GB and is no faster. In all they are a million at most, so that memory does not
        grow with the parts: in 67 parts 65,536 each take 786 MB, 8,192 take 334.
        """
        n_writers = (os.cpu_count() or 1) * n_parts
        return rows_held(n_writers, in_all=self._n_bytes // 4 // _BYTES_PER_HELD_ROW)

    def write_part(
        self,
        role: str,
        files: Sequence[Path],
        target: Path,
        *,
        is_distinct: bool,
        is_sorted: bool = False,
        within: tuple[int, int] | None = None,
        without: pl.Series | None = None,
    ) -> None:
        """Write the rows of a part to one file in small types; one of equal rows if wanted."""
        left_out = None if without is None else self.from_polars(without.to_frame("user_id"))

        def write() -> None:
            rows = self._parquet(files)
            if left_out is not None:
                rows = rows.join(nw.to_native(left_out), "user_id", how="anti")
            query = part_query(
                rows, role, is_distinct=is_distinct, is_sorted=is_sorted, within=within
            )
            form = "FORMAT parquet, COMPRESSION zstd" if is_sorted else TEMPORARY
            self._connection.execute(f"COPY ({query}) TO {quoted_text(str(target))} ({form})")

        self._run(write, "writing a part of the log")

    def count_days(self, role: str, files: Sequence[Path], *, offset: int) -> Mapping[int, int]:
        """Count the rows of parts by local day since 1970."""
        day = f"floor(({TIME_OF[role]} + {offset}) / {SECONDS_PER_DAY}.0)::BIGINT"
        query = f"{day} AS day, count(*) AS n"
        return dict(
            self._run(
                lambda: self._parquet(files).aggregate(query, day).fetchall(), "counting days"
            )
        )

    def extent_of(self, role: str, file: Path) -> tuple[int, int, int]:
        """Return how many rows a file of a part has, and its first and last moment."""
        at = TIME_OF[role]
        query = f"count(*), coalesce(min({at}), 0), coalesce(max({at}), 0)"
        found = self._run(
            lambda: self._parquet([file]).aggregate(query).fetchall(), "looking at a part"
        )
        n_rows, first_at, last_at = found[0]
        return n_rows, first_at, last_at

    def count_users_in(self, files: Sequence[Path], users: pl.Series) -> Mapping[Path, int]:
        """Count the rows of some users by file; files without one are absent."""
        wanted = nw.to_native(self.from_polars(users.to_frame("user_id")))

        def find() -> list[tuple[str, int]]:
            names = [str(file) for file in files]
            rows = self._connection.read_parquet(
                names, hive_partitioning=False, union_by_name=True, filename=True
            )
            found = rows.select("user_id", "filename").join(wanted, "user_id", how="semi")
            return found.aggregate("filename, count(*)", "filename").fetchall()

        return {Path(name): n for name, n in self._run(find, "looking for users")}

    def _parquet(self, files: Sequence[Path]) -> duckdb.DuckDBPyRelation:
        """Return the rows of files of parts; ids may be of four bytes in some of them."""
        names = [str(file) for file in files]
        return self._connection.read_parquet(
            names, hive_partitioning=False, union_by_name=len(names) > 1
        )

    def tally_users(
        self,
        source: TableSource,
        *,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
    ) -> UserTally:
        """Read the log once and count users on the way, writing nothing."""
        if keep_users is None:
            layouts = layouts_of(source)
            plain = tally_if_plain(source, layouts, exclude=exclude, on_progress=on_progress)
            if plain is not None:
                return plain
        (judged, found), unreadable = self._read_log(
            source,
            lambda judged: (judged, rows_of(nw.to_native(judged.by_user()))),
            lambda answer: int(answer[1]["n_impressions"].sum()),
            Choice(exclude, keep_users, on_progress),
        )
        return judged.tally(found, unreadable=unreadable)

    def scan_part(self, part: Path) -> nw.LazyFrame[Any]:
        """Return the rows of one part of a log, lazily."""
        return nw.from_native(self._parquet(files_of(part)))

    def map_parts(
        self,
        read: Callable[[PartQueries, Item], Read],
        items: Sequence[Item],
        use: Callable[[Read], Frames],
    ) -> Iterator[Frames]:
        """Read the next item while the last is used."""
        return map(use, prefetch(functools.partial(read, self), items))

    def from_polars(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Make an in-memory table joinable with the engine's own."""
        # Once for all parts that take it; it is held, so that no other has its place in memory.
        if id(frame) in self._registered:
            return nw.from_native(self._connection.table(self._registered[id(frame)][0]))
        name = f"frame_{len(self._registered)}"
        self._registered[id(frame)] = (name, frame)
        self._connection.register("incoming", Readable(frame))
        self._connection.execute(f"CREATE TEMP TABLE {name} AS FROM incoming")
        self._connection.unregister("incoming")
        return nw.from_native(self._connection.table(name))

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query and return its rows."""
        found = self._run(lambda: rows_of(nw.to_native(frame)), "computing the user table")
        # Ids of four bytes in parts are of eight everywhere else.
        return found.with_columns((cs.ends_with("_id") & cs.by_dtype(pl.Int32)).cast(pl.Int64))

    def close(self) -> None:
        """Release memory, threads and temporary files."""
        if "_connection" in vars(self):
            self._connection.close()

    def _run(self, query: Callable[[], T], step: str) -> T:
        try:
            return query()
        except duckdb.Error as error:
            raise failure_of(self.name, step, error) from error

    def _read_log(
        self,
        source: TableSource,
        use: Callable[[Judged], T],
        count: Callable[[T], int],
        choice: Choice,
    ) -> tuple[T, Mapping[str, int]]:
        """Use the judged rows of a log and show how far it is; `count` tells how many they were.

        Returns lines that could not be read, by reason, too.
        """
        users = choice.keep_users
        kept = None if users is None else self.from_polars(users.to_frame("user_id"))

        def judge_and_use(raw: duckdb.DuckDBPyRelation) -> T:
            return use(judge(nw.from_native(raw), source, exclude=choice.exclude, keep_users=kept))

        with watched(self._connection.query_progress, source, on_progress=choice.on_progress):
            plain = self._read_plainly(source, judge_and_use, count)
            if plain:
                return plain[0], {}
            found, require_all = self._read(source, judge_and_use)
        unreadable = unreadable_rows(self._ask)
        # A row that holds counts stands for many here; `count_rows` compares them.
        if source.prepared is None and "n_impressions" not in source.columns:
            require_all(count(found) + sum(unreadable.values()))
        return found, unreadable

    def _read_plainly(
        self,
        source: TableSource,
        use: Callable[[duckdb.DuckDBPyRelation], T],
        count: Callable[[T], int],
    ) -> tuple[T] | None:
        """Use the rows without looking at each value; None where that is not proved to be right."""
        try:
            plain = plain_text(source, functools.partial(layouts_of, source))
        except DataError:
            return None  # reading with care says what is wrong, of lines beyond the first ones too
        if plain is None:
            return None
        forget_rejects(self._ask)
        with ThreadPoolExecutor(1) as worker:
            proof = worker.submit(plain.n_lines)
            try:
                found = use(self._scan(source, plain.layouts, plain=plain))
            except duckdb.InterruptException:
                raise  # Ctrl-C, which reading once more would swallow
            except duckdb.Error:
                return None
        return (found,) if proof.result() == count(found) else None

    def _read(
        self, source: TableSource, use: Callable[[duckdb.DuckDBPyRelation], T]
    ) -> tuple[T, Callable[[int], None]]:
        """Use the rows of a table; return what refuses another number of them than the files hold.

        DuckDB pads short lines on all threads, but on one thread only where a quoted field holds
        a line break; it says so and is then read again.
        """
        step = f"reading the {source.role}"
        with proving_text(source.files, source.shape, self._connection.interrupt) as counted:
            layouts = layouts_of(source)
            require_all = functools.partial(
                require_all_rows, layouts, shape=source.shape, counted=counted
            )
            forget_rejects(self._ask)
            try:
                return use(self._scan(source, layouts)), require_all
            except duckdb.Error as error:
                if "parallel=false" not in str(error):
                    raise failure_of(self.name, step, error) from error
            forget_rejects(self._ask)
            found = self._run(lambda: use(self._scan(source, layouts, is_parallel=False)), step)
            return found, require_all

    def _scan(
        self,
        source: TableSource,
        layouts: Sequence[FileLayout],
        *,
        is_parallel: bool = True,
        plain: PlainText | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """Return all files of a table as one relation with canonical names."""
        queries = [
            scan_query(source, group, is_parallel=is_parallel, plain=plain)
            for group in alike(source, layouts)
        ]
        rows = self._connection.sql(expanded(source, " UNION ALL ".join(queries)))
        is_log = source.role in TIME_OF
        return rows.distinct() if source.is_distinct and not is_log else rows
