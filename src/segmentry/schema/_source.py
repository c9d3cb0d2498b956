"""Where the canonical tables are read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from segmentry.schema._tables import Feature, Need, RowAccount, UtcOffset

ColumnType = Literal["integer", "number", "text", "moment", "code"]


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
        Of a moment: "milliseconds", "microseconds", "nanoseconds", "iso", "yyyymmdd" or a pattern
        such as ``%d/%m/%Y %H:%M``. Epoch seconds are an "integer".
    utc_offset_hours : int
        Of moments without a time zone of their own.
    codes : tuple of (str, int)
        Of a code: what each text stands for, written in lower case.
    other : int or None
        What a code stands for that is not among them; null if absent.
    missing : tuple of str
        Values that mean "unknown", beside the empty field.
    is_whole : bool
        Of a text: whole numbers are written without decimals, ``7`` for ``7.0``.
    days_until : int or None
        Of a moment: take the days from it until this one, in epoch seconds, instead.
    """

    name: str
    type: ColumnType
    time_format: str = ""
    utc_offset_hours: UtcOffset = 0
    codes: tuple[tuple[str, int], ...] = ()
    other: int | None = None
    missing: tuple[str, ...] = ()
    is_whole: bool = False
    days_until: int | None = None


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
        Whether only the distinct rows are wanted: of a small table that stands in the log, or of
        a log in which a row may have been written twice.
    possible : tuple of (int, int), optional
        First moment that can be, and first that cannot any more, in epoch seconds; 1990 to 2100
        if absent.
    prepared : RowAccount, optional
        What became of the rows when `segmentry data prepare` read them. The files then hold the
        sound rows alone, under canonical names and types; those of a log lie in parts by user.
    digests : mapping of Path to str
        SHA-256 of each prepared file as it was written.
    """

    role: str
    files: tuple[Path, ...]
    columns: Mapping[str, ColumnSource]
    shape: FileShape = FileShape()
    is_distinct: bool = False
    possible: tuple[int, int] | None = None
    prepared: RowAccount | None = None
    digests: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """All that a run reads: the tables, the clock, the attributes of a profile.

    Parameters
    ----------
    name : str
        What people call the data.
    impressions : TableSource or None
        The log; none where the profiles are a ready user table.
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
    behaviours : TableSource or None
        What users view, put in the cart, mark and buy, of any number of rows. Its rows are
        distinct by default where they have times; see `TableSource.is_distinct`.
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
    behaviours: TableSource | None = None

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
