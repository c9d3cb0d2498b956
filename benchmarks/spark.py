"""What a log costs on Spark: CPU seconds per million rows by stage, growth, and against DuckDB.

Whole processes are measured, Java and Python workers included, on `local[2]`: CPU seconds, as other
work on the machine disturbs them less than wall time. `start` opens a session and looks at the
workers, without a row. `read` is `data prepare` of the log (read, judge, shuffle, sort, write),
`count` the user table (read, judge, shuffle, write, count).

    python benchmarks/spark.py --write

`--check` counts a known amount of work in Python workers instead. `--skew` measures other logs: one
of which one user has half of the rows, and one in 2,000 small files.
"""

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from processes import Measured, machine, measure

from segmentry.datasets import GeneratorOptions, generate_taobao

RESULTS = Path(__file__).parent / "RESULTS.md"
FACTORS = (1, 2, 4)
PIECE = 2_000_000
SECONDS_BURNT = 12
STAGES = {
    "start": "open_engine({engine!r}, scratch=Path({home!r}), spark=spark.get('engine')).close()",
    "read": "prepare({data!r}, out={out!r}, overwrite=True, **spark)",
    "count": "build_user_table({data!r}, **spark)",
}
SCRIPT = """
from pathlib import Path
from segmentry.ingest.engines import open_engine
from segmentry.pipeline import build_user_table, prepare
from segmentry.settings import SparkEngine
spark = {{"engine": SparkEngine(None, master="local[2]")}} if {engine!r} == "spark" else {{}}
{work}
"""
BURN = """
import time
from pyspark.sql import SparkSession
session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
def burn(batches):
    end = time.process_time() + {seconds}
    while time.process_time() < end:
        pass
    yield from batches
session.range(0, 2, 1, 2).mapInArrow(burn, "id bigint").count()
session.stop()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50_000, help="users at once")
    parser.add_argument("--stages", default="start,read,count")
    parser.add_argument("--check", action="store_true", help="count a known amount of work alone")
    parser.add_argument("--skew", action="store_true", help="the two odd logs alone")
    parser.add_argument("--rows", type=int, default=20_000_000, help="of the log of one user")
    parser.add_argument("--write", action="store_true", help=f"append to {RESULTS.name}")
    options = parser.parse_args()
    text = [
        f"\n## Spark, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC\n",
        f"`{' '.join(['python', *sys.argv])}`; {machine()}.\n",
    ]
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as folder:
        home = Path(folder)
        if options.check:
            text.append(known_work())
        else:
            text += odd_logs(home, options.rows) if options.skew else growth(home, options)
    print("\n".join(text))
    if options.write:
        with RESULTS.open("a") as out:
            out.write("\n".join(text) + "\n")


def known_work() -> str:
    """Return how much is counted of a known amount of work in Python workers."""
    none, much = (
        measure([sys.executable, "-c", BURN.format(seconds=seconds)]).cpu
        for seconds in (0, SECONDS_BURNT / 2)
    )
    return (
        f"{SECONDS_BURNT} CPU s more in two Python workers: {much - none:.1f} counted; all else "
        f"takes {none:.1f}, and a second more or less from one start to the next."
    )


def growth(home: Path, options: argparse.Namespace) -> list[str]:
    """Return a table of stages, engines and sizes."""
    text = [
        "| stage | engine | million rows | CPU s | wall s | peak MB | CPU s per million | more |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    sizes = {}
    for factor in FACTORS:
        folder = home / f"log-{factor}"
        made = generate_taobao(folder, GeneratorOptions(n_users=options.users * factor, seed=1))
        sizes[factor] = made.n_impressions
    for stage in options.stages.split(","):
        for engine in ("duckdb", "spark"):
            before: tuple[int, Measured] | None = None
            for factor, n_rows in ({0: 0} if stage == "start" else sizes).items():
                taken = taken_by(stage, engine, home / f"log-{factor}", home / "prepared")
                each = f"{taken.cpu / n_rows * 1e6:.2f}" if n_rows else ""
                more = (
                    ""
                    if before is None
                    else f"{(taken.cpu - before[1].cpu) / (n_rows - before[0]) * 1e6:.2f}"
                )
                text.append(
                    f"| {stage} | {engine} | {n_rows / 1e6:.2f} | {taken.cpu:.1f} | "
                    f"{taken.wall:.1f} | {taken.peak_anonymous_mb:.0f} | {each} | {more} |"
                )
                print(text[-1], file=sys.stderr, flush=True)
                before = (n_rows, taken)
    return text


def taken_by(stage: str, engine: str, data: Path, out: Path) -> Measured:
    work = STAGES[stage].format(data=str(data), out=str(out), home=str(out.parent), engine=engine)
    return measure([sys.executable, "-c", SCRIPT.format(work=work, engine=engine)])


def odd_logs(home: Path, n_rows: int) -> list[str]:
    """Return what two logs take that are not as others."""
    text = [
        "| log | engine | CPU s | wall s | peak MB of all processes |",
        "|---|---|---:|---:|---:|",
    ]
    draw = np.random.default_rng(1)
    half, small = home / "half", home / "small"
    half.mkdir()
    with (half / "raw_sample.csv").open("wb") as out:
        for start in range(0, n_rows, PIECE):
            rows = rows_of(draw, min(PIECE, n_rows - start), n_users=100_000)
            user = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("user")).otherwise(1)
            rows.with_columns(user).write_csv(out, include_header=start == 0)
    (small / "files").mkdir(parents=True)
    for number in range(2000):
        rows = rows_of(draw, 0 if number % 10 == 0 else 100, n_users=10_000)
        rows.write_csv(small / "files" / f"{number:04}.csv")
    mapping = small / "m.toml"
    mapping.write_text(
        'name = "x"\n[log]\nfiles = "files"\nuser_id = "user"\ntime = "time_stamp"\n'
        'ad_id = "adgroup_id"\nclick = "clk"\n'
    )
    for name, data, more in (
        (f"{n_rows / 1e6:g} M rows, half of one user", half, ""),
        ("2,000 files, 200 without rows", None, f", mapping={str(mapping)!r}"),
    ):
        for engine in ("duckdb", "spark"):
            where = None if data is None else str(data)
            work = f"build_user_table({where!r}{more}, **spark)"
            taken = measure([sys.executable, "-c", SCRIPT.format(work=work, engine=engine)])
            text.append(
                f"| {name} | {engine} | {taken.cpu:.1f} | {taken.wall:.1f} | "
                f"{taken.peak_anonymous_mb:.0f} |"
            )
            print(text[-1], file=sys.stderr, flush=True)
    return text


def rows_of(draw: np.random.Generator, n_rows: int, *, n_users: int) -> pl.DataFrame:
    """Return rows of a log, of which one in twenty is clicked."""
    click = (draw.random(n_rows) < 0.05).astype(np.int64)
    return pl.DataFrame(
        {
            "user": draw.integers(n_users, size=n_rows),
            "time_stamp": 1_494_000_000 + draw.integers(600_000, size=n_rows),
            "adgroup_id": draw.integers(500, size=n_rows),
            "pid": np.full(n_rows, "a"),
            "nonclk": 1 - click,
            "clk": click,
        }
    )


if __name__ == "__main__":
    main()
