"""A run folder of another version, an extra that is not there: told with what to do."""

import re
import shutil
import sys

import pytest
from tests.cli.test_errors import refusal
from tests.texts import says

FILES = {
    "summary.json": "schema_version",
    "manifest.json": "manifest_version",
    "model/bundle.json": "bundle_version",
}
"""What carries a version, and the name it has there."""
COMMANDS = (
    ("report", "run"),
    ("plan", "budget", "run", "--impressions", "1000"),
    ("plan", "test", "run", "--mde", "10%"),
    ("export", "powerbi", "run", "--out", "star"),
    ("export", "excel", "run", "--out", "run.xlsx"),
    ("export", "audience", "run", "--segment", "1", "--out", "audience"),
    ("compare-algorithms", "run"),
    ("embed", "run"),
    ("run", "--from", "run", "--out", "again"),
    ("dashboard", "run"),
)


@pytest.fixture
def home(tmp_path, plain_run, monkeypatch):
    """A working folder with a run in it."""
    shutil.copytree(plain_run.folder, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_a_run_folder_of_another_version_is_told(words, home):
    for name, version in FILES.items():
        file = home / "run" / name
        text = file.read_text(encoding="utf-8")
        changed = re.sub(rf'("{version}": )\d+', r"\g<1>99", text, count=1)
        assert changed != text
        file.write_text(changed, encoding="utf-8")

    shown = refusal(home, *words)

    assert re.match(rf"run/({'|'.join(FILES)}): version 99, ", shown), shown
    says(shown)


@pytest.mark.parametrize(
    ("module", "extra", "words"),
    [
        ("umap", "umap", ("embed", "run")),
        ("xlsxwriter", "excel", ("export", "excel", "run", "--out", "run.xlsx")),
        ("streamlit", "dashboard", ("dashboard", "run")),
    ],
)
def test_an_extra_that_is_not_installed_is_told_with_the_command_that_does(
    module, extra, words, home, monkeypatch
):
    for name in [name for name in sys.modules if name.startswith("segmentry.present.dashboard")]:
        monkeypatch.delitem(sys.modules, name)  # as in a process of its own
    monkeypatch.setitem(sys.modules, module, None)

    says(refusal(home, *words))
