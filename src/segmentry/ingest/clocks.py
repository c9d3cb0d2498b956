"""The local clock, by which days and hours are counted: hours from UTC, or a zone with changes.

With a named zone all moments are kept on its clock: local time, less the zone's standard offset.
Days, weekdays and hours are then those that people lived, and what was written without a zone needs
no conversion: an hour that the clock skipped or struck twice is read as it is written.
"""

import datetime as dt
import difflib
import zoneinfo
from dataclasses import dataclass

from segmentry.errors import ConfigError
from segmentry.schema import UtcOffset

_YEAR_OF_STANDARD = 2024


@dataclass(frozen=True, slots=True)
class Clock:
    """A local clock."""

    utc_offset_hours: UtcOffset = 0
    """Of a named zone, that of its standard time."""
    timezone: str = ""
    """Name of the zone, such as ``America/New_York``; empty where the offset is always the same."""

    def epoch_of(self, moment: dt.datetime) -> int:
        """Return a moment in epoch seconds; one without a zone of its own is local."""
        if moment.tzinfo is None:
            fixed = dt.timezone(dt.timedelta(hours=self.utc_offset_hours))
            moment = moment.replace(tzinfo=_zone(self.timezone) if self.timezone else fixed)
        return int(moment.timestamp())

    def shown(self, epoch: int) -> int:
        """Return the place of a moment on this clock, less the standard offset.

        >>> Clock(-5, "America/New_York").shown(1_720_000_000) - 1_720_000_000
        3600
        """
        if not self.timezone:
            return epoch
        try:
            local = dt.datetime.fromtimestamp(epoch, _zone(self.timezone)).replace(tzinfo=dt.UTC)
        except (ValueError, OverflowError, OSError):  # a moment that no calendar has
            return epoch
        return int(local.timestamp()) - round(self.utc_offset_hours * 3600)


def standard_hours(timezone: str) -> UtcOffset:
    """Return the hours from UTC of a zone without summer time.

    Raises ConfigError if the zone is unknown.

    >>> standard_hours("America/New_York"), standard_hours("Asia/Kolkata")
    (-5, 5.5)
    >>> standard_hours("America/NewYork")
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: timezone 'America/NewYork': no such zone (did you mean \
'America/New_York'?); expected a name such as Europe/Berlin
    """
    months = (dt.datetime(_YEAR_OF_STANDARD, month, 1, tzinfo=_zone(timezone)) for month in (1, 7))
    hours = min(each.utcoffset() or dt.timedelta() for each in months) / dt.timedelta(hours=1)
    return int(hours) if hours.is_integer() else hours


def _zone(timezone: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        names = zoneinfo.available_timezones()
        near = difflib.get_close_matches(timezone, sorted(names), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        if not names:
            hint = " (this machine has no zones: pip install tzdata)"
        raise ConfigError(
            f"timezone {timezone!r}: no such zone{hint}; expected a name such as Europe/Berlin"
        ) from error
