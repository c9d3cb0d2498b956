"""Centres by three algorithms of scikit-learn, on distinct rows with weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from segmentry.schema.arrays import FloatMatrix
from segmentry.segments.clustering._lloyd import MOST_ROWS, Runs, continue_starts, fit_starts
from segmentry.segments.clustering._rows import DistinctRows, sample_rows

# On 90,000 distinct rows a start takes 2 ms on 1,024 of them, 3 ms on 4,096, 20 to 100 ms on all.
# Of classic features with K = 6 the best 24 of 60 starts, sifted on 4,096 rows, held the best place
# in 16 of 16 seeds; the best 15, sifted on 8,192, in 15, at twice the time.
_N_SMALL = 1024
_N_SMALL_PER_CLUSTER = 50
_LARGE_PER_SMALL = 4
_SIFTED_PER_POLISHED = 3
_SIFTED_SHARE = 0.4
_RUNS_PER_SPLIT = 5
# The few best are compared on a sample of this many rows: of classic features it tells the same
# winner as all 90,000 rows for K = 2..10 in six seeds.
_N_POLISHING = 30_000
# The winner moves until nothing changes, but over no more rows than this in all. On 1.06 million
# distinct rows without clusters both limits together save 40 to 70 % of the time and leave the
# inertia 0.03 to 0.2 % larger.
_MOST_ROW_STEPS = 30_000_000
# scikit-learn's own tolerance, for fits that are only compared.
_TOL = 1e-4
# Fits of that tolerance whose inertias differ by less than this share have met at the same place.
_SAME_PLACE = 1e-4


@dataclass(frozen=True, slots=True)
class Effort:
    """How many starts are tried, and how many of them are carried on with all rows."""

    n_starts: int
    n_polished: int


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Where a start ended."""

    centers: FloatMatrix
    inertia: float
    n_iterations: int


Start: TypeAlias = Callable[
    [DistinctRows, int, np.random.Generator, Effort], tuple[FloatMatrix, int]
]


def kmeans_start(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> tuple[FloatMatrix, int]:
    """Find k-means centres: many starts on a sample, the best few polished, the winner on all rows.

    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
    """
    candidates = _best_on_samples(distinct, k, rng, effort)
    most = sample_rows(distinct, n_rows=_N_POLISHING, rng=rng)
    polished = _ranked(_continued(most, candidates, tol=_TOL))
    # Only the winner goes on until no row changes its cluster.
    n_steps = int(np.clip(_MOST_ROW_STEPS // len(distinct.rows), 1, 300))
    (final,) = _continued(distinct, [polished[0].centers], tol=0.0, n_steps=n_steps)
    return final.centers, polished[0].n_iterations + final.n_iterations


def _best_on_samples(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> list[FloatMatrix]:
    """Centres of the best different outcomes of many starts, sifted on two samples, best first.

    The small sample drops starts that went astray; its ranking of the good ones is noise, so more
    of them than needed go on to the large one.
    """
    n_small = max(_N_SMALL, _N_SMALL_PER_CLUSTER * k)
    small = sample_rows(distinct, n_rows=n_small, rng=rng)
    # With one cluster every start ends in the mean.
    seeds = rng.integers(2**31, size=effort.n_starts if k > 1 else 1)
    fits = _fits(fit_starts(small.rows, small.weights, k, seeds.tolist()))
    n_sifted = max(_SIFTED_PER_POLISHED * effort.n_polished, int(_SIFTED_SHARE * effort.n_starts))
    sifted = _ranked(fits)[:n_sifted]
    large = sample_rows(distinct, n_rows=_LARGE_PER_SMALL * n_small, rng=rng)
    fits = _continued(large, [fit.centers for fit in sifted], tol=_TOL)
    return [fit.centers for fit in _ranked(fits)[: effort.n_polished]]


def _continued(
    distinct: DistinctRows, starts: Sequence[FloatMatrix], *, tol: float, n_steps: int = 300
) -> list[_Fit]:
    """Carry k-means on from given centres, each start by itself."""
    if len(distinct.rows) <= MOST_ROWS:
        centers = np.stack(starts)
        return _fits(
            continue_starts(distinct.rows, distinct.weights, centers, tol=tol, n_steps=n_steps)
        )
    from sklearn.cluster import KMeans

    models = [
        KMeans(len(centers), init=centers, n_init=1, tol=tol, max_iter=n_steps).fit(
            distinct.rows, sample_weight=distinct.weights
        )
        for centers in starts
    ]
    return [
        _Fit(model.cluster_centers_, float(model.inertia_), int(model.n_iter_)) for model in models
    ]


def _fits(runs: Runs) -> list[_Fit]:
    """Take a list of single fits out of the runs of all starts."""
    ends = zip(runs.centers, runs.inertias.tolist(), runs.n_iterations.tolist(), strict=True)
    return [_Fit(*each) for each in ends]


def _ranked(fits: list[_Fit]) -> list[_Fit]:
    """Sort fits by inertia and keep one of those that met at the same place."""
    by_inertia = sorted(fits, key=lambda fit: fit.inertia)
    different = by_inertia[:1]
    for fit in by_inertia[1:]:
        if fit.inertia > different[-1].inertia * (1 + _SAME_PLACE):
            different.append(fit)
    return different


def minibatch_start(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> tuple[FloatMatrix, int]:
    """Find centres by mini-batch k-means; batches of distinct rows, updates by weight.

    Sculley, D. (2010). Web-scale k-means clustering. WWW.
    """
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(k, n_init=effort.n_starts, random_state=int(rng.integers(2**31)))
    model.fit(distinct.rows, sample_weight=distinct.weights)
    return model.cluster_centers_, int(model.n_iter_)


def bisecting_start(
    distinct: DistinctRows, k: int, rng: np.random.Generator, effort: Effort
) -> tuple[FloatMatrix, int]:
    """Find centres by splitting the cluster of largest inertia in two until there are `k`.

    Steinbach, M., Karypis, G. and Kumar, V. (2000). A comparison of document clustering
    techniques. KDD workshop on text mining.
    """
    from sklearn.cluster import BisectingKMeans

    del effort
    model = BisectingKMeans(k, n_init=_RUNS_PER_SPLIT, random_state=int(rng.integers(2**31)))
    model.fit(distinct.rows, sample_weight=distinct.weights)
    return model.cluster_centers_, k - 1
