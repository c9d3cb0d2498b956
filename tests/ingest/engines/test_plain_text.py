"""Numbers of a plain text are cast without looking at each: what is read stays the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ingest.engines import test_split_behaviours as shop
from tests.ingest.engines.test_plain import ANY, ODD, PLAIN, SOUND, T
from tests.ingest.engines.test_split_log import split_lines
from tests.reads import split, used_rows
from tests.reference_lines import reference_log

from segmentry.errors import DataError, EngineError
from segmentry.ingest.engines import _plain
from segmentry.ingest.files import inspect_file
from segmentry.schema import ColumnSource, TableSource

pytestmark = pytest.mark.only_engine("duckdb")


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch):
    monkeypatch.setattr(_plain, "MIN_TEXT_BYTES", 0)
    monkeypatch.setattr(_plain, "_HEAD", 64)
    monkeypatch.setattr(_plain, "_BLOCK", 100)
    monkeypatch.setattr("segmentry.ingest.files._text.HEAD_BYTES", 2_000)
    monkeypatch.setattr("segmentry.ingest.files._text.TAIL_BYTES", 500)


@pytest.fixture
def proved(shared_engine, monkeypatch):
    """Tell of each plain reading whether it was proved to be right."""
    found = []
    plainly = type(shared_engine)._read_plainly

    def note(self, *args):
        rows = plainly(self, *args)
        found.append(rows is not None)
        return rows

    monkeypatch.setattr(type(shared_engine), "_read_plainly", note)
    return found


def read(engine, folder, lines):
    """Return what an engine reads, or what it says of a file that it refuses."""
    folder.mkdir()
    try:
        log = split_lines(engine, folder, *lines)
    except (DataError, EngineError) as error:
        return str(error).replace(str(folder), "")
    return log.account, used_rows(engine, log)


def assert_is_as_with_care(engine, folder, lines):
    plain = read(engine, folder / "a", lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_plain, "MIN_TEXT_BYTES", 1 << 40)
        assert plain == read(engine, folder / "b", lines)
    return plain


@settings(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    lines=st.tuples(st.lists(SOUND, min_size=1, max_size=60), st.lists(ANY, max_size=3)),
    order=st.randoms(use_true_random=False),
)
def test_any_file_is_read_as_with_care(shared_engine, tmp_path_factory, lines, order):
    both = [*lines[0], *lines[1]]
    order.shuffle(both)

    assert_is_as_with_care(shared_engine, tmp_path_factory.mktemp("logs"), both)


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_among_plain_ones_is_read_as_with_care(engine, tmp_path, line):
    assert_is_as_with_care(engine, tmp_path, [*PLAIN[:300], line, *PLAIN[300:]])


def test_a_plain_text_is_read_once_and_proved(engine, tmp_path, proved):
    account, rows = read(engine, tmp_path / "a", PLAIN)

    assert rows == reference_log(PLAIN)[0]
    assert account.n_read == 399
    assert proved == [True]


PROFILES = [f"{user},{user % 3},,{user % 5}" for user in range(1, 300)]


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        ("9001,1,2,3", True),
        ("9001,,,", True),
        (",1,2,3", False),
        ("9001,-1,2,3", True),
        ("9001,1,2", True),
        ("9001,1,2,3,4", False),
        ("9001,1.5,2,3", False),
        ("9001,NULL,2,3", False),
        ("9001,x,2,3", False),
        ('9001,"1",2,3', False),
        ("", False),
        ("9001,99999999999999999999,2,3", False),
    ],
)
def test_a_table_of_users_is_read_as_with_care(engine, tmp_path, proved, line, is_plain):
    names = {"user_id": "userid", "gender": "sex", "age": "age", "city": "city"}
    file = tmp_path / "profile.csv"
    file.write_text("\n".join(["userid,sex,age,city", *PROFILES, line, *PROFILES[:9], ""]))
    columns = {role: ColumnSource(name, "integer") for role, name in names.items()}
    source = TableSource("profiles", (file,), columns)
    found = []
    for least in (0, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_plain, "MIN_TEXT_BYTES", least)
            try:
                rows, n_unreadable = engine.read_table(source)
                found.append((n_unreadable, sorted(rows.rows(), key=repr)))
            except DataError as error:
                found.append(str(error))

    assert found[0] == found[1]
    assert proved == [is_plain, False]


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_are_counted_with_or_without_a_last_line_end(tmp_path, end):
    file = tmp_path / "raw_sample.csv"
    file.write_text("user,pid\n1,4\n22,4" + end)

    assert _plain.PlainText((inspect_file(file),)).n_lines() == 2


@pytest.mark.parametrize(
    "line",
    [f"3,{T},buy,7,8", f"3,{T},null,7,8", f"3,{T},PV,7,8", f"3,{T},pv1,7,8", f"3,{T},0x1,0b1,8"],
)
def test_words_of_actions_are_read_as_with_care(engine, tmp_path, proved, line):
    plain = [f"{user},{T + user},pv,7,8" for user in range(1, 200)]
    found = []
    for least in (0, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_plain, "MIN_TEXT_BYTES", least)
            file = tmp_path / f"behavior_log_{least}.csv"
            file.write_text("\n".join([shop.HEADER, *plain, line, *plain, ""]))
            log = split(engine, shop.behaviours_source(file), tmp_path / f"parts{least}")
            rows = [
                row
                for part in log.parts
                for row in engine.collect(engine.scan_part(part)).iter_rows()
            ]
            found.append((log.account, sorted(rows, key=repr)))

    assert found[0] == found[1]
    assert proved[0] == (line.split(",")[2] in ("buy", "null"))
