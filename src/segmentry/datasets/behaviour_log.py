"""The behaviour log: what users view, put in the cart, mark and buy in 22 days."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from segmentry.datasets.categories import Categories, TasteUrns, draw_items
from segmentry.datasets.impressions import BEHAVIOUR_SECONDS, BEHAVIOUR_START, draw_seconds
from segmentry.datasets.population import Population
from segmentry.datasets.quotas import Integers

BTAGS = ("pv", "cart", "fav", "buy")
# Before doubling, which favours pv; afterwards 95.25, 2.20, 1.29, 1.26 %.
BTAG_SHARES = (0.9491, 0.0236, 0.0138, 0.0135)
DUPLICATE_SHARE = 0.0706
DOUBLED_UNLESS_VIEW = 0.1  # how readily cart, fav and buy rows are doubled, against pv
IMPOSSIBLE_SHARE = 26_278 / 723_268_134
BRANDS_PER_CATEGORY = 35  # 460,561 brands in 12,968 categories
CHUNK_ROWS = 1_000_000


def user_chunks(counts: Integers) -> Iterator[Integers]:
    """Cut the users with rows into runs of about a million rows; yields user numbers."""
    users = np.flatnonzero(counts)
    chunk = np.cumsum(counts[users]) // CHUNK_ROWS
    yield from np.split(users, np.flatnonzero(np.diff(chunk)) + 1)


def behaviour_rows(
    population: Population,
    users: Integers,
    counts: Integers,
    *,
    categories: Categories,
    urns: TasteUrns,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Draw the rows of some users, in random order; `counts` is rows for each of `users`."""
    local = np.repeat(np.arange(len(counts)), counts)
    n_rows = len(local)
    category = draw_items(urns, population.taste_group[users[local]], rng)
    rank = np.minimum(rng.standard_exponential(n_rows) * 6, BRANDS_PER_CATEGORY - 1)
    btag = np.repeat(np.arange(4, dtype=np.int8), _btag_slots())[rng.integers(10_000, size=n_rows)]
    time = BEHAVIOUR_START + draw_seconds(counts, span=BEHAVIOUR_SECONDS, rng=rng)
    _spoil(time, rng)
    source = _double(btag, local, rng)[rng.permutation(n_rows)]
    category_id = categories.category_id[category[source]]
    return pl.DataFrame(
        {
            "user": population.user_id[users[local[source]]],
            "time_stamp": time[source],
            "btag": pl.Series(btag[source]).replace_strict(
                dict(enumerate(BTAGS)), return_dtype=pl.Enum(BTAGS)
            ),
            "cate": category_id,
            "brand": category_id * BRANDS_PER_CATEGORY + rank[source].astype(np.int32),
        }
    )


def _btag_slots() -> Integers:
    return np.array([round(share * 10_000) for share in BTAG_SHARES])


def _double(btag: NDArray[np.int8], local: Integers, rng: np.random.Generator) -> Integers:
    """Return for each row the row it is: itself, or the one before it of the same user."""
    row = np.arange(len(btag))
    chance = np.full(len(btag), DUPLICATE_SHARE / BTAG_SHARES[0], dtype=np.float32)
    chance[1:][btag[:-1] > 0] *= DOUBLED_UNLESS_VIEW
    copies = rng.random(len(btag), dtype=np.float32) < chance
    copies[0] = False
    copies[1:] &= np.diff(local) == 0
    return np.maximum.accumulate(np.where(copies, 0, row))


def _spoil(time: Integers, rng: np.random.Generator) -> None:
    """Put a few timestamps, in place, before 1970 or in the far future."""
    rows = np.flatnonzero(rng.random(len(time)) < IMPOSSIBLE_SHARE)
    is_negative = rng.random(len(rows)) < 0.5
    distance = rng.integers(1, 600_000_000, size=len(rows))
    time[rows] = np.where(is_negative, -distance, 1_500_000_000 + distance)
