"""The templates of examples/refresh, executed with a `segmentry` that says what it was asked."""

import os
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer
import yaml

from segmentry.cli._app import app

TEMPLATES = Path(__file__).parents[2] / "examples" / "refresh"
STUB = '#!/bin/sh\nprintf "%s\\n" "$@" > "$ASKED"\nexit "$CODE"\n'
WORDS = {0: "the same segments", 10: "formed again", 11: "a person should look", 2: "nothing was"}


@pytest.fixture
def home(tmp_path):
    """A folder as the script expects it, with two months of runs."""
    script = tmp_path / "refresh.sh"
    script.write_bytes((TEMPLATES / "refresh.sh").read_bytes())
    script.chmod(0o755)
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin" / "segmentry"
    stub.write_text(STUB)
    stub.chmod(0o755)
    for month in ("2025-12", "2026-01"):
        (tmp_path / "runs" / month).mkdir(parents=True)
    return tmp_path


def execute(home, command, *, code=0):
    """Execute a command of a template, whose place is this folder."""
    environment = os.environ | {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "ASKED": str(home / "asked"),
        "CODE": str(code),
        "GITHUB_OUTPUT": str(home / "output"),
    }
    text = command.replace("/srv/segments", str(home))
    return subprocess.run(  # our own template
        ["bash", "-e", "-c", text],  # noqa: S607  # where it is differs
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", WORDS)
def test_the_script_refreshes_the_newest_run_and_hands_on_the_exit_code(home, code):
    done = execute(home, f"{home}/refresh.sh 2026-02", code=code)

    assert done.returncode == code
    assert WORDS[code] in done.stdout + done.stderr
    words = (home / "asked").read_text().split("\n")[:-1]
    assert words == shlex.split(
        "refresh runs/2026-01 logs --since 2026-02-01 --until 2026-03-01 --out runs/2026-02 "
        "--history history"
    )
    command = typer.main.get_command(app)
    context = command.make_context("segmentry", list(words), resilient_parsing=True)
    name, asked, rest = command.resolve_command(context, words)
    parsed = asked.make_context(name, rest, parent=context)
    # Typer 0.27 hands on the text.
    assert Path(parsed.params["history"]) == Path("history")
    assert parsed.params["until"] == "2026-03-01"


def test_a_month_is_refreshed_again_from_the_one_before_it(home):
    execute(home, f"{home}/refresh.sh 2026-01")

    assert (home / "asked").read_text().split("\n")[1] == "runs/2025-12"


def test_cron_calls_the_script(home):
    (line,) = [each for each in (TEMPLATES / "crontab").read_text().splitlines() if each[0] != "#"]
    *when, command = line.split(maxsplit=5)

    assert len(when) == 5
    assert execute(home, command, code=11).returncode == 11


@pytest.mark.parametrize(("code", "ends"), [(0, True), (10, True), (11, False), (2, False)])
def test_airflow_fails_where_a_person_should_look(home, monkeypatch, code, ends):
    """Airflow is not installed here: its two names stand for it."""
    tasks = []

    class Dag:
        def __init__(self, **options):
            self.options = options

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    modules = {
        "airflow": {"DAG": Dag},
        "airflow.operators": {},
        "airflow.operators.bash": {"BashOperator": lambda **options: tasks.append(options)},
    }
    for name, names in modules.items():
        module = types.ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)
    file = TEMPLATES / "refresh_dag.py"
    exec(compile(file.read_text(), str(file), "exec"), {})  # noqa: S102  # our own template
    (task,) = tasks

    assert not task["bash_command"].endswith(".sh")  # Airflow would take it for a file
    assert (execute(home, task["bash_command"], code=code).returncode == 0) == ends


@pytest.mark.parametrize(("code", "ends"), [(0, True), (10, True), (11, True), (2, False)])
def test_a_ci_warns_where_a_person_should_look(home, code, ends):
    flow = yaml.safe_load((TEMPLATES / "refresh.yml").read_text())
    first, warning = flow["jobs"]["refresh"]["steps"]

    assert (execute(home, first["run"], code=code).returncode == 0) == ends
    assert (home / "output").read_text() == f"code={code}\n"
    assert "'11'" in warning["if"]
