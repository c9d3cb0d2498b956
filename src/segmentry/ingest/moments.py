"""How moments are written: one pattern for every engine, and the format found by looking."""

import datetime as dt
import functools
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from segmentry.errors import ConfigError
from segmentry.ingest.clocks import Clock
from segmentry.schema import SECONDS_PER_DAY, UtcOffset

EARLIEST = 631_152_000
"""1990-01-01: an impression before the web is a broken clock."""
LATEST = 4_102_444_800
"""2100-01-01."""
FIELDS = (
    *("year", "short_year", "month", "month_name", "day"),
    *("hour", "half", "minute", "second", "fraction", "zone"),
)
"""The groups that a pattern may have."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
"""How names of months begin, in English and in lower case."""
UNITS_PER_SECOND: Mapping[str, int] = MappingProxyType(
    {
        "seconds": 1,
        "milliseconds": 1_000,
        "microseconds": 1_000_000,
        "nanoseconds": 1_000_000_000,
    }
)
"""Formats that are numbers."""
SECONDS_PER_UNIT: Mapping[str, int] = MappingProxyType(
    {"minutes": 60, "hours": 3600, "days": SECONDS_PER_DAY}
)
"""Formats that are numbers of something longer, counted from an origin."""
NUMBERS = (*UNITS_PER_SECOND, *SECONDS_PER_UNIT)
"""All formats that are numbers."""
_DAYS_OF_SHEETS = (32_874, 73_051)
"""1990 to 2099, in days since 1899-12-30, as spreadsheets count."""

_ZONE = r"(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_ISO = (
    r"^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*"
    rf"{_ZONE}?$"
)
_NAMED = {
    "iso": (_ISO, ("year", "month", "day", "hour", "minute", "second", "zone")),
    "yyyymmdd": (r"^(\d{4})(\d{2})(\d{2})(?:\.0)?$", ("year", "month", "day")),
}
_DIRECTIVES = {
    "%Y": ("year", r"(\d{4})"),
    "%y": ("short_year", r"(\d{2})"),
    "%m": ("month", r"(\d{1,2})"),
    "%b": ("month_name", r"([A-Za-z]{3,9})\.?"),
    "%B": ("month_name", r"([A-Za-z]{3,9})\.?"),
    "%d": ("day", r"(\d{1,2})"),
    "%H": ("hour", r"(\d{1,2})"),
    "%I": ("hour", r"(\d{1,2})"),
    "%p": ("half", r"([AaPp])\.?[Mm]\.?"),
    "%M": ("minute", r"(\d{1,2})"),
    "%S": ("second", r"(\d{1,2})(?:[.,]\d+)?"),
    "%f": ("fraction", r"(\d{1,9})"),
    "%z": ("zone", r"\s*" + _ZONE),
}
_LISTED = "%Y %y %m %b %d %a %H %I %p %M %S %f %z"

_WEEKDAY = {"%a": r"[A-Za-z]{3,9}\.?", "%A": r"[A-Za-z]{3,9}\.?"}
"""Read over: the date says which it is."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ISO_CLOCK = re.compile(r"[T ](\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)")
_CLOCKS = (
    *(" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", " %I:%M:%S%p", " %I:%M%p"),
    *("T%H:%M:%S", ":%H:%M:%S %z", ""),
)
_DAYS = (
    *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y"),
    *("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%d/%b/%Y", "%m/%d/%y", "%d/%m/%y"),
    *("%d.%m.%y", "%Y.%m.%d", "%Y-%m-%d"),
)
_PATTERNS = (
    *("%Y%m%d%H%M%S%f", "%Y%m%d%H%M%S", "%y%m%d%H", "%Y%m%d %H%M%S"),
    *("%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y"),
    *(day + clock for day in _DAYS for clock in _CLOCKS),
)
_SWAPPED = str.maketrans({"d": "m", "m": "d"})


@dataclass(frozen=True, slots=True)
class MomentPattern:
    """A regular expression and the fields that its groups are, in their order."""

    regex: str
    names: tuple[str, ...]


@functools.cache
def moment_pattern(time_format: str) -> MomentPattern:
    """Return how moments of a format are read.

    That is "iso", "yyyymmdd", or a pattern of the directives of `strptime` and other characters.
    Digits of neighbouring directives are as many as each has at most.

    Raises ConfigError if it is none of these, or lacks year, month or day.

    >>> moment_pattern("%d/%m/%Y").names
    ('day', 'month', 'year')
    >>> moment_pattern("%d %m")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: time format '%d %m': expected seconds, milliseconds, \
microseconds, nanoseconds, iso, yyyymmdd, or a pattern of %Y %y %m %b %d %a %H %I %p %M %S %f %z \
with at least year, month and day
    """
    if time_format in _NAMED:
        return MomentPattern(*_NAMED[time_format])
    found: list[str] = []
    regex = ""
    pieces = re.findall(r"%.|[^%]+|%$", time_format)
    for piece, before, behind in zip(pieces, ["", *pieces], [*pieces[1:], ""], strict=False):
        if piece in _DIRECTIVES:
            name, part = _DIRECTIVES[piece]
            found.append(name)
            if before in _DIRECTIVES or behind in _DIRECTIVES:
                part = part.replace(r"\d{1,2}", r"\d{2}").removesuffix(r"(?:[.,]\d+)?")
            regex += part
        elif piece in _WEEKDAY:
            regex += _WEEKDAY[piece]
        elif piece.startswith("%"):
            found.append("")
        else:
            regex += re.escape(piece).replace(r"\ ", " +")
    day = {name.removeprefix("short_").removesuffix("_name") for name in found}
    if "" in found or len(day) != len(found) or not {"year", "month", "day"} <= day:
        raise ConfigError(
            f"time format {time_format!r}: expected seconds, milliseconds, microseconds, "
            f"nanoseconds, iso, yyyymmdd, or a pattern of {_LISTED} with at least year, month and "
            "day"
        )
    return MomentPattern(f"^{regex}$", tuple(found))


def find_time_format(values: Sequence[str]) -> str:
    """Return the format in which most of some times are written, or nothing if none fits.

    Of ``03/04/2017`` and its like the order of day and month must be settled by some value, such as
    ``1/24/2017``.

    >>> find_time_format(["1494000000"]), find_time_format(["1494000000123"])
    ('seconds', 'milliseconds')
    >>> find_time_format(["19970101"]), find_time_format(["2017-05-06T08:00:00+08:00"])
    ('yyyymmdd', 'iso')
    >>> find_time_format(["03/04/2017"]), find_time_format(["3/4/2017 8:26", "1/24/2017 9:30"])
    ('', '%m/%d/%Y %H:%M')
    """
    known = [value for value in values if value]
    if not known:
        return ""
    for name, units in UNITS_PER_SECOND.items():
        if _most(_is_moment(value, units) for value in known):
            return name
    if _most(_is_day(value) for value in known):
        return "yyyymmdd"
    if _most(_fits(value, "iso") for value in known):
        return "iso"
    for pattern in _PATTERNS:
        if _most(_fits(value, pattern) for value in known):
            return "" if _is_ambiguous(known, pattern) else pattern
    return ""


def count_from_elsewhere(values: Sequence[str]) -> bool:
    """Whether times are numbers too small to count from 1970, in whatever unit.

    >>> count_from_elsewhere(["-3600", "0", "2100"]), count_from_elsewhere(["1494000000"])
    (True, False)
    """
    numbers = _finite(values)
    return (
        bool(numbers)
        and len(numbers) == len(values)
        and -EARLIEST < min(numbers) <= max(numbers) < EARLIEST
    )


def origin_advice(values: Sequence[str]) -> str:
    """Say what to set for times that `count_from_elsewhere`.

    >>> origin_advice(["42861.41", "42863.5"])
    'origin = "1899-12-30" and time_format = "days", if they are days of a spreadsheet'
    """
    if all(_DAYS_OF_SHEETS[0] <= each < _DAYS_OF_SHEETS[1] for each in _finite(values)):
        return 'origin = "1899-12-30" and time_format = "days", if they are days of a spreadsheet'
    return f'origin = "2017-05-06" and time_format, one of {", ".join(NUMBERS)}'


def contradiction_of(values: Sequence[str], time_format: str) -> str:
    """Return a value that shows that times are not written in a format, or nothing.

    That is one with a month above 12 where day and month are taken the wrong way round, or any
    where half of the values cannot be read.

    >>> contradiction_of(["1/24/2011", "3/4/2011"], "%d/%m/%Y")
    '1/24/2011'
    """
    if time_format in NUMBERS:
        return ""
    strange = [value for value in values if value and not _fits(value, time_format)]
    other = _with_days_and_months_swapped(time_format)
    swapped = [value for value in strange if other and _fits(value, other)]
    return next(iter(swapped or (strange if 2 * len(strange) > len(values) else [])), "")


def _is_ambiguous(values: Sequence[str], pattern: str) -> bool:
    """Whether day and month can be taken in both orders: then no value has a day above 12."""
    if not {"%m", "%d"} <= set(re.findall("%.", pattern)) or not pattern.startswith(("%m", "%d")):
        return False
    if pattern.startswith("%d."):  # with points the day comes first everywhere
        return False
    return _most(_fits(value, _with_days_and_months_swapped(pattern)) for value in values)


def _with_days_and_months_swapped(pattern: str) -> str:
    return re.sub("%[dm]", lambda found: found[0].translate(_SWAPPED), pattern)


def _most(answers: Iterable[bool]) -> bool:
    """Whether more than nine of ten hold; the first twenty decide where none of them does."""
    them = iter(answers)
    found = list(itertools.islice(them, 20))
    if not any(found):
        return False
    found += them
    return sum(found) > 0.9 * len(found)


def _is_moment(value: str, units: int) -> bool:
    return _NUMBER.fullmatch(value) is not None and EARLIEST <= float(value) / units < LATEST


def _is_day(value: str) -> bool:
    return _fits(value.removesuffix(".0"), "%Y%m%d") and len(value.removesuffix(".0")) == 8


def _fits(value: str, time_format: str) -> bool:
    """Whether a text is a moment in a format, as every engine reads it."""
    pattern = moment_pattern(time_format)
    found = re.match(pattern.regex, value)
    if found is None:
        return False
    part = dict(zip(pattern.names, found.groups(default=""), strict=True))
    month = part.get("month") or str(1 + _month(part.get("month_name", "")))
    hour, half = int(part.get("hour") or 0), part.get("half", "")
    try:
        dt.datetime(
            int(part.get("year") or f"20{part.get('short_year', '00')}"),
            int(month),
            int(part["day"]),
            hour,
            int(part.get("minute") or 0),
            int(part.get("second") or 0),
        )
    except ValueError:
        return False
    return not half or 1 <= hour <= 12


def _month(name: str) -> int:
    """Return the place of a month by how its name begins, or one that no month has."""
    start = name[:3].lower()
    return MONTHS.index(start) if start in MONTHS else len(MONTHS)


def midnight(day: dt.date, *, utc_offset_hours: UtcOffset) -> int:
    """Return the beginning of a local day in epoch seconds.

    >>> midnight(dt.date(2017, 5, 6), utc_offset_hours=8)
    1494000000
    """
    days = (day - dt.date(1970, 1, 1)).days
    return days * SECONDS_PER_DAY - round(utc_offset_hours * 3600)


def _finite(values: Sequence[str]) -> list[float]:
    """Return those values that are numbers; 400 digits are beyond all of them."""
    numbers = (float(value) for value in values if _NUMBER.fullmatch(value))
    return [number for number in numbers if math.isfinite(number)]


def has_hours(values: Sequence[str], time_format: str, *, clock: Clock) -> bool:
    """Whether some times tell more than the day.

    >>> has_hours(["2017-05-06", "2017-05-07"], "iso", clock=Clock(8))
    False
    >>> has_hours(["1494000000", "1494000001"], "seconds", clock=Clock(8))
    True
    """
    if time_format in ("yyyymmdd", "days"):
        return False
    if time_format in SECONDS_PER_UNIT:
        return True
    if "%" in time_format:
        return "%H" in time_format or "%I" in time_format
    if time_format == "iso":
        clocks = [found[1] for found in map(_ISO_CLOCK.search, values) if found is not None]
        return len(set(clocks)) > 1 or any(set(clock) - set("0:., ") for clock in clocks)
    units = UNITS_PER_SECOND[time_format]
    numbers = [number / units for number in _finite(values)]
    seconds = [clock.shown(int(each)) + each % 1 for each in numbers]
    offset = round(clock.utc_offset_hours * 3600)
    return any((each + offset) % SECONDS_PER_DAY for each in seconds) or not seconds
