"""Whole runs on small random logs, and folders that go away while a run is on its way."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.mapping.shapes import DAY, HEADER, T, mapping_of, write_csv
from tests.repeats import examples

import segmentry
from segmentry.errors import SegmentryError
from segmentry.ingest.engines import ENGINES

FULL = 'time = "when"\nad_id = "ad"\nclick = "hit"'
MOMENTS = st.integers(0, 12 * DAY).map(lambda seconds: T + seconds)
VALUES = st.one_of(
    st.none(),
    st.sampled_from(["", "NULL", "x", "nan", "-1", "1e9", "9" * 30, "0", "1", "1.0", "ü", "a;b"]),
    st.integers(-(2**70), 2**70),
    st.floats(),
)
ROWS = st.tuples(
    st.one_of(st.integers(1, 9), st.sampled_from(["a", "b", None]), VALUES),
    st.one_of(MOMENTS, VALUES),
    st.one_of(st.integers(1, 4), VALUES),
    st.one_of(st.sampled_from([0, 1]), VALUES),
)


def summary_of(folder, text, **options):
    """Run as a user does; return the summary as text, or the refusal."""
    (folder / "m.toml").write_text(text)
    try:
        segmentry.run(
            None,
            folder / "run",
            mapping=folder / "m.toml",
            overwrite=True,
            min_size=1,
            k_range="2:3",
            bootstraps=2,
            **options,
        )
    except SegmentryError as error:
        answer, is_refused = str(error), True
    else:
        answer, is_refused = (folder / "run" / "summary.json").read_text(), False
        json.loads(answer, parse_constant=pytest.fail)
    assert (folder / "run").exists() != is_refused
    assert not list(folder.glob(".run*"))
    assert answer.strip()
    assert not is_refused or "\n" not in answer
    return answer


@given(rows=st.lists(ROWS, max_size=25), engine=st.sampled_from(ENGINES))
@examples(8, 60)
def test_a_run_answers_or_refuses_in_one_line_and_never_crashes(rows, engine, undrawn):
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_csv(folder / "log.csv", rows)
        assert summary_of(folder, mapping_of(FULL), engine=engine)


USERS = [
    (user, T + day * DAY + user * 60, 1 + user % 4, int((user + day) % 5 == 0))
    for user in range(1, 31)
    for day in range(1 + user % 4)
]


@given(
    bad=st.lists(ROWS, min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
    engine=st.sampled_from(ENGINES),
)
@examples(3, 30)
def test_bad_rows_among_sound_ones_are_counted_and_every_run_answers(bad, order, engine, undrawn):
    rows = [*USERS, *bad]
    order.shuffle(rows)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_csv(folder / "log.csv", rows)

        (log,) = json.loads(summary_of(folder, mapping_of(FULL), engine=engine))["data"]["accounts"]

    n_blank = sum(all(value in (None, "", "NULL", "nan") for value in row) for row in bad)
    assert log["n_read"] == len(rows) - n_blank
    assert log["n_used"] >= len(USERS)
    assert log["n_used"] + sum(log["rejected"].values()) == log["n_read"]


SOUND = st.tuples(st.integers(1, 30), MOMENTS, st.integers(1, 5), st.sampled_from([0, 0, 0, 1]))


@given(
    more=st.lists(SOUND, max_size=60),
    order=st.randoms(use_true_random=False),
    n_files=st.integers(2, 4),
    engine=st.sampled_from(ENGINES),
)
@examples(2, 20)
def test_order_and_splitting_of_the_files_do_not_change_the_answer(
    more, order, n_files, engine, undrawn
):
    rows = [*USERS, *more]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_csv(folder / "logs" / "all.csv", rows)
        expected = summary_of(folder, mapping_of(FULL, files="logs"))
        assert json.loads(expected)["segments"]  # no refusal
        shutil.rmtree(folder / "run", ignore_errors=True)
        (folder / "logs" / "all.csv").unlink()
        shuffled = list(rows)
        order.shuffle(shuffled)
        for place in range(n_files):
            write_csv(folder / "logs" / f"{place}.csv", shuffled[place::n_files], header=HEADER)

        assert summary_of(folder, mapping_of(FULL, files="logs"), engine=engine) == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("what", "when"),
    [("data", "reading"), ("out", ""), ("out", "counting"), ("out", "trying numbers")],
)
def test_a_folder_that_is_removed_while_a_run_is_on_its_way(what, when, engine, tmp_path):
    users = range(80)
    rows = [(user, T + user * 60 + day * DAY, 1, user % 2) for user in users for day in range(3)]
    write_csv(tmp_path / "data" / "log.csv", rows)
    (tmp_path / "m.toml").write_text(mapping_of(FULL, files="data/log.csv"))
    (tmp_path / "out").mkdir()

    def remove(step, done, total):
        if when in step:
            shutil.rmtree(tmp_path / what, ignore_errors=True)

    with pytest.raises(SegmentryError) as text:
        segmentry.run(
            None,
            tmp_path / "out" / "run",
            mapping=tmp_path / "m.toml",
            engine=engine,
            progress=remove,
            k_range="2:3",
            bootstraps=2,
        )

    assert "\n" not in str(text.value)
    assert not (tmp_path / "out" / "run").exists()
    assert not list(tmp_path.glob("**/.run*"))
