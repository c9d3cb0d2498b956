"""A generated year, refreshed month by month: what was decided, what rang, and how long it took.

    python benchmarks/month_two.py --users 200000 --months 12
    python benchmarks/month_two.py --users 2000 --months 3 --no-life --seeds 40 --no-report

    python benchmarks/month_two.py --users 8000 --months 3 --no-life --level 0.75 --no-report

With ``--no-life`` nothing changes between the months: users who moved are held against the share
that luck is said to move, and the command fails if an alarm rings. Segments that a refit finds
again are counted; all other segments of the model would lose their key in it. With ``--level`` each
click after the first month stays with that chance: the level moves and nothing else, so that the
command fails if any other alarm rings.
"""

import argparse
import contextlib
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import beta, t

from segmentry import pipeline
from segmentry.datasets import GeneratorOptions, generate_months
from segmentry.lifecycle.records import ChangeReport, SegmentChange
from segmentry.pipeline import _folder
from segmentry.present import figures
from segmentry.results.summary import read_summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=1, help="years to generate")
    parser.add_argument("--no-life", action="store_true", help="nothing changes but luck")
    parser.add_argument("--level", type=float, default=1.0, help="of the clicks after month one")
    parser.add_argument("--no-report", action="store_true", help="draw nothing")
    options = parser.parse_args()
    changes: list[ChangeReport] = []
    n_alarms = 0
    if options.no_report:  # most of the time of a small run
        _folder.write_report = lambda *_, **__: None
        figures.drawing = contextlib.nullcontext
    print("| seed | month | users | seconds | decision | keys | moved | by luck | alarms |")
    print("|---:|---|---:|---:|---|---|---:|---:|---|")
    for seed in range(options.seed, options.seed + options.seeds):
        with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as folder:
            n_alarms += year(Path(folder), options, seed, changes)
    report(changes)
    if options.no_life and n_alarms:
        raise SystemExit(f"{n_alarms} alarms of what did not change.")


def year(folder: Path, options: argparse.Namespace, seed: int, changes: list[ChangeReport]) -> int:
    """Run the first month, refresh the others, and return how many alarms rang in the year."""
    made = generate_months(
        folder / "year",
        GeneratorOptions(n_users=options.users, seed=seed),
        n_months=options.months,
        has_life=not options.no_life,
    )
    earlier, rung = None, set()
    expected = set() if options.level == 1 else {("level_moved", None)}
    for month in made.months:
        name, start = month.directory.name, time.perf_counter()
        out = folder / name
        if options.level != 1 and earlier is not None:
            thin(month.directory / "raw_sample.csv", options.level, seed)
        if earlier is None:
            pipeline.run(month.directory, out, k_range=(2, 6))
        else:
            pipeline.refresh(earlier, month.directory, out, history=folder / "members")
        seconds, summary = time.perf_counter() - start, read_summary(out)
        alarms = () if summary.over_time is None else summary.over_time.alarms
        rung |= {(alarm.code, alarm.name) for alarm in alarms}
        choice, shares = "", ("", "")
        if summary.changes is not None:
            changes.append(summary.changes)
            choice = summary.changes.decision.choice
            shares = tuple(f"{share:.1%}" for share in moved(summary.changes))
        keys = " ".join(segment.segment_key for segment in summary.segments)
        texts = "; ".join(
            f"{alarm.code} {alarm.name or ''} {alarm.observed or 0:.4g} for "
            f"{alarm.expected or 0:.4g}"
            for alarm in alarms
            if not alarm.is_over
        )
        print(
            f"| {seed} | {name} | {month.n_users:,} | {seconds:.0f} | {choice} | {keys} | "
            f"{shares[0]} | {shares[1]} | {texts} |",
            flush=True,
        )
        with contextlib.suppress(OSError):
            shutil.rmtree(month.directory)
        earlier = out
    return len(rung - expected)


def thin(log: Path, share: float, seed: int) -> None:
    """Let each click of a log stay with this chance."""
    rows = pl.read_csv(log, infer_schema=False)
    stays = np.random.default_rng(seed).random(rows.height) < share
    clicked = (rows["clk"] == "1") & pl.Series(stays)
    rows = rows.with_columns(
        clk=clicked.cast(pl.Int8).cast(pl.String), nonclk=(~clicked).cast(pl.Int8).cast(pl.String)
    )
    rows.write_csv(log)


def moved(change: ChangeReport) -> tuple[float, float]:
    """Return the shares of users of both windows who moved, and of those that luck would move."""
    moves = change.moves
    n_both = moves.n_both or 1
    return (moves.n_by_users or 0) / n_both, (moves.n_by_luck or 0) / n_both


def report(changes: list[ChangeReport]) -> None:
    """Print how far luck is off, and how many segments a refit finds again, with bounds."""
    differences = np.array([by_luck - seen for seen, by_luck in map(moved, changes)])
    n = len(differences)
    if n > 1:
        half = t.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n)
        print(
            f"\nBy luck less moved, points: mean {100 * differences.mean():+.2f} "
            f"(95 % {100 * (differences.mean() - half):+.2f} to "
            f"{100 * (differences.mean() + half):+.2f}), from {100 * differences.min():+.2f} to "
            f"{100 * differences.max():+.2f} in {n} refreshes."
        )
    kinds = [each.kind for change in changes for each in change.segments if each.name]
    kept = kinds.count("kept")
    if kinds:
        low = 0.0 if not kept else beta.ppf(0.05, kept, len(kinds) - kept + 1)
        print(
            f"Segments that a refit finds again: {kept} of {len(kinds)}, at least {low:.1%} "
            "(one-sided 95 %, Clopper-Pearson)."
        )
        in_use = sum(
            change.decision.choice != "refit" or each.kind == "kept"
            for change in changes
            for each in of_model(change)
        )
        low = beta.ppf(0.05, in_use, len(kinds) - in_use + 1) if in_use else 0.0
        print(f"Segments that kept their key as decided: {in_use} of {len(kinds)} (>= {low:.1%}).")
        alike = [c for c in changes if len(of_model(c)) == n_refit(c)]
        n_kept = sum(each.kind == "kept" for c in alike for each in of_model(c))
        n_all = sum(len(of_model(c)) for c in alike)
        print(f"Where the refit has as many segments ({len(alike)} refits): {n_kept} of {n_all}.")
        again = [c for c in changes if all(s.kind == "kept" for s in c.segments)]
        print(f"Refits with the same segments and no other: {len(again)} of {len(changes)}.")


def of_model(change: ChangeReport) -> list[SegmentChange]:
    """Return the segments of the earlier model; those that only the refit has are without name."""
    return [each for each in change.segments if each.name]


def n_refit(change: ChangeReport) -> int:
    return sum(each.kind == "kept" or not each.name for each in change.segments)


if __name__ == "__main__":
    main()
