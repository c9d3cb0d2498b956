"""What the first lines of a file tell, and each message for a file that cannot be used."""

import gzip
import io
import subprocess
import sys
import time

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.texts import raises_text, says

from segmentry.errors import DataError, EmptyDataError, SchemaError, SegmentryError
from segmentry.ingest.files import FileLayout, has_integers_only, inspect_file, require_columns
from segmentry.schema import ColumnSource, TableSource

MANY_ROWS = "user,clk\n" + "1234567,0\n" * 40_000


def inspect_bytes(folder, content, name="log.csv"):
    file = folder / name
    file.write_bytes(content)
    return inspect_file(file)


def message_of(folder, content, error, name="log.csv"):
    with pytest.raises(error) as text:
        inspect_bytes(folder, content, name)
    message = str(text.value)
    assert type(text.value) is error
    assert "\n" not in message
    return message.removeprefix(f"{folder / name}: ")


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.parquet"])
def test_missing_file(name, tmp_path):
    file = tmp_path / name

    with pytest.raises(DataError) as text:
        inspect_file(file)

    says(str(text.value))


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.parquet"])
def test_directory_in_the_place_of_a_file(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()

    with pytest.raises(DataError) as text:
        inspect_file(folder)

    says(str(text.value))


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf"])
def test_empty_file(content, tmp_path):
    message = message_of(tmp_path, content, EmptyDataError)

    says(message)


def test_empty_gzip(tmp_path):
    message = message_of(tmp_path, gzip.compress(b""), EmptyDataError, "log.csv.gz")

    says(message)


@pytest.mark.parametrize("content", [b"user,clk", b"user,clk\n", b"user,clk\r\n\r\n\n"])
def test_header_only(content, tmp_path):
    message = message_of(tmp_path, content, EmptyDataError)

    says(message)


def test_blank_first_line(tmp_path):
    message = message_of(tmp_path, b"\nuser,clk\n1,0\n", DataError)

    says(message)


@pytest.mark.parametrize("header", ["user,clk,user", "user,clk,user "])
def test_columns_of_the_same_name(header, tmp_path):
    message = message_of(tmp_path, f"{header}\n1,0,1\n".encode(), SchemaError)

    says(message)


def test_names_of_many_columns_are_compared_once(tmp_path):
    header = ",".join(f"c{place}" for place in range(20_000))
    began = time.process_time()

    layout = inspect_bytes(tmp_path, f"{header}\n".encode() + b"1," * 19_999 + b"1\n")

    assert layout.names[-1] == "c19999"
    assert time.process_time() - began < 15  # each with each took 2 s for 5,000 already


def test_columns_of_the_same_name_in_parquet(tmp_path):
    file = tmp_path / "log.parquet"
    pl.DataFrame({"user": [1], "user ": [2]}).write_parquet(file)

    with raises_text(SchemaError):
        inspect_file(file)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("user,clk\n1,0\n".encode("utf-16"), "UTF-16"),
        ("user,clk\n1,0\n".encode("utf-16-be").join([b"\xfe\xff", b""]), "UTF-16"),
        (b"PAR1" + bytes(9), "Parquet"),
        (b"PK\x03\x04" + bytes(9), "zip"),
        (b"(\xb5/\xfd" + bytes(9), "Zstandard"),
        (b'{"user": 1, "clk": 0}\n', "JSON"),
        (b"<!DOCTYPE html><html>Log in</html>", "HTML"),
    ],
)
def test_another_format_under_the_name_of_csv(content, found, tmp_path):
    message = message_of(tmp_path, content, DataError)

    says(message)


def test_zero_bytes_are_no_text(tmp_path):
    message = message_of(tmp_path, "user,clk\n1,0\n".encode("utf-16-le"), DataError)

    says(message)


@pytest.mark.parametrize("content", [b"user,pid\n1,caf\xe9\n", b"user,pid\n1,\xe9"])
def test_text_that_is_not_utf_8(content, tmp_path):
    message = message_of(tmp_path, content, DataError)

    says(message)


def test_gzip_that_is_cut(tmp_path):
    message = message_of(tmp_path, gzip.compress(b"user,clk\n1,0\n")[:-9], DataError, "log.csv.gz")

    says(message)


def test_plain_text_under_the_name_of_gzip(tmp_path):
    message = message_of(tmp_path, b"user,clk\n1,0\n", DataError, "log.csv.gz")

    says(message)


def test_gzip_of_damaged_content(tmp_path):
    packed = bytearray(gzip.compress(MANY_ROWS.encode()))
    packed[12:40] = bytes(28)

    message = message_of(tmp_path, bytes(packed), DataError, "log.csv.gz")

    says(message)


@pytest.mark.parametrize("content", [b"", b"user,clk\n1,0\n", b"PAR1"])
def test_parquet_that_is_none(content, tmp_path):
    message = message_of(tmp_path, content, DataError, "log.parquet")

    says(message)


@pytest.mark.parametrize("kept", [slice(-1), slice(-8), slice(60), slice(7)])
def test_parquet_that_was_cut_off(kept, tmp_path):
    whole = io.BytesIO()
    pl.DataFrame({"user": ["u1", "u2"] * 400, "clk": range(800)}).write_parquet(whole)

    message = message_of(tmp_path, whole.getvalue()[kept], DataError, "log.parquet")

    assert "cut off while it was written or copied" in message


def test_encrypted_parquet(tmp_path):
    message = message_of(tmp_path, b"PARE" + bytes(90) + b"PARE", DataError, "log.parquet")

    says(message)


@pytest.mark.parametrize(
    "end", ['{"user": "u3", "cl', '{"user": "u3"', '{"user": "u3", "clk": 1,   ']
)
def test_json_lines_that_end_within_an_object(end, tmp_path):
    lines = '{"user": "u1", "clk": 0}\n{"user": "u2", "clk": 1}\n'
    assert len(inspect_bytes(tmp_path, (lines + end + "}\n").encode(), "log.jsonl").sample) >= 2

    message = message_of(tmp_path, (lines + end).encode(), DataError, "log.jsonl")

    says(message)


def test_parquet_of_damaged_content(tmp_path):
    message = message_of(tmp_path, b"PAR1" + bytes(20) + b"PAR1", DataError, "log.parquet")

    says(message)


def test_parquet_without_rows(tmp_path):
    file = tmp_path / "log.parquet"
    pl.DataFrame({"user": []}, schema={"user": pl.Int64}).write_parquet(file)

    with pytest.raises(EmptyDataError) as text:
        inspect_file(file)

    says(str(text.value))


def test_lines_that_end_in_a_carriage_return_alone(tmp_path):
    message = message_of(tmp_path, b"user,clk\r1,0\r2,0\r", DataError)

    says(message)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_of_the_header(delimiter, tmp_path):
    text = f"user{delimiter}note {delimiter}clk\n1{delimiter}a b{delimiter}0\n"

    layout = inspect_bytes(tmp_path, text.encode())

    assert (layout.format, layout.delimiter) == ("csv", delimiter)
    assert layout.columns == ("user", "note ", "clk")
    assert layout.names == ("user", "note", "clk")
    assert layout.sample == (("1", "a b", "0"),)


def test_values_are_the_known_ones_of_all_rows_of_a_small_file(tmp_path):
    text = "user,clk \n1,0\n2\n\nNULL, 1\n,nan\n u3 ,0\n"

    layout = inspect_bytes(tmp_path, text.encode())

    assert layout.values("user") == ("1", "2", "u3")
    assert layout.values("clk") == ("0", "1", "0")


def test_last_row_of_a_cut_sample_is_left_out(tmp_path):
    layout = inspect_bytes(tmp_path, MANY_ROWS.encode())

    assert set(layout.values("user")) == {"1234567"}
    assert 20_000 < len(layout.sample) < 40_000


def test_sample_may_end_inside_a_character(tmp_path):
    text = "user,pid\n" + "1,五月\n" * 40_000

    for shift in range(3):
        layout = inspect_bytes(tmp_path, ("x" * shift + text).encode())
        assert set(layout.values("pid")) == {"五月"}


def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    assert inspect_bytes(tmp_path, b"\xef\xbb\xbfuser,clk\n1,0\n").names == ("user", "clk")


def test_gzip_is_read_as_text(tmp_path):
    layout = inspect_bytes(tmp_path, gzip.compress(b"user,clk\n1,0\n"), "log.csv.gz")

    assert (layout.format, layout.sample) == ("csv", (("1", "0"),))


def test_parquet_sample_is_text_too(tmp_path):
    file = tmp_path / "log.parquet"
    frame = pl.DataFrame({"user ": ["u1", None], "age": [4.0, float("nan")], "clk": [True, False]})
    frame.write_parquet(file)

    layout = inspect_file(file)

    assert (layout.format, layout.delimiter) == ("parquet", "")
    assert layout.names == ("user", "age", "clk")
    assert [layout.values(name) for name in layout.names] == [("u1",), ("4.0",), ("1", "0")]


def test_all_missing_columns_are_told_with_their_nearest_match(tmp_path):
    layout = FileLayout(tmp_path / "x.csv", "csv", ",", ("usr", "timestamp", "zzz"), ())

    with pytest.raises(SchemaError) as text:
        require_columns(layout, ["user", "time_stamp", "clk", "zzz"])

    says(str(text.value))


def test_columns_with_white_space_around_are_found():
    layout = FileLayout("x.csv", "csv", ",", ("user", " clk "), ())

    assert require_columns(layout, ["clk", "user"]) is None


@pytest.mark.parametrize(
    ("value", "is_integer"),
    [
        ("4", True),
        ("-4", True),
        ("+4", True),
        ("4.0", True),
        ("4.", True),
        ("007", True),
        ("9" * 18, True),
        ("9" * 19, False),
        ("4.5", False),
        ("1e3", False),
        ("u7", False),
        ("430548_1007", False),
        ("", False),
        ("\uff11", False),
    ],
)
def test_integers_are_whole_numbers_of_at_most_18_digits(value, is_integer):
    assert has_integers_only([value]) is is_integer
    assert has_integers_only(["1", value]) is is_integer
    assert has_integers_only([]) is True


@pytest.mark.parametrize(("n_rows", "length"), [(20, 200_000), (2_000, 20_000_000)])
def test_parquet_that_unpacks_to_all_memory_is_refused(n_rows, length, tmp_path):
    file = tmp_path / "log.parquet"
    packed = pa.DictionaryArray.from_arrays(pa.array([0] * n_rows, pa.int32()), ["a" * length])
    is_short = n_rows * length < 1e7
    table = pa.table({"user": packed.cast(pa.string()) if is_short else packed})
    pq.write_table(table, file, compression="zstd", use_dictionary=not is_short)
    assert file.stat().st_size < 20_000

    with pytest.raises(DataError, match=r"column 'user' holds texts of more than 64 kB each"):
        inspect_file(file)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("n_bytes", [3_000_000, 40_000_000])
def test_a_line_that_the_engine_would_lose_is_refused(suffix, n_bytes, tmp_path, shared_engine):
    file = tmp_path / f"log{suffix}"
    lines = [b"id,x\n", b"1,2\n" * 100, b"y" * n_bytes + b",3\n", b"1,2\n" * 100]
    with gzip.open(file, "wb", 1) if suffix.endswith("gz") else file.open("wb") as stream:
        stream.writelines(lines)
    columns = {"user_id": ColumnSource("id", "text"), "x": ColumnSource("x", "integer")}

    with pytest.raises(DataError, match="a line of more than 1 MB"):
        shared_engine.read_table(TableSource("profiles", (file,), columns))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("n_before", [0, 30_000])
def test_a_line_of_far_too_many_fields_is_refused_and_does_not_take_hours(
    n_before, suffix, tmp_path, shared_engine
):
    file = tmp_path / f"log{suffix}"
    text = "id,x\n" + "1,2\n" * n_before + "y," * 400_000 + "\n1,2\n"
    with gzip.open(file, "wt") if suffix.endswith("gz") else file.open("w") as stream:
        stream.write(text)
    columns = {"user_id": ColumnSource("id", "text"), "x": ColumnSource("x", "integer")}

    with pytest.raises(DataError, match="a line of more than 4,096 fields"):
        shared_engine.read_table(TableSource("profiles", (file,), columns))


@pytest.mark.parametrize("text", ["ab\n", "a" * 1000 + "\n"])
@pytest.mark.parametrize(
    ("n_bytes", "is_read"), [(900_000, True), (2_500_000, False), (40_000_000, False)]
)
def test_every_row_of_a_file_is_read_or_the_file_is_refused(
    text, n_bytes, is_read, tmp_path, shared_engine
):
    """One field of many lines, whatever buffers it fills."""
    file = tmp_path / "log.csv"
    field = '"' + text * (n_bytes // len(text)) + '"'
    rows = [f"{i},{field if i == 60_000 else 'x'}\n" for i in range(70_000)]
    file.write_text("id,x\n" + "".join(rows))
    columns = {"user_id": ColumnSource("id", "text"), "x": ColumnSource("x", "text")}
    source = TableSource("profiles", (file,), columns)

    if is_read:
        table, n_rejected = shared_engine.read_table(source)
        assert table.height + n_rejected == 70_000
    else:
        with pytest.raises(SegmentryError) as caught:
            shared_engine.read_table(source)
        assert len(str(caught.value)) < 1000


WITHOUT_PYARROW = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "pyarrow" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
from segmentry.cli import main
sys.argv = ["segmentry", "data", "check", "--mapping", "m.toml"]
main()
"""


def test_local_files_need_no_pyarrow(tmp_path):
    frame = pl.DataFrame({"user": ["u1", "u2"] * 400, "at": range(800), "clk": [0, 1] * 400})
    frame.write_parquet(tmp_path / "log.parquet")
    (tmp_path / "m.toml").write_text(
        'name = "m"\n[log]\nfiles = "log.parquet"\nuser_id = "user"\ntime = "at"\n'
        'time_format = "seconds"\norigin = "2017-05-06"\nclick = "clk"\n'
    )

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYARROW],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "2 users, 800 impressions, 400 clicks" in done.stdout
