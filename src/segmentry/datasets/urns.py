"""Draw what a user is shown or browses: by weight, with a lean to the user's own taste group."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.population import N_TASTE_GROUPS
from segmentry.datasets.quotas import Floats, fill_urn


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
