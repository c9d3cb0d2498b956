"""The answers stay the same while the code that finds them moves.

`answers.json` holds, of the summary of five kinds of runs, the SHA-256 of all but its numbers with
a point, and sums of these by place. They are not compared byte by byte: matrix products of another
processor differ in the last bits (of 2,456 numbers of "rfm" 69 did, by 6e-9 of their size at most,
between two kernels of one library). A commit that changes an answer on purpose says which one and
why; ``python -m tests.pipeline.test_same_answers`` records them again.
"""

import hashlib
import json
import os
import random
import tempfile
from collections import defaultdict
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
    # Another version is not another answer: answers were first recorded by 0.1.0.
    return told(json.loads(written.replace(f'"{__version__}"'.encode(), b'"0.1.0"')))


def told(summary):
    """Return the digest of all but floats, and of these their number, size and sum by place."""
    floats = defaultdict(list)

    def without_floats(value, place):
        if isinstance(value, float):
            floats[place].append(value)
            return "a float"
        if isinstance(value, dict):
            return {key: without_floats(each, f"{place}/{key}") for key, each in value.items()}
        if isinstance(value, list):
            return [without_floats(each, place) for each in value]
        return value

    rest = json.dumps(without_floats(summary, ""))
    return {
        "all_else": hashlib.sha256(rest.encode()).hexdigest(),
        "floats": {place: sums_of(values) for place, values in floats.items()},
    }


def sums_of(values):
    """Return number, sum of sizes, and a sum whose weights notice another order."""
    weighted = sum(each * (1 + row / len(values)) for row, each in enumerate(values))
    return [len(values), sum(map(abs, values)), weighted]


def differences(found, recorded, *, share=1e-7):
    """Name what differs by more than a `share` of its size."""
    if found["all_else"] != recorded["all_else"]:
        return ["texts, whole numbers or the shape"]
    return [
        place
        for place, (n, size, weighted) in recorded["floats"].items()
        if found["floats"][place][0] != n
        or abs(found["floats"][place][1] - size) > share * size + 1e-12
        or abs(found["floats"][place][2] - weighted) > 2 * share * size + 1e-12
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {write: tmp_path_factory.mktemp(write.__name__) for write, _ in RUNS.values()}


@pytest.mark.parametrize("name", RUNS)
def test_the_summary_is_the_recorded_one(name, folders, undrawn):
    found = answer_of(name, folders[RUNS[name][0]])
    assert differences(found, json.loads(ANSWERS.read_text())[name]) == []


@pytest.mark.parametrize(
    ("other", "different"),
    [
        ({"k": 3, "rates": [0.5, 0.25 + 1e-9], "text": "a"}, []),
        ({"k": 3, "rates": [0.5, 0.25001], "text": "a"}, ["/rates"]),
        ({"k": 3, "rates": [0.25, 0.5], "text": "a"}, ["/rates"]),
        ({"k": 4, "rates": [0.5, 0.25], "text": "a"}, ["texts, whole numbers or the shape"]),
        ({"k": 3, "rates": [0.5, None], "text": "a"}, ["texts, whole numbers or the shape"]),
    ],
    ids=["last bits", "a number", "the order", "a whole number", "a missing number"],
)
def test_another_answer_is_noticed(other, different):
    recorded = told({"k": 3, "rates": [0.5, 0.25], "text": "a"})
    assert differences(told(other), recorded) == different


def record():
    with pytest.MonkeyPatch.context() as patch:
        leave_undrawn(patch)
        made = {write: Path(tempfile.mkdtemp()) for write, _ in RUNS.values()}
        found = {name: answer_of(name, made[write]) for name, (write, _) in RUNS.items()}
    ANSWERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
