"""Windows that follow each other, and those that do not."""

import pytest

from segmentry.errors import DataError
from segmentry.lifecycle.order import check_follows
from segmentry.schema import Window

DAY = 86_400


def days(start, end, *, offset=0):
    return Window(start=start * DAY, end=end * DAY, utc_offset_hours=offset)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (days(30, 60), "and so are those of the earlier run"),
        (days(20, 50), "before those of the earlier run"),
        (days(0, 30), "before those of the earlier run"),
        (days(59, 90), "overlap those .* give --since 1970-03-02$"),
        (days(30, 61), "overlap"),
        (days(61, 90), "leave a gap"),
        (days(60, 90, offset=1), "the clock of these data is +1 hours from UTC"),
    ],
)
def test_what_does_not_follow_is_refused(new, told):
    with pytest.raises(DataError, match=told.replace("+", "[+]")):
        check_follows(days(30, 60), new, is_chosen=False)


@pytest.mark.parametrize(("new", "is_chosen"), [(days(60, 91), False), (days(63, 91), True)])
def test_the_next_days_follow_and_a_gap_may_be_chosen(new, is_chosen):
    check_follows(days(30, 60), new, is_chosen=is_chosen)
