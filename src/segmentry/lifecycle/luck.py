"""How many users would be in another segment if all kept their habits and were seen once more."""

from collections.abc import Callable

import numpy as np
import polars as pl

from segmentry.evaluation.later_days import COUNTED, features_of
from segmentry.features import BetaPrior, fit_beta_prior
from segmentry.features.user_days import DayCounts, UserDays
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import BoolVector, IntMatrix, IntVector

_MAX_USERS = 20_000
_MAX_REPEATS = 20
_BLOCK = 4_096


def share_moved_by_luck(
    table: pl.DataFrame,
    counts: UserDays,
    ids: IntVector,
    *,
    is_in: BoolVector,
    place: Callable[[pl.DataFrame], IntVector],
    days: range,
    prior: BetaPrior | None,
    seed: int,
) -> float | None:
    """Return the share of users that another window of the same habits would put elsewhere.

    The window is drawn again for each user, as often as for 20,000 users in all. Its days are
    drawn with replacement, twice over: once for what the user's habit is, of which its days are a
    sample, and once for the days that the habit gives. The user's click rate comes from its beta
    posterior, and the clicks from that rate (the posterior predictive distribution; Gelman et al.
    2013, Bayesian Data Analysis, 6.3). By symmetry as many users move between two windows without
    a change as between a window and its next draw. Features that impressions and clicks by day do
    not give stay as they are, so that the share is too small where they form the segments.

    Parameters
    ----------
    table : DataFrame
        User table.
    counts : UserDays
        Of the same users.
    ids : ndarray of int, shape (n_users,)
        Segments of the users; 0 for those without.
    is_in : ndarray of bool, shape (n_users,)
        Users to look at; those without a segment are left out.
    place : callable
        Returns the segments of other values of such a table.
    days : range
        Of the window, counted as in `counts`.
    prior : BetaPrior or None
        Of the shrunk CTR in the table.
    seed : int

    Returns
    -------
    float or None
        None without such a user.
    """
    chosen = _sampled(table["user_id"], is_in & (ids != UNASSIGNED), seed=seed)
    if not chosen.size:
        return None
    n_repeats = min(_MAX_REPEATS, -(-_MAX_USERS // chosen.size))
    totals = counts.totals()
    belief = fit_beta_prior(totals.n_successes, totals.n_trials)
    rng = np.random.default_rng([seed, 17])
    n_moved = n_placed = 0
    for start in range(0, chosen.size, _BLOCK):
        users = chosen[start : start + _BLOCK]
        shown, clicked = _by_day(counts, users, days)
        rows = table[users]
        for _ in range(n_repeats):
            drawn = _drawn(shown, clicked, belief, rng)
            found = features_of(
                drawn, [name for name in COUNTED if name in table.columns], prior=prior or belief
            )
            again = place(rows.with_columns(series.alias(name) for name, series in found.items()))
            is_placed = again != UNASSIGNED
            n_placed += int(is_placed.sum())
            n_moved += int((is_placed & (again != ids[users])).sum())
    return n_moved / n_placed if n_placed else None


def _sampled(users: pl.Series, is_in: BoolVector, *, seed: int) -> IntVector:
    """Return the places of at most so many users, rising."""
    places = np.flatnonzero(is_in)
    if places.size <= _MAX_USERS:
        return places
    shares = hash_shares(users.gather(places), salt=f"luck {seed}")
    return np.sort(places[np.argsort(shares, kind="stable")[:_MAX_USERS]])


def _by_day(counts: UserDays, users: IntVector, days: range) -> tuple[IntMatrix, IntMatrix]:
    """Return impressions and clicks, shape (n_users, n_days) each."""
    row_of = np.full(counts.n_users, -1, dtype=np.int64)
    row_of[users] = np.arange(users.size)
    day = np.repeat(np.array(counts.days, dtype=np.int64), np.diff(counts.starts)) - days.start
    row = row_of[counts.user_index]
    is_in = (row >= 0) & (day >= 0) & (day < len(days))
    shown = np.zeros((users.size, len(days)), dtype=np.int64)
    clicked = np.zeros_like(shown)
    shown[row[is_in], day[is_in]] = counts.n_impressions[is_in]
    clicked[row[is_in], day[is_in]] = counts.n_clicks[is_in]
    return shown, clicked


def _drawn(
    shown: IntMatrix, clicked: IntMatrix, belief: BetaPrior, rng: np.random.Generator
) -> DayCounts:
    """Draw another window of each user."""
    n_days = shown.shape[1]
    habit = rng.integers(n_days, size=shown.shape)
    day = np.take_along_axis(habit, rng.integers(n_days, size=shown.shape), axis=1)
    n = np.take_along_axis(shown, day, axis=1)
    n_clicks, n_shown = clicked.sum(axis=1), shown.sum(axis=1)
    likely = belief.mean * belief.precision + n_clicks
    rates = rng.beta(likely, belief.precision + n_shown - likely)
    clicks = rng.binomial(n, rates[:, np.newaxis])
    return DayCounts(
        n_impressions=n.sum(axis=1),
        n_clicks=clicks.sum(axis=1),
        n_active_days=(n > 0).sum(axis=1),
        n_click_days=(clicks > 0).sum(axis=1),
    )
