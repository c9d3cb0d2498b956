"""What is read without an engine is what the engine reads with care, or the engine is asked."""

import itertools

import narwhals.stable.v2 as nw
import pytest
from tests.ingest.engines.test_plain_text import ODD, PLAIN
from tests.reads import LOG_HEADER, LOG_TYPES, csv_text, source_of

from segmentry.errors import DataError, EngineError
from segmentry.ingest.engines import _plain_numbers, _plain_tally
from segmentry.ingest.engines._plain_numbers import read_plain_numbers
from segmentry.ingest.files import inspect_file

T = 1_494_000_000
NARROW = {name: LOG_TYPES[name] for name in ("user_id", "shown_at", "is_click", "is_not_click")}


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch):
    monkeypatch.setattr(_plain_numbers, "LEAST_BYTES", 0)
    monkeypatch.setattr(_plain_numbers, "CHUNK", 1000)


def tally(engine, file, *, exclude=None):
    return engine.tally_users(
        source_of(file, types=NARROW),
        exclude=exclude or {},
        keep_users=None,
        on_progress=lambda _done, _total: None,
    )


def told(engine, file, **asked):
    """Return counts and account, or what the engine says of a file that it refuses."""
    try:
        found = tally(engine, file, **asked)
    except (DataError, EngineError) as error:
        return str(error)
    return found.counts.rows(), found.account


def carefully(work, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_plain_numbers, "LEAST_BYTES", 1 << 40)
        return work()


def is_plain(file, types=NARROW):
    source = source_of(file, types=types)
    return read_plain_numbers(source, [inspect_file(file)], tuple(types), len) is not None


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_among_plain_ones_is_counted_as_with_care(engine, tmp_path, monkeypatch, line):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [*PLAIN[:300], line, *PLAIN[300:]]))

    assert told(engine, file) == carefully(lambda: told(engine, file), monkeypatch)


def test_a_plain_log_is_counted_without_the_engine(engine, tmp_path, monkeypatch):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, [*PLAIN, *PLAIN[::2]]))
    monkeypatch.setattr(f"{type(engine).__module__}.plan_tally", None)

    found = tally(engine, file, exclude={"--since": nw.col("shown_at") < T + 2})

    assert found.account.n_read == 599
    assert dict(found.account.excluded) == {"--since": 2}
    assert found.counts.row(0) == (2, 1, 0, T + 2, T + 2)
    assert found.counts.row(1) == (3, 2, 0, T + 3, T + 3)
    assert found.counts.height == 398


def test_ids_that_are_no_places_in_a_table_are_left_to_the_engine(engine, tmp_path, monkeypatch):
    file = tmp_path / "raw_sample.csv"
    file.write_text(csv_text(LOG_HEADER, PLAIN))
    expected = told(engine, file)

    monkeypatch.setattr(_plain_tally, "_MOST_IDS", 399)

    assert told(engine, file) == expected


def test_a_table_of_whole_numbers_is_read_as_with_care(engine, tmp_path, monkeypatch):
    file = tmp_path / "user_profile.csv"
    file.write_text("userid,age,city \n" + "".join(f"{user},{user % 5},\n" for user in range(400)))
    types = {
        "user_id": ("userid", "integer"),
        "age": ("age", "integer"),
        "city": ("city", "integer"),
    }

    def read():
        return engine.read_table(source_of(file, types=types, role="profiles"))

    found, n_unreadable = read()
    careful, n_careful = carefully(read, monkeypatch)

    assert is_plain(file, types)
    assert found.schema == careful.schema
    assert found.sort("user_id").rows() == careful.sort("user_id").rows()
    assert n_unreadable == n_careful == 0


def test_whatever_is_taken_for_a_whole_number_is_what_care_takes_it_for(
    engine, tmp_path, monkeypatch
):
    types = {"user_id": ("user", "integer"), "value": ("value", "integer")}
    taken = []
    for number, signs in enumerate(itertools.product("01 +-._ex\t", repeat=3)):
        file = tmp_path / f"{number}.csv"
        file.write_text(f"user,value\n1,7\n2,{''.join(signs)}\n")
        if is_plain(file, types):
            taken.append((file, "".join(signs)))

    def read():
        sources = [source_of(file, types=types, role="profiles") for file, _ in taken]
        return [engine.read_table(source)[0].rows() for source in sources]

    assert {"011", " 01", "-10"} <= {text for _, text in taken}
    assert read() == carefully(read, monkeypatch)


@pytest.mark.parametrize(
    "lines",
    [
        ("1,2,3,9", "4,5"),  # one field too many, and one too few
        ("1,2,3,9", "4,5", "6,7,"),  # and no value in the last column, which would tell
        ("1,2,3,", "4,"),
    ],
)
@pytest.mark.parametrize("wanted", [("a", "c"), ("a", "b"), ("a", "b", "c")])
def test_a_field_too_many_does_not_make_up_for_one_that_is_lacking(tmp_path, lines, wanted):
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["a,b,c", "7,8,9", *lines, ""]))
    types = {"user_id" if name == "a" else name: (name, "integer") for name in wanted}

    assert not is_plain(file, types)


def test_text_in_a_column_that_is_not_wanted_may_hold_any_letter(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("a,b,c\n1,0x1F,2\n3,fox box,\n")

    assert is_plain(file, {"user_id": ("a", "integer"), "c": ("c", "integer")})


def test_a_line_without_end_is_not_held(tmp_path, monkeypatch):
    held = []
    read = _plain_numbers._bytes_of
    monkeypatch.setattr(
        _plain_numbers, "_bytes_of", lambda *asked: held.append(asked) or read(*asked)
    )
    monkeypatch.setattr(_plain_numbers, "_LINE", 100)
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n3," + "4" * 50_000)

    assert not is_plain(file, {"user_id": ("a", "integer"), "b": ("b", "integer")})
    assert max(end - first for _, first, end in held) <= 1000
