"""Tables of parts, put together without being held twice, in integers as small as they may be."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentry.features import count_behaviour_users, derive_behaviours, value_ads
from segmentry.features._assembly import assemble, compact
from segmentry.features._behaviour_counts import count_behaviours
from segmentry.features._behaviour_table import count_behaviour_log
from segmentry.schema import Window

DAY = 86_400
WINDOW = Window(start=0, end=14 * DAY, utc_offset_hours=0)
VIEW, PURCHASE = 0, 3


def test_tables_are_put_together_in_the_order_of_several_keys():
    parts = [
        pl.DataFrame({"user_id": [3, 3], "day": [2, 1], "n": [1, 2]}),
        pl.DataFrame({"user_id": [1], "day": [9], "n": [3]}),
    ]

    found = assemble(parts, "user_id", "day")

    assert found.rows() == [(1, 9, 3), (3, 1, 2), (3, 2, 1)]


def test_a_part_without_rows_or_without_a_column_adds_nothing_but_nulls():
    schema = {"user_id": pl.String, "n": pl.Int64}
    parts = [
        pl.DataFrame(schema=schema),
        pl.DataFrame({"user_id": ["b"]}),
        pl.DataFrame({"user_id": ["a"], "n": [2**40]}),
    ]

    found = assemble([compact(part) for part in parts], "user_id")

    assert found.rows() == [("a", 2**40), ("b", None)]


def test_parts_of_several_widths_lose_no_count():
    parts = [
        pl.DataFrame({"user_id": [user], "n": [n]})
        for user, n in enumerate((1, -1, 127, 128, 40_000, 2**31, -(2**62)))
    ]

    found = assemble([compact(part) for part in parts], "user_id")

    assert found["n"].to_list() == [1, -1, 127, 128, 40_000, 2**31, -(2**62)]
    assert found["user_id"].dtype == pl.Int64


def written(folder, rows):
    folder.mkdir()
    names = ("user_id", "happened_at", "action", "category_id", "brand_id")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    frame.cast({"action": pl.Int8}).write_parquet(folder / "rows.parquet")
    return folder


def shown(folder, rows):
    folder.mkdir()
    names = ("user_id", "shown_at", "ad_id", "is_click")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    frame.write_parquet(folder / "rows.parquet")
    return folder


@pytest.fixture
def pairs(tmp_path):
    """User 2 has 127 views in the last week, user 1 shops after an ad, user 3 only sees ads."""
    last = 13 * DAY
    many = [(2, last + second, VIEW, second, second % 3) for second in range(127)]
    few = [(1, DAY, VIEW, 5, 7), (1, 3 * DAY, PURCHASE, 5, 7)]
    return [
        (written(tmp_path / "b0", many), None),
        (written(tmp_path / "b1", few), shown(tmp_path / "i1", [(1, 2 * DAY, 9, 1)])),
        (None, shown(tmp_path / "i2", [(3, 2 * DAY, 9, 0)])),
    ]


ADS = value_ads(pl.DataFrame({"ad_id": [9], "category_id": [5], "price": [2.5]}))


def test_counts_alone_are_those_of_the_whole_counting(shared_engine, pairs):
    alone = count_behaviour_users(shared_engine, pairs, ADS, window=WINDOW)

    whole = count_behaviour_log(shared_engine, pairs, ADS, history=WINDOW, window=WINDOW)

    assert_frame_equal(alone, whole.counts)
    assert alone["user_id"].to_list() == [1, 2, 3]
    assert alone["n_view_through_1d"].to_list() == [1, None, None]


def test_features_of_compact_counts_are_those_of_wide_ones(shared_engine, pairs):
    behaviours = pairs[0][0]
    wide = shared_engine.collect(
        count_behaviours(shared_engine.scan_part(behaviours), window=WINDOW)
    )
    compacted = count_behaviour_users(shared_engine, pairs[:1], None, window=WINDOW)
    assert compacted["n_last_week"].dtype == pl.Int8

    table, priors = derive_behaviours(compacted, window=WINDOW)

    expected, expected_priors = derive_behaviours(wide, window=WINDOW)
    assert_frame_equal(table, expected)
    assert priors == expected_priors
    # log2 of 128 / 1: in one byte 127 + 1 would be -128.
    assert table["browsing_trend"].to_list() == [7.0]
