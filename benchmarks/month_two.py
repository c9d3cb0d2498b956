"""A generated year, refreshed month by month: what was decided, what rang, and how long it took.

    python benchmarks/month_two.py --users 200000 --months 12

With ``--no-life`` nothing changes between the months, and the command fails if an alarm rings.
"""

import argparse
import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from segmentry import pipeline
from segmentry.datasets import GeneratorOptions, generate_months
from segmentry.results.summary import read_summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-life", action="store_true", help="nothing changes but luck")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as folder:
        n_alarms = year(Path(folder), options)
    if options.no_life and n_alarms:
        raise SystemExit(f"{n_alarms} alarms where nothing changed.")


def year(folder: Path, options: argparse.Namespace) -> int:
    """Run the first month, refresh the others, and return how many alarms rang in the year."""
    made = generate_months(
        folder / "year",
        GeneratorOptions(n_users=options.users, seed=options.seed),
        n_months=options.months,
        has_life=not options.no_life,
    )
    print("| month | users | seconds | decision | keys | alarms |")
    print("|---|---:|---:|---|---|---|")
    earlier, rung = None, set()
    for month in made.months:
        name, start = month.directory.name, time.perf_counter()
        out = folder / name
        if earlier is None:
            pipeline.run(month.directory, out, k_range=(2, 6))
        else:
            pipeline.refresh(earlier, month.directory, out, history=folder / "members")
        seconds, summary = time.perf_counter() - start, read_summary(out)
        alarms = () if summary.over_time is None else summary.over_time.alarms
        rung |= {(alarm.code, alarm.name) for alarm in alarms}
        choice = "" if summary.changes is None else summary.changes.decision.choice
        keys = " ".join(segment.segment_key for segment in summary.segments)
        texts = "; ".join(
            f"{alarm.code} {alarm.name or ''} {alarm.observed:.4g} for {alarm.expected:.4g}"
            for alarm in alarms
            if not alarm.is_over
        )
        print(
            f"| {name} | {month.n_users:,} | {seconds:.0f} | {choice} | {keys} | {texts} |",
            flush=True,
        )
        with contextlib.suppress(OSError):
            shutil.rmtree(month.directory)
        earlier = out
    return len(rung)


if __name__ == "__main__":
    main()
