"""Race `segmentry run` against the recipe: whole processes on the same full-scale files.

In each round the recipe, `segmentry run --recipe classic` and the default `segmentry run` take
turns at going first; each round has its own seed of three. Ratios are those within a round; their
median counts. Every figure of every round is printed.

    python benchmarks/against_recipe.py                        # generates the data, 5 rounds
    python benchmarks/against_recipe.py --data DIR --write     # and append to RESULTS.md
"""

import argparse
import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from processes import Measured, machine, measure, parquet_is_complete

N_USERS = 1_141_729
HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
SEGMENTS = "segments"
RECIPE, CLASSIC, DEFAULT = "recipe", "classic", "default"


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of everybody with one seed."""

    seed: int
    order: tuple[str, ...]
    taken: dict[str, Measured]
    inertia: dict[str, dict[int, float]]


def main() -> None:
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as scratch:
        data = options.data or Path(scratch) / "data"
        if not (data / "raw_sample.csv").exists():
            measure([*segmentry("data", "generate"), str(data), "--users", str(options.users)])
        runners = [RECIPE, CLASSIC, *([] if options.no_default else [DEFAULT])]
        on = machine()
        print(on)
        rounds = []
        for number in range(options.rounds):
            turn = number % len(runners)
            order = (*runners[turn:], *runners[:turn])
            rounds.append(race(data, Path(scratch), order, seed=number % 3))
            print_round(rounds[-1])
    text = report(rounds, on=on, command=" ".join(["python", *sys.argv]))
    print(text)
    if options.write:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(text)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="keep and reuse the generated files here")
    parser.add_argument("--users", type=int, default=N_USERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-default", action="store_true", help="race the classic recipe only")
    parser.add_argument("--write", action="store_true", help=f"append to {RESULTS.name}")
    return parser.parse_args()


def segmentry(*words: str) -> list[str]:
    return [sys.executable, "-m", "segmentry", *words]


def race(data: Path, scratch: Path, order: Sequence[str], *, seed: int) -> Round:
    taken, inertia = {}, {}
    for name in order:
        home = scratch / name
        home.mkdir()
        start = run_recipe if name == RECIPE else run
        taken[name] = start(data, home, name, seed)
        inertia[name] = inertia_of(home / "out")
        shutil.rmtree(home)
    return Round(seed, tuple(order), taken, inertia)


def run_recipe(data: Path, home: Path, _: str, seed: int) -> Measured:
    """Its segments are done when it goes on to its next file."""
    out = home / "out"
    return measure(
        [sys.executable, str(HERE / "recipe.py"), str(data), str(out), "--seed", str(seed)],
        watch={SEGMENTS: (out / "profiles.csv").exists},
    )


def run(data: Path, home: Path, recipe: str, seed: int) -> Measured:
    """Its segments are done when the Parquet file has its footer, in the folder still unnamed."""
    words = ["run", str(data), "--out", str(home / "out"), "--recipe", recipe, "--seed", str(seed)]
    return measure(
        segmentry(*words),
        watch={SEGMENTS: parquet_is_complete(home, ".out.*.partial/segments.parquet")},
    )


def inertia_of(out: Path) -> dict[int, float]:
    if (out / "recipe.json").exists():
        found = json.loads((out / "recipe.json").read_text())["inertia"]
        return {int(k): float(value) for k, value in found.items()}
    table = pl.read_parquet(out / "selection.parquet", columns=["n_segments", "inertia"])
    return dict(table.filter(pl.col("n_segments") > 1).iter_rows())


def print_round(found: Round) -> None:
    print(f"seed {found.seed}, in turn: {', '.join(found.order)}")
    for name, taken in found.taken.items():
        done = taken.moments.get(SEGMENTS, float("nan"))
        print(
            f"  {name:8s} {taken.wall:6.1f} s wall, {taken.cpu:6.1f} s CPU, segments after "
            f"{done:6.1f} s, {taken.peak_anonymous_mb:6,.0f} MB",
            flush=True,
        )


def report(rounds: Sequence[Round], *, on: str, command: str) -> str:
    names = [name for name in (RECIPE, CLASSIC, DEFAULT) if name in rounds[0].taken]
    lines = [
        f"\n## Against the recipe, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC\n",
        f"`{command}`; {on}.\n",
        "| round | who | wall s | CPU s | segments after s | peak anonymous MB |",
        "|---|---|---|---|---|---|",
    ]
    for number, each in enumerate(rounds, start=1):
        for name in each.order:
            taken = each.taken[name]
            lines.append(
                f"| {number} (seed {each.seed}) | {name} | {taken.wall:.1f} | {taken.cpu:.1f} "
                f"| {taken.moments[SEGMENTS]:.1f} | {taken.peak_anonymous_mb:,.0f} |"
            )
    lines += ["", "| recipe ÷ segmentry | each round | median |", "|---|---|---|"]
    lines += [row for name in names[1:] for row in ratio_rows(rounds, name)]
    lines += ["", *inertia_rows(rounds), ""]
    return "\n".join(lines) + "\n"


def ratio_rows(rounds: Sequence[Round], name: str) -> list[str]:
    def row(what: str, ratios: list[float]) -> str:
        text = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        return f"| {name}, {what} | {text} | **{statistics.median(ratios):.2f}** |"

    pairs = [(each.taken[RECIPE], each.taken[name]) for each in rounds]
    return [
        row("whole run folder, wall", [theirs.wall / ours.wall for theirs, ours in pairs]),
        row("whole run folder, CPU", [theirs.cpu / ours.cpu for theirs, ours in pairs]),
        row(
            "up to the segments, wall",
            [theirs.moments[SEGMENTS] / ours.moments[SEGMENTS] for theirs, ours in pairs],
        ),
        row(
            "peak anonymous memory",
            [theirs.peak_anonymous_mb / ours.peak_anonymous_mb for theirs, ours in pairs],
        ),
    ]


def inertia_rows(rounds: Sequence[Round]) -> list[str]:
    """Compare the inertia of each seed of ours with the median of the recipe's seeds."""
    theirs = {each.seed: each.inertia[RECIPE] for each in rounds}
    ours = {each.seed: each.inertia[CLASSIC] for each in rounds}
    rows = [
        f"| K | the recipe's inertia, median of {len(theirs)} seeds | ours ÷ it, by seed |",
        "|---|---|---|",
    ]
    worst = 0.0
    for k in sorted(next(iter(theirs.values()))):
        median = statistics.median(found[k] for found in theirs.values())
        ratios = [ours[seed][k] / median for seed in sorted(ours)]
        worst = max(worst, *ratios)
        rows.append(f"| {k} | {median:,.0f} | {', '.join(f'{ratio:.5f}' for ratio in ratios)} |")
    return [*rows, "", f"The largest ratio is {worst:.5f}; at most 1.001 is asked for."]


if __name__ == "__main__":
    main()
