"""Files that nobody would write on purpose, each as it was met: read, or refused in one line."""

import base64
import gzip
import os
import subprocess
import sys
import time
import uuid

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal
from tests.ingest.mapping.shapes import EVENTS, HEADER, T, column, mapping_of, users_from, write_csv
from tests.texts import says, shows

from segmentry.errors import ConfigError, DataError, EmptyDataError, SchemaError, SegmentryError
from segmentry.ingest.engines import ENGINES
from segmentry.ingest.mapping import find_files

FULL = 'time = "when"\nad_id = "ad"\nclick = "hit"'
PLAIN = mapping_of(FULL)
SHOWN = {"a": 3, "b": 1, "c": 2}
pytestmark = pytest.mark.parametrize("engine", ENGINES)


def refusal(folder, engine, error, text=PLAIN):
    with pytest.raises(SegmentryError) as wording:
        users_from(folder, text, engine=engine)
    assert type(wording.value) is error
    assert "\n" not in str(wording.value)
    return str(wording.value)


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


def test_columns_of_parquet_that_differ_in_case_alone_are_refused(engine, tmp_path):
    log = pl.DataFrame(EVENTS, schema=HEADER, orient="row")
    log.with_columns(pl.lit("z").alias("WHO")).write_parquet(tmp_path / "log.parquet")
    text = mapping_of(FULL, files="log.parquet")

    shows(refusal(tmp_path, engine, SchemaError, text))


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

    text = refusal(tmp_path, engine, DataError)

    shows(text)
    assert repr(first) in text


def test_lists_in_the_place_of_ids(engine, tmp_path):
    log = pl.DataFrame(EVENTS, schema=HEADER, orient="row")
    log.with_columns(pl.concat_list("who")).write_parquet(tmp_path / "log.parquet")

    text = refusal(tmp_path, engine, SchemaError, mapping_of(FULL, files="log.parquet"))

    shows(text)


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
    ("content", "text"),
    [
        (gzip.compress(b"who,when\n"), "found gzip, expected UTF-8 text (CSV); name it log.csv.gz"),
        ("who,when\n".encode("utf-32"), "found UTF-32, expected UTF-8 text (CSV); convert the"),
        (b"PK\x03\x04rest", "found zip, expected UTF-8 text (CSV); convert the file"),
    ],
    ids=["gzip", "UTF-32", "Excel"],
)
def test_a_file_of_another_kind_than_its_name_says(content, text, engine, tmp_path):
    (tmp_path / "log.csv").write_bytes(content)

    assert f"{tmp_path / 'log.csv'}: {text}" in refusal(tmp_path, engine, DataError)


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

    shows(refusal(tmp_path, engine, DataError))


def test_a_link_to_nothing(engine, tmp_path):
    (tmp_path / "log.csv").symlink_to("gone.csv")

    shows(refusal(tmp_path, engine, DataError))


@pytest.mark.parametrize("pattern", ["data", "data/*.csv", "data/**/*.csv", "data/*/*.csv"])
def test_links_that_leave_a_folder_are_followed_only_by_name(pattern, engine, tmp_path):
    folder, outside = tmp_path / "data" / "day", tmp_path / "elsewhere.csv"
    folder.mkdir(parents=True)
    outside.write_text("user,clk\n1,0\n")
    (folder / "part.csv").write_text("user,clk\n1,0\n")
    (folder / "same.csv").symlink_to("part.csv")
    (tmp_path / "data" / "part.csv").symlink_to("day/part.csv")
    assert find_files([pattern], base=tmp_path, role="log")
    (tmp_path / "data" / "far.csv").symlink_to(outside)
    (folder / "far.csv").symlink_to("../../elsewhere.csv")

    with pytest.raises(DataError, match=r"far\.csv: a link that leads out of .*data") as caught:
        find_files([pattern], base=tmp_path, role="log")

    assert "\n" not in str(caught.value)
    named = ["data/far.csv", "../" + tmp_path.name + "/elsewhere.csv"]
    assert len(find_files(named, base=tmp_path, role="log")) == 2


@pytest.mark.parametrize(
    "name", ["n_impressions", "Recency_Days", "user_id", "is_profiled", "segment_id", "margin"]
)
def test_attributes_by_the_names_of_columns_that_a_run_makes(name, engine, tmp_path):
    write_csv(tmp_path / "log.csv", [(*row, 1) for row in EVENTS], header=(*HEADER, "age"))
    tail = f'[profiles.attributes]\n{name} = {{column = "age", kind = "number"}}'

    text = refusal(tmp_path, engine, ConfigError, mapping_of(FULL, tail=tail))

    says(text)
    assert f"profile_{name.lower()}" in text


def test_attributes_that_differ_in_upper_and_lower_case_alone(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [(*row, 1, 1) for row in EVENTS], header=(*HEADER, "x", "y"))
    tail = (
        '[profiles.attributes]\nage = {column = "x", kind = "number"}\n'
        'Age = {column = "y", kind = "number"}'
    )

    text = refusal(tmp_path, engine, ConfigError, mapping_of(FULL, tail=tail))

    shows(text)


def test_seconds_and_milliseconds_in_one_column_are_asked_for(engine, tmp_path):
    rows = [("a", T * 1000 if place % 2 else T, 1, 0) for place in range(40)]
    write_csv(tmp_path / "log.csv", rows)

    text = refusal(tmp_path, engine, SchemaError)

    shows(text)
    assert f"'{T}' and '{T}000'" in text


def parquet_with(folder, name, values):
    """Write the small log as Parquet, one column as it is given."""
    columns = {key: [row[place] for row in EVENTS] for place, key in enumerate(HEADER)}
    pq.write_table(pa.table(columns | {name: values}), folder / "log.parquet")
    return mapping_of(FULL, files="log.parquet")


def test_uuids_of_sixteen_bytes_are_the_text_that_they_stand_for(engine, tmp_path):
    ids = {user: uuid.uuid5(uuid.NAMESPACE_URL, user) for user in "abc"}
    values = pa.array([ids[row[0]].bytes for row in EVENTS], type=pa.uuid())

    found = shown(tmp_path, engine, parquet_with(tmp_path, "who", values))

    assert found == {str(ids[user]): n for user, n in SHOWN.items()}


def test_uuids_that_an_early_pyarrow_wrote_are_read_as_well(engine, tmp_path):
    """Before 21 it wrote 16 bytes without a type, and the type into a note of its own."""
    ids = {user: uuid.uuid5(uuid.NAMESPACE_URL, user) for user in "abc"}
    values = pa.array([ids[row[0]].bytes for row in EVENTS], type=pa.binary(16))
    mapping = parquet_with(tmp_path, "who", values)
    table = pq.read_table(tmp_path / "log.parquet")
    place = table.schema.get_field_index("who")
    schema = table.schema.set(place, pa.field("who", pa.uuid()))
    with pq.ParquetWriter(tmp_path / "log.parquet", table.schema, store_schema=False) as writer:
        writer.write_table(table)
        note = base64.b64encode(schema.serialize().to_pybytes()).decode()
        writer.add_key_value_metadata({"ARROW:schema": note})

    found = shown(tmp_path, engine, mapping)

    assert found == {str(ids[user]): n for user, n in SHOWN.items()}


def test_empty_ids_of_parquet_are_missing_as_those_of_csv_are(engine, tmp_path):
    users = [row[0] for row in EVENTS]
    text = parquet_with(tmp_path, "who", ["", " ", *users[2:]])

    found = users_from(tmp_path, text, engine=engine)

    assert column(found, "n_impressions") == {"a": 1, "b": 1, "c": 2}
    assert found.accounts[0].rejected == {"user_id missing or unreadable": 2}


@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_moments_of_any_precision_are_read(unit, zone, engine, tmp_path):
    per_second = {"us": 10**6, "ns": 10**9}[unit]
    local = 8 * 3_600 if zone is None else 0
    times = pa.array(
        [(row[1] + local) * per_second + per_second // 2 + 1 for row in EVENTS],
        type=pa.timestamp(unit, zone),
    )

    users = users_from(tmp_path, parquet_with(tmp_path, "when", times), engine=engine)

    assert column(users, "first_seen_at") == {
        "a": T,
        "b": T + 13 * 3_600,
        "c": T + 2 * 86_400 - 1,
    }


_LOOK = """
import sys
from pathlib import Path
from segmentry.ingest.files import inspect_file
print(inspect_file(Path(sys.argv[1])).values("when")[0])
"""


def test_nanoseconds_of_parquet_need_no_pandas(engine, tmp_path):
    del engine
    times = pa.array([row[1] * 10**9 + 1 for row in EVENTS], type=pa.timestamp("ns"))
    parquet_with(tmp_path, "when", times)
    (tmp_path / "pandas.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    done = subprocess.run(
        [sys.executable, "-c", _LOOK, tmp_path / "log.parquet"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )

    assert done.stdout == "2017-05-05 16:00:00.000000001\n"


@pytest.mark.parametrize(
    ("write", "rejected"),
    [
        (lambda place, hit: hit if place % 2 else str(bool(hit)), {}),
        (lambda place, hit: "ture" if place == 0 else ("no", "yes")[hit],
         {"is_click missing or unreadable": 1}),
        (lambda _, hit: ("Nein", "Ja")[hit], {}),
        (lambda _, hit: ("FAUX", "VRAI")[hit], {}),
        (lambda _, hit: ("no", "SÍ")[hit], {}),
    ],
    ids=["0 and 1 beside True and False", "a word misspelt", "German", "French", "Spanish"],
)  # fmt: skip
def test_clicks_that_are_not_all_written_alike(write, rejected, engine, tmp_path):
    rows = [(*row[:3], write(place, row[3])) for place, row in enumerate(EVENTS)]
    write_csv(tmp_path / "log.csv", rows)

    users = users_from(tmp_path, PLAIN, engine=engine)

    assert users.accounts[0].rejected == rejected
    assert column(users, "n_clicks") == {"a": 1, "b": 1, "c": 0}


def test_blanks_around_an_id_are_no_part_of_it(engine, tmp_path):
    rows = [(row[0].ljust(1 + place % 3), *row[1:]) for place, row in enumerate(EVENTS)]
    write_csv(tmp_path / "log.csv", [*rows, ('"  "', T, 1, 0)])

    users = users_from(tmp_path, PLAIN, engine=engine)

    assert column(users, "n_impressions") == SHOWN
    assert users.accounts[0].rejected == {"user_id missing or unreadable": 1}


@pytest.mark.parametrize("last", ["(6 rows affected)", "\x1a"])
def test_a_last_line_that_is_no_row_leaves_ids_numbers(last, engine, tmp_path):
    file = write_csv(tmp_path / "log.csv", [("abc".index(row[0]), *row[1:]) for row in EVENTS])
    file.write_text(file.read_text() + last)

    users = users_from(tmp_path, PLAIN, engine=engine)

    assert users.table["user_id"].to_list() == [0, 1, 2]
    assert users.accounts[0].rejected == {"user_id missing or unreadable": 1}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_ids_that_are_numbers_at_first_and_text_later(form, engine, tmp_path):
    rows = [(str(user), T + user, 1, 0) for user in range(20_000)]
    rows += [(f"guest {user}", T + user, 1, 0) for user in range(3_000)]
    if form == "csv":
        write_csv(tmp_path / "log.csv", rows)
    else:
        log = pl.DataFrame(rows, schema=HEADER, orient="row")
        log.write_parquet(tmp_path / "log.parquet", row_group_size=20_000)

    users = users_from(tmp_path, mapping_of(FULL, files=f"log.{form}"), engine=engine)

    assert users.table.height == 23_000
    assert users.accounts[0].rejected == {}


def test_numbers_with_decimals_join_the_text_of_the_same_number(engine, tmp_path):
    ids = {"a": "1", "b": "2", "c": "x3"}
    write_csv(tmp_path / "log.csv", [(ids[row[0]], *row[1:]) for row in EVENTS])
    write_csv(tmp_path / "people.csv", [("1.0", 30), ("2.0", 40)], header=("id", "age"))
    tail = (
        '[profiles]\nfiles = "people.csv"\nuser_id = "id"\n[profiles.attributes]\n'
        'age = {column = "age", kind = "number"}'
    )

    users = users_from(tmp_path, mapping_of(FULL, tail=tail), engine=engine)

    assert column(users, "age") == {"1": 30.0, "2": 40.0, "x3": None}


def test_folders_that_name_no_value_or_an_encoded_one(engine, tmp_path):
    days = ("2017-05-06 08%3A30%3A00", "__HIVE_DEFAULT_PARTITION__")
    for day in days:
        write_csv(
            tmp_path / "parts" / f"day={day}" / "0.csv", [("a", 1, 0)], header=("w", "ad", "hit")
        )
    text = mapping_of('time = "day"\nad_id = "ad"\nclick = "hit"', files="parts")

    users = users_from(tmp_path, text.replace('"who"', '"w"'), engine=engine)

    assert column(users, "first_seen_at") == {"a": T + 8 * 3_600 + 1_800}
    assert users.accounts[0].rejected == {"shown_at missing or unreadable": 1}


def test_a_delimiter_within_a_quoted_name_is_none(engine, tmp_path):
    write_csv(
        tmp_path / "log.csv", [(*row, 1) for row in EVENTS], header=(*HEADER, '"a;b;c;d;e;f"')
    )

    assert shown(tmp_path, engine) == SHOWN


PREAMBLE = 'Impression report\n"May 1, 2017 - May 7, 2017"\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("preamble", [PREAMBLE, "Report\n\n\nAccount, 7\n", 'a "b\n' * 9])
def test_a_header_below_other_lines_is_named_and_can_be_reached(
    preamble, delimiter, engine, tmp_path
):
    file = write_csv(tmp_path / "log.csv", EVENTS)
    file.write_text(preamble + file.read_text().replace(",", delimiter))
    n_lines = preamble.count("\n")

    text = refusal(tmp_path, engine, SchemaError)

    assert text.endswith(
        f"line {n_lines + 1} names them: remove the lines above it, or say skip_lines = {n_lines} "
        "in a mapping"
    )
    assert shown(tmp_path, engine, mapping_of(f"{FULL}\nskip_lines = {n_lines}")) == SHOWN


def test_a_long_log_of_plain_numbers_below_other_lines_is_read(engine, tmp_path):
    rows = [(i % 7, T + i, 1, i % 2) for i in range(300_000)]
    file = write_csv(tmp_path / "log.csv", rows)
    file.write_text("Impression report\n2017\n" + file.read_text())

    found = shown(tmp_path, engine, mapping_of(f"{FULL}\nskip_lines = 2"))

    assert sum(found.values()) == 300_000


def test_more_lines_to_skip_than_there_are_is_refused(engine, tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)

    text = refusal(tmp_path, engine, EmptyDataError, mapping_of(f"{FULL}\nskip_lines = 99"))

    assert text.endswith("no line is left after skip_lines = 99")


def test_quotes_that_a_backslash_escapes(engine, tmp_path):
    rows = [*EVENTS[:-1], (*EVENTS[-1][:2], '"13\\" laptops, used"', 0)]
    write_csv(tmp_path / "log.csv", rows)

    text = refusal(tmp_path, engine, DataError)

    assert text.endswith("say escape = '\\' in the mapping")
    assert shown(tmp_path, engine, mapping_of(FULL + "\nescape = '\\'")) == SHOWN


def test_a_column_may_be_named_with_the_blanks_of_its_header(engine, tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS, header=(" who ", "when", "ad", "hit"))

    assert shown(tmp_path, engine, PLAIN.replace('"who"', '" who "')) == SHOWN


def test_a_delimiter_that_is_not_ascii_is_refused(engine, tmp_path):
    write_csv(tmp_path / "log.csv", EVENTS)

    assert "delimiter" in refusal(
        tmp_path, engine, ConfigError, mapping_of(f'{FULL}\ndelimiter = "§"')
    )


def test_codes_with_leading_zeros_are_levels_and_no_numbers(engine, tmp_path):
    write_csv(tmp_path / "u.csv", [(1, "04413"), (2, "14413")], header=("id", "zip"))
    text = """name = "t"
[profiles]
files = "u.csv"
user_id = "id"
[profiles.attributes]
zip = {column = "zip", kind = "categorical"}"""

    assert column(users_from(tmp_path, text, engine=engine), "zip") == {"1": "04413", "2": "14413"}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("word", [r"\N", "<NA>", "#N/A", "N/A", "Null", "NONE", "(null)", "nan"])
def test_a_missing_id_is_missing_in_the_words_of_any_system(word, form, engine, tmp_path):
    rows = [*EVENTS, (word, T, 1, 0), (word, T, 1, 1)]
    write_csv(tmp_path / "log.csv", rows)
    pl.DataFrame(rows, schema=HEADER, orient="row").write_parquet(tmp_path / "log.parquet")

    users = users_from(tmp_path, mapping_of(FULL, files=f"log.{form}"), engine=engine)

    assert column(users, "n_impressions") == SHOWN
    assert users.accounts[0].rejected == {"user_id missing or unreadable": 2}


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000", "\t", "\x1f"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("ids", ["abc", "123"])
def test_no_kind_of_blank_around_an_id_makes_another_user(blank, form, ids, engine, tmp_path):
    names = dict(zip("abc", ids, strict=True))
    rows = [
        (blank * (place % 2) + names[row[0]] + blank * (place % 3), *row[1:])
        for place, row in enumerate(EVENTS)
    ]
    write_csv(tmp_path / "log.csv", rows)
    pl.DataFrame(rows, schema=HEADER, orient="row").write_parquet(tmp_path / "log.parquet")

    users = users_from(tmp_path, mapping_of(FULL, files=f"log.{form}"), engine=engine)

    found = column(users, "n_impressions")
    assert {str(user): n for user, n in found.items()} == {names[u]: n for u, n in SHOWN.items()}


def test_a_glob_leaves_out_what_a_folder_leaves_out(engine, tmp_path):
    write_csv(tmp_path / "logs" / "a.csv", EVENTS)
    for name in (".ipynb_checkpoints/a-checkpoint.csv", "_temporary/b.csv", "~$a.csv", "_c.csv"):
        write_csv(tmp_path / "logs" / name, EVENTS)

    for files in ("logs", "logs/*.csv", "logs/**/*.csv"):
        assert shown(tmp_path, engine, mapping_of(FULL, files=files)) == SHOWN, files


def test_hidden_files_that_are_named_are_read(engine, tmp_path):
    write_csv(tmp_path / "_logs" / "_a.csv", EVENTS)

    for files in ("_logs/_a.csv", "_logs/_*.csv"):
        assert shown(tmp_path, engine, mapping_of(FULL, files=files)) == SHOWN, files


@pytest.mark.parametrize("name", ["a (1).csv", "copy of a.csv", "old/a.csv"])
def test_two_files_of_the_same_bytes_are_refused_by_name(name, engine, tmp_path):
    write_csv(tmp_path / "logs" / "a.csv", EVENTS * 2)
    write_csv(tmp_path / "logs" / name, EVENTS * 2)

    text = refusal(tmp_path, engine, DataError, mapping_of(FULL, files="logs"))

    assert "a.csv" in text
    assert name in text


def test_a_file_next_to_its_packed_copy_of_another_name_is_refused(engine, tmp_path):
    file = write_csv(tmp_path / "logs" / "a.csv", EVENTS * 2)
    (tmp_path / "logs" / "b.csv.gz").write_bytes(gzip.compress(file.read_bytes()))

    text = refusal(tmp_path, engine, DataError, mapping_of(FULL, files="logs"))

    assert "b.csv.gz: holds the same bytes as" in text


def test_a_number_with_its_unit_is_refused_by_the_unit(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [("a", "172 cm")], header=("who", "tall"))

    text = refusal(tmp_path, engine, SchemaError, mapping_of('value = "tall"'))

    assert text.endswith("holds '172 cm', expected numbers; write them without 'cm'")


def test_times_that_count_from_elsewhere_are_refused_with_the_setting(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [("a", 0, 1, 0), ("a", 90, 1, 0)])

    text = refusal(tmp_path, engine, SchemaError)

    assert "holds '0', which do not count from 1970; say under [log]" in text
    assert "days" in text


def test_times_before_a_moment_count_from_elsewhere_too(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [("a", -3600 * n, 1, n % 2) for n in range(1, 9)])

    text = refusal(tmp_path, engine, SchemaError)
    since = mapping_of(f'{FULL}\ntime_format = "seconds"\norigin = "2017-05-06"')

    assert "holds '-3600', which do not count from 1970; say under [log]" in text
    assert shown(tmp_path, engine, since) == {"a": 8}


def test_a_log_of_a_clock_that_was_never_set_is_refused_with_the_times_that_are_accepted(
    engine, tmp_path
):
    write_csv(tmp_path / "log.csv", [("a", f"1969-12-31 23:00:0{n}", 1, n % 2) for n in range(9)])

    text = refusal(tmp_path, engine, EmptyDataError)

    assert "9 impossible time, such as '1969-12-31 23:00:00'; expected times from 1990 to" in text


def test_the_rarest_of_other_words_is_suggested_as_the_click(engine, tmp_path):
    rows = [(*row[:3], "tapped" if place == 3 else "shown") for place, row in enumerate(EVENTS)]
    write_csv(tmp_path / "log.csv", rows)

    assert refusal(tmp_path, engine, SchemaError).endswith("a click: click_values = ['tapped']")


def test_equal_files_in_folders_of_other_values_are_no_copies(engine, tmp_path):
    for day in (6, 7):
        write_csv(tmp_path / "logs" / f"day={day}" / "part-0.csv", EVENTS * 2)

    found = shown(tmp_path, engine, mapping_of(FULL, files="logs"))

    assert found == {user: 4 * n for user, n in SHOWN.items()}


def test_amounts_below_the_smallest_that_is_counted_are_rejected_with_the_reason(engine, tmp_path):
    write_csv(tmp_path / "log.csv", [("a", "0.0000004"), ("a", 0), ("a", 2)], header=("who", "sum"))

    (account,) = users_from(tmp_path, mapping_of('value = "sum"'), engine=engine).accounts

    reason = "value too small: below 0.000001, give it in a smaller unit"
    assert (account.n_used, account.rejected) == (2, {reason: 1})


def test_clicks_next_to_nothing_are_refused_until_it_is_said_what_nothing_means(engine, tmp_path):
    rows = [(*row[:3], "x" if place == 3 else None) for place, row in enumerate(EVENTS)]
    write_csv(tmp_path / "log.csv", rows)
    said = PLAIN.replace("[log]", '[log]\nclick_values = "x"')

    assert 'and other_values = [""] if nothing means' in refusal(tmp_path, engine, SchemaError)
    assert "holds 'x' or nothing" in refusal(tmp_path, engine, SchemaError, said)
    users = users_from(tmp_path, f'{said}\nother_values = [""]', engine=engine)
    assert (users.accounts[0].n_used, users.table["n_clicks"].sum()) == (len(EVENTS), 1)
