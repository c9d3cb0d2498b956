"""What is won or lost where a user stays in a segment unless another is clearly nearer.

    python benchmarks/staying.py --users 15000 --seeds 3

Four generated months each, with and without life. Segments are formed on the first; the second and
the third put their users into them, with memory of the month before and without. The clicks of the
month after each are predicted by the rate of the segment, worked out on one half of the users and
judged on the other: the share of what users' own click rates predict, and its difference with a
90 % interval over users. Next to it stand the users that moved.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.datasets import GeneratorOptions, generate_months
from segmentry.features import fit_beta_prior, shrink
from segmentry.pipeline import build_user_table, run
from segmentry.results.run_folder import read_bundle
from segmentry.results.scoring import Bundle
from segmentry.schema.arrays import FloatVector

_Z_90 = 1.6449
_COUNTED = ("clicks", "impressions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=15_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    asked = parser.parse_args()
    print("| seed | life | month | moved | with memory | predicts | with memory | difference |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    differences = []
    for seed in range(asked.seed, asked.seed + asked.seeds):
        for has_life in (False, True):
            with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as folder:
                differences += months(Path(folder), asked.users, seed, has_life=has_life)
    found = np.array(differences)
    print(
        f"\nDifference in {len(found)} months: mean {found.mean():+.1%}, smallest "
        f"{found.min():+.1%}, largest {found.max():+.1%}."
    )


def months(folder: Path, n_users: int, seed: int, *, has_life: bool) -> list[float]:
    """Print a line for the second and the third month; return what memory adds to the share."""
    options = GeneratorOptions(n_users=n_users, seed=seed)
    made = generate_months(folder / "year", options, n_months=4, has_life=has_life).months
    run(made[0].directory, folder / "run", bootstraps=2)
    bundle = read_bundle(folder / "run")
    tables = [users_of(each.directory, bundle) for each in made]
    then = {name: placed(bundle, tables[0], None) for name in ("plain", "memory")}
    found = []
    for month in (1, 2):
        table, later = tables[month], tables[month + 1]
        now = {
            "plain": placed(bundle, table, None),
            "memory": placed(bundle, table, memory_of(then["memory"], then["plain"])),
        }
        own = own_nats(table, later)
        nats = {name: segment_nats(ids, later) for name, ids in now.items()}
        both = nats["memory"] - nats["plain"]
        half = _Z_90 * both.std() * np.sqrt(both.size) / own
        moved = {name: share_moved(then[name], now[name]) for name in now}
        shares = {name: each.sum() / own for name, each in nats.items()}
        found.append(both.sum() / own)
        print(
            f"| {seed} | {'yes' if has_life else 'no'} | {month + 1} | {moved['plain']:.1%} | "
            f"{moved['memory']:.1%} | {shares['plain']:.1%} | {shares['memory']:.1%} | "
            f"{found[-1]:+.1%} ± {half:.1%} |",
            flush=True,
        )
        then = now
    return found


def users_of(directory: Path, bundle: Bundle) -> pl.DataFrame:
    """Return the users of a month, their click rate shrunk as when the segments were formed."""
    table = build_user_table(directory)
    assert bundle.prior is not None
    rate = shrink(table["n_clicks"].to_numpy(), table["n_impressions"].to_numpy(), bundle.prior)
    return table.with_columns(ctr_shrunk=pl.Series(rate))


def placed(bundle: Bundle, table: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
    """Return ``user_id, segment_id``. Months differ by a day at most, so counts are as counted."""
    ids, _ = replace(bundle.frozen, before=before).place(table)
    return table.select("user_id").with_columns(segment_id=ids).filter(pl.col("segment_id") > 0)


def memory_of(segments: pl.DataFrame, nearest: pl.DataFrame) -> pl.DataFrame:
    """Return what a refresh knows of the month before."""
    return segments.join(nearest.rename({"segment_id": "nearest_id"}), on="user_id")


def share_moved(before: pl.DataFrame, now: pl.DataFrame) -> float:
    both = before.join(now, on="user_id", suffix="_now")
    return float((both["segment_id"] != both["segment_id_now"]).mean())


def nats_of(clicks: FloatVector, n: FloatVector, rates: FloatVector, rate: float) -> FloatVector:
    """Return the log-likelihood of the clicks of each user above that of one rate for all."""
    return clicks * np.log(rates / rate) + (n - clicks) * np.log((1 - rates) / (1 - rate))


def segment_nats(placed: pl.DataFrame, later: pl.DataFrame) -> FloatVector:
    """Predict the later clicks by the segment, cross-fitted by halves of users."""
    users = placed.join(later, on="user_id").sort("user_id")
    ids, n, clicks = (
        users[name].to_numpy() for name in ("segment_id", "n_impressions", "n_clicks")
    )
    half = np.random.default_rng(0).integers(2, size=ids.size)
    nats = np.zeros(ids.size)
    for fitted in (0, 1):
        is_fit = half == fitted
        sums = [np.bincount(ids[is_fit], each[is_fit], ids.max() + 1) for each in (clicks, n)]
        rate = sums[0].sum() / sums[1].sum()
        rates = (sums[0] + 10 * rate) / (sums[1] + 10)
        rest = ~is_fit
        nats[rest] = nats_of(clicks[rest], n[rest], rates[ids[rest]], rate)
    return nats


def own_nats(table: pl.DataFrame, later: pl.DataFrame) -> float:
    """Predict the later clicks by the shrunk rate of each user in the month before."""
    users = table.join(later, on="user_id", suffix="_later")
    n, clicks = (users[f"n_{name}_later"].to_numpy() for name in ("impressions", "clicks"))
    seen = [users[f"n_{name}"].to_numpy() for name in _COUNTED]
    own = shrink(*seen, fit_beta_prior(*(table[f"n_{name}"].to_numpy() for name in _COUNTED)))
    own *= clicks.sum() / (own * n).sum()
    return float(nats_of(clicks, n, own, clicks.sum() / n.sum()).sum())


if __name__ == "__main__":
    main()
