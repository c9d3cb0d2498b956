"""The planted behaviours: what kinds of users the generator makes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.levels import Demography
from segmentry.datasets.quotas import quota_within

OVERALL_CTR = 0.05144
NULL_BEHAVIOUR = "identical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One kind of user.

    `share` is of the users, `exposure` is added to the rank score of the impressions (in standard
    deviations), `ctr` is the mean at seven impressions. The leans are log weights: how much
    likelier the behaviour is among women, the young (age levels up to 2) and deep shoppers.
    """

    name: str
    share: float
    exposure: float
    ctr: float
    women: float = 0.0
    young: float = 0.0
    deep_shoppers: float = 0.0


BEHAVIOURS = (
    Behaviour(name="casual", share=0.38, exposure=-0.5, ctr=0.0724, deep_shoppers=-0.3),
    Behaviour(name="steady", share=0.27, exposure=0.4, ctr=0.066, women=0.2, deep_shoppers=0.2),
    Behaviour(name="keen", share=0.06, exposure=-0.2, ctr=0.1625, young=0.3),
    Behaviour(name="indifferent", share=0.15, exposure=0.0, ctr=0.033, women=-0.3, young=-0.2),
    Behaviour(name="saturated", share=0.09, exposure=1.4, ctr=0.0494, deep_shoppers=0.4),
    Behaviour(name="devoted", share=0.05, exposure=1.0, ctr=0.0766, women=0.3, young=0.1),
)


def draw_behaviours(
    demography: Demography, n_unprofiled: int, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Draw a behaviour number for each user: profiled users first, then those without profile.

    Users are put in nine cells (woman x young x deep shopper, and unknown), each filled by quota.
    """
    is_woman, is_young, is_deep = np.unravel_index(np.arange(8), (2, 2, 2))
    cell = (demography.gender == 1) * 4 + (demography.age <= 2) * 2 + (demography.shopping == 2)
    cells = np.concatenate([cell, np.full(n_unprofiled, 8)]).astype(np.int8)
    shares = np.zeros((9, len(BEHAVIOURS)))
    for number, behaviour in enumerate(BEHAVIOURS):
        lean = (
            behaviour.women * (is_woman - 0.644)
            + behaviour.young * (is_young - 0.2415)
            + behaviour.deep_shoppers * (is_deep - 0.79)
        )
        shares[:8, number] = behaviour.share * np.exp(lean)
        shares[8, number] = behaviour.share
    return quota_within(cells, shares, rng)
