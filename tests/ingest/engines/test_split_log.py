"""What is done with the rows of a log is the same on every engine, and no row is lost."""

import gzip

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reads import LOG_HEADER, LOG_TYPES, csv_text, source_of, split, used_rows
from tests.reference_lines import reference_log
from tests.repeats import examples
from tests.texts import raises_text, says

from segmentry.errors import DataError

T = 1_494_000_000
SOUND = (1, T, 5, "a", 0)
LINE = f"1,{T},5,a,1,0"

NO_USER = "user_id missing or unreadable"
NO_TIME = "shown_at missing or unreadable"
BAD_TIME = "impossible time"
NO_CLICK = "is_click missing or unreadable"
BAD_CLICK = "is_click not 0 or 1"
CONTRADICTION = "is_click contradicts is_not_click"
TEXT_USERS = LOG_TYPES | {"user_id": ("user", "text")}


def split_lines(engine, folder, *lines, header=LOG_HEADER, types=LOG_TYPES, **options):
    file = folder / "raw_sample.csv"
    file.write_text(csv_text(header, lines))
    return split(engine, source_of(file, types=types), folder / "parts", **options)


def assert_rejects(engine, folder, line, reason):
    log = split_lines(engine, folder, LINE, line, LINE)

    assert dict(log.account.rejected) == {reason: 1}
    assert used_rows(engine, log) == [SOUND, SOUND]
    assert (log.account.n_read, log.account.n_used) == (3, 2)


def assert_reads(engine, folder, line, row):
    log = split_lines(engine, folder, LINE, line)

    assert dict(log.account.rejected) == {}
    assert used_rows(engine, log) == sorted([SOUND, row], key=repr)
    assert log.account.n_read == 2


MISSING = ["", '""', "NULL", '"NULL"', "null", "NA", "NaN", "nan", "None"]
UNREADABLE = ["x", "4.5", "2.5", "430548_1007", "0x1F", "1-2", "true", "inf", "9" * 20, "\uff11"]


@pytest.mark.parametrize("user", MISSING + UNREADABLE)
def test_row_without_a_readable_user_is_rejected(user, engine, tmp_path):
    assert_rejects(engine, tmp_path, f"{user},{T},5,a,1,0", NO_USER)


@pytest.mark.parametrize("time", [*MISSING, *UNREADABLE, f"{T}.5", "2017-05-06"])
def test_row_without_a_readable_time_is_rejected(time, engine, tmp_path):
    assert_rejects(engine, tmp_path, f"2,{time},5,a,1,0", NO_TIME)


@pytest.mark.parametrize("click", [*MISSING, *UNREADABLE, "0.4", "0.6"])
def test_row_without_a_readable_click_is_rejected(click, engine, tmp_path):
    assert_rejects(engine, tmp_path, f"2,{T},5,a,1,{click}", NO_CLICK)


@pytest.mark.parametrize("time", ["0", "-5", "631151999", "4102444800", "1494000000000"])
def test_row_of_an_impossible_time_is_rejected(time, engine, tmp_path):
    assert_rejects(engine, tmp_path, f"2,{time},5,a,1,0", BAD_TIME)


@pytest.mark.parametrize("time", [631_152_000, 4_102_444_799])
def test_times_from_1990_to_2099_are_possible(time, engine, tmp_path):
    assert_reads(engine, tmp_path, f"2,{time},5,a,1,0", (2, time, 5, "a", 0))


@pytest.mark.parametrize(
    ("not_click", "click", "reason"),
    [
        ("0", "2", BAD_CLICK),
        ("2", "-1", BAD_CLICK),
        ("-1", "2", BAD_CLICK),
        ("1", "1", CONTRADICTION),
        ("0", "0", CONTRADICTION),
        ("", "0", CONTRADICTION),
        ("x", "0", CONTRADICTION),
        ("0.5", "0", CONTRADICTION),
    ],
)
def test_row_of_a_contradictory_click_is_rejected(not_click, click, reason, engine, tmp_path):
    assert_rejects(engine, tmp_path, f"2,{T},5,a,{not_click},{click}", reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",5,5,a,1,x", NO_USER),
        ("x,zz,5,a,x,x", NO_USER),
        ("2,zz,5,a,x,x", NO_TIME),
        ("2,5,5,a,x,x", BAD_TIME),
        (f"2,{T},5,a,x,x", NO_CLICK),
        (f"2,{T},5,a,x,7", BAD_CLICK),
    ],
)
def test_of_several_reasons_the_first_is_told(line, reason, engine, tmp_path):
    assert_rejects(engine, tmp_path, line, reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"2,{T},5,a,1", NO_CLICK),
        (f"2,{T}", NO_CLICK),
        ("2,149400", BAD_TIME),  # a file cut in the middle of a line
        ("2", NO_TIME),
        (f",{T}", NO_USER),
        ("   ", NO_USER),
        (" ,,,,,", NO_USER),
    ],
)
def test_fields_that_a_short_line_lacks_are_missing(line, reason, engine, tmp_path):
    assert_rejects(engine, tmp_path, line, reason)


def test_short_line_that_lacks_nothing_needed_is_used(engine, tmp_path):
    header = "clk,nonclk,time_stamp,user,adgroup_id,pid"

    log = split_lines(engine, tmp_path, f"0,1,{T},7,9", f"1,0,{T},8", header=header)

    assert used_rows(engine, log) == [(7, T, 9, None, 0), (8, T, None, None, 1)]


@pytest.mark.parametrize("blank", [[""], ["", ""]])
def test_blank_line_is_no_row(blank, engine, tmp_path):
    log = split_lines(engine, tmp_path, *blank, LINE, *blank, LINE, *blank)

    assert used_rows(engine, log) == [SOUND, SOUND]
    assert log.account.n_read == 2


@pytest.mark.parametrize("line", [",,,,,", ",NULL,,nan,,", '"",,,,,'])
def test_line_of_missing_values_is_set_aside_and_counted(line, engine, tmp_path):
    log = split_lines(engine, tmp_path, line, LINE, line, LINE, line)

    assert used_rows(engine, log) == [SOUND, SOUND]
    assert log.account.n_read == 5
    assert log.account.rejected == {NO_USER: 3}


@pytest.mark.parametrize("user", ["2", "2.0", "2.", "2.00", "+2", "02", " 2", "2 ", "\t2", '"2"'])
def test_whole_number_is_read_however_it_is_written(user, engine, tmp_path):
    assert_reads(engine, tmp_path, f"{user},{T}.0,5.0,a,0.0,1.0", (2, T, 5, "a", 1))


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("-7", -7),
        ("-0", 0),
        ("9007199254740993", 2**53 + 1),
        ("9007199254740993.0", 2**53 + 1),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e3", 1000),
    ],
)
def test_integer_ids_are_exact(text, user, engine, tmp_path):
    assert_reads(engine, tmp_path, f"{text},{T},5,a,1,0", (user, T, 5, "a", 0))


@pytest.mark.parametrize("user", ["u1", "007", "4.0", "9" * 20, "x y", "ü", "1_000"])
def test_text_ids_are_left_as_they_are(user, engine, tmp_path):
    log = split_lines(engine, tmp_path, f"{user},{T},5,a,1,0", f",{T},5,a,1,0", types=TEXT_USERS)

    assert used_rows(engine, log) == [(user, T, 5, "a", 0)]
    assert dict(log.account.rejected) == {NO_USER: 1}


@pytest.mark.parametrize("ad", ["", "x", "2.5", "NULL", "5_5"])
def test_unreadable_ad_is_an_unknown_ad_of_a_row_that_is_used(ad, engine, tmp_path):
    assert_reads(engine, tmp_path, f"2,{T},{ad},a,1,0", (2, T, None, "a", 0))


@pytest.mark.parametrize(
    ("text", "placement"),
    [
        ("", None),
        ('""', None),
        ("NULL", None),
        ("430548_1007", "430548_1007"),
        (" a ", "a"),
        ("  ", None),
        ('"a,b"', "a,b"),
        ('"a""b"', 'a"b'),
        ('"a\nb"', "a\nb"),
        ('"a\r\nb"', "a\r\nb"),
        ("五月", "五月"),
        ("#1", "#1"),
    ],
)
def test_placement_is_text_and_may_be_quoted(text, placement, engine, tmp_path):
    assert_reads(engine, tmp_path, f"2,{T},5,{text},1,0", (2, T, 5, placement, 0))


def test_short_lines_are_read_beside_a_quoted_line_break(engine, tmp_path):
    lines = [f'{n},{T},5,"a\nb",1,0' if n % 100 == 7 else f"{n},{T},5,a,1,0" for n in range(2000)]

    log = split_lines(engine, tmp_path, *lines, f"3,{T},5", ",,,,,")

    assert (log.account.n_read, log.account.n_used) == (2002, 2000)
    assert dict(log.account.rejected) == {NO_USER: 1, NO_CLICK: 1}
    assert [row[3] for row in used_rows(engine, log)].count("a\nb") == 20


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "mark_suffix", [("", ".csv"), ("\ufeff", ".csv"), ("", ".csv.gz"), ("\ufeff", ".csv.gz")]
)
def test_delimiter_line_end_byte_order_mark_and_compression(
    delimiter, line_end, mark_suffix, engine, tmp_path
):
    mark, suffix = mark_suffix
    rows = [(1, T, 5, "a", 1, 0), (2, T, None, None, 0, 1), (3, T, 5, "a", 1, 1)]
    text = mark + csv_text(LOG_HEADER, rows, delimiter=delimiter, line_end=line_end)
    file = tmp_path / f"log{suffix}"
    file.write_bytes(gzip.compress(text.encode()) if suffix == ".csv.gz" else text.encode())

    log = split(engine, source_of(file), tmp_path / "parts")

    assert used_rows(engine, log) == [SOUND, (2, T, None, None, 1)]
    assert dict(log.account.rejected) == {CONTRADICTION: 1}


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("clk,nonclk,pid,adgroup_id,time_stamp,user", f"1,0,b,6,{T},2"),
        (" user , time_stamp,adgroup_id ,pid, nonclk, clk ", f"2,{T},6,b,0,1"),
        ('"user","time_stamp","adgroup_id","pid","nonclk","clk"', f"2,{T},6,b,0,1"),
        ("note,user,time_stamp,adgroup_id,pid,nonclk,clk,more", f"x,2,{T},6,b,0,1,y"),
        ("user,time_stamp,adgroup_id,pid,clk", f"2,{T},6,b,1"),
    ],
)
def test_columns_are_found_by_name(header, line, engine, tmp_path):
    types = LOG_TYPES if "nonclk" in header else {**LOG_TYPES}
    if "nonclk" not in header:
        del types["is_not_click"]

    log = split_lines(engine, tmp_path, line, header=header, types=types)

    assert used_rows(engine, log) == [(2, T, 6, "b", 1)]


def test_columns_that_a_log_lacks_are_unknown(engine, tmp_path):
    types = {name: LOG_TYPES[name] for name in ("user_id", "shown_at", "is_click")}

    log = split_lines(engine, tmp_path, f"2,{T},1", header="user,time_stamp,clk", types=types)

    assert used_rows(engine, log) == [(2, T, None, None, 1)]
    part = engine.collect(engine.scan_part(log.parts[0]))
    assert dict(part.schema) | {"reason": pl.Int64} == {
        "user_id": pl.Int64,
        "shown_at": pl.Int64,
        "ad_id": pl.Int64,
        "placement": pl.String,
        "is_click": pl.Int64,
        "reason": pl.Int64,
    }


def test_files_of_unequal_layout_are_one_log(engine, tmp_path):
    one, other, third = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    one.write_text(csv_text(LOG_HEADER, [LINE, f"x,{T},5,a,1,0"]))
    other.write_text(csv_text("clk;nonclk;user;time_stamp", [f"1;0;2;{T}", f"1;1;2;{T}"]))
    third.write_text(csv_text(LOG_HEADER, [f"3,{T},5,a,1,0", f"y,{T},5,a,1,0"]))

    log = split(engine, source_of(one, other, third), tmp_path / "parts")

    assert used_rows(engine, log) == [SOUND, (2, T, None, None, 1), (3, T, 5, "a", 0)]
    assert dict(log.account.rejected) == {NO_USER: 2, CONTRADICTION: 1}
    assert log.account.n_read == 6


@pytest.mark.parametrize("as_text", [False, True])
def test_parquet_of_integers_or_of_text_is_read_alike(as_text, engine, tmp_path):
    rows = [
        (1, T, 5, "a", 1, 0),
        (2, T, None, None, 0, 1),
        (None, T, 5, "a", 1, 0),
        (3, 5, 5, "a", 1, 0),
    ]
    frame = pl.DataFrame(
        rows, schema=["user", "time_stamp", "adgroup_id", "pid", "nonclk", "clk "], orient="row"
    )
    file = tmp_path / "log.parquet"
    (frame.cast(pl.String) if as_text else frame).write_parquet(file)

    log = split(engine, source_of(file), tmp_path / "parts")

    assert used_rows(engine, log) == [SOUND, (2, T, None, None, 1)]
    assert dict(log.account.rejected) == {NO_USER: 1, BAD_TIME: 1}


def test_parquet_of_other_types_is_read_by_value(engine, tmp_path):
    frame = pl.DataFrame(
        {
            "user": pl.Series([1.0, 2.5, float("nan"), 4.0]),
            "time_stamp": pl.Series([T] * 4, dtype=pl.UInt32),
            "adgroup_id": pl.Series(["5", "6.0", "6_0", "7.5"]),
            "pid": pl.Series(["a", "b", "a", "b"], dtype=pl.Categorical),
            "nonclk": pl.Series([1, 0, 1, 0], dtype=pl.Int8),
            "clk": [False, True, False, True],
        }
    )
    file = tmp_path / "log.parquet"
    frame.write_parquet(file)

    log = split(engine, source_of(file), tmp_path / "parts")

    assert used_rows(engine, log) == [SOUND, (4, T, None, "b", 1)]
    assert dict(log.account.rejected) == {NO_USER: 2}


def test_parts_hold_all_rows_of_their_users(engine, tmp_path):
    lines = [f"{n % 50},{T + n},5,a,1,0" for n in range(500)]

    log = split_lines(engine, tmp_path, *lines, "x,,,,,", n_parts=4)

    users = [
        set(engine.collect(engine.scan_part(part).select("user_id"))["user_id"])
        for part in log.parts
    ]
    assert 1 < len(users) <= 4
    assert sum(map(len, users)) == len(set.union(*users)) == 50
    assert (log.account.n_used, log.account.n_rejected) == (500, 1)


def test_log_of_bad_rows_only_has_no_parts(engine, tmp_path):
    log = split_lines(engine, tmp_path, "x,,,,,", f"1,{T},5,a,1,9")

    assert log.parts == ()
    assert (log.account.n_read, log.account.n_used, log.account.n_rejected) == (2, 0, 2)


def test_excluded_rows_are_counted_by_option_after_the_rejected(engine, tmp_path):
    lines = [
        f"1,{T - 1},5,a,1,0",
        f"1,{T - 1},5,a,1,1",  # bad before it is excluded
        f"2,{T},5,a,1,0",
        f"2,{T + 9},5,a,1,0",
        f"3,{T + 10},5,a,1,0",
        f"4,{T - 1},5,a,1,0",  # outside both: the first option counts it
        f"4,{T + 1},5,a,1,0",
    ]
    exclude = {"--since": nw.col("shown_at") < T, "--until": nw.col("shown_at") >= T + 10}

    log = split_lines(
        engine, tmp_path, *lines, exclude=exclude, keep_users=pl.Series("user_id", [1, 2, 3])
    )

    assert used_rows(engine, log) == [(2, T, 5, "a", 0), (2, T + 9, 5, "a", 0)]
    assert dict(log.account.rejected) == {CONTRADICTION: 1}
    assert dict(log.account.excluded) == {"--since": 2, "--until": 1, "outside --sample": 1}
    assert log.account.n_read == 7


@pytest.mark.parametrize(
    ("kept", "used"), [(["b"], ["b"]), ([], []), (["a", "b", "nobody"], ["a", "a", "b"])]
)
def test_text_users_can_be_kept_too(kept, used, engine, tmp_path):
    lines = [f"{user},{T},5,a,1,0" for user in "aab"]
    keep_users = pl.Series("any name", kept, dtype=pl.String)

    log = split_lines(engine, tmp_path, *lines, types=TEXT_USERS, keep_users=keep_users)

    assert [row[0] for row in used_rows(engine, log)] == used
    assert log.account.n_read == 3


def test_progress_ends_with_all_bytes_or_is_not_known(engine, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(csv_text(LOG_HEADER, [LINE]))
    parts = []

    engine.split_log(
        source_of(file),
        tmp_path / "parts",
        n_parts=1,
        exclude={},
        keep_users=None,
        on_progress=lambda done, total: parts.append((done, total)),
    )

    n_bytes = file.stat().st_size
    assert parts[-1] == (n_bytes, n_bytes)


LONG = f"2,{T},5,a,1,0,9"
OPEN_QUOTE = f'2,{T},5,"a,1,0'
QUOTE_INSIDE = f'2,{T},5,a"b,1,0'


@pytest.mark.only_engine("duckdb")
@pytest.mark.parametrize("n_long", [1, 3])
def test_duckdb_rejects_and_counts_lines_of_too_many_fields(n_long, engine, tmp_path):
    log = split_lines(engine, tmp_path, LINE, *[LONG + ",8" * n for n in range(n_long)], LINE)

    assert dict(log.account.rejected) == {"wrong number of fields": n_long}
    assert (log.account.n_read, log.account.n_used) == (2 + n_long, 2)


@pytest.mark.only_engine("duckdb")
def test_counts_of_an_earlier_table_are_forgotten(engine, tmp_path):
    split_lines(engine, tmp_path, LINE, LONG)

    log = split_lines(engine, tmp_path, LINE)

    assert dict(log.account.rejected) == {}
    assert log.account.n_read == 1


@pytest.mark.only_engine("duckdb")
def test_duckdb_counts_a_line_that_is_not_utf_8(engine, tmp_path):
    file = tmp_path / "log.csv"
    text = csv_text(LOG_HEADER, [LINE] * 20_000 + [f"2,{T},5,\xff,1,0", LINE])
    file.write_bytes(text.encode("latin-1"))

    log = split(engine, source_of(file), tmp_path / "parts")

    assert dict(log.account.rejected) == {"not UTF-8 text": 1}
    assert (log.account.n_read, log.account.n_used) == (20_002, 20_001)


@pytest.mark.only_engine("duckdb")
@pytest.mark.parametrize("n_after", [2, 5000])
def test_duckdb_refuses_a_quote_that_would_swallow_the_rest(n_after, engine, tmp_path):
    with pytest.raises(DataError) as text:
        split_lines(engine, tmp_path, LINE, OPEN_QUOTE, *[LINE] * n_after)

    says(str(text.value))


@pytest.mark.only_engine("duckdb")
def test_duckdb_reads_a_quote_inside_a_field(engine, tmp_path):
    assert_reads(engine, tmp_path, QUOTE_INSIDE, (2, T, 5, 'a"b', 0))


def test_gzip_that_ends_too_early_is_told(engine, tmp_path):
    rows = [(n, T + n * 7919 % 1000, n * 31 % 977, "a", 1, 0) for n in range(40_000)]
    packed = gzip.compress(csv_text(LOG_HEADER, rows).encode())
    file = tmp_path / "log.csv.gz"
    file.write_bytes(packed[: len(packed) * 9 // 10])

    with raises_text(DataError):
        split(engine, source_of(file), tmp_path / "parts")


FIELDS = [
    st.sampled_from(["", "NULL", "x", "1", "2", "3.0", "2.5", " 4", "-1", "u_1"]),
    st.sampled_from(["", "zz", "5", str(T), f"{T}.0", f"{T}.5", str(T + 1)]),
    st.sampled_from(["", "7", "8.0", "x"]),
    st.sampled_from(["", "a", '"b,c"', "NULL"]),
    st.sampled_from(["", "0", "1", "1.0", "x"]),
    st.sampled_from(["", "0", "1", "0.0", "2", "x"]),
]
LINES = st.tuples(*FIELDS, st.integers(1, 6)).map(lambda fields: ",".join(fields[: fields[-1]]))


@examples(20, 100)
@given(lines=st.lists(LINES, min_size=1, max_size=12))
def test_any_lines_are_read_as_the_oracle_reads_them(shared_engine, tmp_path_factory, lines):
    lines = [f"9,{T},5,a,1,0", *lines]

    log = split_lines(shared_engine, tmp_path_factory.mktemp("log"), *lines)

    rows, rejected = reference_log(lines)
    assert used_rows(shared_engine, log) == rows
    assert dict(log.account.rejected) == rejected
