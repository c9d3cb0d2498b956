"""How numbers are recognised and read, by Python and by the engine alike."""

import math

import polars as pl
import pytest
from tests.ingest.mapping.shapes import column, mapping_of, users_from, write_csv

from segmentry.describe.data_warnings import warn_of_data
from segmentry.errors import DataError, SchemaError
from segmentry.ingest.numbers import find_number_format, read_number
from segmentry.ingest.user_files import as_numbers
from segmentry.schema import PLAIN_NUMBERS, ColumnSource, NumberFormat, TableSource

POINT, COMMA = NumberFormat(".", ",' "), NumberFormat(",", ".' ")
AMOUNTS = 'time = "when"\nvalue = "amount"'
HEADER = ("who", "when", "amount")
T = 1_494_000_000
# What is written, and what it is with a decimal point and with a decimal comma.
SPELLINGS = [
    ("5", 5, 5),
    (" 5 ", 5, 5),
    ("+5", 5, 5),
    ("-5", -5, -5),
    ("−5", -5, -5),
    ("5-", -5, -5),
    ("(5)", -5, -5),
    ("($5)", -5, -5),
    ("(5", None, None),
    (".5", 0.5, None),
    (",5", None, 0.5),
    ("1e3", 1000, 1000),
    ("1,062.88", 1062.88, None),
    ("1.062,88", None, 1062.88),
    ("12,34,567.5", 1234567.5, None),
    ("1 062", 1062, 1062),
    ("1\u202f062", 1062, 1062),
    ("1'062'000", 1062000, 1062000),
    ("1’062", 1062, 1062),
    ("1.234", 1.234, 1234),
    ("1,234", 1234, 1.234),
    ("1,23", None, 1.23),
    ("12,34,56", None, None),
    ("$84835", 84835, 84835),
    ("US$ 5", 5, 5),
    ("5 €", 5, 5),
    ("EUR 5", 5, 5),
    ("5 kr", 5, 5),
    ("Fr. 12.75", 12.75, None),
    ("R$ 5", 5, 5),
    ("40%", 0.4, 0.4),
    ("40 %", 0.4, 0.4),
    ("١٢٫٥", 12.5, None),
    ("५", 5, 5),
    ("５", 5, 5),
    ("1_000", None, None),
    ("n/a", None, None),
    ("??", None, None),
    ("12 apples", None, None),
    ("--5", None, None),
    ("1.2.3", None, None),
    ("$", None, None),
]


@pytest.mark.parametrize(("text", "by_point", "by_comma"), SPELLINGS)
def test_a_number_is_read_as_it_is_written(text, by_point, by_comma):
    assert read_number(text, POINT) == by_point
    assert read_number(text, COMMA) == by_comma


@pytest.mark.parametrize(("form", "place"), [(POINT, 1), (COMMA, 2)])
def test_the_engine_reads_numbers_as_python_does(form, place, shared_engine, tmp_path):
    rows = [(i, f'"{each[0]}"') for i, each in enumerate(SPELLINGS)]
    file = write_csv(tmp_path / "users.csv", [*rows, (len(rows), "NA")], header=("id", "x"))
    columns = {
        "user_id": ColumnSource("id", "integer"),
        "x": ColumnSource("x", "number", number_format=form),
    }

    found, _ = shared_engine.read_table(TableSource("profiles", (file,), columns))

    # Not-a-number where a text is there and is no number, null where it is missing.
    expected = [math.nan if each[place] is None else each[place] for each in SPELLINGS]
    assert found.sort("user_id")["x"].to_list() == pytest.approx([*expected, None], nan_ok=True)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["1", "2.5"], POINT),
        (["1,062.88", "3"], POINT),
        (["12,5", "3"], COMMA),
        (["1.062,88"], COMMA),
        (["1,000,000"], POINT),
        (["1.000.000"], COMMA),
        (["0,123"], COMMA),
        (["1 062,5"], COMMA),
        (["1 062", "7"], POINT),
        (["$1,234", "$17"], POINT),
        (["1", "n/a", "??"], PLAIN_NUMBERS),
        (["1.234", "5000"], PLAIN_NUMBERS),
        ([], PLAIN_NUMBERS),
        ([*(f"{n}.5" for n in range(200)), "2,5"], POINT),
    ],
)
def test_the_format_is_recognised_by_its_values(values, form):
    assert find_number_format(values, where="x") == form


@pytest.mark.parametrize(
    "values", [["1.5", "1,5"], ["1,234"], ["1,234", "1234"], ["1,234", "1.234"], ["1.234", "5"]]
)
def test_values_that_do_not_prove_their_decimal_sign_are_refused(values):
    with pytest.raises(SchemaError, match=r"^x holds '1[.,]\d+'.* declare "):
        find_number_format(values, where="x")


def test_a_declared_format_settles_what_the_values_leave_open():
    assert find_number_format(["1,234"], decimal=",", where="x") == COMMA
    assert find_number_format(["1,234"], thousands=",", where="x") == NumberFormat(".", ",")


def test_a_declared_format_that_the_column_contradicts_is_refused():
    with pytest.raises(SchemaError, match=r"^x holds '1\.5', not a number with decimal = ','"):
        find_number_format(["1.5", "2.5", "7"], decimal=",", where="x")


def test_amounts_with_a_decimal_comma_add_up(tmp_path):
    rows = [("a", T, '"1.062,50"'), ("a", T + 1, "7"), ("b", T, '"0,5"')]
    write_csv(tmp_path / "log.csv", rows, header=HEADER)

    assert column(users_from(tmp_path, mapping_of(AMOUNTS)), "value_sum") == {"a": 1069.5, "b": 0.5}


def test_an_amount_that_cannot_be_read_is_counted_with_an_example(tmp_path):
    rows = [("a", T, "5"), ("a", T + 1, "n/a"), ("b", T, ""), ("b", T, "NULL"), ("b", T, "??")]
    write_csv(tmp_path / "log.csv", rows, header=HEADER)

    users = users_from(tmp_path, mapping_of(AMOUNTS))

    assert dict(users.accounts[0].rejected) == {"unreadable value": 2}
    (found,) = (each for each in users.findings if each.code == "unreadable-value")
    assert (found.count, found.of, "'??'" in found.text) == (2, 5, True)
    assert any(found.text in warning for warning in warn_of_data(users))
    with pytest.raises(DataError, match="2 unreadable value"):
        users_from(tmp_path, mapping_of(AMOUNTS), strict=True)


def test_an_attribute_that_cannot_be_read_is_counted_and_the_user_kept(tmp_path):
    write_csv(tmp_path / "u.csv", [(1, "5"), (2, "oops"), (3, "")], header=("id", "x"))
    text = """name = "t"
[profiles]
files = "u.csv"
user_id = "id"
[profiles.attributes]
x = {column = "x", kind = "number"}"""

    users = users_from(tmp_path, text)

    assert column(users, "x") == {"1": 5.0, "2": None, "3": None}
    assert [(e.code, e.count) for e in users.findings if e.code.startswith("unreadable")] == [
        ("unreadable-x", 1)
    ]
    with pytest.raises(DataError, match="1 users with an unreadable 'x', such as 'oops'"):
        users_from(tmp_path, text, strict=True)


def test_words_for_missing_are_missing_and_not_unreadable(tmp_path):
    write_csv(tmp_path / "log.csv", [("a", T, "5"), ("a", T, "n/a")], header=HEADER)
    text = mapping_of(AMOUNTS, tail='[log.missing]\nvalue = "n/a"')

    users = users_from(tmp_path, text)

    assert (dict(users.accounts[0].rejected), column(users, "value_sum")) == ({}, {"a": 5.0})


def test_points_are_thousands_signs_where_no_other_reading_is_likely():
    grouped = ["87", "1.730", "12.045", "3.001", "412"]
    assert find_number_format(grouped, where="x") == COMMA
    assert as_numbers(pl.Series("n", grouped), source="f", expected="counts").sum() == 17275

    for decimals in (
        ["1.730", "2.045", "3.001"],
        ["1.730", "2.045", "0.125", "5"],
        ["1.730", "1250"],
    ):
        assert find_number_format(decimals, where="x").decimal == "."
    with pytest.raises(SchemaError, match=r"^x holds '1.730': the point may be .* in a mapping$"):
        find_number_format(["1.730", "87"], where="x")


@pytest.mark.parametrize(("n_others", "is_odd"), [(79, False), (79 * 40, True)])
def test_a_user_is_only_perhaps_a_bot_with_ten_times_a_users_share(tmp_path, n_others, is_odd):
    n_of_one = 2 if n_others < 100 else 64  # two in a hundred of all, both times
    rows = [("one", T + i, "5") for i in range(n_of_one)]
    rows += [(str(user), T, "5") for user in range(n_others)]
    write_csv(tmp_path / "log.csv", rows, header=HEADER)

    warnings = list(warn_of_data(users_from(tmp_path, mapping_of(AMOUNTS))))

    assert any("perhaps a bot" in each for each in warnings) == is_odd
