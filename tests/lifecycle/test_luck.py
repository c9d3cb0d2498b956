"""The share of users that luck alone moves, against users who are drawn twice without a change."""

import numpy as np
import polars as pl
import pytest
from tests.repeats import repeats

from segmentry.features import BetaPrior, shrink
from segmentry.features.user_days import UserDays
from segmentry.lifecycle.luck import share_moved_by_luck

DAYS = range(28)
PRIOR = BetaPrior(mean=0.05, precision=40.0)


def window(rng, per_day, rates):
    """Return one window of users with these habits: their table, and their days."""
    shown = rng.poisson(per_day[:, np.newaxis], (per_day.size, len(DAYS)))
    clicks = rng.binomial(shown, rates[:, np.newaxis])
    user, day = np.nonzero(shown)
    frame = pl.DataFrame(
        {
            "user_id": user,
            "day": day,
            "n_impressions": shown[user, day],
            "n_clicks": clicks[user, day],
        }
    )
    n, c = shown.sum(axis=1), clicks.sum(axis=1)
    table = pl.DataFrame(
        {
            "user_id": np.arange(per_day.size),
            "n_impressions": n,
            "ctr_shrunk": shrink(c, n, PRIOR),
        }
    )
    return table, UserDays.from_frame(frame, users=table["user_id"])


def place(table):
    """Three segments by click rate, each in two by exposure; 0 for who saw nothing."""
    rate, shown = table["ctr_shrunk"].to_numpy(), table["n_impressions"].to_numpy()
    ids = 1 + np.digitize(rate, [0.04, 0.06]) + 3 * (shown > 40)
    return np.where(shown > 0, ids, 0)


@pytest.mark.parametrize("seed", range(repeats(2, 40)))
def test_as_many_users_move_as_between_two_windows_without_a_change(seed):
    rng = np.random.default_rng(seed)
    per_day, rates = rng.gamma(1.5, 1.0, 4_000), rng.beta(2.0, 38.0, 4_000)
    (table, counts), (other, _) = (window(rng, per_day, rates) for _ in range(2))
    ids, others = place(table), place(other)
    is_in = others > 0

    share = share_moved_by_luck(
        table, counts, ids, is_in=is_in, place=place, days=DAYS, prior=PRIOR, seed=1
    )

    both = is_in & (ids > 0)
    assert share == pytest.approx((ids != others)[both].mean(), abs=0.03)
    assert 0.2 < share < 0.6


def test_who_is_seen_often_and_alike_is_not_moved():
    per_day, rates = np.full(200, 5_000.0), np.repeat([0.02, 0.10], 100)
    table, counts = window(np.random.default_rng(0), per_day, rates)
    ids, everyone = place(table), np.ones(200, dtype=bool)

    share = share_moved_by_luck(
        table, counts, ids, is_in=everyone, place=place, days=DAYS, prior=PRIOR, seed=1
    )

    assert share == 0.0


def test_nobody_in_both_windows_is_no_share():
    table, counts = window(np.random.default_rng(0), np.full(3, 2.0), np.full(3, 0.1))

    share = share_moved_by_luck(
        table, counts, place(table), is_in=np.zeros(3, dtype=bool), place=place, days=DAYS,
        prior=None, seed=1,
    )  # fmt: skip

    assert share is None
