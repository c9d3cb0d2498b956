"""What weekdays and months of the windows leave unchecked."""

import calendar
from datetime import date

import pytest

from segmentry.features.windows import split_window, unlike_days
from segmentry.schema import Window

DAY = 86_400
MONTHS = tuple(calendar.month_name[1:])


def window(first, n_days):
    """Return whole days from a date on, UTC."""
    start = (first.toordinal() - date(1970, 1, 1).toordinal()) * DAY
    return Window(start=start, end=start + n_days * DAY)


def named(first, n_forming, n_later, names):
    """Names that occur, sentence by sentence."""
    whole = window(first, n_forming + n_later)
    cut = whole.start + n_forming * DAY
    found = unlike_days(Window(start=whole.start, end=cut), Window(start=cut, end=whole.end))
    return [{name for name in names if name in sentence} for sentence in found]


def test_weekdays_of_one_window_alone_are_named():
    # Saturday 6 May 2017, as the Taobao log.
    found = named(date(2017, 5, 6), 6, 2, calendar.day_name)

    assert found == [{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday"}, {"Friday"}]


def test_whole_weeks_leave_nothing_unchecked():
    assert named(date(2017, 5, 1), 14, 7, calendar.day_name) == []


@pytest.mark.parametrize(
    ("first", "n_forming", "n_later", "months"),
    [
        (date(2020, 3, 1), 260, 77, [{"December", "January"}]),
        (date(2020, 3, 1), 371, 77, []),  # a year holds every month
        (date(2011, 1, 1), 2464, 819, []),  # nine years
        (date(2020, 11, 2), 28, 7, []),  # by days: a month's end is no season
        (date(2020, 11, 2), 56, 14, [{"January"}]),
    ],
)
def test_months_of_the_later_days_alone_are_named_in_logs_of_months(
    first, n_forming, n_later, months
):
    assert named(first, n_forming, n_later, MONTHS) == months


def test_the_windows_of_a_run_of_nine_years_hold_all_months():
    split = split_window(window(date(2011, 1, 1), 9 * 365))

    assert unlike_days(split.feature, split.outcome) == ()
