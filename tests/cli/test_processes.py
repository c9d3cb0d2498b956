"""What only a process of its own shows: imports, silence in a pipe, signals."""

import importlib
import json
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from tests.pipeline import runs
from tests.texts import says

from segmentry import __version__
from segmentry.cli._app import _caught_signals
from segmentry.results.run_folder import read_manifest

PATIENCE = 60
"""Seconds after which a process that should have ended is a failure."""


def start(*words):
    return subprocess.Popen(  # our own words
        [sys.executable, "-m", "segmentry", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(folder, pattern, process):
    """Return the first path that appears while the process is at work."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = next(folder.glob(pattern), None)
        if found is not None:
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    raise AssertionError(f"no {pattern} after {PATIENCE} s")


def test_the_commands_are_known_without_loading_what_they_need():
    heavy = ("numpy", "polars", "duckdb", "sklearn", "scipy", "altair", "pydantic", "rich.progress")
    code = f"import sys, segmentry.cli; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run(  # our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(("words", "is_loaded"), [("--help", False), ("run --help", True)])
def test_settings_are_loaded_for_the_help_of_a_command_and_not_for_the_list(words, is_loaded):
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('pydantic' in sys.modules, file=sys.stderr))\n"
        "from segmentry.cli import main\n"
        f"sys.argv = ['segmentry', *{words.split()}]\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == str(is_loaded)
    assert ("--k-range" in done.stdout) == is_loaded


def test_what_prints_an_answer_loads_no_statistics():
    """`scipy.stats` alone takes most of a second of every command."""
    code = "import sys, segmentry.cli._console; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_the_package_runs_as_a_module():
    process = start("--version")
    assert process.communicate(timeout=PATIENCE) == (f"segmentry {__version__}\n", "")
    assert process.returncode == 0


def test_a_piped_run_is_quiet_and_its_json_is_one_document(small_log, tmp_path):
    words = ("--out", tmp_path / "run", "--json", "--k", 3, "--k-range", "3:3")
    process = start("run", small_log, *words)
    out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, err) == (0, "")
    document = json.loads(out)
    assert out == json.dumps(document, ensure_ascii=False) + "\n"
    assert document["run_dir"] == str(tmp_path / "run")
    assert document["n_segments"] == len(document["segments"]) == 3
    assert sum(segment["n_users"] for segment in document["segments"]) == 200
    assert [account["role"] for account in document["accounts"]] == [
        "impressions",
        "profiles",
        "ads",
    ]


@pytest.fixture(scope="module")
def long_log(tmp_path_factory):
    """A log that is large enough to be interrupted while it is read."""
    return runs.generated(tmp_path_factory.getbasetemp(), 30_000)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interrupted_run_leaves_nothing_half_written(long_log, tmp_path, number):
    process = start("run", long_log, "--out", tmp_path / "new" / "run")
    wait_for(tmp_path, "new/.run.*.partial/scratch/parts", process)

    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (2, "")
    says(err)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_the_earlier_one(long_log, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text("the earlier run")
    process = start("run", long_log, "--out", tmp_path / "run", "--overwrite", "--json")
    wait_for(tmp_path, ".run.*.partial", process)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, err) == (2, "")
    says(json.loads(out))
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "manifest.json"]
    assert (tmp_path / "run" / "manifest.json").read_text() == "the earlier run"


def test_a_killed_run_leaves_no_run_folder_and_is_not_in_the_way(
    long_log, small_log, undrawn, tmp_path
):
    process = start("run", long_log, "--out", tmp_path / "run")
    partial = wait_for(tmp_path, ".run.*.partial/scratch/parts", process).parents[1]

    process.kill()
    process.communicate(timeout=PATIENCE)

    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == [partial]
    words = ("--out", tmp_path / "run", "--k", 2, "--k-range", "2:2")
    assert runs.segmentry("run", small_log, *words).code == 0
    assert read_manifest(tmp_path / "run").config["k"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


STEPS = (
    "read profiles and ads",
    "read log",
    "count",
    "derive features",
    "segment and check",
    "describe the log by segment",
    "profile",
    "summarise",
    "decide",
    "write tables",
    "draw and report",
    "write segments",
    "write users",
    "finish the tables of users and the fingerprint",
)

_ENDS_IN_STEPS = """
import contextlib, json, os, sys
import altair, duckdb, jinja2, polars, sklearn.cluster
import segmentry.pipeline._folder
import segmentry.present.figures as figures
from segmentry.cli import main
from segmentry.runtime.clock import StepClock

def end_in(ended_in, number):
    step = StepClock.step

    def begin(clock, name):
        if name == ended_in:
            os.kill(os.getpid(), number)
        return step(clock, name)

    StepClock.step = begin
    if ended_in != "draw and report":  # where it is a process that may be left
        segmentry.pipeline._folder.write_report = lambda *_, **__: None
        figures.drawing = contextlib.nullcontext

for line in sys.stdin:
    ended_in, number, told, words = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT), 2)
        end_in(ended_in, number)
        sys.argv = ["segmentry", *words]
        main()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def loaded():
    """A process that has loaded all that a run needs, and starts each run as one of its own."""
    with subprocess.Popen(  # our own words
        [sys.executable, "-c", _ENDS_IN_STEPS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


def test_these_are_all_steps_of_a_run(plain_run):
    # Some go on beside others: which ends first is a matter of time.
    found = [each.step for each in read_manifest(plain_run.folder).steps]
    assert sorted(found) == sorted(STEPS)


IN_THE_SUITE = {
    (signal.SIGTERM, "read log"),
    (signal.SIGTERM, "segment and check"),  # in threads
    (signal.SIGTERM, "draw and report"),  # in processes
    (signal.SIGTERM, STEPS[-1]),
    (signal.SIGKILL, STEPS[-1]),
}
"""An end of each kind; the others are ended in the same way and take the slow tests."""


@pytest.mark.parametrize(
    ("number", "step"),
    [
        pytest.param(
            number,
            step,
            id=f"{number.name}-{step}",
            marks=() if (number, step) in IN_THE_SUITE else pytest.mark.slow,
        )
        for number in (signal.SIGTERM, signal.SIGKILL)
        for step in STEPS
    ],
)
def test_a_run_that_is_ended_in_any_step_leaves_the_earlier_one_whole(
    step, number, small_log, loaded, tmp_path
):
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    (home / "run" / "manifest.json").write_text("the earlier run")
    words = ("run", small_log, "--out", home / "run", "--overwrite")
    few = ("--k", 2, "--k-range", "2:2", "--bootstraps", 2, "--min-size", 1)
    text = tmp_path / "told"
    asked = (step, int(number), str(text), [str(word) for word in (*words, *few)])

    loaded.stdin.write(json.dumps(asked) + "\n")
    loaded.stdin.flush()
    code = int(loaded.stdout.readline())

    assert (home / "run" / "manifest.json").read_text() == "the earlier run"
    assert [each.name for each in (home / "run").iterdir()] == ["manifest.json"]
    others = [each.name for each in home.iterdir() if each.name != "run"]
    if number == signal.SIGKILL:
        # Nothing can clean up then; what is left is hidden and is taken for no run.
        assert code == -signal.SIGKILL
        assert all(name.startswith(".run.") and name.endswith(".partial") for name in others)
        return
    assert code == 2
    says(text.read_text())
    assert others == []


def test_an_interrupt_waits_until_no_step_of_an_import_is_cut_off():
    importing = SimpleNamespace(f_code=importlib._bootstrap._get_module_lock.__code__)

    with _caught_signals() as caught:
        signal.getsignal(signal.SIGINT)(signal.SIGINT, importing)
        assert not caught  # an exception there could leave the lock of all imports taken
        with pytest.raises(KeyboardInterrupt):
            time.sleep(PATIENCE)

    assert caught == [signal.SIGINT]
