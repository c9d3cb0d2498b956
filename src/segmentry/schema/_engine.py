"""What an engine can do, and what it answers.

A new engine has a module in `segmentry.ingest.engines`, judges rows by `_validity.judge`, and is
opened by `open_engine`. It need not query parts itself: they are Parquet files, and DuckDB's
`PartQueries` will do. The tests of `tests/ingest/engines` run on each of `ENGINES`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.schema._source import TableSource
from segmentry.schema._tables import RowAccount

Item = TypeVar("Item")
Read = TypeVar("Read")
Frames = tuple[pl.DataFrame | None, ...]
"""Tables that are made of one part."""


@dataclass(frozen=True, slots=True)
class LogParts:
    """The sound rows of a log, split so that each part holds all rows of its users.

    A part without rows is absent.
    """

    parts: tuple[Path, ...]
    account: RowAccount


@dataclass(frozen=True, slots=True)
class UserTally:
    """What one grouping of the sound rows by user tells, where no more of the log is needed."""

    counts: pl.DataFrame
    """``user_id, n_impressions, n_clicks, first_seen_at, last_seen_at``, integers, one row per
    user, sorted by ``user_id``."""
    account: RowAccount


class PartQueries(Protocol):
    """Queries on the parts of a log."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its own library raises."""
        ...

    def scan_part(self, part: Path) -> nw.LazyFrame[Any]:
        """Return the rows of one part of a log, lazily."""
        ...

    def map_parts(
        self,
        read: Callable[["PartQueries", Item], Read],
        items: Sequence[Item],
        use: Callable[[Read], Frames],
    ) -> Iterator[Frames]:
        """Read and use each of some parts, or of what else names one; the answers in their order.

        An engine of several machines does it on them: functions are of the package, and what is
        bound to them can be pickled.
        """
        ...

    def from_polars(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Make an in-memory table joinable with the engine's own."""
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query and return its rows."""
        ...


class Engine(PartQueries, Protocol):
    """What reads files: all that differs between DuckDB and another engine is behind this."""

    @property
    def name(self) -> str:
        """Name on the command line."""
        ...

    def read_table(self, source: TableSource) -> tuple[pl.DataFrame, int]:
        """Return a small table (profiles, ads) with canonical names, and its unreadable rows."""
        ...

    def split_table(
        self, source: TableSource, directory: Path, *, n_parts: int
    ) -> tuple[tuple[Path, ...], int]:
        """Write a table of users into parts as those of a log; return them, and unreadable rows."""
        ...

    def unreadable_example(self, source: TableSource, name: str) -> str:
        """Return the first text, in order, that is not a number in a canonical column."""
        ...

    def count_rows(self, source: TableSource) -> int:
        """Return how many rows the files of a log hold, of which each stands for impressions."""
        ...

    def last_moment(self, source: TableSource) -> int | None:
        """Return the moment of the last row of a log that can be used."""
        ...

    def sampled_users(self, source: TableSource, share: float) -> pl.Series:
        """Return the distinct known user ids of a log that `is_sampled` takes, in any order."""
        ...

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
        """Read a log once, set bad rows aside with a reason, make parts by user.

        A log is the impressions or the behaviours, by `source.role`. Both put a user into the
        part of the same number if `n_parts` is the same. A prepared log keeps its own parts,
        whatever `n_parts` is, and they are used as is if nothing is left out. `exclude`
        maps an option to what it leaves out; `keep_users` leaves out all other users;
        `on_progress` is called with (bytes read, bytes in all) where the engine knows them, and
        `on_collapse` with (rows, rows in all) while equal rows are looked for.
        """
        ...

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
        """Write the rows of a part to one file, compactly; one of equal rows if `is_distinct`.

        `within` are the first moment of the rows to write and the first that follows them;
        `without` are users whose rows are left out.
        """
        ...

    def count_days(self, role: str, files: Sequence[Path], *, offset: int) -> Mapping[int, int]:
        """Count the rows of parts by local day since 1970; `offset` is the clock's, in seconds."""
        ...

    def extent_of(self, role: str, file: Path) -> tuple[int, int, int]:
        """Return how many rows a file of a part has, and its first and last moment."""
        ...

    def count_users_in(self, files: Sequence[Path], users: pl.Series) -> Mapping[Path, int]:
        """Count the rows of some users by file; files without one are absent."""
        ...

    def tally_users(
        self,
        source: TableSource,
        *,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
    ) -> UserTally:
        """Read the log once and count users on the way, writing nothing; else as `split_log`."""
        ...

    def close(self) -> None:
        """Release memory, threads and temporary files."""
        ...
