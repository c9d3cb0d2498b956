"""Categorical features: text, codes and booleans as levels; text where numbers are needed."""

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from tests.plans import plan_of
from tests.texts import raises_text, says

from segmentry.errors import SchemaError, SelectionError
from segmentry.segments.preprocessing import (
    fit_preprocessing,
    level_texts,
    numeric_values,
    ordered_levels,
)

LEVELS = {"kind": "categorical", "fill": "own level"}


def fit(values, **settings):
    return fit_preprocessing(pl.DataFrame({"x": values}), [plan_of(**LEVELS | settings)])


def matrix_of(steps, values):
    return steps.transform(pl.DataFrame({"x": values})).tolist()


# --- how levels are written


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, None, -3], pl.Int8, ["1", None, "-3"]),
        ([2**64 - 1], pl.UInt64, ["18446744073709551615"]),
        ([4.0, None, -0.0, 2.5], pl.Float64, ["4", None, "0", "2.5"]),
        ([0.1, 4.0], pl.Float32, ["0.1", "4"]),
        ([np.nan, np.inf, -np.inf, 1e300], pl.Float64, [None, None, None, "1e+300"]),
        ([Decimal("4.00"), Decimal("2.50")], pl.Decimal(10, 2), ["4", "2.5"]),
        ([True, None, False], pl.Boolean, ["true", None, "false"]),
        (["de", None, "", "1.0"], pl.String, ["de", None, "", "1.0"]),
        (["b", None, "a"], pl.Categorical, ["b", None, "a"]),
        (["b", None, "a"], pl.Enum(["a", "b"]), ["b", None, "a"]),
        ([None, None], pl.Null, [None, None]),
    ],
)
def test_a_level_is_written_in_one_way(values, dtype, expected):
    written = level_texts(pl.Series("x", values, dtype=dtype))

    assert written.to_list() == expected
    assert written.dtype == pl.String
    assert written.name == "x"


@pytest.mark.parametrize(
    "values", [[dt.date(2026, 7, 4)], [dt.datetime(2026, 7, 4)], [[1, 2]], [{"a": 1}], [b"de"]]
)
def test_a_column_of_another_type_is_neither_level_nor_number(values):
    column = pl.Series("x", values)

    for read in (level_texts, numeric_values):
        with raises_text(SchemaError):
            read(column)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["10", "9", "-1.5"], ["-1.5", "9", "10"]),
        (["01", "1", "0"], ["0", "01", "1"]),
        (["1", "none"], None),
        (["1", "nan"], None),
        (["1", "inf"], None),
        ([], []),
    ],
)
def test_levels_are_ordered_as_numbers_only_where_all_are_numbers(levels, expected):
    assert ordered_levels(levels) == expected


# --- levels as columns


def test_text_levels_become_columns_in_their_order_and_unknown_is_the_last():
    values = ["PhD", None, "Basic", "PhD", "Master"]

    steps = fit(values)

    assert steps.columns == ("x=Basic", "x=Master", "x=PhD", "x=unknown")
    assert matrix_of(steps, values) == [
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
    ]


def test_levels_that_are_numbers_stand_in_the_order_of_numbers():
    assert fit([10, 9, 100, 9]).columns == ("x=9", "x=10", "x=100")
    assert fit(["10", "9", "100"]).columns == ("x=9", "x=10", "x=100")


def test_a_level_is_the_same_written_as_integer_float_or_text():
    steps = fit([1, 2, 2])

    for same in ([2, 1], [2.0, 1.0], ["2", "1"]):
        assert matrix_of(steps, same) == [[0, 1], [1, 0]]


def test_booleans_are_the_levels_true_and_false():
    steps = fit([True, False, None])

    assert steps.columns == ("x=false", "x=true", "x=unknown")
    assert matrix_of(steps, [None, True, False]) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert matrix_of(steps, ["true"]) == [[0, 1, 0]]


def test_unseen_text_belongs_to_no_column_and_is_counted():
    steps = fit(["de", "fr", None])
    new = pl.DataFrame({"x": ["it", "de", None, "De"]})

    assert steps.transform(new).tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert steps.unseen_levels(new) == {"x": 2}


def test_a_column_without_any_known_level_can_be_scored():
    steps = fit(["de", "fr"])

    assert matrix_of(steps, [None, None]) == [[0, 0], [0, 0]]
    assert steps.unseen_levels(pl.DataFrame({"x": [None, None]})) == {}


@pytest.mark.parametrize(
    ("values", "filled"),
    [(["fr", "de", "fr", None], [0, 1]), (["fr", "de", None], [1, 0]), ([9, 10, 10], [0, 1])],
)
def test_the_most_frequent_level_fills_and_the_first_of_several(values, filled):
    steps = fit(values, fill="mode")

    assert matrix_of(steps, [None]) == [filled]


def test_without_a_fill_users_that_lack_the_level_are_incomplete():
    steps = fit(["de", "fr"], fill="none")

    assert steps.complete(pl.DataFrame({"x": ["de", None, "it"]})).tolist() == [True, False, True]


def test_one_level_alone_is_constant_and_more_than_a_hundred_are_dropped():
    table = pl.DataFrame(
        {
            "same": pl.Series(["de", None] + ["de"] * 99),
            "many": [f"level {i}" for i in range(101)],
            "most": [f"level {i % 100}" for i in range(101)],
            "unknown": pl.Series([None] * 101, dtype=pl.String),
        }
    )

    steps_of = LEVELS | {"fill": "mode"}
    steps = fit_preprocessing(table, [plan_of(name, **steps_of) for name in table.columns])

    assert steps.features == ("most",)
    says(steps.dropped)


def test_an_own_level_tells_unknown_from_the_one_known_level():
    steps = fit(["de", None, "de"])

    assert steps.columns == ("x=de", "x=unknown")
    with raises_text(SelectionError):
        fit(["de", "de"])


def test_odd_names_of_columns_are_taken_as_they_are():
    table = pl.DataFrame({"^.*$": ["a", "b"], "value": [1.5, 2.0], "*": [1.0, 7.0]})

    steps = fit_preprocessing(table, [plan_of(name, **LEVELS) for name in table.columns])

    assert steps.columns == ("^.*$=a", "^.*$=b", "value=1.5", "value=2", "*=1", "*=7")


# --- text where numbers are needed


@pytest.mark.parametrize("kind", ["ordinal", "count"])
def test_text_in_a_feature_of_numbers_is_one_clear_error(kind):
    plan = plan_of(kind=kind, fill="median")

    with raises_text(SchemaError):
        fit_preprocessing(pl.DataFrame({"x": ["3", "PhD", None, "Basic"]}), [plan])

    steps = fit_preprocessing(pl.DataFrame({"x": [1, 2, 3]}), [plan])
    with raises_text(SchemaError):
        steps.transform(pl.DataFrame({"x": ["PhD"]}))


def test_text_of_nothing_but_numbers_is_read_as_numbers():
    written = numeric_values(pl.Series("x", ["3", None, "4.5", "1e3", "NaN"]))

    np.testing.assert_array_equal(written, [3.0, np.nan, 4.5, 1000.0, np.nan])
