"""The common click rate by day: what is there, and whether it moves more than chance does."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest, chi2
from tests.evaluation.simulation import simulate, user_days

from segmentry.evaluation.later_days import day_levels


def test_equals_the_definition_day_by_day():
    counts, _, _ = simulate(400, seed=3, n_days=5, drift=0.3)
    frame = pl.DataFrame({"n": counts.n_impressions, "c": counts.n_clicks})

    found = day_levels(counts, range(5))

    odds, weights = [], []
    for rows, day in zip(counts.rows_of(range(5)), found.days, strict=True):
        users = list(frame[rows.start : rows.stop].iter_rows())
        n, c = (sum(column) for column in zip(*users, strict=True))
        rate = c / n
        of_rate = sum((clicks - rate * shown) ** 2 for shown, clicks in users) / n**2
        of_odds = of_rate / (rate * (1 - rate)) ** 2
        middle, half = math.log(rate / (1 - rate)), 1.6448536 * of_odds**0.5
        ends = [1 / (1 + math.exp(-(middle + side * half))) for side in (-1, 1)]
        assert (day.n_users, day.ctr.value) == (len(users), rate)
        assert [day.ctr.low, day.ctr.high] == pytest.approx(ends)
        odds.append(middle)
        weights.append(1 / of_odds)
    mean = sum(w * y for w, y in zip(weights, odds, strict=True)) / sum(weights)
    q = sum(w * (y - mean) ** 2 for w, y in zip(weights, odds, strict=True))
    spread = (q - 4) / (sum(weights) - sum(w * w for w in weights) / sum(weights))
    assert found.p_value == pytest.approx(chi2.sf(q, 4))
    assert found.sd == pytest.approx(spread**0.5)


def test_days_that_are_alike_are_seldom_said_to_move():
    p_values = [day_levels(simulate(1500, seed=seed)[0], range(8)).p_value for seed in range(120)]

    n_hits = sum(p <= 0.05 for p in p_values)
    assert binomtest(n_hits, 120, 0.05, alternative="greater").pvalue > 0.001


def test_days_that_move_are_told_with_how_far():
    found = [day_levels(simulate(6000, seed=s, drift=0.3)[0], range(8)) for s in range(20)]

    assert all(each.has_moved for each in found)
    spread = np.mean([each.sd**2 for each in found]) ** 0.5
    assert spread == pytest.approx(0.3, abs=0.06)


def test_days_without_clicks_have_no_interval_and_take_no_part():
    counts = user_days(np.full((50, 3), 4), [[0, 1, 0]] * 25 + [[0, 0, 1]] * 25)

    found = day_levels(counts, range(3))

    assert [each.ctr.value for each in found.days] == [0.0, 0.125, 0.125]
    assert (found.days[0].ctr.low, found.days[0].ctr.high) == (None, None)
    assert (found.sd, found.p_value, found.has_moved) == (0.0, 1.0, False)


def test_one_day_has_nothing_to_compare():
    found = day_levels(user_days(np.full((9, 1), 4), [[1]] * 9), [0])

    assert (found.sd, found.p_value, found.has_moved) == (None, None, False)
