"""Parts that are written without the engine hold what the engine writes with care, or are not."""

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ingest.engines.test_plain import ANY, ODD, PLAIN, SOUND, T
from tests.ingest.engines.test_plain_text import read
from tests.reference_lines import reference_log

from segmentry.ingest.engines import _duckdb, _plain
from segmentry.ingest.engines._plain_parts import hashes_of

pytestmark = pytest.mark.only_engine("duckdb")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(_plain, "MIN_BYTES", 0)
    monkeypatch.setattr(_plain, "CHUNK", 1000)


@pytest.fixture
def written(monkeypatch):
    """Say of each log whether its parts were written without the engine."""
    found = []
    split = _duckdb.split_if_plain

    def note(*args, **asked):
        judged = split(*args, **asked)
        found.append(judged is not None)
        return judged

    monkeypatch.setattr(_duckdb, "split_if_plain", note)
    return found


def assert_is_as_with_care(engine, folder, lines):
    plain = read(engine, folder / "a", lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_plain, "MIN_BYTES", 1 << 40)
        patch.setattr(_plain, "MIN_TEXT_BYTES", 1 << 40)
        assert plain == read(engine, folder / "b", lines)


@settings(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    lines=st.tuples(st.lists(SOUND, min_size=1, max_size=60), st.lists(ANY, max_size=3)),
    order=st.randoms(use_true_random=False),
)
def test_any_file_is_split_as_with_care(shared_engine, tmp_path_factory, lines, order):
    both = [*lines[0], *lines[1]]
    order.shuffle(both)

    assert_is_as_with_care(shared_engine, tmp_path_factory.mktemp("logs"), both)


PLACEMENTS = {
    "a word for missing as placement": f"3,{T},5,NULL,1,0",
    "a placement with blanks": f"3,{T},5, a,1,0",
    "a placement with a point": f"3,{T},5,7.0,1,0",
    "an ad of more than four bytes": f"3,{T},{1 << 40},7,1,0",
}


@pytest.mark.parametrize("line", [*ODD.values(), *PLACEMENTS.values()], ids=[*ODD, *PLACEMENTS])
def test_an_odd_line_among_plain_ones_is_split_as_with_care(engine, tmp_path, line):
    assert_is_as_with_care(engine, tmp_path, [*PLAIN[:300], line, *PLAIN[300:]])


def test_plain_lines_are_split_without_the_engine(engine, tmp_path, written):
    account, rows = read(engine, tmp_path / "a", PLAIN)

    assert rows == reference_log(PLAIN)[0]
    assert account.n_read == 399
    assert written == [True]


def test_broken_lines_of_the_log_before_are_not_counted_again(engine, tmp_path, written):
    before, _ = read(engine, tmp_path / "a", [*PLAIN, f"3,{T},5,7,1,0,9,9"])
    account, rows = read(engine, tmp_path / "b", PLAIN)

    assert written == [False, True]
    assert before.rejected["wrong number of fields"] == 1
    assert (account.n_read, rows) == (399, reference_log(PLAIN)[0])
    assert account.rejected == {}


def test_users_are_hashed_as_by_the_engine(engine):
    ids = np.random.default_rng(0).integers(-(1 << 62), 1 << 62, 1000)
    frame = engine.from_polars(pl.DataFrame({"user_id": ids}))

    found = frame.to_native().project("user_id, hash(user_id)").fetchall()

    assert hashes_of(np.array([user for user, _ in found])).tolist() == [h for _, h in found]
