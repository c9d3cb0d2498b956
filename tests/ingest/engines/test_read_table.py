"""Small tables and distinct users are read alike on every engine."""

import math

import polars as pl
import pytest
from tests.reads import ADS_HEADER, LOG_HEADER, PROFILE_HEADER, csv_text, source_of

from segmentry.schema import UNREADABLE_WHOLE

T = 1_494_000_000
ADS_TYPES = {
    "ad_id": ("adgroup_id", "integer"),
    "category_id": ("cate_id", "integer"),
    "brand_id": ("brand", "integer"),
    "price": ("price", "number"),
}
PROFILE_TYPES = {
    "user_id": ("userid", "integer"),
    "age_level": ("age_level", "integer"),
    "city_tier": ("new_user_class_level", "integer"),
}


def read(engine, file, types, role):
    rows, n_unreadable = engine.read_table(source_of(file, types=types, role=role))
    return rows, n_unreadable


def read_csv(engine, folder, header, lines, *, types, role):
    file = folder / f"{role}.csv"
    file.write_text(csv_text(header, lines))
    return read(engine, file, types, role)


def test_ads_are_read_with_missing_brands_and_odd_prices(engine, tmp_path):
    lines = [
        "1,10,100,1000,NULL,0.01",
        "2,10,100,1000,221007.0,108",
        "3,,100,1000,7, 5.5 ",
        "4,10,100,1000,7,free",
        "5,10,100,1000,7,-3e2",
        "6,10,100,1000,7,1_0",
        "7,10,100,1000,7,inf",
    ]

    rows, n_unreadable = read_csv(engine, tmp_path, ADS_HEADER, lines, types=ADS_TYPES, role="ads")

    # A text that is no number is not-a-number, so that it is not taken for a missing one.
    assert rows.sort("ad_id").with_columns(pl.col("price").fill_nan(-1)).rows() == [
        (1, 10, None, 0.01),
        (2, 10, 221007, 108.0),
        (3, None, 7, 5.5),
        (4, 10, 7, -1),
        (5, 10, 7, -300.0),
        (6, 10, 7, -1),
        (7, 10, 7, math.inf),
    ]
    assert dict(rows.schema) == {
        "ad_id": pl.Int64,
        "category_id": pl.Int64,
        "brand_id": pl.Int64,
        "price": pl.Float64,
    }
    assert n_unreadable == 0


@pytest.mark.parametrize("header", [PROFILE_HEADER, PROFILE_HEADER.strip()])
def test_profiles_are_read_whatever_the_last_header_is(header, engine, tmp_path):
    lines = ["1,0,1,2,3,,3,0,", "2,0,1,2,0,1,3,0,4.0", "x,0,1,2,3,2,3,1,2", "3,0,1,2,2.5", ""]

    rows, n_unreadable = read_csv(
        engine, tmp_path, header, lines, types=PROFILE_TYPES, role="profiles"
    )

    assert sorted(rows.rows(), key=repr) == [
        (1, 3, None),
        (2, 0, 4),
        (3, UNREADABLE_WHOLE, None),
        (None, 3, 2),
    ]
    assert n_unreadable == 0


def test_duckdb_counts_the_lines_of_too_many_fields(engine, tmp_path):
    lines = ["1,0,1,2,3,1,3,0,4", "2,0,1,2,3,1,3,0,4,5"]

    rows, n_unreadable = read_csv(
        engine, tmp_path, PROFILE_HEADER, lines, types=PROFILE_TYPES, role="profiles"
    )

    assert (rows.rows(), n_unreadable) == ([(1, 3, 4)], 1)


def test_parquet_table_is_read_as_the_csv_is(engine, tmp_path):
    frame = pl.DataFrame(
        {"userid": [1, 2], "age_level": [3.0, None], "new_user_class_level ": ["4.0", ""]}
    )
    file = tmp_path / "profiles.parquet"
    frame.write_parquet(file)

    rows, n_unreadable = read(engine, file, PROFILE_TYPES, "profiles")

    assert sorted(rows.rows()) == [(1, 3, 4), (2, None, None)]
    assert n_unreadable == 0


def test_distinct_users_are_the_known_ones(engine, tmp_path):
    file = tmp_path / "log.csv"
    lines = [f"{user},{T},5,a,1,0" for user in (3, 1, 3, "", "x", "1.0", -2)]
    file.write_text(csv_text(LOG_HEADER, lines))

    users = engine.sampled_users(source_of(file), 1.0)

    assert sorted(users) == [-2, 1, 3]
    assert (users.name, users.dtype) == ("user_id", pl.Int64)


def test_frame_goes_into_an_engine_and_comes_back(engine):
    frame = pl.DataFrame({"a": [1, None], "b": ["x", None], "c": [0.5, None], "d": [True, None]})

    first, second = engine.from_polars(frame), engine.from_polars(frame.head(1))

    assert engine.collect(first).sort("a", nulls_last=True).equals(frame)
    assert engine.collect(second).rows() == [(1, "x", 0.5, True)]
