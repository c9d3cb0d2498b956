"""Draws whose shares come out as requested at every seed.

Independent draws would make a level that 0.05 % of the users have vary by 14 % at 100,000 users.
Systematic sampling leaves less than one user of error and stays unbiased down to one user.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def systematic_counts(
    shares: Sequence[float] | Floats, n: int, rng: np.random.Generator
) -> Integers:
    """Split `n` by `shares`: each count is its expectation rounded down or up, without bias."""
    cumulative = np.cumsum(np.asarray(shares, dtype=np.float64))
    edges = np.floor(cumulative / cumulative[-1] * n + rng.random())
    edges[-1] = n
    counts: Integers = np.diff(np.minimum(edges, n), prepend=0.0).astype(np.int64)
    return counts


def quota(shares: Sequence[float] | Floats, n: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Draw `n` level numbers 0, 1, ... in random order, in the quotas given by `shares`."""
    counts = systematic_counts(shares, n, rng)
    levels = np.repeat(np.arange(len(counts), dtype=np.int8), counts)
    rng.shuffle(levels)
    return levels


def quota_within(
    cells: NDArray[np.int8], shares: Floats, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Draw a level for each element by the quotas of its cell; `shares` is (n_cells, n_levels)."""
    levels = np.zeros(len(cells), dtype=np.int8)
    for cell, cell_shares in enumerate(shares):
        members = np.flatnonzero(cells == cell)
        levels[members] = quota(cell_shares, len(members), rng)
    return levels


def systematic_uniforms(n: int, rng: np.random.Generator) -> Floats:
    """Return `n` rising numbers in [0, 1), one in each interval of width 1 / n."""
    return np.asarray((np.arange(n) + rng.random()) / n, dtype=np.float64)


def fill_urn(weights: Floats, size: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return about `size` item numbers, repeated by weight, each at least once.

    One look-up then draws an item; a search in 850,000 cumulative weights would cost much more.
    """
    counts = np.maximum(systematic_counts(weights, size, rng), 1)
    return np.repeat(np.arange(len(weights), dtype=np.int32), counts)
