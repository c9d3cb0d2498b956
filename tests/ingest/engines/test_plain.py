"""What is counted without the engine is what the engine counts with care, or None."""

import itertools

import narwhals.stable.v2 as nw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reads import LOG_HEADER, LOG_TYPES, csv_text, source_of

from segmentry.errors import DataError, EngineError
from segmentry.ingest.engines import _plain
from segmentry.ingest.files import inspect_file

T = 1_494_000_000
NARROW = {name: LOG_TYPES[name] for name in ("user_id", "shown_at", "is_click", "is_not_click")}
PLAIN = [f"{user},{T + user},5,430548_1007,1,0" for user in range(1, 400)]
ODD = {
    "a fraction": f"4.5,{T},5,430548_1007,1,0",
    "an exponent": f"1e3,{T},5,430548_1007,1,0",
    "a hexadecimal": f"0x1F,{T},5,430548_1007,1,0",
    "an underscore in a number": f"430548_1007,{T},5,430548_1007,1,0",
    "an underscore in a time": "3,1494_000000,5,7,1,0",
    "no text": f"3,{T},5,,1,0",
    "a word for missing": f"NULL,{T},5,430548_1007,1,0",
    "no user": f",{T},5,430548_1007,1,0",
    "a blank line": "",
    "no value at all": ",,,,,",
    "too short": f"3,{T},5",
    "too long": f"3,{T},5,430548_1007,1,0,9",
    "a quoted field": f'"3",{T},5,430548_1007,1,0',
    "a quoted line break": f'3,{T},5,"430548\n_1007",1,0',
    "a carriage return": f"3,{T},5,430548_1007,1,0\r",
    "a sign": f"-3,{T},5,430548_1007,1,0",
    "white space": f" 3,{T},5,430548_1007,1,0",
    "a leading zero": f"003,{T},5,430548_1007,1,0",
    "more than 64 bits": f"{'9' * 20},{T},5,430548_1007,1,0",
    "a contradiction": f"3,{T},5,430548_1007,1,1",
    "an impossible time": "3,5,5,430548_1007,1,0",
    "an id that is no place in a table": f"4194304,{T},5,430548_1007,1,0",
}


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch):
    monkeypatch.setattr(_plain, "MIN_BYTES", 0)
    monkeypatch.setattr(_plain, "CHUNK", 1000)


def source(file):
    return source_of(file, types=NARROW)


def plain_tally(file, *, exclude=None):
    layouts = [inspect_file(file)]
    said = []
    return _plain.tally_if_plain(
        source(file), layouts, exclude=exclude or {}, on_progress=lambda *text: said.append(text)
    )


def assert_is_as_with_care(engine, file, **asked):
    """Compare with the engine; return whether the file was plain."""
    plain = plain_tally(file, **asked)
    if plain is None:
        return False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_plain, "MIN_BYTES", 1 << 40)
        careful = engine.tally_users(
            source(file), exclude=asked.get("exclude", {}), keep_users=None, on_progress=max
        )
    assert plain.counts.schema == careful.counts.schema
    assert plain.counts.rows() == careful.counts.rows()
    assert plain.account == careful.account
    return True


NUMBERS = st.one_of(
    st.integers(0, 9).map(str),
    st.sampled_from(["", "-1", "+1", "01", " 1", "1.0", "1e1", "0x1", "1_0", "x", "NULL", '"1"']),
)
TIMES = st.one_of(
    st.integers(T, T + 99).map(str), st.sampled_from(["", "5", f"{T}.0", "9" * 20, "é", "\t1"])
)
FLAGS = st.sampled_from(["0", "1", "0", "1", "0", "1", "", "2", "x"])
LINES = st.tuples(NUMBERS, TIMES, st.just("7"), st.sampled_from(["a_b", ""]), FLAGS, FLAGS)
HOSTILE = st.tuples(LINES, st.integers(1, 6), st.sampled_from(["", ",", ",9", "\r", " "]))
SOUND = st.tuples(st.integers(1, 30), st.integers(T, T + 99), st.booleans()).map(
    lambda row: f"{row[0]},{row[1]},5,430548_1007,{int(row[2])},{int(not row[2])}"
)
ANY = HOSTILE.map(lambda each: ",".join(each[0][: each[1]]) + each[2])


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    lines=st.tuples(st.lists(SOUND, min_size=1, max_size=60), st.lists(ANY, max_size=3)),
    order=st.randoms(use_true_random=False),
    end=st.sampled_from(["\n", "", "\n\n"]),
)
def test_any_file_is_counted_as_by_the_engine(shared_engine, tmp_path_factory, lines, order, end):
    sound, odd = lines
    lines = [*sound, *odd]
    order.shuffle(lines)
    file = tmp_path_factory.mktemp("log") / "raw_sample.csv"
    file.write_text("\n".join([LOG_HEADER, f"9,{T},5,a,1,0", *lines]) + end)

    try:
        is_plain = assert_is_as_with_care(shared_engine, file)
    except (DataError, EngineError):
        pytest.fail("plain, and yet refused by the engine")

    assert is_plain or odd or end == "\n\n"


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_among_plain_ones_is_counted_as_with_care(engine, tmp_path, line):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [*PLAIN[:300], line, *PLAIN[300:]]))

    assert_is_as_with_care(engine, file)


def test_a_plain_log_is_counted_without_the_engine(engine, tmp_path):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [*PLAIN, *PLAIN[::2]]))
    exclude = {"--since": nw.col("shown_at") < T + 2}

    found = plain_tally(file, exclude=exclude)

    assert found.account.n_read == 599
    assert dict(found.account.excluded) == {"--since": 2}
    assert found.counts.row(0) == (2, 1, 0, T + 2, T + 2)
    assert found.counts.row(1) == (3, 2, 0, T + 3, T + 3)
    assert found.counts.height == 398
    assert_is_as_with_care(engine, file, exclude=exclude)


def test_whatever_is_taken_for_a_whole_number_is_what_care_takes_it_for(engine, tmp_path):
    taken = set()
    for number, signs in enumerate(itertools.product("01 +-._ex\t", repeat=3)):
        text = "".join(signs)
        file = tmp_path / f"{number}.csv"
        file.write_text(csv_text(LOG_HEADER, [f"{text},{T},5,a,1,0", f"7,{T},5,a,1,0"]))
        if plain_tally(file) is not None:
            assert assert_is_as_with_care(engine, file)
            taken.add(text)

    assert {"011", " 01"} <= taken


@pytest.mark.parametrize("lines", [("1,2,3,4,0,1,9", "4,5"), ("1,2,3,4,0,1,9", "4,5,6,7,8,")])
def test_a_field_too_many_does_not_make_up_for_one_that_is_lacking(tmp_path, lines):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [*PLAIN[:3], *lines]))

    assert plain_tally(file) is None


def test_a_line_without_end_is_not_held(tmp_path, monkeypatch):
    held = []
    read = _plain._bytes_of
    monkeypatch.setattr(_plain, "_bytes_of", lambda *asked: held.append(asked) or read(*asked))
    monkeypatch.setattr(_plain, "_LINE", 100)
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [*PLAIN[:3], "3," + "4" * 50_000]))

    assert plain_tally(file) is None
    assert max(end - first for _, first, end in held) <= 1000
