"""How moments are written: one pattern for every engine, and the format found by looking."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from segmentry.errors import ConfigError
from segmentry.schema import SECONDS_PER_DAY, UtcOffset

EARLIEST = 631_152_000
"""1990-01-01: an impression before the web is a broken clock."""
LATEST = 4_102_444_800
"""2100-01-01."""
FIELDS = ("year", "month", "day", "hour", "minute", "second", "zone")
"""The groups of a pattern, in this order; a format may lack the later ones."""
UNITS_PER_SECOND: Mapping[str, int] = MappingProxyType(
    {
        "seconds": 1,
        "milliseconds": 1_000,
        "microseconds": 1_000_000,
        "nanoseconds": 1_000_000_000,
    }
)
"""Formats that are numbers."""

_ZONE = r"(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)"
_NAMED = {
    "iso": (
        r"^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*"
        rf"{_ZONE}?$"
    ),
    "yyyymmdd": r"^(\d{4})(\d{2})(\d{2})(?:\.0)?$",
}
_DIRECTIVES = {
    "%Y": ("year", r"(\d{4})"),
    "%m": ("month", r"(\d{1,2})"),
    "%d": ("day", r"(\d{1,2})"),
    "%H": ("hour", r"(\d{1,2})"),
    "%M": ("minute", r"(\d{1,2})"),
    "%S": ("second", r"(\d{1,2})(?:[.,]\d+)?"),
    "%z": ("zone", r"\s*" + _ZONE),
}

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ISO_CLOCK = re.compile(r"[T ](\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)")
_PATTERNS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
)


@dataclass(frozen=True, slots=True)
class MomentPattern:
    """A regular expression and the number of the group of each field that it has."""

    regex: str
    groups: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields in the order of their groups."""
        return tuple(sorted(self.groups, key=lambda name: self.groups[name]))


def moment_pattern(time_format: str) -> MomentPattern:
    """Return how moments of a format are read.

    That is "iso", "yyyymmdd", or a pattern of ``%Y %m %d %H %M %S %z`` and other characters.

    Raises ConfigError if it is none of these, or lacks year, month or day.

    >>> moment_pattern("%d/%m/%Y").names
    ('day', 'month', 'year')
    >>> moment_pattern("%d %b")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: time format '%d %b': expected seconds, milliseconds, \
microseconds, nanoseconds, iso, yyyymmdd, or a pattern of %Y, %m, %d, %H, %M, %S and %z with at \
least year, month and day
    """
    if time_format in _NAMED:
        groups = {name: place for place, name in enumerate(FIELDS, start=1)}
        kept = FIELDS if time_format == "iso" else FIELDS[:3]
        return MomentPattern(_NAMED[time_format], {name: groups[name] for name in kept})
    found: list[str] = []
    regex = ""
    for piece in re.findall(r"%.|[^%]+|%$", time_format):
        if piece in _DIRECTIVES:
            name, part = _DIRECTIVES[piece]
            found.append(name)
            regex += part
        elif piece.startswith("%"):
            found.append("")
        else:
            regex += re.escape(piece)
    if "" in found or len(set(found)) != len(found) or not {"year", "month", "day"} <= set(found):
        raise ConfigError(
            f"time format {time_format!r}: expected seconds, milliseconds, microseconds, "
            "nanoseconds, iso, yyyymmdd, or a pattern of %Y, %m, %d, %H, %M, %S and %z with at "
            "least year, month and day"
        )
    return MomentPattern(f"^{regex}$", {name: place for place, name in enumerate(found, start=1)})


def find_time_format(values: Sequence[str]) -> str:
    """Return the format in which most of some times are written, or nothing if none fits.

    A date such as ``03/04/2017`` fits none: which number is the month is ambiguous.

    >>> find_time_format(["1494000000"]), find_time_format(["1494000000123"])
    ('seconds', 'milliseconds')
    >>> find_time_format(["19970101"]), find_time_format(["2017-05-06T08:00:00+08:00"])
    ('yyyymmdd', 'iso')
    >>> find_time_format(["03/04/2017"])
    ''
    """
    known = [value for value in values if value]
    if not known:
        return ""
    for name, units in UNITS_PER_SECOND.items():
        if _most(_is_moment(value, units) for value in known):
            return name
    if _most(_is_day(value) for value in known):
        return "yyyymmdd"
    if _most(re.match(_NAMED["iso"], value) is not None for value in known):
        return "iso"
    for pattern in _PATTERNS:
        if _most(_fits(value, pattern) for value in known):
            return pattern
    return ""


def _most(answers: Iterable[bool]) -> bool:
    found = list(answers)
    return sum(found) > 0.9 * len(found)


def _is_moment(value: str, units: int) -> bool:
    return _NUMBER.fullmatch(value) is not None and EARLIEST <= float(value) / units < LATEST


def _is_day(value: str) -> bool:
    return _fits(value.removesuffix(".0"), "%Y%m%d") and len(value.removesuffix(".0")) == 8


def _fits(value: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(value, pattern)  # only whether it can be read
    except ValueError:
        return False
    return True


def midnight(day: dt.date, *, utc_offset_hours: UtcOffset) -> int:
    """Return the beginning of a local day in epoch seconds.

    >>> midnight(dt.date(2017, 5, 6), utc_offset_hours=8)
    1494000000
    """
    days = (day - dt.date(1970, 1, 1)).days
    return days * SECONDS_PER_DAY - round(utc_offset_hours * 3600)


def has_hours(values: Sequence[str], time_format: str, *, utc_offset_hours: UtcOffset) -> bool:
    """Whether some times tell more than the day.

    >>> has_hours(["2017-05-06", "2017-05-07"], "iso", utc_offset_hours=8)
    False
    >>> has_hours(["1494000000", "1494000001"], "seconds", utc_offset_hours=8)
    True
    """
    if time_format == "yyyymmdd":
        return False
    if "%" in time_format:
        return "%H" in time_format
    if time_format == "iso":
        clocks = [found[1] for found in map(_ISO_CLOCK.search, values) if found is not None]
        return len(set(clocks)) > 1 or any(set(clock) - set("0:., ") for clock in clocks)
    units = UNITS_PER_SECOND[time_format]
    seconds = [float(value) / units for value in values if _NUMBER.fullmatch(value)]
    offset = round(utc_offset_hours * 3600)
    return any((each + offset) % SECONDS_PER_DAY for each in seconds) or not seconds
