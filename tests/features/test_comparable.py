"""Counts of windows of different length are made comparable, and nothing else is."""

import polars as pl

from segmentry.features import BEHAVIOUR_FEATURES, EVERY_LOG_FEATURE, scale_to_window
from segmentry.features._comparable import BEHAVIOURS_SCALE_WITH_WINDOW, SCALES_WITH_WINDOW
from segmentry.schema import Window

DAY = 86_400


def test_what_grows_with_the_window_is_a_feature():
    assert {each.name for each in EVERY_LOG_FEATURE} >= SCALES_WITH_WINDOW
    assert {each.name for each in BEHAVIOUR_FEATURES} >= BEHAVIOURS_SCALE_WITH_WINDOW


def test_a_user_who_stays_as_before_has_the_same_counts_in_any_window():
    daily = {"n_impressions": 3, "n_active_days": 1, "ctr_shrunk": 0.05, "n_ads": 7}

    def table(n_days):
        grown = {name: each * n_days for name, each in daily.items() if name in SCALES_WITH_WINDOW}
        return pl.DataFrame({**daily, **grown})

    formed = Window(0, 30 * DAY)
    for n_days in (1, 28, 30, 31):
        found = scale_to_window(table(n_days), formed=formed, now=Window(0, n_days * DAY))
        assert found.rows() == table(30).rows()


def test_windows_of_one_length_change_no_bit():
    table = pl.DataFrame({"n_impressions": [3]})

    assert scale_to_window(table, formed=Window(0, DAY), now=Window(DAY, 2 * DAY)) is table
