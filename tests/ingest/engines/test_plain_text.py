"""Numbers of a plain text are cast without looking at each: what is read stays the same."""

import pytest
from tests.ingest.engines import test_split_behaviours as shop
from tests.ingest.engines.test_split_log import T, split_lines
from tests.reads import LOG_TYPES, source_of, split, used_rows

from segmentry.errors import DataError
from segmentry.ingest.engines import _plain
from segmentry.ingest.engines._plain import Seen, plain_text
from segmentry.ingest.files import inspect_file

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
    monkeypatch.setattr("segmentry.ingest.files._SAMPLE_BYTES", 2_000)
    monkeypatch.setattr("segmentry.ingest.files._TAIL_BYTES", 500)


@pytest.fixture
def proved(engine, monkeypatch):
    """Tell of each plain reading whether it was proved to be right."""
    found = []
    plainly = type(engine)._read_plain

    def note(self, *args):
        rows = plainly(self, *args)
        found.append(rows is not None)
        return rows

    monkeypatch.setattr(type(engine), "_read_plain", note)
    return found


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


def test_a_plain_text_is_read_once_and_proved(engine, tmp_path, proved):
    account, rows = read(engine, tmp_path / "a", PLAIN)

    assert len(rows) == account.n_read == 399
    assert proved == [True]


def test_lines_that_end_in_different_ways_are_refused_in_one_clear_line(engine, tmp_path):
    lines = [*PLAIN[:300], f"3,{T},5,430548_1007,1,0\r", *PLAIN[300:]]

    with pytest.raises(DataError, match=r"a line ends in another way than the others.*; write"):
        read(engine, tmp_path / "a", lines)


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_are_counted_with_or_without_a_last_line_end(tmp_path, end):
    file = tmp_path / "raw_sample.csv"
    file.write_text("user,pid\n1,4_5\n22,4_7" + end)
    source = source_of(file, types={"user_id": ("user", "integer")})

    assert plain_text(source, [inspect_file(file)]).seen() == Seen(n_lines=2)


@pytest.mark.parametrize(
    "text",
    ["user,pid\n1,a\n", "user,pid\n1_2,4\n", "user,pid\n1,4.5\n", "user,pid\n1,4_5\n,4_5\n"],
)
def test_the_first_bytes_tell_what_is_not_plain(tmp_path, text):
    file = tmp_path / "raw_sample.csv"
    file.write_text(text)
    source = source_of(file, types={"user_id": ("user", "integer")})

    assert plain_text(source, [inspect_file(file)]) is None


WORDS = ("pv", "cart", "fav", "buy")
SHOP = [f"{user},{T + user},{WORDS[user % 4]},{user % 9},7" for user in range(1, 1800)]
ODD_IN_SHOP = {
    "a fraction": f"4.5,{T},pv,1,7",
    "a hexadecimal": f"0x1F,{T},pv,1,7",
    "an exponent": f"1e3,{T},pv,1,7",
    "letters that fall short elsewhere": f"buy,{T},1,1,7",
    "an underscore": f"1_2,{T},pv,1,7",
    "a sign": f"-3,{T},pv,1,7",
    "a moment before 1970": "3,-77,pv,1,7",
    "signs where none can be": f"3-4,{T},pv,-,7-",
    "an unknown word": f"3,{T},qq,1,7",
    "a word of the same letters": f"3,{T},vp,1,7",
    "a word in capitals": f"3,{T},PV,1,7",
    "a word among blanks": f"3,{T}, pv ,1,7",
    "a number for a word": f"3,{T},7,1,7",
    "no word": f"3,{T},,1,7",
    "a word in the last column": f"3,{T},1,1,pv",
    "a word for missing": f"3,{T},pv,null,NULL",
    "a quoted word": f'3,{T},"pv",1,7',
    "too short": f"3,{T}",
    "too long": f"3,{T},pv,1,7,9",
    "a blank line": "",
    "no value at all": ",,,,",
    "more than 64 bits": f"{'9' * 20},{T},pv,1,7",
}


def read_shop(engine, folder, lines, **options):
    folder.mkdir()
    log = shop.split_lines(engine, folder, *lines, **options)
    return log.account, shop.rows_of(engine, log)


@pytest.mark.parametrize("is_distinct", [True, False])
@pytest.mark.parametrize("line", ODD_IN_SHOP.values(), ids=ODD_IN_SHOP)
def test_an_odd_behaviour_is_read_as_with_care(line, is_distinct, engine, tmp_path, monkeypatch):
    lines = [*SHOP[:1500], line, *SHOP[1500:]]

    plainly = read_shop(engine, tmp_path / "a", lines, is_distinct=is_distinct)

    monkeypatch.setattr(_plain, "LEAST_BYTES", 1 << 40)
    assert plainly == read_shop(engine, tmp_path / "b", lines, is_distinct=is_distinct)


@pytest.mark.parametrize(
    ("line", "is_proved"),
    [
        ("3,-77,pv,1,7", True),
        (f"3,{T},buy,,", True),
        (f"3,{T},,1,7", True),
        (f"1e3,{T},pv,1,7", False),
        (f"3,{T},vp,1,7", False),
        (f"3,{T},pv,1,7.5", False),
    ],
)
def test_letters_are_proved_to_stand_in_the_words_alone(line, is_proved, engine, tmp_path, proved):
    read_shop(engine, tmp_path / "a", [*SHOP[:1500], line, *SHOP[1500:]])

    assert proved == [is_proved]


@pytest.mark.parametrize(
    ("case", "is_tried"),
    [
        (((*shop.CODES, ("view", 0)), SHOP[0]), True),
        (((*shop.CODES, ("view", 0)), f"1,{T},view,1,7"), False),
        (((*shop.CODES, ("page_view", 0)), f"1,{T},page_view,1,7"), False),
        ((shop.CODES[:2], SHOP[0]), False),
        (((("1", 0), ("2", 1)), SHOP[0]), False),
    ],
)
def test_each_code_has_to_have_one_word(case, is_tried, engine, tmp_path, proved):
    codes, first = case
    account, _ = read_shop(
        engine, tmp_path / "a", [first, *SHOP[1:]], codes=codes, is_distinct=False
    )

    assert account.n_read == len(SHOP)
    assert proved == [True] * is_tried


def test_another_word_of_a_code_is_read_with_care_wherever_it_stands(engine, tmp_path):
    lines = [*SHOP[:1500], f"3,{T},view,1,7", *SHOP[1500:]]

    account, rows = read_shop(engine, tmp_path / "a", lines, codes=(*shop.CODES, ("view", 0)))

    assert (account.n_read, dict(account.rejected)) == (len(lines), {})
    assert (3, T, 0, 1, 7) in rows


def test_lines_of_separators_alone_are_no_rows_whatever_separates(engine, tmp_path, monkeypatch):
    lines = [line.replace(",", ";") for line in [*PLAIN[:300], ",,,,,", *PLAIN[300:]]]

    def read_with(folder):
        folder.mkdir()
        file = folder / "raw_sample.csv"
        file.write_text("user;time_stamp;adgroup_id;pid;nonclk;clk\n" + "\n".join(lines) + "\n")
        return split(engine, source_of(file, types=LOG_TYPES), folder / "parts").account

    plainly = read_with(tmp_path / "a")

    monkeypatch.setattr(_plain, "LEAST_BYTES", 1 << 40)
    assert plainly == read_with(tmp_path / "b")
    assert plainly.n_read == len(PLAIN)
