"""Who is in which arm: by hash, within segments, and whether the arms are as large as planned."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from segmentry.runtime.sampling import hash_shares
from segmentry.schema.arrays import IntVector

ARMS = ("control", "treatment")
RATIO_ALARM = 0.0005
"""Below this probability arms are not as large as planned by chance: the check is made of every
test and of two counts, so 0.05 would cry wolf once in ten sound tests."""


def arm_names(n_arms: int) -> tuple[str, ...]:
    """Return what the arms of a test are called.

    >>> arm_names(2), arm_names(3)
    (('control', 'treatment'), ('control', 'treatment-1', 'treatment-2'))
    """
    if n_arms == len(ARMS):
        return ARMS
    return (ARMS[0], *(f"{ARMS[1]}-{arm}" for arm in range(1, n_arms)))


def assign_arms(
    user_ids: pl.Series, segment_ids: IntVector, *, ratio: Sequence[float], salt: str
) -> IntVector:
    """Assign users to control (0) or a treatment (1, 2, ...): the same ratio in every segment.

    Another salt is another, independent assignment.

    Users of a segment are put in the order of their salted hash, the first ones treated and the
    last ones control (stratified randomisation: Imbens and Rubin 2015, Causal Inference, ch. 9).
    Where a share is not a whole number of users, the salted hash of the segment rounds it. The same
    users, salt and ratio give the same arms in any order of rows.

    >>> users, segments = pl.Series(range(10)), np.array([1] * 4 + [2] * 6)
    >>> arms = assign_arms(users, segments, ratio=(1, 1), salt="spring")
    >>> np.bincount(segments, weights=arms).tolist()
    [0.0, 2.0, 3.0]
    >>> np.bincount(assign_arms(users, segments, ratio=(3, 1, 1), salt="spring")).tolist()
    [6, 2, 2]
    """
    shares = hash_shares(user_ids, salt=salt)
    present, strata = np.unique(segment_ids, return_inverse=True)
    sizes = np.bincount(strata, minlength=present.size)
    rounding = hash_shares(pl.Series(present), salt=f"{salt} rounding")
    order = np.lexsort((shares, strata))
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(strata), dtype=np.int64)
    place[order] = np.arange(len(strata)) - starts[strata[order]]
    arms = np.zeros(len(strata), dtype=np.int64)
    bounds = np.cumsum(ratio[1:]) / np.sum(ratio)
    for arm in range(bounds.size, 0, -1):
        until = np.floor(sizes * bounds[arm - 1] + rounding).astype(np.int64)
        arms[place < until[strata]] = arm
    return arms


def sample_ratio_p(n_users: Sequence[int], *, ratio: Sequence[float]) -> float:
    """Return the probability of arms that are at least so far from the planned ratio.

    Chi-square (sample-ratio mismatch: Fabijan et al. 2019, KDD).

    >>> round(sample_ratio_p([50_000, 50_500], ratio=(1, 1)), 3)
    0.115
    >>> sample_ratio_p([50_000, 52_000], ratio=(1, 1)) < RATIO_ALARM
    True
    """
    from scipy.special import chdtrc

    total = sum(n_users)
    if not total:
        return 1.0
    expected = np.array(ratio) / np.sum(ratio) * total
    off = np.array(n_users) - expected
    return float(chdtrc(len(n_users) - 1, float(np.sum(off**2 / expected))))
