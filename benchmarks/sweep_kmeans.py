"""Time the sweep over numbers of clusters against scikit-learn, and compare the inertias.

Synthetic users with seven columns of the classic recipe: impressions, clicks, click-through rate
and four levels, log1p, clipped and scaled; about 120,000 distinct rows among 1.06 million users.

    python benchmarks/sweep_kmeans.py
    python benchmarks/sweep_kmeans.py --n-users 200000 --seeds 0
"""

import argparse
import statistics
import time

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    distinct_rows,
    exact_silhouette,
    fit_clusterings,
    fit_starts,
    sampled_silhouette,
)

N_CLUSTERS = range(2, 11)


def synthetic_users(n_users: int, *, seed: int) -> np.ndarray:
    """Seven preprocessed columns of users whose counts are small and heavy-tailed."""
    rng = np.random.default_rng(seed)
    impressions = np.maximum(1, np.floor(rng.lognormal(np.log(9), 1.4, n_users))).astype(int)
    clicks = rng.binomial(impressions, rng.beta(2, 36, n_users))
    levels = [
        rng.choice(np.arange(1, len(shares) + 1), n_users, p=shares)
        for shares in (
            [0.1, 0.25, 0.3, 0.2, 0.1, 0.05],
            [0.3, 0.55, 0.15],
            [0.1, 0.1, 0.8],
            [0.1, 0.45, 0.2, 0.25],
        )
    ]
    X = np.log1p(np.column_stack([impressions, clicks, clicks / impressions, *levels]))
    X = np.clip(X, *np.percentile(X, [1, 99], axis=0))
    low, middle, high = np.percentile(X, [25, 50, 75], axis=0)
    return (X - middle) / np.where(high > low, high - low, 1.0)


def seconds_of(work):
    """Run a function of no arguments; its result and the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def sweep_of_sklearn(distinct: DistinctRows, seed: int) -> list[float]:
    """Inertias of `KMeans(n_init=10)`, given the same weighted distinct rows."""
    return [
        KMeans(k, n_init=10, random_state=seed)
        .fit(distinct.rows, sample_weight=distinct.weights)
        .inertia_
        for k in N_CLUSTERS
    ]


def print_inertias(ours: list[tuple[Clustering, ...]], theirs: list[list[float]]) -> None:
    """Print the ratio of the inertias per number of clusters, ours to their median."""
    print(f"{'k':>3} {'sklearn median':>15} {'ratio, one per seed':>22}")
    for index, k in enumerate(N_CLUSTERS):
        median = statistics.median(inertias[index] for inertias in theirs)
        ratios = "  ".join(f"{sweep[index].inertia / median:.5f}" for sweep in ours)
        print(f"{k:>3} {median:>15.0f}   {ratios}")


def print_few_rows(distinct: DistinctRows) -> None:
    """Print how many times as long `KMeans` takes on few rows, one thread each, in turns."""
    for n_rows, seeds, n_per_seed in ((300, range(1), 4), (1024, range(60), 1)):
        rows, weights = distinct.rows[:n_rows], distinct.weights[:n_rows]

        def ours(k, rows=rows, weights=weights, seeds=seeds, n=n_per_seed):
            return fit_starts(rows, weights, k, seeds, n_per_seed=n)

        def theirs(k, rows=rows, weights=weights, seeds=seeds, n=n_per_seed):
            for seed in seeds:
                KMeans(k, n_init=n, random_state=seed).fit(rows, sample_weight=weights)

        for k in (2, 6, 10):
            with threadpool_limits(1):
                turns = [
                    [seconds_of(lambda f=f, k=k: f(k))[1] for f in (ours, theirs)] for _ in "12345"
                ]
            first, second = (statistics.median(each) for each in zip(*turns, strict=True))
            print(f"{len(seeds) * n_per_seed} starts, {n_rows} rows, K = {k}: {second / first:.1f}")


def print_silhouettes(distinct: DistinctRows, sweep: tuple[Clustering, ...], *, exact: bool):
    """Print seconds of the silhouettes of all labellings, and the sampled ones' intervals."""
    labellings = [clustering.labels for clustering in sweep]
    scores, seconds = seconds_of(lambda: sampled_silhouette(distinct, labellings, seed=0))
    print(f"sampled silhouettes, {len(labellings)} labellings: {seconds:.2f} s")
    for clustering, score in zip(sweep, scores, strict=True):
        value, low, high = score.mean
        print(f"{len(clustering.centers):>3} {value:.4f} ({low:.4f} to {high:.4f})")
    if exact:
        scores, seconds = seconds_of(lambda: exact_silhouette(distinct, labellings))
        print(
            f"exact silhouettes: {seconds:.2f} s", [f"{score.mean.value:.4f}" for score in scores]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-users", type=int, default=1_060_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data-seed", type=int, default=0)
    parser.add_argument("--exact", action="store_true", help="exact silhouettes too: a minute")
    options = parser.parse_args()

    X = synthetic_users(options.n_users, seed=options.data_seed)
    distinct, seconds = seconds_of(lambda: distinct_rows(X))
    print(f"{len(X)} users, {len(distinct.rows)} distinct rows: {seconds:.2f} s")
    ours, theirs = [], []
    for seed in options.seeds:
        sweep, seconds = seconds_of(
            lambda seed=seed: fit_clusterings(distinct, n_clusters=N_CLUSTERS, seed=seed)
        )
        ours.append(sweep)
        inertias, seconds_sklearn = seconds_of(lambda seed=seed: sweep_of_sklearn(distinct, seed))
        theirs.append(inertias)
        print(f"seed {seed}: segmentry {seconds:.2f} s, sklearn n_init=10 {seconds_sklearn:.2f} s")
    print_inertias(ours, theirs)
    print_few_rows(distinct)
    print_silhouettes(distinct, ours[0], exact=options.exact)


if __name__ == "__main__":
    main()
