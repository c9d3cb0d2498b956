"""How a moment is written: one pattern for every engine, so that they read the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from segmentry.errors import ConfigError

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

    Parameters
    ----------
    time_format : str
        "iso", "yyyymmdd", or a pattern of ``%Y %m %d %H %M %S %z`` and other characters.

    Raises
    ------
    ConfigError
        If it is none of these, or lacks year, month or day.

    Examples
    --------
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
