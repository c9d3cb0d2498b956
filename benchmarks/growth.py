"""How time and memory grow: 1, 2 and 4 times the impressions of the same users, or the users.

Impressions are multiplied by repeating each row with another ad, some hours later. CPU seconds of
whole processes are compared: other work on the machine disturbs them less than wall time. A run
has a fixed part (libraries, the sweep over K, figures), so the cost "of one more" is told by
differences: (CPU at n times - CPU at once) / (rows at n times - rows at once); so for users.
Under each table stands what was asked for and what was found.

    python benchmarks/growth.py --write

``--data DIR`` keeps the generated files, and ``--recipe`` takes one of the two.
"""

import argparse
import contextlib
import datetime as dt
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
from processes import Measured, machine, measure

RESULTS = Path(__file__).parent / "RESULTS.md"
FACTORS = (1, 2, 4)
RECIPES = ("classic", "default")
WINDOW_SECONDS = 8 * 86_400


@dataclass(frozen=True, slots=True)
class Point:
    """One size and what it took."""

    n_users: int
    n_rows: int
    taken: Measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=285_000, help="users at once")
    parser.add_argument("--recipe", choices=RECIPES, help="this one alone")
    parser.add_argument("--data", type=Path, help="folder that keeps the files")
    parser.add_argument("--write", action="store_true", help=f"append to {RESULTS.name}")
    options = parser.parse_args()
    on = machine()
    text = [
        f"\n## Growth, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC\n",
        f"`{' '.join(['python', *sys.argv])}`; {on}.\n",
    ]
    with contextlib.ExitStack() as stack:
        data = options.data or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="segmentry-bench-"))
        )
        data.mkdir(parents=True, exist_ok=True)
        for recipe in (options.recipe,) if options.recipe else RECIPES:
            by_rows = [point(data, options.users, factor, recipe=recipe) for factor in FACTORS]
            text += table(f"{recipe}: the same users", by_rows, per="n_rows")
            by_users = [by_rows[0]]
            by_users += [point(data, options.users * n, 1, recipe=recipe) for n in FACTORS[1:]]
            text += table(f"{recipe}: more users", by_users, per="n_users")
    print("\n".join(text))
    if options.write:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write("\n".join(text) + "\n")


def point(scratch: Path, n_users: int, factor: int, *, recipe: str) -> Point:
    """Run once on data of one size, which are made if they are not there."""
    data = scratch / f"{n_users}-{factor}"
    if not data.exists():
        once = scratch / f"{n_users}-1"
        if not once.exists():
            words = ["data", "generate", str(once), "--users", str(n_users)]
            measure([sys.executable, "-m", "segmentry", *words])
        if factor > 1:
            multiply(once, data, factor)
    out = scratch / "out"
    words = ["run", str(data), "--out", str(out), "--recipe", recipe, "--overwrite"]
    taken = measure([sys.executable, "-m", "segmentry", *words])
    n_rows = duckdb.sql(f"SELECT count(*) FROM read_csv('{data}/raw_sample.csv')").fetchall()[0][0]
    found = Point(n_users, n_rows, taken)
    print(
        f"{recipe}, {n_users:,} users, {n_rows:,} rows: {taken.wall:.1f} s wall, "
        f"{taken.cpu:.1f} s CPU, {taken.peak_anonymous_mb:,.0f} MB",
        flush=True,
    )
    return found


def multiply(once: Path, data: Path, factor: int) -> None:
    """Repeat each impression with another ad, some hours later."""
    data.mkdir()
    for name in ("user_profile.csv", "ad_feature.csv"):
        (data / name).symlink_to(once / name)
    log = f"read_csv('{once}/raw_sample.csv')"
    ads, start = duckdb.sql(f"SELECT max(adgroup_id), min(time_stamp) FROM {log}").fetchall()[0]
    later = f"{start} + (time_stamp - {start} + 8101 * copy) % {WINDOW_SECONDS - 86_400}"
    duckdb.sql(
        f"COPY (SELECT user, {later} AS time_stamp, 1 + (adgroup_id + 7919 * copy) % {ads}"
        f" AS adgroup_id, pid, nonclk, clk FROM {log}, range({factor}) AS copies(copy))"
        f" TO '{data}/raw_sample.csv' (HEADER)"
    )


def table(title: str, points: list[Point], *, per: str) -> list[str]:
    """Write what each size took, and what one more row or user takes."""
    unit = "million rows" if per == "n_rows" else "million users"
    rows = [
        f"### {title}\n",
        f"| users | rows | wall s | CPU s | peak anonymous MB | CPU s per {unit} | of one more |",
        "|---|---|---|---|---|---|---|",
    ]
    first = points[0]
    for each in points:
        size = getattr(each, per) / 1e6
        more = "–"
        if each is not first:
            grown = size - getattr(first, per) / 1e6
            more = f"{(each.taken.cpu - first.taken.cpu) / grown:.3f}"
        rows.append(
            f"| {each.n_users:,} | {each.n_rows:,} | {each.taken.wall:.1f} | {each.taken.cpu:.1f} "
            f"| {each.taken.peak_anonymous_mb:,.0f} | {each.taken.cpu / size:.3f} | {more} |"
        )
    return [*rows, "", verdict(points, per=per), ""]


def verdict(points: list[Point], *, per: str) -> str:
    """Say how far the cost of one more, and memory, are from constant."""
    sizes = [getattr(each, per) for each in points]
    cpu = [each.taken.cpu for each in points]
    memory = [each.taken.peak_anonymous_mb for each in points]
    one = "row" if per == "n_rows" else "user"
    worst = max(seconds / size for seconds, size in zip(cpu, sizes, strict=True)) / (
        cpu[0] / sizes[0]
    )
    text = (
        f"Time per {one}: at most {worst:.2f} times that at once (asked: 1.20); one more {one} "
        f"costs {slope(sizes, cpu, 1) / slope(sizes, cpu, 0):.2f} times as much from 2 to 4 as "
        "from 1 to 2. "
    )
    if per == "n_rows":
        return text + (
            f"Memory: at most {max(memory) / memory[0]:.2f} times that at once (asked: 1.10)."
        )
    return text + (
        f"Memory per user: {memory[-1] / sizes[-1] / (memory[0] / sizes[0]):.2f} times that at "
        f"once (asked: constant); one more user takes {slope(sizes, memory, 0) * 1e6:,.0f} bytes "
        f"from 1 to 2 and {slope(sizes, memory, 1) * 1e6:,.0f} from 2 to 4."
    )


def slope(sizes: list[int], values: list[float], place: int) -> float:
    """Return what one more takes between two neighbouring sizes."""
    return (values[place + 1] - values[place]) / (sizes[place + 1] - sizes[place])


if __name__ == "__main__":
    main()
