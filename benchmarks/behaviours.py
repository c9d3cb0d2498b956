"""Features of a behaviour log of any size: seconds, memory, disk, from CSV and prepared.

Every figure is of a process of its own, which reads the log, makes the features of all users and
throws them away; the page cache is warm, as each file has just been read or written. A bare scan
sums the columns of the same file with the same engine. The steps of one size:

    python benchmarks/behaviours.py --sizes 25,50,100,200 --write     # all of it
    python benchmarks/behaviours.py --sizes 25 --only csv,limit       # a piece of it
    python benchmarks/behaviours.py --sizes 25 --only run             # whole runs under limits

`--data DIR` keeps the generated files and each figure (`figures.json`) from one call to the next,
so that a call that was cut off goes on where it stopped; `--again` measures it once more.
The step `run` is of the smallest size alone: the whole process tree of `segmentry run` under each
of the `--limits`. Users grow with the rows, 636 of each; with `--users N` they are N at every size,
as in a log of one shop over more days.
"""

import argparse
import datetime as dt
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import duckdb
from processes import Measured, machine, measure

from segmentry.features import count_behaviour_users, derive_behaviours, pairs_of, value_ads
from segmentry.ingest.clean_tables import clean_ads
from segmentry.ingest.engines import open_engine
from segmentry.ingest.room import parts_of
from segmentry.ingest.sources import find_source
from segmentry.schema import LogParts, Window

RESULTS = Path(__file__).parent / "RESULTS.md"
ROWS_PER_USER = 636  # 723,268,134 rows of 1,136,340 users
WHOLE = 723_268_134
WINDOW = Window(1_492_790_400, 1_494_691_200, utc_offset_hours=8)
STEPS = ("csv", "joins", "limit", "prepared", "run")


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took, and what it said of itself."""

    measured: Measured
    results: dict[str, float]

    @property
    def wall(self) -> float:
        """Seconds of the whole process, libraries included."""
        return self.measured.wall

    @property
    def peak_mb(self) -> float:
        """Anonymous memory of the process at its peak."""
        return self.measured.peak_anonymous_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="25,50,100,200", help="million rows")
    parser.add_argument("--only", default=",".join(STEPS), help=f"some of {', '.join(STEPS)}")
    parser.add_argument("--data", type=Path, help="folder that keeps the generated files")
    parser.add_argument("--users", type=int, help="as many at every size")
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--limit", default="1GB", help="the smaller limit")
    parser.add_argument("--limits", default="1GB,2GB,4GB", help="of whole runs")
    parser.add_argument("--again", action="store_true", help="forget the figures that are known")
    parser.add_argument("--write", action="store_true", help=f"append to {RESULTS.name}")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work(*options.child)
        return
    on = machine()
    print(on, flush=True)
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as scratch:
        home = options.data or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        sizes = [int(size) for size in options.sizes.split(",")]
        steps = options.only.split(",")
        rows = []
        for size in sizes:
            name = f"{size}M" if options.users is None else f"{size}M of {options.users} users"
            known = Known(home / "figures.json", name, is_forgotten=options.again)
            own = [step for step in steps if step != "run" or size == min(sizes)]
            rows.append(measure_size(home / name, size, own, options, known))
    text = report(rows, on)
    print(text)
    if options.write:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(text)


class Known:
    """The figures of one size, kept in a file as soon as each step is measured."""

    def __init__(self, file: Path, size: str, *, is_forgotten: bool) -> None:
        self._file, self._size = file, size
        every = json.loads(file.read_text()) if file.exists() else {}
        self.steps: dict[str, dict[str, float]] = every.get(size, {})
        self._forgotten = set(self.steps) - {"generate"} if is_forgotten else set()

    def once(self, step: str, take: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Return the figures of a step, measured unless they are known; others stay as they are."""
        if step not in self.steps or step in self._forgotten:
            self._forgotten.discard(step)
            began = time.perf_counter()
            self.steps[step] = take()
            every = json.loads(self._file.read_text()) if self._file.exists() else {}
            self._file.write_text(json.dumps(every | {self._size: self.steps}, indent=1))
            print(f"{self._size} {step} in {time.perf_counter() - began:.0f} s", flush=True)
            print(f"  {self.steps[step]}", flush=True)
        return self.steps[step]


def measure_size(
    data: Path, millions: int, steps: list[str], options: argparse.Namespace, known: Known
) -> dict[str, float]:
    """Return the figures of one size by name."""
    memory = options.memory
    log = data / "behavior_log.csv"

    def made() -> dict[str, float]:
        generated = generate(data, millions, options.users)
        size = float(log.stat().st_size)
        return {
            "generated": generated.wall,
            "generated MB": generated.peak_anonymous_mb,
            "bytes": size,
        }

    def scanned() -> dict[str, float]:
        found = child("scan", log, memory).results
        return {"rows": found["rows"], "scan": found["seconds"]}

    found = known.once("generate", made)
    if not log.exists():
        generate(data, millions, options.users)
    found = found | known.once("scan", scanned)
    if "csv" in steps:
        found |= known.once("csv", lambda: taken("csv", "features", data, memory))
    if "joins" in steps:
        found |= known.once("joins", lambda: taken("joins", "joins", data, memory))
    if "limit" in steps:
        found |= known.once("limit", lambda: taken("limit", "features", data, options.limit))
    if "prepared" in steps:
        found |= known.once("prepared", lambda: from_prepared(data, memory))
    for limit in options.limits.split(",") if "run" in steps else ():
        found |= known.once(f"run {limit}", lambda limit=limit: whole_run(data, limit))
    return found


def taken(name: str, what: str, folder: Path, memory: str) -> dict[str, float]:
    """Return what a process took and reported, under a name."""
    each = child(what, folder, memory)
    named = {f"{name} {step}": value for step, value in each.results.items()}
    return {
        name: each.wall,
        f"{name} MB": each.peak_mb,
        f"{name} CPU": each.measured.cpu,
        **named,
    }


def from_prepared(data: Path, memory: str) -> dict[str, float]:
    """Prepare a log, and make its features of what was prepared."""
    prepared = data.with_name(f"{data.name} prepared")
    words = ["data", "prepare", str(data), "--out", str(prepared), "--overwrite"]
    made = segmentry(*words, "--memory", memory)
    files = sorted((prepared / "behaviours").rglob("*.parquet"))
    found = {
        "prepare": made.wall,
        "prepare MB": made.peak_anonymous_mb,
        "prepared bytes": float(sum(file.stat().st_size for file in files)),
        "prepared scan": child("scan", prepared, memory).results["seconds"],
        # Once more next to it: the machine may be another than an hour before.
        "scan next to": child("scan", data / "behavior_log.csv", memory).results["seconds"],
        **taken("from prepared", "features", prepared, memory),
        **taken("csv next to", "features", data, memory),
        **taken("joins from prepared", "joins", prepared, memory),
    }
    shutil.rmtree(prepared)
    return found


def whole_run(data: Path, limit: str) -> dict[str, float]:
    """Run all steps with behaviours under a limit of the process."""
    out = data.with_name(f"{data.name} run {limit}")
    words = ["run", str(data), "--out", str(out), "--overwrite"]
    made = segmentry(*words, "--with", "behaviours", "--memory", limit)
    shutil.rmtree(out)
    return {f"run {limit}": made.wall, f"run {limit} MB": made.peak_anonymous_mb}


def generate(data: Path, millions: int, n_users: int | None) -> Measured:
    """Write a log of so many rows, unless it is there."""
    if (data / "behavior_log.csv").exists():
        return Measured(0.0, 0.0, 0.0, {})
    users = n_users or round(millions * 1e6 / ROWS_PER_USER)
    words = ["--users", str(users), "--behaviours"]
    if n_users is not None:
        words += ["--behaviours-per-user", str(millions * 1e6 / n_users)]
    return segmentry("data", "generate", str(data), *words)


def segmentry(*words: str) -> Measured:
    return measure([sys.executable, "-m", "segmentry", *words])


def child(what: str, path: Path, memory: str) -> Taken:
    """Run a step in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-", dir=path.parent) as scratch:
        answer = Path(scratch) / "results.json"
        command = [sys.executable, __file__, "--memory", memory, "--child", what, str(path)]
        measured = measure([*command, str(answer)])
        return Taken(measured, json.loads(answer.read_text()))


def work(what: str, path: str, text: str) -> None:
    """Do one step and write what it took."""
    memory = sys.argv[sys.argv.index("--memory") + 1]
    steps = {"scan": scan, "features": features, "joins": joins}
    found = steps[what](Path(path), memory, Path(text).parent)
    Path(text).write_text(json.dumps(found))


def scan(path: Path, memory: str, scratch: Path) -> dict[str, float]:
    """Sum the columns of a CSV file or of prepared behaviours: the least a reader can do."""
    del memory, scratch
    if path.suffix == ".csv":
        names = ("user", "time_stamp", "btag", "cate", "brand")
        types = {name: "VARCHAR" if name == "btag" else "BIGINT" for name in names}
        rows = f"read_csv('{path}', columns = {types}, header = true, auto_detect = false)"
    else:
        names = ("user_id", "happened_at", "action", "category_id", "brand_id")
        rows = f"read_parquet('{path}/behaviours/**/*.parquet', hive_partitioning = false)"
    sums = (f"count({name})" if name == "btag" else f"sum({name})" for name in names)
    began = time.perf_counter()
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    n_rows = connection.execute(f"SELECT count(*), {', '.join(sums)} FROM {rows}").fetchall()[0][0]
    return {"seconds": time.perf_counter() - began, "rows": float(n_rows)}


def features(path: Path, memory: str, scratch: Path) -> dict[str, float]:
    """Make the features of all users that need the behaviour log alone."""
    return make_features(path, memory, scratch, with_ads=False)


def joins(path: Path, memory: str, scratch: Path) -> dict[str, float]:
    """Make those too that join it with the ad log."""
    return make_features(path, memory, scratch, with_ads=True)


def make_features(path: Path, memory: str, scratch: Path, *, with_ads: bool) -> dict[str, float]:
    source = find_source(path, None)
    assert source.behaviours is not None
    assert source.impressions is not None
    assert source.ads is not None
    logs = [source.behaviours, source.impressions] if with_ads else [source.behaviours]
    n_parts = parts_of(logs, memory)
    taken: dict[str, float] = {"parts": n_parts}
    engine = open_engine("duckdb", scratch=scratch, memory=memory)
    try:

        def split(log: object, name: str) -> LogParts:
            (scratch / name).mkdir()
            return timed(
                taken,
                name,
                lambda: engine.split_log(
                    log,
                    scratch / name,
                    n_parts=n_parts,
                    exclude={},
                    keep_users=None,
                    on_progress=lambda _done, _total: None,
                ),
            )

        done = split(source.behaviours, "split")
        shown = split(source.impressions, "split the ads") if with_ads else None
        taken["disk"] = sum(f.stat().st_size for f in scratch.rglob("*.parquet"))
        ads = None
        if with_ads:
            rows, n_unreadable = engine.read_table(source.ads)
            ads = value_ads(clean_ads(rows, unreadable=n_unreadable).rows)
        pairs = pairs_of(done.parts, () if shown is None else shown.parts)
        counts = timed(
            taken, "count", lambda: count_behaviour_users(engine, pairs, ads, window=WINDOW)
        )
        taken["counts bytes per user"] = counts.estimated_size() / counts.height
    finally:
        engine.close()
    table, _ = timed(taken, "derive", lambda: derive_behaviours(counts, window=WINDOW))
    taken["features bytes per user"] = table.estimated_size() / table.height
    taken |= {"users": table.height, "rows used": done.account.n_used}
    taken["peak RSS MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return taken


Found = TypeVar("Found")


def timed(taken: dict[str, float], name: str, step: Callable[[], Found]) -> Found:
    began = time.perf_counter()
    found = step()
    taken[name] = round(time.perf_counter() - began, 2)
    return found


COLUMNS = (
    ("rows, million", lambda r: f"{r['rows'] / 1e6:.1f}"),
    ("CSV, GB", lambda r: f"{r['bytes'] / 1e9:.2f}"),
    ("bare scan, s", lambda r: f"{r['scan']:.1f}"),
    ("its M rows/s", lambda r: f"{r['rows'] / r['scan'] / 1e6:.2f}"),
    ("features, s", lambda r: f"{r['csv']:.1f}"),
    ("CPU s", lambda r: f"{r['csv CPU']:.1f}"),
    ("s per M rows", lambda r: f"{r['csv'] / r['rows'] * 1e6:.3f}"),
    ("M rows/s", lambda r: f"{r['rows'] / r['csv'] / 1e6:.2f}"),
    ("peak, MB", lambda r: f"{r['csv MB']:,.0f}"),
    ("users", lambda r: f"{r['csv users']:,.0f}"),
    ("bytes per user, counts", lambda r: f"{r['csv counts bytes per user']:.0f}"),
    ("bytes per user, features", lambda r: f"{r['csv features bytes per user']:.0f}"),
    ("parts", lambda r: f"{r['csv parts']:.0f}"),
    ("temporary, GB", lambda r: f"{r['csv disk'] / 1e9:.2f}"),
    ("with joins, s", lambda r: f"{r['joins']:.1f}"),
    ("its peak, MB", lambda r: f"{r['joins MB']:,.0f}"),
    ("under the smaller limit, s", lambda r: f"{r['limit']:.1f}"),
    ("its peak, MB ", lambda r: f"{r['limit MB']:,.0f}"),
    ("prepare, s", lambda r: f"{r['prepare']:.1f}"),
    ("its peak, MB  ", lambda r: f"{r['prepare MB']:,.0f}"),
    ("prepared, GB", lambda r: f"{r['prepared bytes'] / 1e9:.2f}"),
    ("scan of prepared, s", lambda r: f"{r['prepared scan']:.2f}"),
    ("times the CSV scan", lambda r: f"{r['scan next to'] / r['prepared scan']:.1f}"),
    ("features from prepared, s", lambda r: f"{r['from prepared']:.1f}"),
    ("times from CSV", lambda r: f"{r['csv next to'] / r['from prepared']:.2f}"),
    ("joins from prepared, s", lambda r: f"{r['joins from prepared']:.1f}"),
    ("its peak, MB   ", lambda r: f"{r['from prepared MB']:,.0f}"),
    ("generate, s", lambda r: f"{r['generated']:.0f}"),
    ("its peak, MB    ", lambda r: f"{r['generated MB']:,.0f}"),
)


def report(rows: list[dict[str, float]], on: str) -> str:
    """Write one line per figure, one column per size, and what the whole log would take."""
    lines = [
        f"\n## Behaviours, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC\n",
        f"`{command()}`; {on}.\n",
        "| |" + " |" * len(rows),
        "|---|" + "---:|" * len(rows),
    ]
    for name, report in COLUMNS:
        cells = [_cell(report, row) for row in rows]
        if any(cells):
            lines.append(f"| {name.strip()} | " + " | ".join(cells) + " |")
    lines += [text for row in rows for text in _runs(row)]
    largest = rows[-1]
    for name in ("csv", "joins", "from prepared"):
        if name in largest:
            seconds = largest[name] / largest["rows"] * WHOLE
            lines.append(f"\n{WHOLE:,} rows at this rate, {name}: {seconds / 60:.1f} minutes.")
    if "csv disk" in largest:
        disk = largest["csv disk"] / largest["rows"] * WHOLE
        lines.append(f"\nTheir temporary files: {disk / 1e9:.1f} GB.")
    return "\n".join(lines) + "\n"


def command() -> str:
    """Return what was asked for, without the folder of this machine."""
    words = ["DIR" if before == "--data" else word for before, word in pairwise(["", *sys.argv])]
    return " ".join(["python", *words])


def _runs(row: dict[str, float]) -> list[str]:
    """Say what the whole runs took, by their limits."""
    limits = [name[4:] for name in row if name.startswith("run ") and not name.endswith(" MB")]
    return [
        f"\n`segmentry run --with behaviours --memory {limit}` of {row['rows'] / 1e6:.1f} million "
        f"rows: {row[f'run {limit}']:.0f} s, peak {row[f'run {limit} MB']:,.0f} MB."
        for limit in limits
    ]


def _cell(report: Callable[[dict[str, float]], str], row: dict[str, float]) -> str:
    try:
        return report(row)
    except KeyError:  # a step that was not asked for
        return ""


if __name__ == "__main__":
    main()
