"""How often the right number of natural groups is found, over many drawn tables.

python benchmarks/groups.py tables --seeds 200
python benchmarks/groups.py tables --seeds 200 --only planted
python benchmarks/groups.py null-logs --seeds 200 --n-users 3000
python benchmarks/groups.py estimator --seeds 20
python benchmarks/groups.py critical
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from choice import DEFAULT, split_of
from later_days import print_rate
from tests.evaluation.simulation import simulate

import segmentry
from segmentry.evaluation.number import rows_of_spread_clicks, separate
from segmentry.evaluation.number._valleys import critical_dip, dip, shortfall
from segmentry.segments.clustering import distinct_rows

REPORT_EVERY = 50
MAPPING = """name = "planted"
[profiles]
files = "users.csv"
user_id = "user_id"
[profiles.attributes]
spend = {column = "spend", kind = "number"}
visits = {column = "visits", kind = "number"}
"""


def planted(rng, n):
    """Three groups that do not overlap, of very unequal spread (hdbscan issue 548)."""
    kind = rng.integers(0, 3, n)
    spend = rng.normal(np.array([10, 60, 200])[kind], 4)
    return np.column_stack([spend, rng.poisson(np.array([1, 8, 30])[kind])])


def blobs(rng, n, centers, shares=None):
    """Round normal groups of standard deviation 1."""
    centers = np.asarray(centers, dtype=float)
    kind = rng.choice(len(centers), n, p=shares)
    return centers[kind] + rng.standard_normal((n, centers.shape[1]))


def many_equal(rng, n):
    """85 % of users who are equal, and two small groups on one side of them."""
    kind = rng.choice(3, n, p=[0.85, 0.1, 0.05])
    spend = rng.normal(np.array([10, 60, 200])[kind], 4)
    X = np.column_stack([spend, rng.poisson(np.array([1, 8, 30])[kind])])
    X[kind == 0] = [10, 1]
    return np.log1p(np.maximum(X, 0))


def mostly_zero(rng, n):
    """Two amounts that are 0 in 70 % of users and do not depend on each other."""
    return np.where(rng.random((n, 2)) < 0.7, 0.0, rng.gamma(1.0, 1.0, (n, 2)))


def zero_inflated(rng, n):
    """Skewed, discrete and zero-inflated columns that do not depend on each other."""
    zeros = np.where(rng.random(n) < 0.6, 0.0, rng.poisson(3, n))
    return np.column_stack([rng.lognormal(size=n), rng.integers(1, 4, n), zeros])


def common_factor(rng, n):
    """Two counts with one gamma factor."""
    factor = rng.gamma(2.0, 0.5, n)
    return np.log1p(np.column_stack([rng.poisson(2 * factor), rng.poisson(8 * factor)]))


TRIANGLE = 4 * np.array([[0, 0], [1, 0], [0.5, 0.75**0.5]])
FIVE = 5 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
PAIR = [[0, 0], [5, 0]]
TALL = 0.2 * np.eye(3) + 0.8
SETS = {
    "planted, raw": (3, 4000, planted),
    "planted, log1p": (3, 4000, lambda rng, n: np.log1p(np.maximum(planted(rng, n), 0))),
    "three blobs 4 sigma apart": (3, 2000, lambda rng, n: blobs(rng, n, TRIANGLE)),
    "blobs 90 : 10 at 5 sigma": (2, 2000, lambda rng, n: blobs(rng, n, PAIR, [0.9, 0.1])),
    "five blobs 5 sigma apart": (5, 2000, lambda rng, n: blobs(rng, n, FIVE)),
    "85 % equal users and two small groups": (3, 4000, many_equal),
    "independent Gaussian": (1, 500, lambda rng, n: rng.standard_normal((n, 4))),
    "skewed, discrete, zero-inflated": (1, 500, zero_inflated),
    "one correlated Gaussian": (
        1, 500, lambda rng, n: rng.multivariate_normal([0, 0, 0], TALL, size=n),
    ),
    "Poisson(1)": (1, 500, lambda rng, n: rng.poisson(1.0, (n, 1)).astype(float)),
    "Poisson(1), Poisson(3)": (1, 500, lambda rng, n: rng.poisson([1.0, 3.0], (n, 2)) * 1.0),
    "log1p of Poisson(1), Poisson(8)": (
        1, 500, lambda rng, n: np.log1p(rng.poisson([1.0, 8.0], (n, 2))),
    ),
    "log1p of two counts with one factor": (1, 500, common_factor),
    "two correlated log-normals": (
        1, 500, lambda rng, n: np.exp(rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], n)),
    ),
    "two amounts, 0 in 70 %": (1, 2000, mostly_zero),
    "levels 1 to 4, three columns": (1, 500, lambda rng, n: rng.integers(1, 5, (n, 3)) * 1.0),
}  # fmt: skip


def spread_of(X):
    """Scale of each column as a run has it: the inter-quartile range, else the deviation."""
    low, high = np.quantile(X, (0.25, 0.75), axis=0)
    return np.where(high > low, (high - low) / 1.349, X.std(axis=0))


def tables(args):
    """Draw tables of every kind."""
    for name, (wanted, n_users, draw) in SETS.items():
        if args.only not in name:
            continue
        found = []
        for seed in range(args.first, args.first + args.seeds):
            X = draw(np.random.default_rng(50_000 + seed), args.n_users or n_users)
            users = distinct_rows(X / spread_of(X))
            found.append(separate(users, most=args.most, seed=seed).n_groups)
            if len(found) % REPORT_EVERY == 0 or len(found) == args.seeds:
                print_rate(f"{name}: {wanted}", np.array(found) == wanted)
        print("   ", dict(zip(*np.unique(found, return_counts=True), strict=True)))


def null_logs(args):
    """Users that are all alike: are natural groups claimed."""
    found = []
    for seed in range(args.first, args.first + args.seeds):
        counts, _, _ = simulate(args.n_users or 3000, seed=seed, null=True)
        rows, others = rows_of_spread_clicks(split_of(counts, DEFAULT), seed=seed)
        found.append(separate(rows, most=args.most, seed=seed).n_groups)
        if found[-1] > 1 and separate(others, most=args.most, seed=seed).is_ever_separate:
            found[-1] = 1
        if len(found) % REPORT_EVERY == 0 or len(found) == args.seeds:
            print_rate("null logs: no groups claimed", np.array(found) == 1)


def estimator(args):
    """Do the estimator and a run of the same planted table give the same number."""
    found = []
    for seed in range(args.first, args.first + args.seeds):
        spend, visits = planted(np.random.default_rng(50_000 + seed), args.n_users or 4000).T
        table = pl.DataFrame({"spend": spend, "visits": visits})
        fitted = segmentry.UserSegmenter(random_state=seed).fit(table)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            table.with_row_index("user_id").write_csv(home / "users.csv")
            (home / "mapping.toml").write_text(MAPPING)
            how = {"mapping": str(home / "mapping.toml"), "seed": seed, "bootstraps": 2}
            done = segmentry.run(None, home / "run", **how)
        found.append((fitted.n_segments_, done.summary.selection.n_segments))
        print(seed, *found[-1], flush=True)
    print_rate("estimator: 3", [each == 3 for each, _ in found])
    print_rate("run and estimator give the same number", [a == b for a, b in found])


def critical(args):
    """Draw the critical values of both tests from uniform samples."""
    rng = np.random.default_rng(0)
    for n in (20, 50, 100, 200, 500, 1000):
        drawn = [rng.random(n) for _ in range(args.seeds)]
        dips, falls = (np.quantile([f(x) for x in drawn], 0.95) for f in (dip, shortfall))
        print(f"{n}: dip {dips:.4f} ({critical_dip(n):.4f}), shortfall {falls * n**0.5:.3f}")


COMMANDS = {
    "tables": tables,
    "null-logs": null_logs,
    "estimator": estimator,
    "critical": critical,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--n-users", type=int, help="instead of the set's own number")
    parser.add_argument("--most", type=int, default=10)
    parser.add_argument("--only", default="", help="tables: the sets whose name holds this")
    args = parser.parse_args()
    COMMANDS[args.what](args)


if __name__ == "__main__":
    main()
