"""The engine: DuckDB on the driver for what is small, tasks for what is as long as the log."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import EngineError
from segmentry.ingest.engines._duckdb import Choice, DuckDBEngine
from segmentry.ingest.engines._parts import parts_of
from segmentry.ingest.engines._validity import total_account
from segmentry.ingest.engines.spark._session import Cluster
from segmentry.ingest.engines.spark._tasks import (
    Frames,
    Reading,
    WritePart,
    WrittenPart,
    ask_unit,
    frame_of,
    read_unit,
    split_units,
    use_items,
    write_parts,
    write_whole,
    written_part,
)
from segmentry.ingest.engines.spark._units import FoundBlock, Unit, units_of
from segmentry.schema import LogParts, PartQueries, RowAccount, TableSource

UNIT_BYTES = 256 << 20
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Shuffled:
    """What became of a log: its units by number, its parts by number."""

    accounts: tuple[RowAccount, ...]
    blocks: tuple[FoundBlock, ...]
    parts: Mapping[int, WrittenPart]

    @property
    def n_repeated(self) -> int:
        """Rows that were dropped as equal to others."""
        return sum(each.n_before - each.n_rows for each in self.parts.values())


class ClusterEngine(DuckDBEngine):
    """Reads logs and uses parts in tasks of a cluster; the rest is done by DuckDB here."""

    name = "spark"

    def __init__(
        self,
        cluster: Cluster,
        *,
        scratch: Path,
        n_bytes: int,
        task_bytes: int,
        max_users: int | None,
        unit_bytes: int | None = None,
        stack: ExitStack,
    ) -> None:
        super().__init__(scratch=scratch, n_bytes=n_bytes)
        self._cluster, self._stack = cluster, stack
        self._task_bytes, self._max_users = task_bytes, max_users
        self._unit_bytes = unit_bytes or UNIT_BYTES

    def shuffle(
        self,
        source: TableSource,
        *,
        n_parts: int,
        exclude: Mapping[str, nw.Expr] = {},
        keep_users: pl.Series | None = None,
        write: WritePart,
        block_bytes: int | None = None,
    ) -> Shuffled:
        """Read a log in tasks, bring the rows of each part together, and `write` them there."""
        n_bytes = block_bytes or self._unit_bytes
        source, units = self._units_of(source, n_bytes=n_bytes)
        reading = Reading(source, units, n_parts, exclude, keep_users, n_bytes, self._task_bytes)
        rows = self._cluster.rows_of(
            f"reading the {source.role}",
            (len(units), partial(split_units, reading=reading)),
            (
                n_parts + 1,
                partial(write_parts, n_parts=n_parts, write=write, n_bytes=self._task_bytes),
            ),
        )
        read = [read_unit(row) for row in rows if row.name == "unit"]
        parts = {row.part: written_part(row) for row in rows if row.name == "part"}
        found = Shuffled(
            tuple(each.account for each in read),
            tuple(block for each in read for block in each.blocks),
            parts,
        )
        n_used = sum(each.n_used for each in found.accounts)
        n_written = sum(each.n_before for each in parts.values())
        if (
            len(read) != len(units)
            or n_used != n_written
            or len(parts) != sum(row.name == "part" for row in rows)
        ):
            raise EngineError(
                engine=self.name,
                step=f"reading the {source.role}",
                cause=f"{n_used:,} rows of {len(units):,} units are to be used, but {n_written:,} "
                f"rows of {len(read):,} units were written",
            )
        return found

    def _units_of(self, source: TableSource, *, n_bytes: int) -> tuple[TableSource, list[Unit]]:
        """Cut the files of a log; workers have another working folder."""
        files = {file: file.absolute() for file in source.files}
        written = {files[file]: each for file, each in source.written.items() if file in files}
        table = replace(source, files=tuple(files.values()), written=written)
        return table, units_of(table, n_bytes=n_bytes)

    def split_log(self, source: TableSource, directory: Path, **options: Any) -> LogParts:
        """Read a log once in tasks, else as DuckDB; workers have another working folder."""
        return super().split_log(source, directory.absolute(), **options)

    def _split(
        self,
        source: TableSource,
        directory: Path,
        choice: Choice,
        on_collapse: Callable[[int, int], None] | None,
        *,
        n_parts: int,
    ) -> LogParts:
        if source.prepared is not None:
            return super()._split(source, directory, choice, on_collapse, n_parts=n_parts)
        n_bytes = sum(file.stat().st_size for file in source.files)
        choice.on_progress(0, n_bytes)
        found = self.shuffle(
            source,
            n_parts=n_parts,
            exclude=choice.exclude,
            keep_users=choice.keep_users,
            write=partial(write_whole, directory=directory, table=source),
        )
        choice.on_progress(n_bytes, n_bytes)
        self._check_users(sum(each.n_users for each in found.parts.values()))
        account = total_account(
            source, found.accounts, n_repeated=found.n_repeated, exclude=tuple(choice.exclude)
        )
        return LogParts(tuple(parts_of(directory)), account)

    def _check_users(self, n_users: int) -> None:
        """Refuse, before anything is counted, users whose table this process cannot hold."""
        if self._max_users is not None and n_users > self._max_users:
            raise EngineError(
                engine=self.name,
                step="reading the log",
                cause=f"found {n_users:,} users; about {self._max_users:,} fit into the memory "
                "of this process; give more --memory, or --sample fewer users",
            )

    def count_rows(self, source: TableSource) -> int:
        """Return how many rows the files of a log hold."""
        return int(pl.concat(self._of_units(source, "count_rows"))["found"].sum())

    def last_moment(self, source: TableSource) -> int | None:
        """Return the moment of the last row of a log that can be used."""
        if source.prepared is not None:
            return super().last_moment(source)
        found = pl.concat(self._of_units(source, "last_moment"))
        return found["found"].max()  # type: ignore[return-value]  # a column of integers

    def sampled_users(self, source: TableSource, share: float) -> pl.Series:
        """Return the distinct known user ids of a log that `is_sampled` takes: no others come."""
        found = pl.concat(self._of_units(source, "sampled_users", share))["found"]
        return found.unique().alias("user_id")

    def unreadable_example(self, source: TableSource, name: str) -> str:
        """Return the first text, in order, that is not a number in a canonical column."""
        if source.prepared is not None or source.role not in ("impressions", "behaviours"):
            return super().unreadable_example(source, name)
        found = pl.concat(self._of_units(source, "unreadable_example", name))["found"]
        return str(found.filter(found != "None").min() or "")

    def _of_units(
        self, source: TableSource, method: str, *arguments: str | float
    ) -> list[pl.DataFrame]:
        """Ask the units of a log what this engine's own `method` asks of the whole."""
        table, units = self._units_of(source, n_bytes=self._unit_bytes)
        ask = partial(
            ask_unit, table=table, method=method, arguments=arguments, n_bytes=self._unit_bytes
        )
        found = self.map_parts(ask, units, tuple)
        return [frame for frames in found for frame in frames if frame is not None]

    def map_parts(
        self,
        read: Callable[[PartQueries, Item], Any],
        items: Sequence[Item],
        use: Callable[[Any], Frames],
    ) -> Iterator[Frames]:
        """Read and use each of some items in a task; the answers are in their order."""
        if not items:
            return
        there = [each.absolute() if isinstance(each, Path) else each for each in items]
        work = partial(use_items, items=there, read=read, use=use, n_bytes=self._task_bytes)
        rows = self._cluster.rows_of("counting", (len(items), work))
        for _, found in itertools.groupby(
            sorted(rows, key=lambda row: (row.place, row.part)), key=lambda row: row.place
        ):
            yield tuple(frame_of(row) for row in found)

    def close(self) -> None:
        """Release what DuckDB holds, and end the session if it was opened for this engine."""
        super().close()
        self._stack.close()
