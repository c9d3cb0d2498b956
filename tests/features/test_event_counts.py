"""Counts of a log that the oracle of the features does not make: amounts, and the early days."""

import numpy as np
import polars as pl
from tests.reads import ads_of, split_rows
from tests.texts import raises_text

from segmentry.errors import DataError
from segmentry.features import LOG_FEATURES, count_users
from segmentry.features._event_counts import count_events
from segmentry.features.events import Events
from segmentry.schema import Window

MIDNIGHT = 1_494_000_000
DAY = 86_400


def events_of(user, value, is_known):
    n = len(user)
    return Events(
        user_id=pl.Series([5, 6]),
        user=np.array(user),
        second=np.zeros(n, dtype=np.int32),
        is_click=np.zeros(n, dtype=np.int8),
        ad=None,
        ad_place=None,
        placement=None,
        amounts={"value": (np.array(value), np.array(is_known))},
        midnight=0,
        first_day=0,
    )


def test_amounts_add_up_to_the_last_digit():
    large = 2**61 + 1
    events = events_of([0, 0, 1, 1], [large, large, 0, 0], [True, True, True, False])

    found = count_events(events, None, counts=("value", "n_valued"))

    assert found.rows() == [(5, 2, 2 * large), (6, 1, 0)]
    assert found.columns == ["user_id", "n_valued", "value"]


def test_amounts_that_no_integer_holds_are_refused():
    events = events_of([0, 0], [2**62, 2**62], [True, True])

    with raises_text(DataError):
        count_events(events, None, counts=("value", "n_valued"))


def test_early_users_are_those_of_a_log_that_ends_there(engine, tmp_path):
    rng = np.random.default_rng(4)
    rows = [
        (int(user), MIDNIGHT + int(at), int(ad), "top", int(click))
        for user, at, ad, click in zip(
            *(rng.integers(0, top, 400) for top in (60, 8 * DAY, 5, 2)), strict=True
        )
    ]
    cut = MIDNIGHT + 2 * DAY
    ads = ads_of({1: (10, 100, 7, 40.0), 2: (20, 101, None, None)})
    log = split_rows(engine, rows, tmp_path)
    window = Window(start=MIDNIGHT, end=MIDNIGHT + 8 * DAY, utc_offset_hours=8)
    short = Window(start=MIDNIGHT, end=cut, utc_offset_hours=8)

    found = count_users(
        engine, log.parts, ads, window=window, main_placement="top", early=(cut, LOG_FEATURES)
    )
    expected = count_users(engine, log.parts, ads, window=short, main_placement="top").users

    assert expected.height < found.users.height
    assert found.early_users.equals(expected)
