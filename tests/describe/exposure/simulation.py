"""Small logs in memory with a planted curve of exposure: what the curves are tried on."""

import numpy as np
import polars as pl

from segmentry.describe.exposure._curves import describe_exposure, find_moments
from segmentry.describe.exposure._matched import draw_sets
from segmentry.describe.exposure._positions import (
    POSITION_BANDS,
    REPEAT_BANDS,
    count_bands,
    no_bands,
    order_by_time,
)
from segmentry.features.events import Events
from segmentry.schema import Window

DAY = 86_400
WINDOW = Window(start=1_494_000_000, end=1_494_000_000 + 8 * DAY, utc_offset_hours=8)


def simulate_rows(n_users, *, seed, fatigue=0.0, drift=0.2, reaction=0.0):
    """Draw impressions in bursts of one second; users who are shown more click less.

    The odds of a click at position n are multiplied by ``n ** -fatigue``, and on each day by a
    factor of its own. After a moment with a click the gap to the next one is multiplied by
    ``1 - reaction``.
    """
    rng = np.random.default_rng([seed, 5])
    n_moments = np.minimum(1 + np.floor(np.exp(rng.normal(0.9, 1.1, n_users))), 80).astype(int)
    user = np.repeat(np.arange(n_users), n_moments)
    second = rng.integers(0, 8 * DAY - 60, user.size)
    order = np.lexsort((second, user))
    second = second[order]
    size = 1 + rng.poisson(0.6, user.size)
    position = _position(user, size)
    level = rng.normal(-2.4, 0.8, n_users) - 0.5 * np.log(n_moments)
    day = rng.normal(0, drift, 8)
    logit = level[user] + day[second // DAY] - fatigue * np.log(position)
    of_moment = np.repeat(np.arange(user.size), size)
    click = rng.random(of_moment.size) < 1 / (1 + np.exp(-logit[of_moment]))
    if reaction:
        clicked = np.bincount(of_moment, weights=click, minlength=user.size) > 0
        second = _drawn_nearer(user, second, clicked, reaction)
    return Events(
        user_id=pl.Series(np.arange(n_users)),
        user=user[of_moment],
        second=second[of_moment],
        is_click=click.astype(np.int64),
        ad=None,
        ad_place=None,
        placement=None,
        amounts={},
        midnight=WINDOW.start,
        first_day=17_292,
    )


def _position(user, size):
    before = np.cumsum(size) - size
    first = np.flatnonzero(np.diff(user, prepend=-1))
    return 1 + before - np.repeat(before[first], np.diff(np.append(first, user.size)))


def _drawn_nearer(user, second, clicked, reaction):
    """Shorten the gaps after clicks; all that follows comes as much earlier."""
    gap = np.diff(second, prepend=0)
    gap[np.flatnonzero(np.diff(user, prepend=-1))] = 0
    shorter = np.zeros(gap.size, dtype=np.int64)
    shorter[1:] = np.where(clicked[:-1] & (gap[1:] > 1), (gap[1:] - 1) * reaction, 0).astype(int)
    first = np.flatnonzero(np.diff(user, prepend=-1))
    total = np.cumsum(shorter)
    return second - (total - np.repeat(total[first], np.diff(np.append(first, user.size))))


def curve_of(rows, *, seed=0):
    """Return the reaction and the curve of all users, and mean log2 positions by band."""
    line = order_by_time(rows)
    users = rows.user_id.to_numpy()
    n_users = users.size
    everybody = np.ones(n_users, dtype=bool)
    counts = count_bands(
        line.user,
        line.position,
        line.is_click,
        segment_of_user=np.ones(n_users, dtype=np.int64),
        n_segments=1,
        bands=POSITION_BANDS,
    )
    reactions, curves = describe_exposure(
        counts,
        no_bands(1, REPEAT_BANDS),
        [draw_sets(line, users, everybody, window=WINDOW, seed=seed)],
        [find_moments(line, users, everybody, window=WINDOW)],
        segment_ids=np.ones(n_users, dtype=np.int64),
        n_segments=1,
        is_of_all=everybody,
        shares=(1.0, 1.0),
        window=WINDOW,
        min_users=50,
    )
    sums = counts[0, 0]
    return reactions[0], curves[0], sums[:, 6] / 1e6 / np.maximum(1, sums[:, 1])
