"""DBSCAN and HDBSCAN in bounded memory: on a sample of users, the others by their neighbours."""

import numpy as np

from segmentry.errors import SelectionError
from segmentry.evaluation.algorithms._rows import Partition, Rows, drawn_users
from segmentry.schema.arrays import IntVector
from segmentry.segments.clustering import find_knee

# The neighbours of 8,000 users take at most 0.5 GB where all lie within eps of each other.
N_SAMPLED = 8000
_MIN_SHARE = 0.01
_N_QUANTILES = 200


def fit_dbscan(rows: Rows, weights: np.typing.NDArray[np.float64], k: int, seed: int) -> Partition:
    """Find dense regions (Ester et al. 1996) among sampled users; `k` is not used.

    `min_samples` is 2 × columns (Sander et al. 1998) and at least 1 in 500 of the sample; `eps` is
    where the sorted distances to the `min_samples`-th neighbour bend. Each user, sampled or not,
    belongs to the region of the nearest core user within `eps`, or to none.
    """
    del k
    from scipy.spatial import cKDTree
    from sklearn.cluster import DBSCAN

    sample, n_all = drawn_users(rows, weights, n_users=N_SAMPLED, seed=seed)
    n_least = max(2 * sample.shape[1], len(sample) // 500, 2)
    eps = _bend(sample, n_least)
    model = DBSCAN(eps=eps, min_samples=n_least).fit(sample)
    core = model.core_sample_indices_
    if not core.size:
        raise SelectionError("only noise: no user has enough neighbours; every user is unassigned")
    distances, nearest = cKDTree(sample[core]).query(rows.distinct.rows)
    labels = np.where(distances <= eps, model.labels_[core][nearest], -1).astype(np.int64)
    return Partition(
        labels=labels,
        rule=f"finds its own; eps {eps:.2g}, at least {n_least} neighbours",
        how=_how(len(sample), n_all, "region of the nearest core user within eps"),
    )


def _bend(sample: np.typing.NDArray[np.float64], n_least: int) -> float:
    """Return the distance to the n-th neighbour where the sorted distances bend."""
    from scipy.spatial import cKDTree

    n_requested = min(n_least, len(sample))
    distances = cKDTree(sample).query(sample, k=[n_requested])[0][:, 0]
    curve = np.quantile(distances, np.linspace(1, 0, _N_QUANTILES))
    knee = find_knee(list(range(1, _N_QUANTILES + 1)), curve.tolist())
    eps = float(curve[(knee or _N_QUANTILES // 20) - 1])
    positive = distances[distances > 0]
    return eps if eps > 0 else float(positive.min(initial=1.0))


def fit_hdbscan(rows: Rows, weights: np.typing.NDArray[np.float64], k: int, seed: int) -> Partition:
    """Find regions that stay over many densities (Campello et al. 2013); `k` is not used.

    Clusters hold at least 1 % of the sampled users. Each other user goes where the nearest sampled
    user went, to no segment if that one is noise.
    """
    del k
    from scipy.spatial import cKDTree
    from sklearn.cluster import HDBSCAN

    sample, n_all = drawn_users(rows, weights, n_users=N_SAMPLED, seed=seed)
    n_least = max(int(_MIN_SHARE * len(sample)), 5)
    if n_least >= len(sample):
        raise SelectionError(f"too few users: found {len(sample)}, expected more than {n_least}")
    found = HDBSCAN(min_cluster_size=n_least, copy=True).fit(sample).labels_.astype(np.int64)
    if not (found >= 0).any():
        raise SelectionError("only noise: no region holds 1 % of the users; all are unassigned")
    _, nearest = cKDTree(sample).query(rows.distinct.rows)
    labels: IntVector = found[nearest]
    return Partition(
        labels=labels,
        rule=f"finds its own; at least {n_least} sampled users each",
        how=_how(len(sample), n_all, "segment of the nearest sampled user"),
    )


def _how(n_sampled: int, n_all: int, rule: str) -> str:
    if n_sampled >= n_all:
        return f"all users; {rule}"
    return f"a sample of {n_sampled:,} of {n_all:,} users; the others by the {rule}"
