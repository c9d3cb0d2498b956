"""How alike users are placed on windows of other lengths of one log in which nothing changes.

    python benchmarks/windows.py --users 30000 --data DIR

Two generated months without life are prepared, segments formed on 30 days, and the users of windows
that end on the same day placed in them: with counts as counted, scaled to 30 days, and as a refresh
does it, where users stay unless another segment is clearly nearer. `--data DIR` keeps the files.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl

from segmentry.datasets import GeneratorOptions, generate_months
from segmentry.features import shrink
from segmentry.pipeline import add_data, build_user_table, prepare, run
from segmentry.results.run_folder import read_bundle
from segmentry.results.scoring import Bundle, score_users
from segmentry.schema import SECONDS_PER_DAY, Window

FORMED = 30
DAYS = (7, 14, 21, 28, 29, 31)


def users_of(prepared: Path, bundle: Bundle, n_days: int, until: str) -> pl.DataFrame:
    """Return the users of a window with the click rate shrunk as when the segments were formed."""
    table = build_user_table(prepared, window=f"{n_days}d", until=until)
    assert bundle.prior is not None
    rate = shrink(table["n_clicks"].to_numpy(), table["n_impressions"].to_numpy(), bundle.prior)
    return table.with_columns(ctr_shrunk=pl.Series(rate))


def places(bundle: Bundle, table: pl.DataFrame, window: Window | None = None) -> pl.DataFrame:
    """Return the segment of each user who has one; counts are scaled from a `window`."""
    scores, _ = score_users(bundle, table, windows=None if window is None else (window, None))
    return scores.filter(pl.col("segment_id") > 0).select("user_id", "segment_id", "margin")


def refreshed(
    bundle: Bundle, table: pl.DataFrame, before: pl.DataFrame, window: Window
) -> pl.DataFrame:
    """Return the segment of each user, as `places`, with the memory of the segments before."""
    memory = before.select("user_id", "segment_id", nearest_id="segment_id")
    frozen = replace(bundle.frozen, before=memory).in_windows(window, None)
    ids, margins = frozen.place(table)
    placed = table.select("user_id").with_columns(segment_id=ids, margin=margins)
    return placed.filter(pl.col("segment_id") > 0)


def main() -> None:
    """Print one line for each window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=30_000)
    parser.add_argument("--until", default="2017-06-05")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "windows")
    asked = parser.parse_args()
    months, prepared, formed = (asked.data / name for name in ("months", "prepared", "run"))
    if not formed.exists():
        options = GeneratorOptions(n_users=asked.users, seed=1)
        generate_months(months, options, n_months=2, has_life=False)
        prepare(months / "2017-05", out=prepared)
        june = ("raw_sample", "user_profile")
        add_data(prepared, [months / "2017-06" / f"{name}.csv" for name in june])
        run(prepared, formed, window=f"{FORMED}d", until=asked.until, bootstraps=2)
    bundle = read_bundle(formed)
    before = places(bundle, users_of(prepared, bundle, FORMED, asked.until))
    sizes = before.group_by("segment_id").agg(share=pl.len() / before.height)
    titles = ("as counted", "scaled", "of clear ones", "shares moved", "moved, scaled", "refreshed")
    print("days", *(f"{each:>14}" for each in titles))
    for n_days in DAYS:
        table = users_of(prepared, bundle, n_days, asked.until)
        now = Window(bundle.window.end - n_days * SECONDS_PER_DAY, bundle.window.end)
        figures = []
        for window in (None, now):
            placed = places(bundle, table, window)
            both = placed.join(before, on="user_id", suffix="_before")
            is_same = both["segment_id"] == both["segment_id_before"]
            is_clear = (both["margin"] >= 0.3) & (both["margin_before"] >= 0.3)
            share = placed.group_by("segment_id").agg(now=pl.len() / placed.height)
            moved = sizes.join(share, on="segment_id", how="left").fill_null(0)
            shift = (moved["share"] - moved["now"]).abs().sum() / 2
            figures.append((is_same.mean(), is_same.filter(is_clear).mean(), shift))
        (as_counted, _, shift), (scaled, clear, less) = figures
        both = refreshed(bundle, table, before, now).join(before, on="user_id", suffix="_before")
        stays = (both["segment_id"] == both["segment_id_before"]).mean()
        found = (as_counted, scaled, clear, shift, less, stays)
        print(f"{n_days:4}", *(f"{each:14.3f}" for each in found))


if __name__ == "__main__":
    main()
