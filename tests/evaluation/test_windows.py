"""The last days are set aside, by the local clock."""

import pytest
from tests.texts import raises_text

from segmentry.features.windows import local_days, split_window, weekdays
from segmentry.schema import SECONDS_PER_DAY, Window

TAOBAO = Window(start=1494000000, end=1494691200, utc_offset_hours=8)


def days(n):
    return Window(start=0, end=n * SECONDS_PER_DAY)


def test_taobao_keeps_its_last_two_days_and_the_inner_split_two_of_six():
    split = split_window(TAOBAO)

    assert split.outcome == Window(start=1494518400, end=1494691200, utc_offset_hours=8)
    assert split.feature.end == split.outcome.start
    assert split.reason == ""
    inner = split_window(split.feature)
    assert (inner.feature.n_days, inner.outcome.n_days) == (4.0, 2.0)


@pytest.mark.parametrize(
    ("n_days", "n_outcome"), [(2, 1), (3, 1), (4, 1), (5, 1), (6, 2), (7, 2), (10, 3), (30, 8)]
)
def test_outcome_is_nearest_to_a_quarter_and_the_longer_of_two_as_near(n_days, n_outcome):
    assert split_window(days(n_days)).outcome.n_days == n_outcome


def test_one_day_has_no_outcome_window_and_says_so():
    split = split_window(days(1))

    assert split.outcome is None
    assert split.feature == days(1)
    assert "one day" in split.reason


def test_weekdays_follow_the_local_clock():
    assert weekdays(TAOBAO)[:3] == ("Saturday", "Sunday", "Monday")
    assert weekdays(split_window(TAOBAO).outcome) == ("Friday", "Saturday")
    assert weekdays(days(1)) == ("Thursday",)


def test_part_of_a_local_day_is_refused():
    with raises_text(ValueError):
        local_days(Window(start=0, end=SECONDS_PER_DAY, utc_offset_hours=8))
