"""Runs for tests: the command line in this process, and the way to a summary without drawing."""

import contextlib
import fcntl
import functools
import io
import pickle
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import typer

from segmentry.cli import _options, _run, main
from segmentry.config import command_of, load_config
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.evaluation.later_days._check import Validation
from segmentry.features.users import UserData, Wanted
from segmentry.ingest.taobao import find_taobao
from segmentry.pipeline._folder import describe_run, form_segments, keys_of_run
from segmentry.pipeline._read import read_users
from segmentry.pipeline._run import _reuse, read_source
from segmentry.results.summary import Summary
from segmentry.runtime.clock import StepClock
from segmentry.segments.forming import Segmentation

RUN_FILES = {
    "affinity.parquet",
    "figures",
    "hexagons.parquet",
    "manifest.json",
    "model",
    "names.toml",
    "profiles.parquet",
    "report.html",
    "rules.sql",
    "segments.parquet",
    "selection.parquet",
    "summary.json",
    "users.parquet",
    "validation",
}


FEW = {"bootstraps": 2}
Made = TypeVar("Made")


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Run:
    """A run folder, the data it was made from, and what the command said."""

    data_dir: Path
    folder: Path
    answer: Answer


@dataclass(frozen=True)
class Outcome:
    """What a run finds, before it is written."""

    users: UserData
    segmentation: Segmentation
    summary: Summary
    validation: Validation | None


def segmentry(*words: object) -> Answer:
    """Call the command line in this process: a process of its own costs a second and a half.

    A run makes few repetitions.
    """
    if words[:1] == ("run",):
        words = (*words, "--bootstraps", FEW["bootstraps"])
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(typer.main, "get_command", _all_commands)
        if words[:1] == ("demo",):
            patch.setattr(_run, "run", _few_repetitions(_run.run))
        patch.setattr(sys, "argv", ["segmentry", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    return Answer(code=ended.value.code, out=out.getvalue(), err=err.getvalue())


def _all_commands(app: typer.Typer) -> object:
    """Make the commands of all calls once; a list of commands alone is made of fewer options."""
    return _made_commands(app, _options._Command.is_listed_only)


@functools.cache
def _made_commands(app: typer.Typer, is_listed_only: bool) -> object:
    del is_listed_only
    return _get_command(app)


_get_command = typer.main.get_command


def leave_undrawn(patch: pytest.MonkeyPatch) -> None:
    """Leave out figures and page of a run, and the processes that draw: most of its time.

    A page that another command writes is written, without figures.
    """
    patch.setattr("segmentry.pipeline._folder.write_report", lambda *_, **__: None)
    patch.setattr("segmentry.present.figures.write_figures", lambda *_, **__: {})
    patch.setattr("segmentry.present.figures.drawing", contextlib.nullcontext)


def _few_repetitions(run):
    def few(*args, **kwargs):
        return run(*args, **FEW, k_range="2:4", **kwargs)

    return few


def made_once(home: Path, name: str, make: Callable[[Path], Made]) -> Made:
    """Return what the first of all workers that asks for it makes in a folder of this name.

    It belongs to every test: whoever changes something takes a copy.
    """
    shared = home.parent if home.name.startswith("popen-") else home  # the worker's own folder
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = shared / f"{name}.pickle"
        if not made.exists():
            made.write_bytes(pickle.dumps(make(shared / name)))
        return pickle.loads(made.read_bytes())  # noqa: S301  # written above


def _undrawn_run(data_dir: Path, folder: Path, *words: object) -> Run:
    """Return a run of which only the numbers are looked at."""
    with pytest.MonkeyPatch.context() as patch:
        leave_undrawn(patch)
        return Run(data_dir, folder, segmentry("run", *words, "--out", folder))


@functools.cache
def generated(home: Path, n_users: int, seed: int = 7, **planted: float) -> Path:
    """Return a generated log, made once for all test modules."""
    text = "-".join(f"{name}-{value}" for name, value in sorted(planted.items()))
    options = GeneratorOptions(n_users=n_users, seed=seed, **planted)

    def make(folder: Path) -> Path:
        generate_taobao(folder / "log", options)
        return folder / "log"

    return made_once(home, f"{n_users}-users-{seed}{text}", make)


@functools.cache
def plain_run(home: Path) -> Run:
    """Return a run on 2,000 users with nothing asked for, made once for all test modules."""
    data_dir = generated(home, 2_000)

    def make(folder: Path) -> Run:
        out = folder / "run"
        return Run(data_dir, out, segmentry("run", data_dir, "--out", out))

    return made_once(home, "plain", make)


@functools.cache
def moving_run(home: Path) -> Run:
    """Return a run on 2,000 users of another log, whose budget moves impressions."""
    data_dir = generated(home, 2_000, seed=1)

    def make(folder: Path) -> Run:
        out = folder / "run"
        return _undrawn_run(data_dir, out, data_dir, "--k", 3)

    return made_once(home, "moving", make)


@functools.cache
def attribute_run(home: Path) -> Run:
    """Return a run that a TOML file describes: profile attributes, a later start, three segments.

    The flag of the seed wins over that of the file.
    """
    data_dir = generated(home, 2_000)

    def make(folder: Path) -> Run:
        folder.mkdir()
        file, out = folder / "run.toml", folder / "run"
        file.write_text(
            'k = 3\nk_range = "3:3"\nseed = 9\nsince = "2017-05-07"\n'
            'features = ["gender", "age_level", "n_impressions"]\n'
        )
        words = ("--out", out, "--config", file, "--seed", "2")
        return Run(data_dir, out, segmentry("run", data_dir, *words))

    return made_once(home, "attributes", make)


@functools.cache
def reused_run(home: Path) -> Run:
    """Return a run of five segments on the users of the plain one, made once for all modules."""
    earlier = plain_run(home)

    def make(folder: Path) -> Run:
        words = ("--k", 5, "--k-range", "4:5")
        return _undrawn_run(earlier.folder, folder, "--from", earlier.folder, *words)

    return made_once(home, "five", make)


def users_of(data_dir: Path, **options: object) -> UserData:
    """Read a log as a run does, but all that it may want."""
    source = find_taobao(data_dir)
    with tempfile.TemporaryDirectory() as scratch:
        return read_users(
            source,
            load_config(None, options),
            Wanted(attributes=source.attributes),
            scratch=Path(scratch),
            clock=StepClock(),
        )


OF_SEGMENTS = {"bootstraps", "exact_silhouette", "k", "k_min", "k_range", "min_share", "seed"}
"""Options that change nothing of what is read."""


def _read_once(data_dir: Path, **options: object) -> tuple[UserData, Path]:
    """Return what a run reads and its folder for temporary files, where the log lies in parts.

    What has the same files and options is read once by each worker: most runs of the tests differ
    in their segments only.
    """
    files = tuple(
        (each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in data_dir.iterdir()
    )
    reading = {name: value for name, value in options.items() if name not in OF_SEGMENTS}
    key = repr((data_dir, sorted(files), sorted(reading.items())))
    if key not in _kept:
        scratch = tempfile.TemporaryDirectory()
        settings = load_config(None, options)
        users, _ = read_source(
            find_taobao(data_dir), settings, Path(scratch.name), StepClock(), None
        )
        _kept[key] = users, scratch
    users, scratch = _kept[key]
    return users, Path(scratch.name)


_kept: dict[str, tuple[UserData, tempfile.TemporaryDirectory[str]]] = {}


def segmented(
    users: UserData, *, name: str = "log", scratch: Path | None = None, **options: object
) -> Outcome:
    """Segment users as a run does, without its figures and with few repetitions: they take long."""
    settings = load_config(None, FEW | options)
    clock = StepClock()
    found = form_segments(users, settings, clock=clock, progress=None)
    formed = describe_run(
        users,
        settings,
        found,
        keys=keys_of_run(found.segmentation, users, settings),
        command=command_of(name, None, settings),
        scratch=scratch,
        clock=clock,
        progress=None,
    )
    return Outcome(users, formed.segmentation, formed.summary, formed.validation)


def read_by_run(data_dir: Path, **options: object) -> UserData:
    """Return what a run with these options reads, and segment nothing."""
    return _read_once(data_dir, **options)[0]


def outcome_of(data_dir: Path, **options: object) -> Outcome:
    """Return what a run on a log finds."""
    users, scratch = _read_once(data_dir, **options)
    return segmented(users, name=data_dir.name, scratch=scratch, **options)


@functools.cache
def reused(folder: Path, **options: object) -> Outcome:
    """Return what ``run --from`` finds: once in each worker for the same options."""
    users, _, _ = _reuse(folder, load_config(None, options))
    return segmented(users, **options)


def summary_of(data_dir: Path, **options: object) -> Summary:
    """Return the summary of a run without its figures."""
    return outcome_of(data_dir, **options).summary


@functools.cache
def shop_run(home: Path) -> Run:
    """Return a run on 600 users with their behaviours, made once for all test modules."""
    data_dir = generated(home, 600, behaviours=True, behaviour_rows_per_user=60.0)
    words = ("--k", 4, "--k-range", "2:4", "--min-size", 10)

    def make(folder: Path) -> Run:
        out = folder / "run"
        answer = segmentry("run", data_dir, "--with", "behaviours", "--out", out, *words)
        return Run(data_dir, out, answer)

    return made_once(home, "shop", make)
