"""Ids that were damaged, ids in two spellings, ids of 16 bytes."""

import random
import uuid
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.ingest.mapping.shapes import T, column, mapping_of, users_from, write_csv
from tests.texts import raises_text

from segmentry.advise.experiments._files import outside_notes
from segmentry.describe.data_warnings import warn_of_data
from segmentry.errors import DataError, SchemaError
from segmentry.ingest.ids import damage_of, other_spelling

LOG = mapping_of('time = "when"\nclick = "hit"')
WITH_PROFILES = mapping_of(
    'time = "when"\nclick = "hit"',
    tail='[profiles]\nfiles = "users.csv"\nuser_id = "id"\n[profiles.attributes]\n'
    'age = {column = "age", kind = "number"}',
)
NAMES = ("who", "when", "hit")


def drawn(n_ids, *, bits=62):
    draw = random.Random(3)  # noqa: S311  # not for secrets
    return [draw.getrandbits(bits) | 1 << (bits - 1) for _ in range(n_ids)]


def write_log(folder, ids):
    write_csv(
        folder / "log.csv", [(each, T + n, n % 2) for n, each in enumerate(ids)], header=NAMES
    )


@pytest.mark.parametrize("pattern", ["{:.2E}", "{:.5E}", "{:.16e}"])
def test_ids_with_an_exponent_are_refused_with_the_cause(pattern, tmp_path):
    write_log(tmp_path, [pattern.format(each) for each in drawn(30)])

    with raises_text(SchemaError):
        users_from(tmp_path, LOG)


def test_ids_of_floating_point_numbers_are_refused_with_the_cause(tmp_path):
    ids = pa.array([float(each) for each in drawn(30)])
    table = {"who": ids, "when": range(T, T + 30), "hit": [0] * 30}
    pq.write_table(pa.table(table), tmp_path / "log.parquet")

    with raises_text(SchemaError):
        users_from(tmp_path, LOG.replace("log.csv", "log.parquet"))


def test_a_few_ids_with_an_exponent_are_counted(tmp_path):
    write_log(tmp_path, [*(f"u{n}" for n in range(30)), "1.23E+15", "4.56E+15"])

    users = users_from(tmp_path, LOG)

    (found,) = (each for each in users.findings if each.code == "damaged-user_id")
    assert (found.count, found.of) == (2, 32)
    assert any("2 ids of users written with an exponent" in text for text in warn_of_data(users))


def test_among_whole_numbers_an_id_that_a_spreadsheet_shortened_is_unreadable(engine, tmp_path):
    write_log(tmp_path, [*range(20_000), "1.23E+15", *range(8_000)])

    (account,) = users_from(tmp_path, LOG).accounts

    assert account.rejected == {"user_id missing or unreadable": 1}


def test_numbers_that_r_writes_with_an_exponent_are_exact(tmp_path):
    write_log(tmp_path, ["99999", "1e+05", "100001", "100000"])

    assert column(users_from(tmp_path, LOG), "n_impressions") == {
        "99999": 1,
        "100000": 2,
        "100001": 1,
    }


@pytest.mark.parametrize(
    ("ids", "n_damaged"),
    [
        (drawn(40), 0),
        ([int(float(each)) for each in drawn(40)], 40),
        ([each // 1000 * 1000 for each in drawn(40, bits=59)], 40),
        ([2 * each for each in range(40)], 0),
        ([int(float(each)) for each in drawn(10)], 0),
    ],
)
def test_rounded_ids_are_found_where_enough_of_them_say_so(ids, n_damaged):
    assert damage_of(pl.Series(ids))[0] == n_damaged
    assert damage_of(pl.Series([str(each) for each in ids]))[0] == n_damaged


@pytest.mark.parametrize(
    ("one", "other", "cause"),
    [
        ("AB-1", "ab-1", "upper and lower case"),
        ("007", "7", "zeros in front"),
        ("7.0", "7", "decimals, as 7.0 for 7"),
        ("a b", "ab", "blanks or characters that cannot be seen"),
        ("a\u200b", "a", "blanks or characters that cannot be seen"),
        ("'7", "7", "quotes"),
        ("a-b", "ab", "dashes and braces, as of UUIDs"),
        ("{A-0B}", "a0b", "several of case, dashes, blanks and zeros in front"),
    ],
)
def test_the_difference_of_two_spellings_is_named(one, other, cause):
    assert other_spelling(pl.Series([one, "x"]), pl.Series([other, "y"])) == (1, cause)
    assert other_spelling(pl.Series([other, "x"]), pl.Series([one, "y"])) == (1, cause)


def test_users_whose_profile_has_another_spelling_are_counted_with_the_cause(tmp_path):
    ids = [str(uuid.UUID(int=each)).upper() for each in drawn(12, bits=120)]
    write_log(tmp_path, ids)
    write_csv(
        tmp_path / "users.csv", [(each.lower(), 30) for each in ids[2:]], header=("id", "age")
    )

    users = users_from(tmp_path, WITH_PROFILES)

    (found,) = (each for each in users.findings if each.code == "other-spelling-user_id")
    assert (found.count, found.of) == (10, 12)
    assert any("upper and lower case" in text for text in warn_of_data(users))


def test_ids_that_join_are_not_looked_at(tmp_path):
    write_log(tmp_path, ["a", "B", "c"])
    write_csv(tmp_path / "users.csv", [("a", 30), ("x", 31)], header=("id", "age"))

    codes = {each.code for each in users_from(tmp_path, WITH_PROFILES).findings}

    assert not any(code.startswith(("other-spelling", "damaged")) for code in codes)


@pytest.mark.parametrize("kind", [pa.binary(16), pa.binary(), pa.large_binary(), pa.uuid()])
def test_ids_of_16_bytes_are_uuids(kind, engine, tmp_path):
    ids = [uuid.UUID(int=each) for each in drawn(9, bits=120)]
    stored = pa.array([each.bytes for each in ids], pa.binary(16))
    if kind == pa.uuid():
        stored = pa.ExtensionArray.from_storage(kind, stored)
    else:
        stored = stored.cast(kind)
    table = {"who": stored, "when": range(T, T + 9), "hit": [0] * 9}
    pq.write_table(pa.table(table), tmp_path / "log.parquet")

    users = users_from(tmp_path, LOG.replace("log.csv", "log.parquet"))

    assert users.table["user_id"].to_list() == sorted(map(str, ids))


def test_bytes_that_are_text_are_read_as_text(engine, tmp_path):
    ids = pa.array(["ü-1".encode(), b"exactly16letters", b"7"], pa.binary())
    table = {"who": ids, "when": range(T, T + 3), "hit": [0] * 3}
    pq.write_table(pa.table(table), tmp_path / "log.parquet")

    users = users_from(tmp_path, LOG.replace("log.csv", "log.parquet"))

    assert sorted(users.table["user_id"]) == ["7", "exactly16letters", "ü-1"]


def test_users_of_results_that_are_not_in_the_assignment_are_named_with_the_difference():
    results, assigned = pl.Series(["A1", "b2", "x"]), pl.Series(["a1", "b2"])

    (note,) = outside_notes(Path("results.csv"), results, assigned)

    assert note.startswith("2 of 3 users of results.csv are not in the assignment")
    assert note.endswith("1 of them are, but for upper and lower case.")
    assert outside_notes(Path("results.csv"), assigned, assigned) == []
    with pytest.raises(DataError, match="check the ids"):
        outside_notes(Path("results.csv"), pl.Series([1]), pl.Series([2]))
