"""Exact Euclidean silhouettes of all users for every K, in one pass, timed at full scale.

python benchmarks/exact_silhouette.py RUN_DIR [--k-range 2:10]

RUN_DIR is a run folder of ``segmentry run``: its user table and its preprocessing are taken.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from segmentry.results.run_folder import read_bundle, read_user_table
from segmentry.segments.clustering import (
    distinct_rows,
    exact_silhouette,
    fit_clusterings,
    sampled_silhouette,
)
from segmentry.segments.forming import membership, recipe_named
from segmentry.settings import parse_k_range


def main():
    """Time the exact scores and hold the sampled ones against them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--k-range", default="2:10")
    args = parser.parse_args()
    bundle, table = read_bundle(args.run_dir), read_user_table(args.run_dir)
    is_member, _ = membership(recipe_named(bundle.recipe), bundle.preprocessing, table)
    distinct = distinct_rows(bundle.preprocessing.transform(table.filter(is_member)))
    n_users = int(distinct.weights.sum())
    print(
        f"{n_users:,} users, {len(distinct.rows):,} distinct rows of {distinct.rows.shape[1]} "
        "columns"
    )
    clusterings = fit_clusterings(distinct, n_clusters=parse_k_range(args.k_range), seed=0)
    labellings = [each.labels for each in clusterings]
    began = time.perf_counter()
    sampled = sampled_silhouette(distinct, labellings, seed=0)
    print(f"sampled, 2,000 users: {time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    exact = exact_silhouette(distinct, labellings)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"exact, all users: {seconds:.1f} s, peak memory of the process {peak:,.0f} MB")
    pairs = len(distinct.rows) ** 2 * distinct.rows.shape[1]
    print(f"{seconds / pairs * 1e9:.2f} ns per pair of rows and column")
    print(f"{'K':>3} {'exact':>9} {'sampled':>9}  95 % interval")
    for each, mean, estimate in zip(clusterings, exact, sampled, strict=True):
        low, high = estimate.mean.low, estimate.mean.high
        print(
            f"{len(each.centers):>3} {mean.mean.value:9.6f} {estimate.mean.value:9.6f}  "
            f"[{low:.4f}, {high:.4f}]{'' if low <= mean.mean.value <= high else '  outside'}"
        )
    best = clusterings[int(np.argmax([each.mean.value for each in exact]))]
    print(f"largest exact silhouette at K = {len(best.centers)}")


if __name__ == "__main__":
    main()
