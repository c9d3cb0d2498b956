"""Canonical tables and the few words that every layer shares.

Whatever the files are called, the steps see four tables with these columns:

- impressions: ``user_id, shown_at, ad_id, placement, is_click``, one row per shown ad, or per
  event of another kind; ``value, quantity`` too where the log has them;
- profiles: ``user_id`` and one column per attribute, one row per user;
- ads: ``ad_id, category_id, campaign_id, advertiser_id, brand_id, price``, one row per ad;
- behaviours: ``user_id, happened_at, action, category_id, brand_id``, one row per action.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import narwhals.stable.v2 as nw
import polars as pl

__all__ = [
    "ADS_COLUMNS",
    "EVENT_COLUMNS",
    "IMPRESSIONS_COLUMNS",
    "MICRO",
    "OTHER_CODE",
    "SECONDS_PER_DAY",
    "UNASSIGNED",
    "ColumnSource",
    "ColumnType",
    "Engine",
    "Estimate",
    "Family",
    "Feature",
    "FileShape",
    "Fill",
    "Kind",
    "LogParts",
    "Need",
    "Progress",
    "RowAccount",
    "Source",
    "TableSource",
    "UserTally",
    "UtcOffset",
    "Window",
]

SECONDS_PER_DAY = 86_400
MICRO = 1_000_000
"""Fixed-point unit of summed logarithms: integers add up the same in every order."""
OTHER_CODE = -1
"""What a `ColumnSource` of codes gives for a value that was not declared."""
UNASSIGNED = 0
"""The `segment_id` of a user that belongs to no segment."""

IMPRESSIONS_COLUMNS = ("user_id", "shown_at", "ad_id", "placement", "is_click")
EVENT_COLUMNS = ("value", "quantity")
"""Amounts of an event, in fixed point; only where the log has them."""
ADS_COLUMNS = ("ad_id", "category_id", "campaign_id", "advertiser_id", "brand_id", "price")

Kind = Literal[
    "count",
    "rate",
    "share",
    "money",
    "duration",
    "entropy",
    "time",
    "ordinal",
    "categorical",
    "number",
]
Fill = Literal["zero", "median", "mode", "own level", "none"]
ColumnType = Literal["integer", "number", "text", "moment", "code"]
Family = Literal["activity", "value", "engagement", "affinity", "behaviour", "demographics"]
Need = Literal[
    "log",
    "time",
    "hour",
    "click",
    "ad",
    "placement",
    "category",
    "campaign",
    "brand",
    "price",
    "value",
    "quantity",
]
"""What data can have, and what a feature can need."""
UtcOffset = int | float
"""Hours from UTC of a local clock, such as 8, -3.5 or 5.75; whole numbers are int."""
Progress = Callable[[str, int, int], None]
"""Called as ``progress(step, done, total)``; `total` 0 means that it is not known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; all three are null where the number is not defined.

    Examples
    --------
    >>> Estimate(value=0.05, low=0.04, high=0.06).is_known
    True
    >>> Estimate(value=None, low=None, high=None).is_known
    False
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def is_known(self) -> bool:
        """Whether there is a value at all."""
        return self.value is not None


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open period ``[start, end)`` in epoch seconds, with the local clock's offset.

    Raises
    ------
    ValueError
        If the window is empty.

    Examples
    --------
    >>> may = Window(start=1494000000, end=1494691200, utc_offset_hours=8)
    >>> may.n_days
    8.0
    >>> Window.around(1494000007, 1494000008, utc_offset_hours=8).end
    1494086400
    """

    start: int
    end: int
    utc_offset_hours: UtcOffset = 0

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"empty window: start {self.start} is not before end {self.end}")

    @property
    def n_days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / SECONDS_PER_DAY

    @property
    def is_whole_days(self) -> bool:
        """Whether it starts and ends at local midnight."""
        offset = round(self.utc_offset_hours * 3600)
        return all((each + offset) % SECONDS_PER_DAY == 0 for each in (self.start, self.end))

    @classmethod
    def around(cls, first: int, last: int, *, utc_offset_hours: UtcOffset) -> "Window":
        """Return the whole local days that hold all moments from `first` to `last`."""
        offset = round(utc_offset_hours * 3600)
        start = (first + offset) // SECONDS_PER_DAY * SECONDS_PER_DAY - offset
        end = ((last + offset) // SECONDS_PER_DAY + 1) * SECONDS_PER_DAY - offset
        return cls(start=start, end=end, utc_offset_hours=utc_offset_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of the user table: the single source for preprocessing, formats, plots, docs.

    Parameters
    ----------
    name : str
        Column name in the user table.
    family : {"activity", "value", "engagement", "affinity", "behaviour", "demographics"}
        The group it belongs to.
    label : str
        What people read, in lower case: "impressions".
    unit : str
        Unit of the raw values: "impressions", "days", "clicks per impression", "level" ...
    kind : str
        How it is transformed, summarised and printed.
    fill : {"zero", "median", "mode", "own level", "none"}
        What stands in for a missing value when the feature forms segments. Null means unknown
        in the user table itself, always.
    description : str
        One sentence; says when the value is null.
    levels : mapping of str to str
        Labels of known levels of an ordinal or categorical feature, by the level as text: "1",
        "de".
    """

    name: str
    family: Family
    label: str
    unit: str
    kind: Kind
    fill: Fill
    description: str
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """One column of a canonical table: its name in the files and how it is read.

    Parameters
    ----------
    name : str
        Name in the files, without surrounding white space.
    type : {"integer", "number", "text", "moment", "code"}
        "integer" also reads ``4.0``; ids that are not all integers are "text". A "moment" is read
        as epoch seconds by `time_format`, a "code" by looking the text up in `codes`.
    time_format : str
        Of a moment: "milliseconds", "microseconds", "iso", "yyyymmdd" or a pattern such as
        ``%d/%m/%Y %H:%M``. Epoch seconds are an "integer".
    utc_offset_hours : int
        Of moments without a time zone of their own.
    codes : tuple of (str, int)
        Of a code: what each text stands for, written in lower case.
    other : int or None
        What a code stands for that is not among them; null if absent.
    missing : tuple of str
        Values that mean "unknown", beside the empty field.
    """

    name: str
    type: ColumnType
    time_format: str = ""
    utc_offset_hours: UtcOffset = 0
    codes: tuple[tuple[str, int], ...] = ()
    other: int | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileShape:
    """What must be known to read files, where looking at them does not tell.

    Parameters
    ----------
    format : {"auto", "csv", "parquet", "whitespace"}
        "auto" tells Parquet and CSV by their content; columns between runs of blanks are asked
        for.
    delimiter : str
        Of CSV; empty to find it.
    names : tuple of str
        Names of the columns of files without a header line; empty where there is one.
    """

    format: Literal["auto", "csv", "parquet", "whitespace"] = "auto"
    delimiter: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSource:
    """Where one canonical table is read from.

    Parameters
    ----------
    role : str
        "impressions", "profiles", "ads" or "behaviours".
    files : tuple of Path
        All of one format; CSV, CSV.gz or Parquet.
    columns : mapping of str to ColumnSource
        By canonical column name. Columns that the files lack are absent.
    shape : FileShape
        How the files are read.
    is_distinct : bool
        Whether only the distinct rows are wanted: a small table that stands in the log.
    """

    role: str
    files: tuple[Path, ...]
    columns: Mapping[str, ColumnSource]
    shape: FileShape = FileShape()
    is_distinct: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """All that a run reads: the tables, the clock, the attributes of a profile.

    Parameters
    ----------
    name : str
        What people call the data.
    impressions : TableSource or None
        The log; none where the profiles are a ready user table.
    profiles, ads : TableSource or None
    attributes : tuple of Feature
        Attributes of a profile.
    utc_offset_hours : int
        Of the local clock.
    event, events : str
        What a row of the log is called, one and many.
    value_unit : str
        Unit of ``value``, such as "USD".
    has_hours : bool
        Whether the times tell more than the day.
    """

    name: str
    impressions: TableSource | None
    profiles: TableSource | None
    ads: TableSource | None
    attributes: tuple[Feature, ...]
    utc_offset_hours: UtcOffset
    event: str = "impression"
    events: str = "impressions"
    value_unit: str = ""
    has_hours: bool = True

    @property
    def provides(self) -> frozenset[Need]:
        """What features can be made of."""
        if self.impressions is None:
            return frozenset()
        log = self.impressions.columns
        ads = {} if self.ads is None or "ad_id" not in log else self.ads.columns
        named: dict[Need, bool] = {
            "log": True,
            "time": "shown_at" in log,
            "hour": "shown_at" in log and self.has_hours,
            "click": "is_click" in log,
            "ad": "ad_id" in log,
            "placement": "placement" in log,
            "value": "value" in log,
            "quantity": "quantity" in log,
            "category": "category_id" in ads,
            "campaign": "campaign_id" in ads,
            "brand": "brand_id" in ads,
            "price": "price" in ads,
        }
        return frozenset(need for need, is_there in named.items() if is_there)


@dataclass(frozen=True, slots=True)
class RowAccount:
    """Where the rows of one table went; none is lost.

    Parameters
    ----------
    role : str
        The table.
    n_read, n_used : int
        Rows found in the files and rows that the steps work on.
    rejected : mapping of str to int
        Rows that cannot be used, by reason.
    excluded : mapping of str to int
        Sound rows that were left out because the user asked for it, by option.

    Raises
    ------
    AssertionError
        If read is not used + rejected + excluded: a bug of ours, never to be passed over.

    Examples
    --------
    >>> RowAccount(role="ads", n_read=3, n_used=2, rejected={"no ad_id": 1}, excluded={}).n_rejected
    1
    >>> RowAccount(role="ads", n_read=3, n_used=2, rejected={}, excluded={})
    Traceback (most recent call last):
    ...
    AssertionError: ads: 3 rows read, but 2 used + 0 rejected + 0 excluded
    """

    role: str
    n_read: int
    n_used: int
    rejected: Mapping[str, int]
    excluded: Mapping[str, int]

    def __post_init__(self) -> None:
        n_excluded = sum(self.excluded.values())
        if self.n_read != self.n_used + self.n_rejected + n_excluded:
            raise AssertionError(
                f"{self.role}: {self.n_read} rows read, but {self.n_used} used "
                f"+ {self.n_rejected} rejected + {n_excluded} excluded"
            )

    @property
    def n_rejected(self) -> int:
        """Rows rejected for any reason."""
        return sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class LogParts:
    """The sound rows of the log, split so that each part holds all rows of its users."""

    parts: tuple[Path, ...]
    account: RowAccount


@dataclass(frozen=True, slots=True)
class UserTally:
    """What one grouping of the sound rows by user tells, where no more of the log is needed.

    Parameters
    ----------
    counts : DataFrame
        ``user_id, n_impressions, n_clicks, first_seen_at, last_seen_at``, integers, one row per
        user, sorted by ``user_id``.
    account : RowAccount
    """

    counts: pl.DataFrame
    account: RowAccount


class Engine(Protocol):
    """What an engine can do; all that differs between DuckDB, Polars and Spark is behind this."""

    @property
    def name(self) -> str:
        """Name on the command line."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its own library raises."""
        ...

    def read_table(self, source: TableSource) -> tuple[pl.DataFrame, int]:
        """Return a small table (profiles, ads) with canonical names, and its unreadable rows."""
        ...

    def distinct_users(self, source: TableSource) -> pl.Series:
        """Return the distinct known user ids of a log."""
        ...

    def split_log(
        self,
        source: TableSource,
        directory: Path,
        *,
        n_parts: int,
        exclude: Mapping[str, nw.Expr],
        keep_users: pl.Series | None,
        on_progress: Callable[[int, int], None],
    ) -> LogParts:
        """Read the log once, set bad rows aside with a reason, write parts by user.

        `exclude` maps an option to what it leaves out; `keep_users` leaves out all other users;
        `on_progress` is called with (bytes read, bytes in all) where the engine knows them.
        """
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

    def scan_part(self, part: Path) -> nw.LazyFrame[Any]:
        """Return the impressions of one part, lazily."""
        ...

    def from_polars(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Make an in-memory table joinable with the engine's own."""
        ...

    def hold(self, frame: nw.LazyFrame[Any]) -> AbstractContextManager[nw.LazyFrame[Any]]:
        """Compute a table once that one query takes several times; it lasts as long as the context.

        An engine that shares the parts of a query by itself returns the table as it is.
        """
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query and return its rows."""
        ...

    def close(self) -> None:
        """Release memory, threads and temporary files."""
        ...
