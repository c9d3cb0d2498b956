"""Content of a mapping; checked as a whole before any file is opened."""

import datetime as dt
import difflib
import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from segmentry.errors import ConfigError
from segmentry.ingest.clocks import Clock, standard_hours
from segmentry.runtime.documents import parse_toml, read_toml
from segmentry.schema import ADS_COLUMNS, UtcOffset

AttributeKind = Literal[
    "categorical", "ordinal", "number", "count", "money", "duration", "share", "rate"
]


def _as_texts(value: Any) -> Any:
    """Take one text for a list of one, and numbers for how they are written."""
    return tuple(map(_as_text, value if isinstance(value, list | tuple) else (value,)))


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _as_date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"found {value!r}, expected a day such as 2014-12-31") from error


def _as_moment(value: Any) -> Any:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"found {value!r}, expected a moment such as 2017-05-06") from error
    return value


_CLOCK = re.compile(r"([+-])(\d{1,2}):(\d{2})")


def _as_offset(value: Any) -> Any:
    """Take ``+05:30`` for 5.5, and whole hours for whole numbers."""
    if isinstance(value, str):
        found = _CLOCK.fullmatch(value)
        if found is None:
            raise ValueError(f"found {value!r}, expected hours such as 8 or 5.5, or '+05:30'")
        hours = int(found[2]) + int(found[3]) / 60
        value = -hours if found[1] == "-" else hours
    return int(value) if isinstance(value, float) and value.is_integer() else value


_VARIABLE = re.compile(r"env:\w+")
OF_QUERY = "query"
"""What stands for the files of a table that a query returns."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Column = Annotated[
    str, BeforeValidator(lambda name: name.strip() if isinstance(name, str) else name)
]
"""Name of a column; headers are read without the blanks around them too."""


class FilesMapping(_Strict):
    """Which files hold a table, and how they are written.

    `files` is a path, a glob, a folder, or a list of these, from the folder of the data. A table
    without files stands in the log.
    """

    files: Texts = ()
    query: str = ""
    connection: str = ""
    format: Literal["auto", "csv", "json", "parquet", "whitespace"] = "auto"
    delimiter: str = Field(default="", max_length=1, pattern=r"^[\x09\x20-\x7e]?$")
    decimal: Literal["", ".", ","] = ""
    thousands: Literal["", ".", ",", " ", "'"] = ""
    names: Texts = ()
    skip_lines: int = Field(default=0, ge=0, le=1000)
    escape: Literal['"', "\\"] = '"'
    missing: Mapping[str, Texts] = {}

    canonical: ClassVar[Mapping[str, str]] = {}
    """The canonical column of each key that names a column."""

    @model_validator(mode="before")
    @classmethod
    def _has_one_origin(cls, content: Any) -> Any:
        """Take the answer of a query for the one file of a table."""
        if not isinstance(content, dict) or not {"query", "connection"} & content.keys():
            return content
        # What else stands there may be an address with a password, which is not repeated.
        if not content.get("query") or not _VARIABLE.fullmatch(str(content.get("connection"))):
            raise ValueError(
                "a query needs a connection, and a connection a query; expected connection = "
                '"env:NAME", the variable that holds the address'
            )
        if content.get("files"):
            raise ValueError("found files and query; a table is one of both")
        return {**content, "files": (OF_QUERY,)}

    @model_validator(mode="after")
    def _has_two_signs(self) -> "FilesMapping":
        if self.decimal and self.decimal == self.thousands:
            raise ValueError(f"found {self.decimal!r} as decimal and as thousands sign; name two")
        return self

    @property
    def roles(self) -> Mapping[str, str]:
        """The file's column of each canonical column that is given."""
        named = ((role, getattr(self, key)) for key, role in self.canonical.items())
        return {role: column for role, column in named if column is not None}


class TimedMapping(FilesMapping):
    """A table of what happened when.

    Times that are numbers count from `origin`, 1970 if it is absent.
    """

    user_id: Column
    time: Column | None = None
    time_format: str = "auto"
    origin: Annotated[dt.datetime | None, BeforeValidator(_as_moment)] = None

    @model_validator(mode="after")
    def _has_times(self) -> "TimedMapping":
        if self.origin is not None and self.time is None:
            raise ValueError("found origin but no time; name the column of times")
        return self


class LogMapping(TimedMapping):
    """The log: one row per event."""

    click: Column | None = None
    click_values: Texts = ()
    other_values: Texts = ()
    no_click: Column | None = None
    n_impressions: Column | None = None
    n_clicks: Column | None = None
    ad_id: Column | None = None
    placement: Column | None = None
    value: Column | None = None
    quantity: Column | None = None

    canonical = MappingProxyType(
        {
            "user_id": "user_id",
            "time": "shown_at",
            "ad_id": "ad_id",
            "placement": "placement",
            "click": "is_click",
            "no_click": "is_not_click",
            "n_impressions": "n_impressions",
            "n_clicks": "n_clicks",
            "value": "value",
            "quantity": "quantity",
        }
    )


class Attribute(_Strict):
    """One attribute of a user: its column and what it is."""

    column: Column
    kind: AttributeKind
    label: str | None = None
    unit: str | None = None
    description: str | None = None
    levels: Mapping[str, str] = {}
    order: Texts = ()
    missing: Texts = ()
    days_until: Annotated[dt.date | None, BeforeValidator(_as_date)] = None
    time_format: str = "auto"

    @model_validator(mode="after")
    def _has_its_own(self) -> "Attribute":
        if self.order and self.kind != "ordinal":
            raise ValueError(f"found an order of a {self.kind} attribute, expected kind ordinal")
        if self.days_until is not None and self.kind != "duration":
            raise ValueError(f"found days_until of a {self.kind} attribute, expected kind duration")
        if self.levels and self.kind not in ("ordinal", "categorical"):
            raise ValueError(f"found labels of levels, but a {self.kind} attribute has none")
        return self


class ProfilesMapping(FilesMapping):
    """The users: one row each, with attributes of any name."""

    user_id: Column | None = None
    attributes: Mapping[str, Attribute] = {}

    canonical = MappingProxyType({"user_id": "user_id"})

    @property
    def roles(self) -> Mapping[str, str]:
        """The file's column of each canonical column that is given."""
        named = {name: attribute.column for name, attribute in self.attributes.items()}
        return {**super().roles, **named}


class AdsMapping(FilesMapping):
    """The ads, or the goods: one row each."""

    ad_id: Column | None = None
    category_id: Column | None = None
    campaign_id: Column | None = None
    advertiser_id: Column | None = None
    brand_id: Column | None = None
    price: Column | None = None

    canonical = MappingProxyType({name: name for name in ADS_COLUMNS})


class BehaviourCodes(_Strict):
    """How the actions are written; `other` are sound actions that are none of the four."""

    view: Texts = ("pv", "view", "page_view")
    cart: Texts = ("cart", "add_to_cart")
    favourite: Texts = ("fav", "favourite", "favorite")
    purchase: Texts = ("buy", "purchase")
    other: Texts = ()


class BehavioursMapping(TimedMapping):
    """What users do in the shop: one row per action."""

    action: Column
    category_id: Column | None = None
    brand_id: Column | None = None
    codes: BehaviourCodes = BehaviourCodes()
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    canonical = MappingProxyType(
        {
            "user_id": "user_id",
            "time": "happened_at",
            "action": "action",
            "category_id": "category_id",
            "brand_id": "brand_id",
        }
    )


TABLES: Mapping[str, type[FilesMapping]] = {
    "log": LogMapping,
    "profiles": ProfilesMapping,
    "ads": AdsMapping,
    "behaviours": BehavioursMapping,
}
_ALL: Mapping[str, type[BaseModel]] = {**TABLES, "attributes": Attribute, "codes": BehaviourCodes}


class DataMapping(_Strict):
    """Which file and column of some data plays which role.

    >>> mapping = DataMapping(name="shop", log=LogMapping(files="orders.csv", user_id="customer"))
    >>> mapping.log.files, mapping.plural
    (('orders.csv',), 'impressions')
    """

    name: str = Field(min_length=1)
    event: str = Field(default="impression", min_length=1)
    events: str | None = None
    value_unit: str = ""
    utc_offset_hours: Annotated[
        UtcOffset, BeforeValidator(_as_offset), Field(ge=-12, le=14, multiple_of=0.25)
    ] = 0
    timezone: str = ""
    log: LogMapping | None = None
    profiles: ProfilesMapping | None = None
    ads: AdsMapping | None = None
    behaviours: BehavioursMapping | None = None

    @property
    def plural(self) -> str:
        """What many events are called."""
        return self.events or f"{self.event}s"

    @property
    def tables(self) -> Mapping[str, FilesMapping]:
        """The tables that are there, by name."""
        named = {name: getattr(self, name) for name in TABLES}
        return {name: table for name, table in named.items() if table is not None}

    @property
    def clock(self) -> Clock:
        """The local clock."""
        return Clock(self.utc_offset_hours, self.timezone)

    @model_validator(mode="before")
    @classmethod
    def _has_one_clock(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("timezone"), str):
            return content
        if "utc_offset_hours" in content:
            raise ValueError("found utc_offset_hours and timezone; name one clock")
        try:
            return content | {"utc_offset_hours": standard_hours(content["timezone"])}
        except ConfigError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _has_tables(self) -> "DataMapping":
        for problem in (*_problems(self), *_shared_columns(self)):
            raise ValueError(problem)
        return self


def _problems(mapping: DataMapping) -> list[str]:
    log, profiles, ads = mapping.log, mapping.profiles, mapping.ads
    if log is None:
        return _problems_of_table(mapping)
    found = [] if mapping.behaviours is None else _problems_of_behaviours(mapping.behaviours)
    if not log.files:
        found.append("[log] names no files; expected a path, a glob or a folder")
    if log.click_values and log.click is None:
        found.append("[log] has click_values but no click; name the column of the event type")
    if log.other_values and not log.click_values:
        found.append("[log] has other_values but no click_values; name the values of both")
    if log.no_click is not None and log.click is None:
        found.append("[log] has no_click but no click; name the column of clicks")
    found += _problems_of_counts(log)
    if profiles is not None and profiles.files and profiles.user_id is None:
        found.append("[profiles] has files but no user_id; name its column")
    if ads is not None and ads.files and ads.ad_id is None:
        found.append("[ads] has files but no ad_id; name its column")
    if ads is not None and log.ad_id is None:
        found.append("[ads] is there but [log] has no ad_id; name the column that joins them")
    return found


def _problems_of_counts(log: LogMapping) -> list[str]:
    if log.n_clicks is not None and log.n_impressions is None:
        return ["[log] has n_clicks but no n_impressions; name the column of impressions per row"]
    others = [key for key in ("click", "no_click", "value", "quantity") if getattr(log, key)]
    if log.n_impressions is None or not others:
        return []
    advice = "clicks per row are n_clicks" if "click" in others else "leave it out"
    return [f"[log] has n_impressions and {others[0]}, which is of one event; {advice}"]


def _problems_of_behaviours(behaviours: BehavioursMapping) -> list[str]:
    found = []
    if not behaviours.files:
        found.append("[behaviours] names no files; expected a path, a glob or a folder")
    days = behaviours.first_day, behaviours.last_day
    if behaviours.time is None and any(day is not None for day in days):
        found.append("[behaviours] has first_day or last_day but no time; name its column")
    if days[0] is not None and days[1] is not None and days[0] > days[1]:
        found.append(f"[behaviours] first_day {days[0]} is after last_day {days[1]}")
    words = [word.strip().lower() for _, named in behaviours.codes for word in named]
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        found.append(f"[behaviours.codes] {twice[0]!r} stands for two actions; name it once")
    return found


def _problems_of_table(mapping: DataMapping) -> list[str]:
    profiles = mapping.profiles
    if mapping.behaviours is not None:
        return ["found [behaviours] without [log]; a shop's log alone is a [log] of its own"]
    if profiles is None:
        return ["found neither [log] nor [profiles]; expected a log, or a ready table of users"]
    if mapping.ads is not None:
        return ["found [ads] without [log]; ads say nothing of users without a log"]
    if not profiles.files or profiles.user_id is None:
        return ["[profiles] without [log] is a ready user table; give its files and user_id"]
    if not profiles.attributes:
        return ["[profiles] without [log] has no attributes; name some under [profiles.attributes]"]
    return []


class _Use(NamedTuple):
    """What a column is named for, and where."""

    role: str
    place: str
    kind: str = ""


def _shared_columns(mapping: DataMapping) -> list[str]:
    """Tell columns that are named for two things: one of them would repeat the other, or be wrong.

    What an event is worth may be the price of its item, and one column may be two attributes of
    different kinds.
    """
    uses: dict[tuple[str, str], list[_Use]] = {}
    for name, table in mapping.tables.items():
        for column, use in _uses(name, table):
            # A table without files stands in the log.
            uses.setdefault((name if table.files else "log", column), []).append(use)
    return [
        f"{one.place} and {other.place} are both column {column!r}; a column is one thing, leave "
        "out the other or name its own column"
        for (_, column), found in uses.items()
        for one, other in itertools.combinations(found, 2)
        if not _may_share(one, other)
    ]


def _uses(name: str, table: FilesMapping) -> list[tuple[str, _Use]]:
    found = [
        (getattr(table, key), _Use(role, f"[{name}] {key}"))
        for key, role in table.canonical.items()
        if getattr(table, key) is not None
    ]
    if isinstance(table, ProfilesMapping):
        found += [
            (each.column, _Use("attribute", f"[profiles.attributes] {key}", each.kind))
            for key, each in table.attributes.items()
        ]
    return found


def _may_share(one: _Use, other: _Use) -> bool:
    if one.role == other.role:  # the user or the ad, named again where its table stands in the log
        return one.role != "attribute" or one.kind != other.kind
    return {one.role, other.role} == {"value", "price"}


def load_mapping(file: Path) -> DataMapping:
    """Read a mapping from a TOML file.

    Raises ConfigError if the file cannot be read or says something that makes no sense.

    >>> load_mapping(Path("nowhere.toml"))
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: nowhere.toml: No such file or directory; check --mapping
    """
    return _checked(read_toml(file, advice="check --mapping"), origin=str(file))


def parse_mapping(text: str, *, origin: str) -> DataMapping:
    r"""Read a mapping from TOML; all that is wrong with it is reported together, after `origin`.

    Raises ConfigError if it is not TOML or says something that makes no sense.

    >>> parse_mapping('name = "x"\n[log]\nfiles = "a.csv"\nusr_id = "u"', origin="m.toml")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: m.toml: [log] lacks user_id; [log] usr_id is not a key (did ...
    """
    return _checked(parse_toml(text, origin=origin), origin=origin)


def _checked(content: Mapping[str, Any], *, origin: str) -> DataMapping:
    try:
        return DataMapping(**content)
    except ValidationError as error:
        text = "; ".join(_text(problem) for problem in error.errors())
        raise ConfigError(f"{origin}: {text}") from error


def _text(problem: Any) -> str:
    place = [str(part) for part in problem["loc"]]
    *tables, key = place or [""]
    where = f"[{'.'.join(tables)}] " if tables else ""
    if problem["type"] == "missing":
        return f"{where}lacks {key}"
    if problem["type"] == "extra_forbidden":
        return f"{where}{key} is not a key{_hint(key, tables)}"
    if problem["type"] == "value_error":
        text = str(problem["ctx"]["error"])
        return f"[{'.'.join(place)}] {text}" if place else text
    message = problem["msg"]
    return f"{where}{key}: found {problem['input']!r}, {message[0].lower()}{message[1:]}"


def _hint(key: str, tables: list[str]) -> str:
    known = next((_ALL[each] for each in reversed(tables) if each in _ALL), DataMapping)
    near = difflib.get_close_matches(key, known.model_fields, n=1, cutoff=0.5)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f"; expected some of {', '.join(known.model_fields)}"
