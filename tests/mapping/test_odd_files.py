"""Files that nobody would write on purpose, each as it was met: read, or refused in one line."""

import gzip
import os
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.mapping.shapes import EVENTS, HEADER, T, column, mapping_of, users_from, write_csv

from segmentry.errors import ConfigError, DataError, SchemaError, SegmentryError

FULL = 'time = "when"\nad_id = "ad"\nclick = "hit"'
PLAIN = mapping_of(FULL)
SHOWN = {"a": 3, "b": 1, "c": 2}
ENGINES = ["duckdb", "polars"]
pytestmark = pytest.mark.parametrize("engine", ENGINES)


def refusal(folder, engine, error, text=PLAIN):
    with pytest.raises(SegmentryError) as told:
        users_from(folder, text, engine=engine)
    assert type(told.value) is error
    assert "\n" not in str(told.value)
    return str(told.value)


def shown(folder, engine, text=PLAIN):
    return column(users_from(folder, text, engine=engine), "n_impressions")


def test_a_column_of_row_numbers_without_a_name(engine, tmp_path):
    rows = [(place, *row) for place, row in enumerate(EVENTS)]
    write_csv(tmp_path / "log.csv", rows, header=("", *HEADER))

    assert shown(tmp_path, engine) == SHOWN


def test_a_delimiter_too_many_at_the_end_of_every_line(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [(*row, "") for row in EVENTS], header=(*HEADER, ""))

    assert shown(tmp_path, engine) == SHOWN


def test_columns_that_differ_in_upper_and_lower_case_alone(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [(*row, "z") for row in EVENTS], header=(*HEADER, "WHO"))

    assert shown(tmp_path, engine) == SHOWN


def test_columns_of_parquet_that_differ_in_case_alone_are_told_apart_or_refused(engine, tmp_path):
    log = pl.DataFrame(EVENTS, schema=HEADER, orient="row")
    log.with_columns(pl.lit("z").alias("WHO")).write_parquet(tmp_path / "log.parquet")
    text = mapping_of(FULL, files="log.parquet")

    if engine == "polars":
        assert shown(tmp_path, engine, text) == SHOWN
    else:
        assert "two columns differ from 'who'" in refusal(tmp_path, engine, SchemaError, text)


def test_names_of_files_and_columns_that_are_patterns_or_sql(engine, tmp_path):
    write_csv(tmp_path / "lo[g]'s.csv", EVENTS, header=('"x\'; DROP ""t"" --"', *HEADER[1:]))
    text = mapping_of(FULL, files="lo[g]'s.csv").replace('"who"', """'''x'; DROP "t" --'''""")

    assert shown(tmp_path, engine, text) == SHOWN


def test_parts_without_rows_beside_parts_with_rows(engine, tmp_path):
    write_csv(tmp_path / "parts" / "a.csv", EVENTS)
    write_csv(tmp_path / "parts" / "b.csv", [])
    (tmp_path / "parts" / "c.csv").write_text("")

    assert shown(tmp_path, engine, mapping_of(FULL, files="parts")) == SHOWN


def test_a_header_again_in_the_middle_is_a_rejected_row(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [*EVENTS * 3, HEADER, *EVENTS * 3])

    users = users_from(tmp_path, mapping_of(FULL), engine=engine)

    assert users.accounts[0].rejected == {"shown_at missing or unreadable": 1}


@pytest.mark.parametrize("first", ["sep=,", "# export of May", "// rows"])
def test_a_first_line_that_is_no_header(first, engine, tmp_path):
    file = write_csv(tmp_path / "log.csv", EVENTS)
    file.write_text(f"{first}\n{file.read_text()}")

    told = refusal(tmp_path, engine, DataError)

    assert told.endswith(f"the first line is no header ({first!r}); remove the line")


def test_lists_in_the_place_of_ids(engine, tmp_path):
    log = pl.DataFrame(EVENTS, schema=HEADER, orient="row")
    log.with_columns(pl.concat_list("who")).write_parquet(tmp_path / "log.parquet")

    told = refusal(tmp_path, engine, SchemaError, mapping_of(FULL, files="log.parquet"))

    assert told.endswith(
        "column 'who' holds lists or records, expected plain values; write it flat"
    )


def test_categories_of_parquet_are_the_text_that_they_are(engine, tmp_path):
    log = pl.DataFrame(EVENTS, schema=HEADER, orient="row").with_columns(
        pl.col("who").cast(pl.Categorical),
        pl.col("ad").cast(pl.String).cast(pl.Categorical),
        pl.col("hit").cast(pl.String).cast(pl.Enum(["0", "1"])),
    )
    log.write_parquet(tmp_path / "log.parquet")

    users = users_from(tmp_path, mapping_of(FULL, files="log.parquet"), engine=engine)

    plain = tmp_path / "plain"
    plain.mkdir()
    write_csv(plain / "log.csv", EVENTS)
    assert_frame_equal(users.table, users_from(plain, PLAIN, engine=engine).table)


def test_padded_ids_are_not_those_without_zeros(engine, tmp_path):
    rows = [("007", *row[1:]) if row[0] == "a" else ("7", *row[1:]) for row in EVENTS]
    write_csv(tmp_path / "log.csv", rows)

    assert shown(tmp_path, engine) == {"007": 3, "7": 3}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress(b"who,when\n"), "found gzip, expected UTF-8 text (CSV); name it log.csv.gz"),
        ("who,when\n".encode("utf-32"), "found UTF-32, expected UTF-8 text (CSV); convert the"),
        (b"PK\x03\x04rest", "found zip, expected UTF-8 text (CSV); convert the file"),
    ],
    ids=["gzip", "UTF-32", "Excel"],
)
def test_a_file_of_another_kind_than_its_name_says(content, told, engine, tmp_path):
    (tmp_path / "log.csv").write_bytes(content)

    assert f"{tmp_path / 'log.csv'}: {told}" in refusal(tmp_path, engine, DataError)


def test_a_run_folder_inside_the_folder_of_the_data_is_no_data(engine, tmp_path):
    write_csv(tmp_path / "logs" / "log.csv", EVENTS)
    (tmp_path / "logs" / "run" / "validation").mkdir(parents=True)
    for name in ("segments.parquet", "validation/users.parquet"):
        pl.DataFrame({"user_id": ["z"]}).write_parquet(tmp_path / "logs" / "run" / name)
    (tmp_path / "logs" / "run" / "manifest.json").write_text("{}")

    assert shown(tmp_path, engine, mapping_of(FULL, files="logs")) == SHOWN


def test_a_table_of_two_thousand_columns_takes_no_time_to_plan(engine, tmp_path):
    many = [f"c{place}" for place in range(2_000)]
    write_csv(tmp_path / "log.csv", EVENTS)
    rows = [(user, *range(n, 2_000 + n)) for n, user in enumerate("abc")]
    write_csv(tmp_path / "users.csv", rows, header=("who", *many))
    tail = (
        '[profiles]\nfiles = "users.csv"\nuser_id = "who"\n[profiles.attributes]\n'
        'last = {column = "c1999", kind = "number"}'
    )
    began = time.process_time()

    users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)

    assert column(users, "last") == {"a": 1_999, "b": 2_000, "c": 2_001}
    assert time.process_time() - began < 15  # Polars took 26


def test_a_pipe_is_not_waited_for(engine, tmp_path):
    os.mkfifo(tmp_path / "log.csv")

    assert "no plain file, expected a CSV or Parquet file" in refusal(tmp_path, engine, DataError)


def test_a_link_to_nothing(engine, tmp_path):
    (tmp_path / "log.csv").symlink_to("gone.csv")

    assert "a link to gone.csv, which is not there" in refusal(tmp_path, engine, DataError)


@pytest.mark.parametrize(
    "name", ["n_impressions", "Recency_Days", "user_id", "is_profiled", "segment_id", "margin"]
)
def test_attributes_by_the_names_of_columns_that_a_run_makes(name, engine, tmp_path):
    write_csv(tmp_path / "log.csv", [(*row, 1) for row in EVENTS], header=(*HEADER, "age"))
    tail = f'[profiles.attributes]\n{name} = {{column = "age", kind = "number"}}'

    told = refusal(tmp_path, engine, ConfigError, mapping_of(FULL, tail=tail))

    assert told == (
        f"[profiles.attributes] {name}: the run makes a column of this name; give the attribute "
        f"another, such as profile_{name.lower()}"
    )


def test_attributes_that_differ_in_upper_and_lower_case_alone(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [(*row, 1) for row in EVENTS], header=(*HEADER, "age"))
    each = '{column = "age", kind = "number"}'
    tail = f"[profiles.attributes]\nage = {each}\nAge = {each}"

    told = refusal(tmp_path, engine, ConfigError, mapping_of(FULL, tail=tail))

    assert "Age: two attributes differ in upper and lower case alone" in told


def test_seconds_and_milliseconds_in_one_column_are_asked_for(engine, tmp_path):
    rows = [("a", T * 1000 if place % 2 else T, 1, 0) for place in range(40)]
    write_csv(tmp_path / "log.csv", rows)

    assert "how times are written cannot be told" in refusal(tmp_path, engine, SchemaError)
