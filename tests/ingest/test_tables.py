"""Profiles and ads become one row per id, and each rejection is counted."""

import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.ingest.mapping.shapes import users_from, write_csv

from segmentry.errors import DataError
from segmentry.ingest.clean_tables import clean_ads, clean_profiles, no_ads, no_profiles

MISSING_USER = "user_id missing or unreadable"
MISSING_AD = "ad_id missing or unreadable"
SHORT = "wrong number of fields"
DUPLICATE = "exact duplicate"
CONTRADICTION = "contradicts another row of the same id"


def profiles_of(rows, **options):
    frame = pl.DataFrame(
        rows, schema={"user_id": pl.Int64, "age": pl.Int64, "city": pl.Int64}, orient="row"
    )
    return clean_profiles(frame, **{"unreadable": 0, "attributes": ["age", "city"]} | options)


def ads_of(rows, **options):
    schema = {"ad_id": pl.Int64, "brand_id": pl.Int64, "price": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return clean_ads(frame, **{"unreadable": 0} | options)


def test_sound_profiles_are_sorted_and_all_used():
    clean = profiles_of([(3, 1, None), (-1, None, None), (2, 0, 4)])

    assert clean.rows.rows() == [(-1, None, None), (2, 0, 4), (3, 1, None)]
    assert (clean.account.n_read, clean.account.n_used) == (3, 3)
    assert dict(clean.account.rejected) == {}


def test_exact_duplicates_count_once():
    clean = profiles_of([(1, 2, 3)] * 4 + [(2, None, 3)] * 2)

    assert clean.rows.rows() == [(1, 2, 3), (2, None, 3)]
    assert dict(clean.account.rejected) == {DUPLICATE: 4}


def test_all_rows_of_a_user_that_contradict_each_other_are_rejected():
    clean = profiles_of([(1, 2, 3), (1, 2, 3), (1, 2, 4), (2, 1, 1), (1, None, 3)])

    assert clean.rows.rows() == [(2, 1, 1)]
    assert dict(clean.account.rejected) == {DUPLICATE: 1, CONTRADICTION: 3}
    assert clean.account.n_read == 5


def test_a_known_and_an_unknown_level_contradict_each_other():
    clean = profiles_of([(1, 2, 3), (1, 2, None)])

    assert clean.rows.rows() == []
    assert dict(clean.account.rejected) == {CONTRADICTION: 2}


def test_rows_without_user_and_unreadable_lines_are_counted():
    clean = profiles_of([(None, 2, 3), (None, 2, 3), (1, 2, 3)], unreadable=5)

    assert clean.account.n_read == 8
    assert dict(clean.account.rejected) == {MISSING_USER: 2, SHORT: 5}


def test_negative_levels_become_unknown():
    clean = profiles_of([(1, -1, 3), (2, -5, -1), (3, 0, None)])

    assert clean.rows.rows() == [(1, None, 3), (2, None, None), (3, 0, None)]
    assert clean.n_impossible == 3
    assert dict(clean.account.rejected) == {}


def test_rows_that_differ_in_an_impossible_level_only_are_duplicates():
    clean = profiles_of([(1, -1, 3), (1, -2, 3)])

    assert clean.rows.rows() == [(1, None, 3)]
    assert dict(clean.account.rejected) == {DUPLICATE: 1}


def test_text_ids_and_text_attributes_are_left_as_they_are():
    rows = pl.DataFrame({"user_id": ["b", "a", "a"], "city": ["x", "-1", "-1"]})

    clean = clean_profiles(rows, unreadable=0, attributes=["city"])

    assert clean.rows.rows() == [("a", "-1"), ("b", "x")]
    assert clean.n_impossible == 0


@pytest.mark.parametrize(
    ("price", "log_price"),
    [
        (1.0, 693_147),
        (0.01, 9_950),  # ln 1.01 = 0.00995033
        (99_999_999.0, 18_420_681),  # 8 ln 10 = 18.4206807
        (math.e - 1, 1_000_000),
    ],
)
def test_log_price_is_ln_of_one_plus_price_in_millionths(price, log_price):
    clean = ads_of([(1, None, price)])

    assert clean.rows.select("price", "log_price").rows() == [(price, log_price)]
    assert clean.rows.schema["log_price"] == pl.Int64
    assert clean.n_impossible == 0


@pytest.mark.parametrize("price", [0.0, -0.0, -1.5, math.inf, -math.inf])
def test_impossible_price_becomes_unknown_and_is_counted(price):
    clean = ads_of([(1, 7, price), (2, 7, 1.0)])

    assert clean.rows.select("ad_id", "price", "log_price").rows() == [
        (1, None, None),
        (2, 1.0, 693_147),
    ]
    assert clean.n_impossible == 1
    assert clean.account.n_used == 2


def test_a_price_that_is_no_number_becomes_unknown_and_is_counted_by_itself():
    clean = ads_of([(1, 7, math.nan), (2, 7, 1.0)])

    assert clean.rows["price"].to_list() == [None, 1.0]
    assert (clean.n_impossible, dict(clean.n_unreadable)) == (0, {"price": 1})


def test_missing_price_is_not_impossible():
    clean = ads_of([(1, 7, None)])

    assert clean.rows.select("price", "log_price").rows() == [(None, None)]
    assert clean.n_impossible == 0


def test_ads_are_counted_as_profiles_are():
    rows = [(1, 7, 2.0), (1, 7, 2.0), (2, 7, 2.0), (2, 8, 2.0), (None, 7, 2.0), (3, None, None)]

    clean = ads_of(rows, unreadable=1)

    assert clean.rows["ad_id"].to_list() == [1, 3]
    assert dict(clean.account.rejected) == {
        MISSING_AD: 1,
        SHORT: 1,
        DUPLICATE: 1,
        CONTRADICTION: 2,
    }
    assert (clean.account.n_read, clean.account.n_used) == (7, 2)


def test_columns_that_the_ads_lack_are_unknown():
    clean = clean_ads(pl.DataFrame({"ad_id": [2, 1]}), unreadable=0)

    assert clean.rows.schema == no_ads(pl.Int64()).schema
    assert clean.rows.rows() == [(1,) + (None,) * 6, (2,) + (None,) * 6]


def test_tables_that_are_absent_have_the_types_of_those_that_are_there():
    assert no_profiles(pl.String(), ["age"]).schema == {"user_id": pl.String, "age": pl.Int64}
    assert no_ads(pl.String()).schema["ad_id"] == pl.String
    assert no_ads(pl.Int64()).height == 0


def test_order_of_rows_changes_nothing():
    rng = np.random.default_rng(0)
    rows = [
        (int(user), (None, -1, 1)[age], (None, 2)[city])
        for user, age, city in rng.integers((12, 3, 2), size=(60, 3))
    ]
    shuffled = [rows[position] for position in rng.permutation(60)]

    one, other = profiles_of(rows), profiles_of(shuffled)

    assert_frame_equal(one.rows, other.rows)
    assert (one.account, one.n_impossible) == (other.account, other.n_impossible)


def test_order_of_ads_changes_nothing():
    rng = np.random.default_rng(1)
    rows = [
        (int(ad), (None, 7)[brand], (None, 0.0, math.nan, 2.5)[price])
        for ad, brand, price in rng.integers((12, 2, 4), size=(60, 3))
    ]

    one, other = ads_of(rows), ads_of(rows[::-1])

    assert_frame_equal(one.rows, other.rows)
    assert (one.account, one.n_impossible) == (other.account, other.n_impossible)


def test_input_is_not_changed():
    rows = pl.DataFrame({"user_id": [2, 1], "age": [-1, 1]})
    before = rows.clone()

    clean_profiles(rows, unreadable=0, attributes=["age"])

    assert_frame_equal(rows, before)


def test_a_level_that_is_there_and_cannot_be_read_is_not_a_missing_one(engine, tmp_path):
    """It is beyond the sample by which the column was found to hold whole numbers."""
    users = [(n, n % 5, n % 3) for n in range(40_000)]
    users[25_000] = (25_000, "many", "")
    users[25_001] = (25_001, "NULL", 9)
    write_csv(tmp_path / "users.csv", users, header=("id", "level", "kind"))
    text = (
        'name = "x"\n[profiles]\nfiles = "users.csv"\nuser_id = "id"\n[profiles.attributes]\n'
        'level = {column = "level", kind = "ordinal"}\n'
        'kind = {column = "kind", kind = "categorical"}'
    )

    users = users_from(tmp_path, text)

    found = {each.code: each for each in users.findings}
    assert found["unreadable-level"].count == 1
    assert "such as 'many'" in found["unreadable-level"].text
    assert "unreadable-kind" not in found
    assert (found["unknown-level"].count, found["unknown-kind"].count) == (2, 1)
    assert found["impossible-level"].count == 0
    with pytest.raises(DataError):
        users_from(tmp_path, text, strict=True)
