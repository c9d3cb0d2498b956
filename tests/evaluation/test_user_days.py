"""Counts per user and day add up, whatever the order of the rows."""

import numpy as np
import polars as pl
from tests.evaluation.simulation import simulate
from tests.texts import raises_text

from segmentry.features.user_days import UserCounts, UserDays


def frame(rows):
    return pl.DataFrame(rows, schema=["user_id", "day", "n_impressions", "n_clicks"], orient="row")


ROWS = [("b", 7, 3, 1), ("a", 5, 2, 2), ("b", 5, 4, 0), ("d", 9, 1, 0)]
USERS = pl.Series(["a", "b", "c", "d"])


def test_totals_and_active_days_over_any_set_of_days():
    counts = UserDays.from_frame(frame(ROWS), users=USERS)

    assert counts.days == (5, 7, 9)
    assert counts.totals().n_trials.tolist() == [2, 7, 0, 1]
    assert counts.totals().n_successes.tolist() == [2, 1, 0, 0]
    assert counts.totals([5, 6]).n_trials.tolist() == [2, 4, 0, 0]
    assert counts.totals([]).n_trials.tolist() == [0, 0, 0, 0]
    active, clicked = counts.active_days([5, 7])
    assert (active.tolist(), clicked.tolist()) == ([1, 2, 0, 0], [1, 1, 0, 0])
    assert counts.totals([7]).rate == 1 / 3
    assert counts.totals([6]).rate is None


def test_order_of_rows_leaves_no_trace():
    one = UserDays.from_frame(frame(ROWS), users=USERS)
    other = UserDays.from_frame(frame(ROWS[::-1]), users=USERS)

    np.testing.assert_array_equal(one.user_index, other.user_index)
    np.testing.assert_array_equal(one.n_clicks, other.n_clicks)


def test_totals_equal_polars_group_by():
    counts, _, _ = simulate(500, seed=0)
    rows = pl.DataFrame({"user": counts.user_index, "n": counts.n_impressions})
    expected = np.zeros(500, dtype=int)
    for user, n in rows.group_by("user").agg(pl.col("n").sum()).iter_rows():
        expected[user] = n

    np.testing.assert_array_equal(counts.totals().n_trials, expected)


def test_unknown_users_and_repeated_rows_are_refused():
    with raises_text(ValueError):
        UserDays.from_frame(frame([("z", 1, 1, 0)]), users=USERS)
    with raises_text(ValueError):
        UserDays.from_frame(frame([("a", 1, 1, 0), ("a", 1, 2, 0)]), users=USERS)


def test_counts_that_cannot_be_are_refused():
    with raises_text(ValueError):
        UserCounts(np.array([1]), np.array([2]))
    with raises_text(ValueError):
        UserCounts(np.array([1]), np.array([0, 0]))


def test_days_taken_out_of_a_sum_leave_the_sum_of_the_others():
    counts, _, _ = simulate(300, seed=1)
    days = counts.days

    left = counts.without(counts.counted(days), days[1:3])

    others = counts.counted([days[0], *days[3:]])
    np.testing.assert_array_equal(left.n_impressions, others.n_impressions)
    np.testing.assert_array_equal(left.n_clicks, others.n_clicks)
    np.testing.assert_array_equal(left.n_active_days, others.n_active_days)
    np.testing.assert_array_equal(left.n_click_days, others.n_click_days)
