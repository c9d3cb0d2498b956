"""Has anything changed since the segments were formed?

In: `PeriodFacts`, the counts of each refresh. Out: `Alarm` records (a code and numbers) whose false
alarms stay under 5 % over all refreshes together, and the interval of every judged number; of both,
`OverTime` is what people see.
Texts are rendered where they are read. The derivation is in ``docs/explanation/over-time.md``.
"""

from segmentry.lifecycle.alarms.count import count_period, with_ranges
from segmentry.lifecycle.alarms.facts import (
    DayFacts,
    FeatureFacts,
    OutcomeFacts,
    PeriodFacts,
    RowFacts,
    SegmentFacts,
    WindowCounts,
)
from segmentry.lifecycle.alarms.find import Alarm, find_alarms, read_periods
from segmentry.lifecycle.alarms.outcomes import level_of
from segmentry.lifecycle.alarms.readings import Reading
from segmentry.lifecycle.alarms.sequence import FALSE_ALARM_RATE
from segmentry.lifecycle.alarms.shown import FeatureShift, OverTime, show_windows

__all__ = [
    "FALSE_ALARM_RATE",
    "Alarm",
    "DayFacts",
    "FeatureFacts",
    "FeatureShift",
    "OutcomeFacts",
    "OverTime",
    "PeriodFacts",
    "Reading",
    "RowFacts",
    "SegmentFacts",
    "WindowCounts",
    "count_period",
    "find_alarms",
    "level_of",
    "read_periods",
    "show_windows",
    "with_ranges",
]
