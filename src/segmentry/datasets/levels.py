"""Demography: the published levels, and how each leans towards exposure and clicks.

Shares are published facts of the real files. `exposure` (added to the rank score of a user's
impressions, in standard deviations) and `appetite` (added to the logit of the CTR) were fitted
until impressions per user and CTR of each level met the published table.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentry.datasets.quotas import Floats, quota, quota_within

PROFILED_SHARE = 0.93


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the profile: shares and effects by level number 0, 1, ..."""

    name: str
    shares: tuple[float, ...]
    exposure: tuple[float, ...]
    appetite: tuple[float, ...]


GENDER = Field("gender", (35.6, 64.4), (-0.178, 0.098), (-0.060, 0.033))  # level + 1 is the code
AGE = Field(
    "age",
    (0.05, 6.2, 17.9, 28.9, 24.7, 20.2, 2.1),
    (-0.195, -0.104, 0.016, 0.035, 0.037, -0.062, -0.150),
    (0.014, 0.042, -0.017, 0.007, -0.030, 0.018, 0.090),
)
CONSUMPTION = Field(  # 0 = missing
    "consumption",
    (54.2, 14.5, 27.7, 3.6),
    (0.021, 0.036, -0.052, -0.065),
    (-0.001, 0.015, 0.005, -0.084),
)
CITY = Field(  # 0 = missing
    "city",
    (32.5, 7.6, 30.6, 16.3, 13.1),
    (-0.161, 0.002, 0.058, 0.119, 0.114),
    (0.001, -0.017, 0.004, -0.002, 0.001),
)
SHOPPING = Field(  # level + 1 is the code
    "shopping", (6.8, 14.2, 79.0), (-0.232, -0.140, 0.045), (-0.012, -0.055, 0.011)
)
FIELDS = (GENDER, AGE, CONSUMPTION, CITY, SHOPPING)

# Users without a profile: their levels are unknown, their lean is one number.
UNPROFILED_EXPOSURE = -0.133
UNPROFILED_APPETITE = 0.018

# P(consumption missing | city, shopping depth), fitted to both published margins: missing is
# not at random, it goes with little exposure.
CONSUMPTION_MISSING = (
    (0.93, 0.86, 0.693),
    (0.84, 0.58, 0.354),
    (0.85, 0.62, 0.384),
    (0.86, 0.63, 0.394),
    (0.86, 0.64, 0.404),
)
STUDENT_SHARE_BY_AGE = (0.0, 0.30, 0.12, 0.0482, 0.0, 0.0, 0.0)
SEGMENTS_PER_GROUP = 8  # 96 non-zero cms_segid in 12 cms groups
SEGMENTED_SHARE = 0.39


@dataclass(frozen=True, slots=True)
class Demography:
    """Level numbers of the profiled users; every array has shape (n_profiled,)."""

    gender: NDArray[np.int8]
    age: NDArray[np.int8]
    consumption: NDArray[np.int8]
    city: NDArray[np.int8]
    shopping: NDArray[np.int8]
    is_student: NDArray[np.bool_]
    cms_group: NDArray[np.int8]
    cms_segment: NDArray[np.int8]

    def exposure(self) -> Floats:
        """Sum the levels' shifts of the exposure score."""
        return self._sum_effects("exposure")

    def appetite(self) -> Floats:
        """Sum the levels' shifts of the logit CTR."""
        return self._sum_effects("appetite")

    def _sum_effects(self, kind: str) -> Floats:
        effects = [np.array(getattr(f, kind))[getattr(self, f.name)] for f in FIELDS]
        return np.asarray(np.sum(effects, axis=0), dtype=np.float64)


def draw_demography(n: int, rng: np.random.Generator) -> Demography:
    """Draw the profiles of `n` users; all published shares hold to within a few users."""
    gender = quota(GENDER.shares, n, rng)
    age = quota(AGE.shares, n, rng)
    city = quota(CITY.shares, n, rng)
    shopping = quota(SHOPPING.shares, n, rng)
    student_shares = np.column_stack(
        [1 - np.array(STUDENT_SHARE_BY_AGE), np.array(STUDENT_SHARE_BY_AGE)]
    )
    cms_group = np.where(age == 0, 0, age + 6 * (gender == 0)).astype(np.int8)
    return Demography(
        gender=gender,
        age=age,
        consumption=_draw_consumption(city, shopping, rng),
        city=city,
        shopping=shopping,
        is_student=quota_within(age, student_shares, rng).astype(np.bool_),
        cms_group=cms_group,
        cms_segment=_draw_segment(cms_group, shopping, rng),
    )


def _draw_consumption(
    city: NDArray[np.int8], shopping: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[np.int8]:
    missing = np.array(CONSUMPTION_MISSING).reshape(-1, 1)
    known = np.array(CONSUMPTION.shares[1:]) / sum(CONSUMPTION.shares[1:])
    shares = np.hstack([missing, (1 - missing) * known])
    return quota_within((city * 3 + shopping).astype(np.int8), shares, rng)


def _draw_segment(
    cms_group: NDArray[np.int8], shopping: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Draw `cms_segid`: eight numbers per cms group, the later ones for deeper shoppers."""
    n = len(cms_group)
    slot = np.minimum(3 * shopping + rng.integers(3, size=n), SEGMENTS_PER_GROUP - 1)
    segment = (cms_group - 1) * SEGMENTS_PER_GROUP + 1 + slot
    has_segment = quota((1 - SEGMENTED_SHARE, SEGMENTED_SHARE), n, rng) == 1
    return np.where(has_segment & (cms_group > 0), segment, 0).astype(np.int8)


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

# What the casual users become, half and half, where months are generated with life.
SPLIT_KIND = "casual"
SPLIT_INTO = (
    Behaviour(name="casual lookers", share=0.0, exposure=-0.5, ctr=0.045),
    Behaviour(name="casual clickers", share=0.0, exposure=0.1, ctr=0.125),
)
KINDS = BEHAVIOURS + SPLIT_INTO


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
