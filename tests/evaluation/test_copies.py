"""Copies of users are counted; users who are only alike in sum are not."""

import numpy as np
from tests.evaluation.simulation import simulate, user_days

from segmentry.evaluation.later_days import CopiedUsers, copied_users


def test_users_with_equal_counts_on_every_day_are_copies():
    n = np.array([[20, 20, 20, 20], [20, 20, 20, 20], [20, 20, 20, 21], [20, 20, 20, 20]])
    c = np.array([[1, 0, 2, 0], [1, 0, 2, 0], [1, 0, 2, 0], [0, 1, 2, 0]])

    # The third was shown one more; the fourth clicked on another day.
    assert copied_users(user_days(n, c)) == CopiedUsers(n_copied=2, n_compared=4)


def test_users_with_few_impressions_or_days_are_not_compared():
    few, short = [12, 12, 12, 12], [100, 100, 100, 0]
    n = np.array([few, few, short, short])

    assert copied_users(user_days(n, 0 * n)) == CopiedUsers(n_copied=0, n_compared=0)


def test_generated_users_are_seldom_alike_and_doubled_ones_always():
    counts, _, _ = simulate(20_000, seed=0)
    n, c = (np.zeros((counts.n_users, 8), dtype=np.int64) for _ in range(2))
    for day, rows in zip(counts.days, counts.rows_of(counts.days), strict=True):
        n[counts.user_index[rows], day] = counts.n_impressions[rows]
        c[counts.user_index[rows], day] = counts.n_clicks[rows]

    once = copied_users(counts)
    twice = copied_users(user_days(np.vstack([n, n]), np.vstack([c, c])))

    assert once.n_compared > 1_000
    assert once.n_copied <= 0.005 * once.n_compared
    assert twice == CopiedUsers(n_copied=2 * once.n_compared, n_compared=2 * once.n_compared)
