"""The click rate of all users by day: what moved from day to day."""

from segmentry.evaluation.later_days import TruthReport
from segmentry.formats import count, day, decimal, interval, rate
from segmentry.present.report._views import Row, Table
from segmentry.schema import SECONDS_PER_DAY, UtcOffset

_LEAST_SHOWN = 0.001  # p-values below it are not told apart


def lead_of_days(truth: TruthReport) -> str:
    """Say whether the common click rate moved from day to day; empty for a single day."""
    levels = truth.levels
    if levels is None or levels.sd is None or levels.p_value is None:
        return ""
    p_value = levels.p_value
    chance = (
        f"p < {_LEAST_SHOWN}" if p_value < _LEAST_SHOWN else f"p = {decimal(p_value, digits=3)}"
    )
    spread = f"standard deviation {decimal(levels.sd)} in log-odds beyond sampling, {chance}"
    if not levels.has_moved:
        return f"The click rate of all users hardly moved from day to day ({spread})."
    return (
        f"The click rate of all users moved from day to day by more than chance ({spread}). What "
        "moves all alike makes no segment better than another: segments are compared day for day. "
        "But how high rates will be on days to come is less sure for it, and the intervals of "
        "expected rates are as wide as that."
    )


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
