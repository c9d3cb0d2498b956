"""The click rate of all users by day."""

from segmentry.evaluation.later_days import TruthReport
from segmentry.formats import count, day, interval, rate
from segmentry.present.report._views import Row, Table
from segmentry.schema import SECONDS_PER_DAY, UtcOffset


def table_of_days(truth: TruthReport, utc_offset_hours: UtcOffset) -> Table | None:
    """Return the days of both windows with their users and click rates."""
    if truth.levels is None or len(truth.levels.days) < 2:
        return None
    offset = round(utc_offset_hours * 3600)
    first = (truth.feature_starts_at + offset) // SECONDS_PER_DAY
    weekdays = (*truth.feature_weekdays, *truth.outcome_weekdays)
    n_forming = len(truth.feature_weekdays)
    rows = []
    for each in truth.levels.days:
        at = each.day * SECONDS_PER_DAY - offset
        place = each.day - first
        cells = (
            weekdays[place],
            "form segments" if place < n_forming else "check them",
            count(each.n_users),
            rate(each.ctr.value),
            interval(each.ctr, write=rate),
        )
        rows.append(Row(day(at, utc_offset_hours=utc_offset_hours), cells))
    return Table(
        caption="Click rate of all users, day by day",
        heads=("day", "weekday", "used to", "users", "click rate", "90 % interval"),
        rows=tuple(rows),
        text_columns=(1, 2),
    )
