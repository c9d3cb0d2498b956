"""Polars: the in-process engine, without SQL."""

import functools
import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import EngineError
from segmentry.ingest.engines._disk import disk_cause
from segmentry.ingest.engines._gzip import require_whole
from segmentry.ingest.engines._plain_numbers import plain_table
from segmentry.ingest.engines._plain_tally import tally_plainly
from segmentry.ingest.engines._polars_columns import code_of, moment_of, without_missing
from segmentry.ingest.engines._split import (
    PART,
    SET_ASIDE,
    account_of,
    collapse,
    files_of,
    layouts_of,
    plan_split,
    plan_tally,
    rows_held,
    split_or_keep,
    tally_of,
)
from segmentry.ingest.engines._validity import REASON, TIME_OF, WHOLE, raw_columns_of
from segmentry.ingest.files import NULL_WORDS, FileLayout
from segmentry.schema import SECONDS_PER_DAY, ColumnType, LogParts, TableSource, UserTally

T = TypeVar("T")

_IS_ROW = "is a row, not a blank line"
_ADVICE = "mend the file, or use --engine duckdb, which counts or names the lines it cannot read"


class PolarsEngine:
    """Lazy Polars queries; streamed where Polars can."""

    name = "polars"
    errors: tuple[type[Exception], ...] = (pl.exceptions.PolarsError, OSError)

    def read_table(self, source: TableSource) -> tuple[pl.DataFrame, int]:
        """Return a small table with canonical names, and its unreadable rows.

        Polars pads short lines with null, so that no row is unreadable to it.
        """
        plain = plain_table(source, layouts_of(source))
        if plain is not None:
            return plain, 0
        rows = _scan(source, tuple(source.columns))
        n_before = 0 if source.prepared is None else source.prepared.n_rejected
        return self._read(source, rows.collect), n_before

    def distinct_users(self, source: TableSource) -> pl.Series:
        """Return the distinct known user ids of a log."""
        users = _scan(source, ("user_id",)).drop_nulls().unique()
        return self._read(source, lambda: users.collect(engine="streaming"))["user_id"]

    def split_log(
        self,
        source: TableSource,
        directory: Path,
        *,
        n_parts: int,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
        on_collapse: Callable[[int, int], None] | None = None,
    ) -> LogParts:
        """Read a log once, set bad rows aside with a reason, make parts by user."""
        return split_or_keep(
            self,
            self._split,
            source,
            directory,
            n_parts=n_parts,
            exclude=exclude,
            keep_users=keep_users,
            on_progress=on_progress,
            on_collapse=on_collapse,
        )

    def _split(
        self,
        source: TableSource,
        directory: Path,
        *,
        n_parts: int,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
        on_collapse: Callable[[int, int], None] | None = None,
    ) -> LogParts:
        on_progress(0, 0)
        raw = nw.from_native(_scan(source, raw_columns_of(source)))
        kept = None if keep_users is None else self.from_polars(keep_users.to_frame("user_id"))
        rows, reasons, n_rejections = plan_split(raw, source, exclude=exclude, keep_users=kept)
        part = pl.when(pl.col(REASON) == 0).then(
            (pl.col("user_id").hash() % n_parts).cast(pl.Int64)
        )
        split = nw.to_native(rows).with_columns(part.otherwise(SET_ASIDE).alias(PART))
        target = pl.PartitionBy(directory, key=PART, include_key=False)
        # Left to itself Polars writes nothing of a part until the whole log is read: 25 million
        # rows took 6.1 GB.
        held = rows_held(n_parts)
        self._read(source, lambda: split.sink_parquet(target, mkdir=True, row_group_size=held))
        n_repeated = 0
        if source.is_distinct:
            write = functools.partial(self.write_part, source.role, is_distinct=True)
            n_repeated = collapse(directory, write, on_collapse)
        return account_of(
            directory,
            source,
            reasons=reasons,
            n_rejections=n_rejections,
            unreadable_rows={},
            n_repeated=n_repeated,
        )

    def write_part(
        self,
        role: str,
        files: Sequence[Path],
        target: Path,
        *,
        is_distinct: bool,
        is_sorted: bool = False,
    ) -> None:
        """Write the rows of a part to one file; one of equal rows if wanted.

        Types stay as they are: Polars joins no ids of different width.
        """
        del role
        rows = pl.scan_parquet(list(files), hive_partitioning=False).drop(REASON, strict=False)
        if is_distinct:
            rows = rows.unique()
        if is_sorted:
            rows = rows.sort(pl.all())
        self._run(lambda: rows.sink_parquet(target), "writing a part of the log")

    def tally_users(
        self,
        source: TableSource,
        *,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
    ) -> UserTally:
        """Read the log once and count users on the way, writing nothing."""
        on_progress(0, 0)
        if keep_users is None:
            layouts = layouts_of(source)
            plain = tally_plainly(source, layouts, exclude=exclude, on_progress=on_progress)
            if plain is not None:
                return plain
        raw = nw.from_native(_scan(source, raw_columns_of(source)))
        kept = None if keep_users is None else self.from_polars(keep_users.to_frame("user_id"))
        rows, reasons, n_rejections = plan_tally(raw, source, exclude=exclude, keep_users=kept)
        tally: pl.LazyFrame = nw.to_native(rows)
        found = self._read(source, lambda: tally.collect(engine="streaming"))
        return tally_of(
            found, source, reasons=reasons, n_rejections=n_rejections, unreadable_rows={}
        )

    def scan_part(self, part: Path) -> nw.LazyFrame[Any]:
        """Return the rows of one part of a log, lazily."""
        files = files_of(part)
        rows = pl.scan_parquet(files, hive_partitioning=False)
        return nw.from_native(rows.cast({pl.Int32: pl.Int64}))

    def from_polars(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Make an in-memory table joinable with the engine's own."""
        return nw.from_native(frame.lazy())

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query and return its rows."""
        native: pl.LazyFrame = nw.to_native(frame)
        return self._run(lambda: native.collect(engine="streaming"), "computing the user table")

    def close(self) -> None:
        """Nothing is held between queries."""

    def _read(self, source: TableSource, query: Callable[[], T]) -> T:
        try:
            return self._run(query, f"reading the {source.role}")
        except EngineError:
            # Polars compares checksums itself, and tells of them in words of its own.
            require_whole(source.files)
            raise

    def _run(self, query: Callable[[], T], step: str) -> T:
        try:
            return query()
        except (pl.exceptions.PolarsError, OSError) as error:
            of_disk = disk_cause(str(error))
            cause = of_disk or " ".join(str(error).split("\n\n")[0].split())
            if step.startswith("reading") and of_disk is None:
                cause = cause.removesuffix("Consider setting 'truncate_ragged_lines=True'.").strip()
                cause += f"; {_ADVICE}"
            raise EngineError(engine=self.name, step=step, cause=cause) from error


def _scan(source: TableSource, wanted: tuple[str, ...]) -> pl.LazyFrame:
    rows = pl.concat([_scan_file(source, layout, wanted) for layout in layouts_of(source)])
    return rows.unique() if source.is_distinct and source.role not in TIME_OF else rows


def _scan_file(source: TableSource, layout: FileLayout, wanted: tuple[str, ...]) -> pl.LazyFrame:
    if layout.format == "parquet":
        frame = pl.scan_parquet(layout.path, hive_partitioning=False, glob=False)
    elif layout.format == "whitespace":
        frame = _scan_lines(layout)
    else:
        frame = pl.scan_csv(
            layout.path,
            separator=layout.delimiter,
            infer_schema=False,
            null_values=list(NULL_WORDS),
            has_header=layout.has_header,
            glob=False,
            new_columns=None if layout.has_header else list(layout.columns),
        )
        # A blank line is no row; DuckDB leaves out some of them, and Polars none. As a column, the
        # condition is not pushed into the scan: of 2,000 columns that took 26 s to plan, not 0.01.
        is_row = pl.any_horizontal(pl.all().is_not_null()).alias(_IS_ROW)
        frame = frame.with_columns(is_row).filter(_IS_ROW).drop(_IS_ROW)
    schema = frame.collect_schema()
    found = zip(layout.names, schema.items(), strict=True)
    raw = {name: _plain(pl.col(written), dtype) for name, (written, dtype) in found}
    raw |= {name: (_uuid_text(raw[name][0]), pl.String()) for name in layout.uuids}
    for name, value in layout.partitions:
        raw.setdefault(name, (pl.lit(value or None, dtype=pl.String()), pl.String()))
    return frame.select(_output(source, raw, name) for name in wanted)


def _scan_lines(layout: FileLayout) -> pl.LazyFrame:
    """Read a file set in columns by blanks; fields are null in lines of another length."""
    lines = pl.scan_csv(
        layout.path,
        separator="\x01",  # in no text
        quote_char=None,
        infer_schema=False,
        has_header=layout.has_header,
        glob=False,
    )
    line = pl.col(lines.collect_schema().names()[0]).str.strip_chars(" \t\r")
    fields = line.str.replace_all(r"\s+", " ").str.split(" ")
    frame = lines.filter(line != "").select(fields.alias("fields"))
    is_whole = pl.col("fields").list.len() == len(layout.names)
    values = {
        name: pl.col("fields").list.get(place, null_on_oob=True)
        for place, name in enumerate(layout.columns)
    }
    return frame.select(
        pl.when(is_whole & ~value.is_in(list(NULL_WORDS))).then(value).alias(name)
        for name, value in values.items()
    )


def _plain(column: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.DataType]:
    """Take categories of Parquet for the text that they are."""
    if dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String), pl.String()
    return column, dtype


def _uuid_text(column: pl.Expr) -> pl.Expr:
    """Write UUIDs of 16 bytes as DuckDB does."""
    digits = column.bin.encode("hex")
    places = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    return pl.concat_str([digits.str.slice(*place) for place in places], separator="-")


_Raw = Mapping[str, tuple[pl.Expr, pl.DataType]]


def _output(source: TableSource, raw: _Raw, name: str) -> pl.Expr:
    column = source.columns.get(name)
    if column is None or column.name not in raw:
        absent = {"placement": pl.String(), "value": pl.Float64(), "quantity": pl.Float64()}
        dtype = absent.get(name, pl.Int64())
        if column is not None and column.type == "text":
            dtype = pl.String()
        return pl.lit(None, dtype=dtype).alias(name)
    found, dtype = raw[column.name]
    if source.prepared is not None:
        return (found.cast(pl.Int64) if dtype.is_integer() else found).alias(name)
    if dtype == pl.String and column.type in ("text", "code"):
        found = found.replace(list(NULL_WORDS), None)  # of Parquet; of CSV they are null already
    if column.type == "moment":
        typed = moment_of(found, dtype, column)
        if column.days_until is not None:
            typed = (column.days_until - typed) / SECONDS_PER_DAY
    elif column.type == "code":
        typed = code_of(found, column)
    else:
        typed = _typed(found, dtype, column.type)
        if column.is_whole:
            typed = typed.str.replace(WHOLE, "$1")
    return without_missing(typed, found, column).alias(name)


def _typed(found: pl.Expr, dtype: pl.DataType, kind: ColumnType) -> pl.Expr:
    if kind == "text":
        text = found.cast(pl.String).str.strip_chars(" ")
        return pl.when(text != "").then(text)
    text = found.str.strip_chars(string.whitespace) if dtype == pl.String else found
    number = text.cast(pl.Float64, strict=False)
    if kind == "number":
        return number
    if dtype.is_integer():
        return found.cast(pl.Int64, strict=False)
    # "4.0" is a whole number and "4.5" is none; beyond 2^53 only a cast of the digits is exact.
    whole = pl.when(number == number.round()).then(number.cast(pl.Int64, strict=False))
    if dtype != pl.String:
        return whole
    return pl.coalesce(text.str.strip_suffix(".0").cast(pl.Int64, strict=False), whole)
