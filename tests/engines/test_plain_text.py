"""Numbers of a plain text are cast without looking at each: what is read stays the same."""

import pytest
from tests.engines.test_split_log import T, split_lines
from tests.reads import source_of, used_rows

from segmentry.engines import _plain
from segmentry.engines._plain import plain_text
from segmentry.errors import DataError
from segmentry.files import inspect_file

pytestmark = pytest.mark.only_engine("duckdb")
PLAIN = [f"{user},{T + user},5,430548_1007,1,0" for user in range(1, 400)]
ODD = {
    "a fraction": f"4.5,{T},5,430548_1007,1,0",
    "an exponent": f"1e3,{T},5,430548_1007,1,0",
    "a hexadecimal": f"0x1F,{T},5,430548_1007,1,0",
    "an underscore in a number": f"430548_1007,{T},5,430548_1007,1,0",
    "one there and none in the text": f"430548_1007,{T},5,7,1,0",
    "an underscore in a time": "3,1494_000000,5,7,1,0",
    "two in the text": f"3,{T},5,43_05_48,1,0",
    "none in the text": f"3,{T},5,430548,1,0",
    "no text": f"3,{T},5,,1,0",
    "a word for missing": f"NULL,{T},5,430548_1007,1,0",
    "no user": f",{T},5,430548_1007,1,0",
    "a blank line": "",
    "no value at all": ",,,,,",
    "too short": f"3,{T},5",
    "too long": f"3,{T},5,430548_1007,1,0,9",
    "a quoted field": f'"3",{T},5,430548_1007,1,0',
    "a quoted line break": f'3,{T},5,"430548\n_1007",1,0',
    "a sign": f"-3,{T},5,430548_1007,1,0",
    "white space": f" 3,{T},5,430548_1007,1,0",
    "a leading zero": f"003,{T},5,430548_1007,1,0",
    "more than 64 bits": f"{'9' * 20},{T},5,430548_1007,1,0",
    "a contradiction": f"3,{T},5,430548_1007,1,1",
    "an impossible time": "3,5,5,430548_1007,1,0",
}


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch):
    monkeypatch.setattr(_plain, "LEAST_BYTES", 0)
    monkeypatch.setattr(_plain, "_HEAD", 64)
    monkeypatch.setattr(_plain, "_BLOCK", 100)


def carefully(engine, folder, lines, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_plain, "LEAST_BYTES", 1 << 40)
        return read(engine, folder, lines)


def read(engine, folder, lines):
    folder.mkdir()
    log = split_lines(engine, folder, *lines)
    return log.account, used_rows(engine, log)


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_among_plain_ones_is_read_as_with_care(engine, tmp_path, monkeypatch, line):
    lines = [*PLAIN[:300], line, *PLAIN[300:]]

    assert read(engine, tmp_path / "a", lines) == carefully(
        engine, tmp_path / "b", lines, monkeypatch
    )


def test_a_plain_text_is_read_once_and_proved(engine, tmp_path, monkeypatch):
    proved = []
    monkeypatch.setattr(
        "segmentry.engines._duckdb.DuckDBEngine._read_plain", noting(proved, engine)
    )

    account, rows = read(engine, tmp_path / "a", PLAIN)

    assert len(rows) == account.n_read == 399
    assert proved == [True]


def test_lines_that_end_in_different_ways_are_refused_in_one_clear_line(engine, tmp_path):
    lines = [*PLAIN[:300], f"3,{T},5,430548_1007,1,0\r", *PLAIN[300:]]

    with pytest.raises(DataError, match=r"a line ends in another way than the others.*; write"):
        read(engine, tmp_path / "a", lines)


def noting(proved, engine):
    plainly = type(engine)._read_plain

    def note(self, *args):
        found = plainly(self, *args)
        proved.append(found is not None)
        return found

    return note


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_are_counted_with_or_without_a_last_line_end(tmp_path, end):
    file = tmp_path / "raw_sample.csv"
    file.write_text("user,pid\n1,4_5\n22,4_7" + end)
    source = source_of(file, types={"user_id": ("user", "integer")})

    assert plain_text(source, [inspect_file(file)]).n_lines() == 2


@pytest.mark.parametrize(
    "text",
    ["user,pid\n1,a\n", "user,pid\n1_2,4\n", "user,pid\n1,4.5\n", "user,pid\n1,4_5\n,4_5\n"],
)
def test_the_first_bytes_tell_what_is_not_plain(tmp_path, text):
    file = tmp_path / "raw_sample.csv"
    file.write_text(text)
    source = source_of(file, types={"user_id": ("user", "integer")})

    assert plain_text(source, [inspect_file(file)]) is None
