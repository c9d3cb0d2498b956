"""Names and decisions of 40 varied runs: Taobao-shaped, null, with behaviours, purchases, tables.

``python -m tests.pipeline.test_names_of_runs`` writes them to ``docs/reference/names.md``.
"""

import functools
import tempfile
from pathlib import Path

import pytest
from tests.advise.test_decisions import CONTRADICTS
from tests.pipeline.runs import segmented
from tests.pipeline.test_same_answers import write_purchases, write_table

from segmentry.config import load_config
from segmentry.datasets import GeneratorOptions, generate_taobao
from segmentry.ingest.sources import find_source
from segmentry.pipeline._run import read_source
from segmentry.runtime.clock import StepClock

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "names.md"
HEAD = """\
# Names of 40 runs

What segments are called, and what to do with them, in small runs of every kind of data; written by
`python -m tests.pipeline.test_names_of_runs`. The rule is in
[the guide](../guide/decisions.md#names).

| run | K | names with decisions |
|---|--:|---|
"""
LOGS = {
    "tastes": {"tastes": 0.8, "seed": 1},
    "plain": {"seed": 2},
    "null": {"null": True, "seed": 3},
    "behaviours": {"behaviours": True, "behaviour_rows_per_user": 40.0, "seed": 4},
}
NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12)
RUNS = (
    *((name, k) for name in ("tastes", "plain") for k in NUMBERS),
    *(("null", k) for k in (1, 2, 3, 5, 8, 12)),
    *(("behaviours", k) for k in (2, 4, 6, 9)),
    *(("purchases", k) for k in (1, 2, 3, 5, 8)),
    *(("table", k) for k in (1, 2, 3, 5, 8)),
)
FEW = (("tastes", 7), ("null", 5), ("purchases", 5), ("table", 8))
"""Those of the suite."""


@functools.cache
def users_of(name):
    """Return the users of a kind of data, and the folder of its parts: it stays."""
    home = Path(tempfile.mkdtemp())
    mapping = None
    if name in LOGS:
        generate_taobao(home / "data", GeneratorOptions(n_users=900, **LOGS[name]))
    else:
        (home / "data").mkdir()
        {"purchases": write_purchases, "table": write_table}[name](home / "data")
        mapping = home / "data" / "mapping.toml"
    scratch = home / "scratch"
    scratch.mkdir()
    options = {"with_": ("behaviours",)} if name == "behaviours" else {}
    source = find_source(home / "data", mapping)
    users, _ = read_source(source, load_config(None, options), scratch, StepClock(), None)
    return users, scratch, options


def summary_of(name, k):
    users, scratch, options = users_of(name)
    numbers = {"k": k, "k_range": f"{max(k, 2)}:{max(k, 2)}", "min_size": 1, "min_share": 0.0}
    return segmented(users, scratch=scratch, bootstraps=2, **numbers, **options).summary


def check(summary):
    names = [each.name for each in summary.segments]
    assert len({name.lower() for name in names}) == len(names)
    assert len({" ".join(name.lower().split()[:2]) for name in names}) == len(names)
    assert all(len(name.split()) <= 4 for name in names)
    assert not any(character.isdigit() for name in names for character in name)
    decisions = {each.segment_id: each.decision for each in summary.segments}
    assert None not in decisions.values()
    moved = [each.name for each in summary.segments if (each.decision or "").startswith("spend")]
    assert not any(name.startswith("Average-response") for name in moved)
    for insight in summary.decisions.insights:
        if insight.action is not None:
            excluded = CONTRADICTS.get(insight.action.code, ())
            assert decisions.get(insight.segment_id) not in excluded


@pytest.mark.parametrize(("name", "k"), FEW)
def test_names_tell_segments_apart_and_no_action_contradicts(name, k):
    check(summary_of(name, k))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "k"), [run for run in RUNS if run not in FEW])
def test_they_do_so_in_40_runs(name, k):
    check(summary_of(name, k))


def write_names():
    rows = []
    for name, k in RUNS:
        summary = summary_of(name, k)
        text = "; ".join(
            f"{each.name} ({(each.decision or '').replace('_', ' ')})" for each in summary.segments
        )
        rows.append(f"| {name} | {len(summary.segments)} | {text} |")
        print(rows[-1], flush=True)  # noqa: T201  # how far it is
        try:
            check(summary)
        except AssertionError as error:
            print("FAILS", str(error)[:300])  # noqa: T201  # to be looked at
    PAGE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_names()
