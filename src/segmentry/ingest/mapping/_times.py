"""Tell how times are written by looking at some of them."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from segmentry.schema import UtcOffset

_EARLIEST, _LATEST = 631_152_000, 4_102_444_800  # 1990 and 2100, as the engines have it
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?\s*(Z|z|UTC|[+-]\d{2}(:?\d{2})?)?"
)
_ISO_CLOCK = re.compile(r"[T ](\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)")
_PATTERNS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
)
_UNITS = (
    ("seconds", 1),
    ("milliseconds", 1_000),
    ("microseconds", 1_000_000),
    ("nanoseconds", 1_000_000_000),
)
_SECONDS_PER_DAY = 86_400


def find_time_format(values: Sequence[str]) -> str:
    """Return the format in which most of some times are written, or nothing if none fits.

    A date such as ``03/04/2017`` fits none: which number is the month cannot be told.

    Examples
    --------
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
    for name, units in _UNITS:
        if _most(_is_moment(value, units) for value in known):
            return name
    if _most(_is_day(value) for value in known):
        return "yyyymmdd"
    if _most(_ISO.fullmatch(value) is not None for value in known):
        return "iso"
    for pattern in _PATTERNS:
        if _most(_fits(value, pattern) for value in known):
            return pattern
    return ""


def _most(answers: Iterable[bool]) -> bool:
    found = list(answers)
    return sum(found) > 0.9 * len(found)


def _is_moment(value: str, units: int) -> bool:
    return _NUMBER.fullmatch(value) is not None and _EARLIEST <= float(value) / units < _LATEST


def _is_day(value: str) -> bool:
    return _fits(value.removesuffix(".0"), "%Y%m%d") and len(value.removesuffix(".0")) == 8


def _fits(value: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(value, pattern)  # only whether it can be read
    except ValueError:
        return False
    return True


def has_hours(values: Sequence[str], time_format: str, *, utc_offset_hours: UtcOffset) -> bool:
    """Whether some times tell more than the day.

    Examples
    --------
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
    units = dict(_UNITS)[time_format]
    seconds = [float(value) / units for value in values if _NUMBER.fullmatch(value)]
    offset = round(utc_offset_hours * 3600)
    return any((each + offset) % _SECONDS_PER_DAY for each in seconds) or not seconds
