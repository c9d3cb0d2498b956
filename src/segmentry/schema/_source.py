"""Where the canonical tables are read from, and what the data have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from segmentry.schema._tables import Feature, Need, RowAccount, UtcOffset

ColumnType = Literal["integer", "number", "text", "moment", "code"]


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str = ""
    """Signs that may stand between groups of digits."""


PLAIN_NUMBERS = NumberFormat()
"""A decimal point, and digits that are not grouped."""


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """One column of a canonical table: its name in the files and how it is read."""

    name: str
    """Name in the files, without surrounding white space."""
    type: ColumnType
    """An "integer" also reads ``4.0``; ids that are not all integers are "text". A "moment" is read
    as epoch seconds by `time_format`, a "code" by looking the text up in `codes`."""
    time_format: str = ""
    """Of a moment: "milliseconds", "microseconds", "nanoseconds", "iso", "yyyymmdd" or a pattern
    such as ``%d/%m/%Y %H:%M``. Epoch seconds are an "integer"."""
    utc_offset_hours: UtcOffset = 0
    """Of moments without a time zone of their own."""
    timezone: str = ""
    """Of moments: the zone of the local clock, where its offset changes; it is then that of its
    standard time."""
    codes: tuple[tuple[str, int], ...] = ()
    """Of a code: what each text stands for, written in lower case; the empty one for a missing
    value, which is unknown without it."""
    other: int | None = None
    """What a code stands for that is not among them; null if absent."""
    missing: tuple[str, ...] = ()
    """Values that mean "unknown", next to the empty field."""
    is_whole: bool = False
    """Of a text: whole numbers are written without decimals, ``7`` for ``7.0``."""
    origin: int = 0
    """Of a moment that is a number: the epoch seconds from which it counts."""
    days_until: int | None = None
    """Of a moment: take the days from it until this one, in epoch seconds, instead."""
    number_format: NumberFormat = PLAIN_NUMBERS
    """Of a number in a text file."""


@dataclass(frozen=True, slots=True)
class FileShape:
    """What must be known to read files, where looking at them does not tell."""

    format: Literal["auto", "csv", "json", "parquet", "whitespace"] = "auto"
    """Parquet and CSV are recognised by their content ("auto"); columns between runs of blanks
    are requested."""
    delimiter: str = ""
    """Of CSV; empty to find it."""
    names: tuple[str, ...] = ()
    """Names of the columns of files without a header line; empty where there is one."""
    skip_lines: int = 0
    """Lines before the header, or before the rows where there is none."""
    escape: str = '"'
    """What stands before a quote within quoted text: a second quote, or a backslash."""


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """What was written to one file of a prepared table."""

    n_bytes: int
    sha256: str
    n_rows: int
    first_at: int = 0
    last_at: int = 0
    """`first_at`, `last_at`: moments of the first and the last row of a log; 0 without times."""


@dataclass(frozen=True, slots=True)
class BroughtFile:
    """A file that was fetched from elsewhere, as far as it is needed."""

    file: Path
    """What stands in for it here while it is read."""
    name: str
    n_bytes: int
    n_bytes_read: int
    version: str
    """What the store calls its content, such as an entity tag."""


@dataclass(frozen=True, slots=True)
class TableSource:
    """Where one canonical table is read from."""

    role: str
    """One of "impressions", "profiles", "ads" or "behaviours"."""
    files: tuple[Path, ...]
    """All of one format; CSV, CSV.gz or Parquet."""
    columns: Mapping[str, ColumnSource]
    """By canonical column name. Columns that the files lack are absent."""
    shape: FileShape = FileShape()
    """How the files are read."""
    is_distinct: bool = False
    """Whether only the distinct rows are wanted: of a small table that stands in the log, or of a
    log in which a row may have been written twice."""
    possible: tuple[int, int] | None = None
    """First moment that can be, and first that cannot any more, in epoch seconds; 1990 to 2100 if
    absent."""
    prepared: RowAccount | None = None
    """What became of the rows when `segmentry data prepare` read them. The files then hold the
    sound rows alone, under canonical names and types; those of a log lie in parts by user."""
    written: Mapping[Path, PreparedFile] = field(default_factory=dict)
    """Each prepared file as it was written."""
    n_parts: int = 0
    """Of a prepared log: among how many parts its users were divided."""
    laid_out_as: Path | None = None
    """The longer file of which the files are pieces: its columns and delimiter are theirs, and
    what cannot be read in the middle of it is a matter of rows."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows that are left out unread, as the statistics of files prove, by reason."""

    @property
    def column_names(self) -> frozenset[str]:
        """Names of the columns in the files."""
        return frozenset(column.name for column in self.columns.values())


@dataclass(frozen=True, slots=True)
class Source:
    """All that a run reads: the tables, the clock, the attributes of a profile."""

    name: str
    """What people call the data."""
    impressions: TableSource | None
    """The log; none where the profiles are a ready user table."""
    profiles: TableSource | None
    ads: TableSource | None
    attributes: tuple[Feature, ...]
    """Attributes of a profile."""
    utc_offset_hours: UtcOffset
    """Of the local clock."""
    event: str = "impression"
    events: str = "impressions"
    """`event`, `events`: what a row of the log is called, one and many."""
    value_unit: str = ""
    """Unit of ``value``, such as "USD"."""
    timezone: str = ""
    """The zone of the local clock, where its offset changes."""
    has_hours: bool = True
    """Whether the times tell more than the day."""
    behaviours: TableSource | None = None
    """What users view, put in the cart, mark and buy, of any number of rows. Its rows are distinct
    by default where they have times; see `TableSource.is_distinct`."""
    brought: tuple[BroughtFile, ...] = ()
    """Files that were fetched from elsewhere."""

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
            "click": "is_click" in log or "n_clicks" in log,
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
class DataTraits:
    """What the data of a run have, and what its events are called."""

    event: str = "impression"
    events: str = "impressions"
    """`event`, `events`: what a row of the log is called, one and many."""
    has_log: bool = True
    """Whether there is a log; else the users were read from a ready table."""
    has_time: bool = True
    """Whether the events have times: without them there is no window and no later day."""
    has_clicks: bool = True
    """Whether events can be clicked: without there is no click rate."""
    absent: tuple[tuple[str, str], ...] = ()
    """Features that the data do not allow, and what they lack."""

    @property
    def reasons(self) -> Mapping[str, list[str]]:
        """What the data lack, with the features that are absent for it."""
        found: dict[str, list[str]] = {}
        for name, reason in self.absent:
            found.setdefault(reason, []).append(name)
        return found

    @classmethod
    def of(cls, source: Source, absent: tuple[tuple[str, str], ...]) -> "DataTraits":
        """Take them from a source."""
        provides = source.provides
        return cls(
            event=source.event,
            events=source.events,
            has_log="log" in provides,
            has_time="time" in provides,
            has_clicks="click" in provides,
            absent=absent,
        )


OF_IMPRESSIONS = DataTraits()
"""Traits of a log of impressions with times and clicks that lacks nothing."""
