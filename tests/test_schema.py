"""Windows and accounts: the few values that every layer shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.texts import raises_text

from segmentry.schema import RowAccount, Window

MIDNIGHT = 1_494_000_000
"""Saturday 2017-05-06, 0 o'clock in Beijing."""
DAY = 86_400


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        (0, 0, 0, 1),
        (0, DAY - 1, 0, 1),
        (0, DAY, 0, 2),
        (-1, 0, -1, 1),
        (5, 8 * DAY - 1, 0, 8),
    ],
)
def test_window_around_moments_is_of_whole_local_days(first, last, start, end):
    window = Window.around(MIDNIGHT + first, MIDNIGHT + last, utc_offset_hours=8)

    assert (window.start, window.end) == (MIDNIGHT + start * DAY, MIDNIGHT + end * DAY)
    assert window.n_days == end - start


def test_days_of_another_clock_are_other_days():
    window = Window.around(MIDNIGHT, MIDNIGHT, utc_offset_hours=0)

    assert (window.start, window.end) == (MIDNIGHT - 16 * 3600, MIDNIGHT + 8 * 3600)


@given(
    first=st.integers(0, 2**32), length=st.integers(0, 2**24), utc_offset_hours=st.integers(-12, 14)
)
def test_window_around_holds_both_moments_and_not_a_day_more(first, length, utc_offset_hours):
    window = Window.around(first, first + length, utc_offset_hours=utc_offset_hours)

    assert window.start <= first < window.start + DAY
    assert window.end - DAY <= first + length < window.end
    assert window.n_days == int(window.n_days)


@pytest.mark.parametrize(("start", "end"), [(7, 7), (8, 7)])
def test_empty_window_is_refused(start, end):
    with raises_text(ValueError):
        Window(start=start, end=end)


def test_account_adds_up_or_is_a_bug():
    account = RowAccount(
        role="log", n_read=6, n_used=1, rejected={"a": 2, "b": 1}, excluded={"c": 2}
    )

    assert account.n_rejected == 3
    with raises_text(AssertionError):
        RowAccount(role="log", n_read=7, n_used=1, rejected={"a": 3}, excluded={"c": 2})
