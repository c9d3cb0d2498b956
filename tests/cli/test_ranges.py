"""Numbers that no option can mean, and texts that are none, for every option that is declared."""

import pytest
import typer.main
from tests.cli.test_errors import refusal

from segmentry.cli import app

ODD = {
    "no number": "nan",
    "endless": "inf",
    "beyond a float": "1e999",
    "below zero": "-1",
    "huge": "1" + "0" * 30,
    "5,000 digits": "9" * 5000,
    "nothing": "",
    "a word": "x",
    "a raised two": "²",
    "a share of no number": "1=nan",
    "a ratio of no number": "1:nan",
    "an endless time": "9" * 30 + "d",
    "an endless size": "1e400GB",
    "bytes that are no text": "\udcff",
}
NEEDED = {
    ("card",): {"--segment": "1"},
    ("data", "forget"): {"--users": "gone.csv"},
    ("plan", "test"): {"--mde": "50%"},
    ("analyse", "test"): {"--results": "gone.csv"},
    ("export", "powerbi"): {"--out": "gone"},
    ("export", "excel"): {"--out": "gone.xlsx"},
    ("export", "audience"): {"--out": "gone.csv", "--segment": "1"},
    ("export", "sql"): {"--dialect": "duckdb"},
}
"""What a command does not begin without."""


def commands(group, path=()):
    """Return every command with its path of words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


DECLARED = [
    (path, option.opts[0])
    for path, command in commands(typer.main.get_command(app))
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag
    if (path, option.opts[0]) != (("demo",), "--out")  # any name is a folder to make
]


@pytest.mark.parametrize(
    ("path", "option"), DECLARED, ids=lambda each: each if isinstance(each, str) else " ".join(each)
)
def test_what_an_option_cannot_mean_is_refused_in_one_line(path, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = {("compare",): ["gone", "gone"], ("data", "add"): ["gone", "gone.csv"], ("demo",): []}
    for odd in ODD.values():
        words = [
            f"{name}={value}" for name, value in (NEEDED.get(path, {}) | {option: odd}).items()
        ]
        refusal(tmp_path, *path, *places.get(path, ["gone"]), *words)
