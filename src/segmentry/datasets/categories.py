"""Categories of ads and of browsing, their taste groups, and draws that lean to the own group."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.population import N_TASTE_GROUPS
from segmentry.datasets.quotas import Floats, fill_urn

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


@dataclass(frozen=True, slots=True)
class TasteUrns:
    """Item numbers repeated by weight: all of them, and those of each taste group.

    `own_chance[g]` is the chance that a draw for a user of group g comes from the group's own urn.
    Zero everywhere without tastes.
    """

    everything: NDArray[np.int32]
    by_group: tuple[NDArray[np.int32], ...]
    own_chance: NDArray[np.float32]


def fill_taste_urns(
    weights: Floats,
    groups: NDArray[np.int8],
    *,
    tastes: float,
    size: int,
    rng: np.random.Generator,
) -> TasteUrns:
    """Fill urns such that the odds of an item of the own group are multiplied by exp(tastes).

    With the group's plain share s, the wanted share is w = s e^t / (s e^t + 1 - s), and a part
    (w - s) / (1 - s) of the draws must come from the group's own urn.
    """
    everything = fill_urn(weights, size, rng)
    if tastes <= 0:
        return TasteUrns(everything, (), np.zeros(N_TASTE_GROUPS, dtype=np.float32))
    group_of_slot = groups[everything]
    by_group = tuple(everything[group_of_slot == group] for group in range(N_TASTE_GROUPS))
    plain = np.array([len(urn) for urn in by_group]) / len(everything)
    wanted = plain * math.exp(tastes) / (plain * math.exp(tastes) + 1 - plain)
    return TasteUrns(everything, by_group, ((wanted - plain) / (1 - plain)).astype(np.float32))


def draw_items(
    urns: TasteUrns, group: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw one item for each element of `group`, the taste group of the user concerned."""
    items = urns.everything[rng.integers(len(urns.everything), size=len(group))]
    if not urns.by_group:
        return items
    is_own = rng.random(len(group), dtype=np.float32) < urns.own_chance[group]
    for number, urn in enumerate(urns.by_group):
        members = np.flatnonzero(is_own & (group == number))
        items[members] = urn[rng.integers(len(urn), size=len(members))]
    return items
