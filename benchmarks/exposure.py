"""What exposure curves and affinities promise, measured over many small logs.

python benchmarks/exposure.py curves --seeds 400
python benchmarks/exposure.py reaction --seeds 400
python benchmarks/exposure.py cells --seeds 200
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import polars as pl
from tests.describe.exposure.simulation import curve_of, simulate_rows

from segmentry.describe.exposure._cells import add_cells, describe_cells, no_counts


def print_rate(name, hits):
    """Print a rate with its exact 95 % interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    n_hits, n_runs = int(np.sum(hits)), len(hits)
    ends = binomtest(n_hits, n_runs).proportion_ci(0.95)
    rate = n_hits / n_runs
    print(f"{name:<64} {n_hits:>5}/{n_runs:<5} {rate:7.1%}  [{ends.low:.1%}, {ends.high:.1%}]")


def curves(args):
    """Coverage of a planted curve, flatness where there is none, and the naive curve next to it."""
    for fatigue in (0.0, 0.15, 0.4):
        points, slopes, finds, naive = [], [], [], []
        for seed in range(args.seeds):
            rows = simulate_rows(args.n_users, seed=seed, fatigue=fatigue)
            _, curve, positions = curve_of(rows, seed=seed)
            for place, point in enumerate(curve.points[1:], start=1):
                if point.odds_ratio.is_known:
                    truth = np.exp2(-fatigue * positions[place])
                    points.append(point.odds_ratio.low <= truth <= point.odds_ratio.high)
            slope = curve.per_doubling
            slopes.append(slope.low <= np.exp2(-fatigue) <= slope.high)
            finds.append(slope.high < 1)
            last = curve.points[-1].naive_ctr
            naive.append(last.high < curve.points[0].naive_ctr.value)
        print(f"planted odds of a click: n ** -{fatigue}")
        print_rate("  90 % interval of a band holds the planted odds ratio", points)
        print_rate("  90 % interval of the factor per doubling holds the planted one", slopes)
        print_rate("  curve within users said to fall (90 % interval below 1)", finds)
        print_rate("  naive curve of survivors falls (last band below the first)", naive)


def reaction(args):
    """How often the warning fires that exposure reacts to clicks."""
    for fatigue, strength in ((0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.0, 0.6)):
        found = [
            curve_of(simulate_rows(args.n_users, seed=seed, fatigue=fatigue, reaction=strength))[
                0
            ].is_found
            for seed in range(args.seeds)
        ]
        print_rate(f"  warned: fatigue {fatigue}, gap after a click x {1 - strength:g}", found)


def cells(args):
    """Coverage of the intervals of cells, by segments that differ in taste or do not."""
    for spread in (0.0, 0.3):
        hits = {"ctr": [], "ctr_index": [], "exposure_index": []}
        for seed in range(args.seeds):
            table, truth = drawn_cells(args.n_users // 2, seed=seed, spread=spread)
            for name, values in truth.items():
                low, high = table[f"{name}_low"].to_numpy(), table[f"{name}_high"].to_numpy()
                hits[name].extend((low <= values) & (values <= high))
        print(f"spread of true log ratios: {spread}")
        for name, hit in hits.items():
            print_rate(f"  95 % interval of {name} holds the truth", hit)


def drawn_cells(n_users, *, seed, spread, n_segments=3, n_keys=60):
    """Draw a log by segment and key; returns its cells and the true values of each."""
    rng = np.random.default_rng([seed, 9])
    segment = rng.integers(1, n_segments + 1, n_users)
    share = rng.dirichlet(np.full(n_keys, 2.0))
    shares = share * np.exp(rng.normal(0, spread, (n_segments, n_keys)))
    shares /= shares.sum(axis=1, keepdims=True)
    level = np.array([0.03, 0.06, 0.12])
    appeal = np.exp(rng.normal(0, 0.15, n_keys))
    tilt = np.exp(rng.normal(0, spread, (n_segments, n_keys)))
    rate = np.minimum(0.6, level[:, None] * appeal * tilt)
    n = 1 + np.floor(np.exp(rng.normal(1.5, 1.0, n_users))).astype(int)
    user = np.repeat(np.arange(n_users), n)
    own = segment[user] - 1
    key = (shares.cumsum(axis=1)[own] < rng.random(user.size)[:, None]).sum(axis=1)
    key = np.minimum(key, n_keys - 1)
    click = rng.random(user.size) < rate[own, key]
    counts = no_counts(n_segments, n_keys)
    add_cells(counts, user, key, click.astype(np.int64), segment_of_user=segment)
    names = pl.DataFrame({"key": [str(k) for k in range(n_keys)]}).with_columns(label="key")
    table = describe_cells(counts, kind="category", keys=names, min_users=20)
    row = table["segment_id"].to_numpy() - 1
    place = table["key"].cast(pl.Int64).to_numpy()
    n_of = np.bincount(own, minlength=n_segments)
    overall = n_of @ shares / n_of.sum()
    mean_rate = (shares * rate).sum(axis=1)
    key_rate = (n_of[:, None] * shares * rate).sum(axis=0) / (
        (n_of * mean_rate)[:, None] * shares
    ).sum(axis=0)
    predicted = mean_rate[:, None] * key_rate
    return table, {
        "ctr": rate[row, place],
        "ctr_index": 100 * (rate / predicted)[row, place],
        "exposure_index": 100 * (shares / overall)[row, place],
    }


def main():
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("curves", "reaction", "cells"))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--n-users", type=int, default=6_000)
    args = parser.parse_args()
    began = time.perf_counter()
    {"curves": curves, "reaction": reaction, "cells": cells}[args.what](args)
    print(f"{args.seeds} seeds, {args.n_users} users each: {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
