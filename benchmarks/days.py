"""What the 31st day of a log costs, and what erasing a user costs.

    python benchmarks/days.py --users 100000 --data DIR

A generated month is cut into 30 days and one. Every figure is of a process of its own: the reading
and counting of a full run on the files of 31 days, the same on prepared data, the preparation of 30
days, the addition of the 31st, and the erasure of one user and of a thousand. `--data DIR` keeps
the files.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import polars as pl
from processes import machine, measure

from segmentry.datasets import GeneratorOptions, generate_months

READING = (
    "check the prepared files",
    "read profiles and ads",
    "read log",
    "count",
    "derive features",
)


def write_days(data: Path, n_users: int) -> int:
    """Write the files of 30 days, of the 31st and of all 31; return the rows of all."""
    generate_months(data / "months", GeneratorOptions(n_users=n_users, seed=1), n_months=2)
    month = data / "months" / "2017-05"
    log = pl.read_csv(month / "raw_sample.csv")
    day = (log["time_stamp"] + 8 * 3600) // 86_400
    for name, rows in (("all", log), ("30", log.filter(day < day.max()))):
        (data / name).mkdir()
        rows.write_csv(data / name / "raw_sample.csv")
        for table in ("user_profile", "ad_feature"):
            shutil.copy(month / f"{table}.csv", data / name)
    log.filter(day == day.max()).write_csv(data / "day.csv")
    users = log["user_id" if "user_id" in log.columns else "user"].unique().sort()
    for n in (1, 1000):
        users.sample(n, seed=1).alias("user_id").to_frame().write_csv(data / f"gone-{n}.csv")
    shutil.rmtree(data / "months")
    return log.height


def reading_of(data: Path, source: str, name: str) -> dict[str, float]:
    """Run on a folder; return the seconds of the steps that read and count."""
    out = data / f"run-{name}"
    words = ["run", str(data / source), "--out", str(out), "--k", "2", "--k-range", "2:2"]
    measure([sys.executable, "-m", "segmentry", *words, "--bootstraps", "2", "--overwrite"])
    manifest = json.loads((out / "manifest.json").read_text())
    return {s["step"]: s["seconds"] for s in manifest["steps"] if s["step"] in READING}


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "days")
    asked = parser.parse_args()
    data: Path = asked.data
    data.mkdir(parents=True, exist_ok=True)
    if not (data / "day.csv").exists():
        print(f"{write_days(data, asked.users):,} rows")
    print(machine())

    def command(name: str, *words: str) -> float:
        taken = measure([sys.executable, "-m", "segmentry", "data", *words])
        print(f"{name:40} {taken.wall:8.2f} s, {taken.cpu:.2f} CPU s", flush=True)
        return taken.wall

    def show(name: str, seconds: float) -> None:
        print(f"{name:40} {seconds:8.2f} s", flush=True)

    prepared = str(data / "prepared")
    shutil.rmtree(data / "prepared", ignore_errors=True)
    full = reading_of(data, "all", "full")
    show("full run on files: read and count", sum(full.values()))
    command("prepare 30 days", "prepare", str(data / "30"), "--out", prepared)
    added = command("add the 31st", "add", prepared, str(data / "day.csv"))
    again = reading_of(data, "prepared", "prepared")
    show("run on prepared: read and count", sum(again.values()))
    print(f"{'share of the full run':40} {(added + sum(again.values())) / sum(full.values()):8.1%}")
    for name, steps in (("files", full), ("prepared", again)):
        print(name, {step: round(seconds, 2) for step, seconds in steps.items()})
    for n in (1, 1000):
        users = str(data / f"gone-{n}.csv")
        command(f"forget {n:,} users", "forget", prepared, "--users", users)


if __name__ == "__main__":
    main()
