"""Who is in which arm: by hash, within segments, and whether the arms are as large as planned."""

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.runtime.sampling import hash_shares

ARMS = ("control", "treatment")
RATIO_ALARM = 0.0005
"""Below this probability arms are not as large as planned by chance: the check is made of every
test and of two counts, so 0.05 would cry wolf once in ten sound tests."""


def assign_arms(
    user_ids: pl.Series,
    segment_ids: npt.NDArray[np.int64],
    *,
    treatment_share: float,
    salt: str,
) -> npt.NDArray[np.int64]:
    """Assign users to control (0) or treatment (1): the same share of every segment.

    Another salt is another, independent assignment.

    Users of a segment are put in the order of their salted hash and the first ones treated
    (stratified randomisation: Imbens and Rubin 2015, Causal Inference, ch. 9). Where the share is
    not a whole number of users, the salted hash of the segment rounds it. The same users, salt and
    share give the same arms in any order of rows.

    >>> users, segments = pl.Series(range(10)), np.array([1] * 4 + [2] * 6)
    >>> arms = assign_arms(users, segments, treatment_share=0.5, salt="spring")
    >>> np.bincount(segments, weights=arms).tolist()
    [0.0, 2.0, 3.0]
    """
    shares = hash_shares(user_ids, salt=salt)
    present, strata = np.unique(segment_ids, return_inverse=True)
    sizes = np.bincount(strata, minlength=present.size)
    rounding = hash_shares(pl.Series(present), salt=f"{salt} rounding")
    n_treated = np.floor(sizes * treatment_share + rounding).astype(np.int64)
    order = np.lexsort((shares, strata))
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(strata), dtype=np.int64)
    place[order] = np.arange(len(strata)) - starts[strata[order]]
    arms: npt.NDArray[np.int64] = (place < n_treated[strata]).astype(np.int64)
    return arms


def sample_ratio_p(n_control: int, n_treatment: int, *, treatment_share: float) -> float:
    """Return the probability of arms that are at least so far from the planned ratio.

    Chi-square with one degree of freedom (sample-ratio mismatch: Fabijan et al. 2019, KDD).

    >>> round(sample_ratio_p(50_000, 50_500, treatment_share=0.5), 3)
    0.115
    >>> sample_ratio_p(50_000, 52_000, treatment_share=0.5) < RATIO_ALARM
    True
    """
    from scipy.special import chdtrc

    total = n_control + n_treatment
    if not total:
        return 1.0
    expected = np.array([1 - treatment_share, treatment_share]) * total
    off = np.array([n_control, n_treatment]) - expected
    return float(chdtrc(1, float(np.sum(off**2 / expected))))
