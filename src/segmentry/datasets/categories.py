"""The categories of ads and of browsing, and the taste group each belongs to."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.population import N_TASTE_GROUPS
from segmentry.datasets.quotas import Floats

REAL_USERS = 1_141_729
REAL_ADVERTISED, REAL_BROWSED = 6_769, 12_968
FEWEST = 60

# The biggest categories: id, share of impressions, CTR relative to the whole.
TOP_CATEGORIES = (
    (6261, 0.1039, 6.16 / 5.144),
    (1665, 0.0550, 5.62 / 5.144),
    (4520, 0.0392, 4.71 / 5.144),
)
OTHERS_CTR = 0.972  # what the other categories must have for the whole to be 1
LOG_CTR_SD = 0.15


@dataclass(frozen=True, slots=True)
class Categories:
    """All categories; the advertised ones come first and are those that `share` covers.

    `share` of the impressions and `appeal` (shift of the logit CTR) have shape (n_advertised,);
    `category_id`, `browsed_share` and `taste_group` have shape (n_browsed,).
    """

    category_id: NDArray[np.int32]
    share: Floats
    appeal: Floats
    browsed_share: Floats
    taste_group: NDArray[np.int8]


def draw_categories(n_users: int, rng: np.random.Generator) -> Categories:
    """Draw categories: the real number at 1,141,729 users, falling with the square root."""
    scale = min(1.0, math.sqrt(n_users / REAL_USERS))
    n_advertised = max(FEWEST, round(REAL_ADVERTISED * scale))
    n_browsed = max(2 * FEWEST, round(REAL_BROWSED * scale))
    top_ids, top_shares, top_ctr = (
        np.array(column) for column in zip(*TOP_CATEGORIES, strict=True)
    )
    n_others = n_advertised - len(top_ids)
    tail = (np.arange(n_others) + 20.0) ** -1.2
    share = np.concatenate([top_shares, tail / tail.sum() * (1 - top_shares.sum())])
    noise = LOG_CTR_SD * rng.standard_normal(n_others)
    noise += math.log(OTHERS_CTR) - math.log(np.average(np.exp(noise), weights=tail))
    free_ids = np.setdiff1d(np.arange(1, REAL_BROWSED + 1), top_ids)
    rest = np.full(n_browsed - n_advertised, 0.1 / (n_browsed - n_advertised))
    browsed_share = np.concatenate([0.9 * share, rest])
    return Categories(
        category_id=np.concatenate(
            [top_ids, rng.permutation(free_ids)[: n_browsed - len(top_ids)]]
        ).astype(np.int32),
        share=share,
        appeal=np.concatenate([np.log(top_ctr), noise]),
        browsed_share=browsed_share,
        taste_group=_deal_groups(browsed_share, rng),
    )


def _deal_groups(shares: Floats, rng: np.random.Generator) -> NDArray[np.int8]:
    """Deal categories to the taste groups in snake order, so that the groups are of one size."""
    snake = np.concatenate([np.arange(N_TASTE_GROUPS), np.arange(N_TASTE_GROUPS)[::-1]])
    groups = np.empty(len(shares), dtype=np.int8)
    groups[np.argsort(-shares, kind="stable")] = np.resize(snake, len(shares))
    return rng.permutation(N_TASTE_GROUPS).astype(np.int8)[groups]
