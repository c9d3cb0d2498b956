"""The answers stay the same, byte by byte, while the code that finds them moves.

`answers.json` holds the SHA-256 of the summary of five kinds of runs. A commit that changes a
digest on purpose says which one and why; ``python -m tests.pipeline.test_same_answers`` records
them again.
"""

import hashlib
import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from tests.pipeline.runs import leave_undrawn, segmentry

from segmentry import __version__

ANSWERS = Path(__file__).parent / "answers.json"
TABLE = """
name = "shop"
[profiles]
files = "users.csv"
user_id = "id"
[profiles.attributes]
income = {column = "income", kind = "money"}
visits = {column = "visits", kind = "count"}
level = {column = "level", kind = "ordinal", order = ["low", "middle", "high"]}
"""
PURCHASES = """
name = "orders"
event = "purchase"
[log]
files = "orders.csv"
user_id = "user"
time = "day"
time_format = "yyyymmdd"
value = "amount"
"""


def write_table(folder):
    draw = random.Random(4)  # noqa: S311  # not for secrets
    rows = ["id,income,visits,level"]
    for user in range(900):
        group = user % 3
        income = round(draw.gauss(20_000 * (1 + group), 3_000), 2)
        rows.append(
            f"{user},{income},{draw.randint(0, 4) + 6 * group},{draw.choice(['low', 'high'])}"
        )
    (folder / "users.csv").write_text("\n".join(rows) + "\n")
    (folder / "mapping.toml").write_text(TABLE)


def write_purchases(folder):
    draw = random.Random(5)  # noqa: S311  # not for secrets
    rows = ["user,day,amount"]
    for user in range(700):
        for _ in range(1 + draw.randint(0, 2) * (user % 4)):
            day = f"2024{draw.randint(1, 12):02}{draw.randint(1, 28):02}"
            rows.append(f"{user},{day},{draw.randint(5, 60) * (1 + user % 2)}")
    (folder / "orders.csv").write_text("\n".join(rows) + "\n")
    (folder / "mapping.toml").write_text(PURCHASES)


def write_log(folder):
    answer = segmentry(
        "data", "generate", folder / "log", "--users", 1500, "--seed", 11, "--behaviours"
    )
    assert answer.code == 0


# The folder stands in the command that a summary repeats: it is the same on every machine.
RUNS = {
    "default": (write_log, ("log", "--k-range", "2:5")),
    "classic": (write_log, ("log", "--recipe", "classic", "--k-range", "2:5")),
    "behaviours": (write_log, ("log", "--with", "behaviours", "--k-range", "2:4")),
    "table": (write_table, (".", "--mapping", "mapping.toml", "--k-range", "2:5")),
    "rfm": (write_purchases, (".", "--mapping", "mapping.toml", "--k-range", "2:5")),
}


def answer_of(name, folder):
    write, words = RUNS[name]
    before = Path.cwd()
    os.chdir(folder)
    try:
        if not any(folder.iterdir()):
            write(folder)
        answer = segmentry("run", *words, "--out", name)
    finally:
        os.chdir(before)
    assert answer.code == 0, answer.err
    written = (folder / name / "summary.json").read_bytes()
    # Another version is not another answer: digests were first recorded by 0.1.0.
    return hashlib.sha256(written.replace(f'"{__version__}"'.encode(), b'"0.1.0"')).hexdigest()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {write: tmp_path_factory.mktemp(write.__name__) for write, _ in RUNS.values()}


@pytest.mark.parametrize("name", RUNS)
def test_the_summary_is_the_recorded_one(name, folders, undrawn):
    assert answer_of(name, folders[RUNS[name][0]]) == json.loads(ANSWERS.read_text())[name]


def record():
    with pytest.MonkeyPatch.context() as patch:
        leave_undrawn(patch)
        made = {write: Path(tempfile.mkdtemp()) for write, _ in RUNS.values()}
        found = {name: answer_of(name, made[write]) for name, (write, _) in RUNS.items()}
    ANSWERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
