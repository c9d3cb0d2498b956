"""What the data of a run have and lack, and what their events are called."""

from collections.abc import Mapping
from dataclasses import dataclass

from segmentry.schema._source import Source


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
