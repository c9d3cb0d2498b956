"""Alarms for people: what left its expectation, and what to do about it; how features shift."""

from dataclasses import dataclass

from segmentry.formats import count, day, decimal, feature_value, percent, rate
from segmentry.lifecycle.alarms import Alarm, FeatureShift
from segmentry.present.tables import Column, Row, Shown, Table
from segmentry.results.summary import Summary

_N_SAID = 3

_ACTIONS = {
    "level_moved": "Look for a season, a new placement or new prices; segments keep their order.",
    "segment_rate_changed": "Look for campaigns that aim at these users; refit if it lasts.",
    "mix_changed": "Check where new users come from, and shares of budgets by segment.",
    "feature_shifted": "Check how this column is made; refit if the change is real.",
    "missing_values_changed": "Check the source of this column before you use the segments.",
    "unseen_levels": "Map the new levels to known ones, or refit.",
    "rows_rejected": "See “Data and method” for the reasons, and fix the files.",
    "rows_per_day_changed": "Check that all files of the window are there, each once.",
}


@dataclass(frozen=True, slots=True)
class AlarmText:
    """One alarm as people read it."""

    finding: str
    since: str
    action: str
    is_over: bool

    @property
    def line(self) -> str:
        """The alarm in a terminal."""
        return f"Alarm since {self.since}: {self.finding} {self.action}"


def alarms_of(summary: Summary) -> tuple[AlarmText, ...]:
    """Return the alarms of all windows since the segments were formed, open ones first."""
    if summary.over_time is None:
        return ()
    windows = summary.over_time.windows
    offset = summary.data.utc_offset_hours
    found = [
        AlarmText(
            finding=_finding(alarm, summary),
            since=day(windows[alarm.since].start, utc_offset_hours=offset),
            action=_ACTIONS[alarm.code],
            is_over=alarm.is_over,
        )
        for alarm in summary.over_time.alarms
    ]
    return tuple(sorted(found, key=lambda each: each.is_over))


def _finding(alarm: Alarm, summary: Summary) -> str:
    """Say the number with its expectation; one sentence per code."""
    names = {each.segment_key: f"“{each.name}”" for each in summary.segments}
    labels = {each.name: each.label for each in summary.features}
    name = alarm.name or ""
    segment, feature = names.get(name, name), labels.get(name, name)
    if alarm.observed is None or alarm.expected is None:
        return _of_few(alarm, segment, feature)
    change = _change(alarm.observed, alarm.expected)
    now, then = percent(alarm.observed), percent(alarm.expected)
    return {
        "level_moved": f"The click rate of all users is {change} expected.",
        "segment_rate_changed": f"{segment} clicks on {rate(alarm.observed)} of its impressions, "
        f"{change} expected ({rate(alarm.expected)}).",
        "mix_changed": f"{segment} holds {now} of the users, {then} when segments were formed.",
        "feature_shifted": f"{feature}: other values than when segments were formed (stability "
        f"index {decimal(alarm.observed)}; up to 0.10 is usual).",
        "missing_values_changed": f"{feature}: unknown for {now} of the users, {then} when "
        "segments were formed.",
        "unseen_levels": f"{feature}: {now} of the users have a level that was not there when "
        "segments were formed.",
        "rows_rejected": f"{now} of the rows cannot be used, {then} when segments were formed.",
        "rows_per_day_changed": f"{count(alarm.observed)} rows per day, {count(alarm.expected)} "
        "when segments were formed.",
    }[alarm.code]


def _of_few(alarm: Alarm, segment: str, feature: str) -> str:
    """Name what changed, without its numbers."""
    what = {
        "segment_rate_changed": f"the click rate of {segment}",
        "mix_changed": f"the share of {segment}",
        "feature_shifted": f"the values of {feature}",
        "missing_values_changed": f"how often {feature} is unknown",
        "unseen_levels": f"new levels of {feature}",
    }.get(alarm.code, "the click rate of all users")
    return f"Changed, by numbers of too few users to be shown: {what}."


def _change(observed: float, expected: float) -> str:
    if not expected:
        return "not as"
    change = observed / expected - 1
    return f"{percent(abs(change), digits=0)} {'above' if change > 0 else 'below'} what was"


def shifts_sentence(summary: Summary) -> str:
    """Say which features shifted most since the segments were formed; empty without any."""
    features = () if summary.over_time is None else summary.over_time.features
    said = []
    for each in features[:_N_SAID]:
        label, (formed, _, now) = _described(each, summary)
        if formed.text != now.text:
            said.append(f"{label} {formed.text} → {now.text}")
    if not said:
        return ""
    return f"Largest shifts of features since segments were formed: {'; '.join(said)}."


def shift_table(summary: Summary) -> Table:
    """Return every feature in plain units: when formed, in the window before, now."""
    features = () if summary.over_time is None else summary.over_time.features
    rows = []
    for each in features:
        label, values = _described(each, summary)
        rows.append(Row((label, *values, each.index)))
    return Table(
        "features-since",
        "Features of all users, largest shift first",
        columns=(
            Column("feature", "feature"),
            Column("formed", "when formed"),
            Column("before", "window before"),
            Column("now", "now"),
            Column("index", "stability index", decimal),
        ),
        rows=tuple(rows),
    )


def _described(shift: FeatureShift, summary: Summary) -> tuple[str, list[Shown]]:
    """Return what the numbers are, and the numbers: when formed, before, now."""
    feature = next((each for each in summary.features if each.name == shift.name), None)
    label = shift.name if feature is None else feature.label
    numbers = (shift.formed, shift.before, shift.now)
    if shift.level is not None:
        return f"{label} {shift.level}, share of users", [Shown(n, percent(n)) for n in numbers]
    kind, unit = ("count", "") if feature is None else (feature.kind, feature.unit)
    offset = summary.data.utc_offset_hours
    return f"{label} of the middle user", [
        Shown(n, feature_value(n, kind=kind, unit=unit, utc_offset_hours=offset)) for n in numbers
    ]
