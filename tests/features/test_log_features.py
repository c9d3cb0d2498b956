"""Every feature of the log, on every engine, against the plain-Python oracle."""

import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.reads import ads_of, facts_of, split, split_rows, used_rows, user_table_of
from tests.reference import reference_main_placement, reference_user_table
from tests.repeats import examples
from tests.texts import raises_text

from segmentry.errors import EmptyDataError
from segmentry.features import LOG_FEATURES, BetaPrior, count_users, derive_features
from segmentry.ingest.checked import find_log_facts
from segmentry.ingest.clean_tables import clean_ads
from segmentry.ingest.taobao import find_taobao
from segmentry.schema import Window

MIDNIGHT = 1_494_000_000
"""Saturday 2017-05-06, 0 o'clock in Beijing; Friday, 16 o'clock in UTC."""
HOUR = 3_600
DAY = 86_400
WINDOW = Window(start=MIDNIGHT, end=MIDNIGHT + 8 * DAY, utc_offset_hours=8)

NAMES = [feature.name for feature in LOG_FEATURES]
INTEGERS = {feature.name for feature in LOG_FEATURES if feature.kind in {"count", "time"}}
FIXED_POINT = {"category_entropy", "mean_log_price_seen", "mean_log_price_clicked"}

ADS = {
    1: (10, 100, None, 1.718281828459045),
    2: (20, 100, 7, 19.085536923187668),
    4: (None, 101, 8, None),
    5: (10, None, 7, 0.01),
}


def assert_equals_oracle(table, prior, expected):
    assert table["user_id"].to_list() == list(expected)
    for row in table.iter_rows(named=True):
        values = expected[row["user_id"]]
        shrunk = (values["n_clicks"] + prior.mean * prior.precision) / (
            values["n_impressions"] + prior.precision
        )
        assert row["ctr_shrunk"] == pytest.approx(shrunk, rel=1e-12, abs=0)
        for name, value in values.items():
            found = (row["user_id"], name, row[name])
            if value is None or name in INTEGERS:
                assert found == (row["user_id"], name, value)
            elif name in FIXED_POINT:
                assert found[2] == pytest.approx(value, rel=0, abs=1e-6), found
            else:
                assert found[2] == pytest.approx(value, rel=1e-12, abs=0), found


def assert_is_as_the_oracle_says(
    engine, rows, directory, *, ads=ADS, window=WINDOW, profiled=(), n_parts=1, main="top"
):
    table, prior = user_table_of(
        engine,
        rows,
        directory,
        window=window,
        ads=ads,
        profiled=profiled,
        n_parts=n_parts,
        main_placement=main,
    )
    expected = reference_user_table(
        rows, ads, window=window, main_placement=main, profiled=profiled
    )
    assert_equals_oracle(table, prior, expected)
    return table


def at(second, *, user=1, ad=1, placement="top", click=0):
    return (user, MIDNIGHT + second, ad, placement, click)


LOGS = {
    "a bit of everything": [
        at(1 * HOUR),
        at(1 * HOUR + 600, click=1),
        at(DAY - 1, ad=2, placement="side"),
        at(DAY + 6 * HOUR, placement=None, click=1),
        at(2 * DAY + 12 * HOUR, ad=None),
        at(2 * DAY + 18 * HOUR, ad=3),
    ],
    "one event per user": [at(5, user=user, ad=user, click=user % 2) for user in range(1, 8)],
    "several impressions in one second": [at(7), at(7, click=1), at(7), at(7, ad=2)],
    "the same row three times": [at(7, click=1)] * 3,
    "repeat clicked on the first exposure": [at(0, click=1), at(5), at(9)],
    "repeat clicked on the second exposure": [at(0), at(5, click=1), at(9)],
    "every exposure of a repeat clicked": [at(0, click=1), at(5, click=1), at(9, click=1)],
    "first moment twice, clicked once, and later": [at(0), at(0, click=1), at(5, click=1)],
    "ads without id": [at(0, ad=None, click=1), at(5, ad=None), at(9, ad=None, click=1)],
    "ads without a row of their own": [at(0, ad=98), at(5, ad=99, click=1), at(5, ad=99)],
    "null brand, category, campaign and price": [at(0, ad=4), at(1, ad=5), at(2, ad=1)],
    "only null attributes": [at(0, ad=4, click=1)],
    "price seen but not clicked": [at(0, ad=1), at(1, ad=4, click=1)],
    "no placement": [at(0, placement=None), at(1, user=2, placement="side"), at(2, user=2)],
    "one category": [at(second, ad=1 if second % 2 else 5) for second in range(7)],
    "many categories": [at(second, ad=1 + second % 5) for second in range(23)],
    "negative and huge user ids": [at(0, user=-3), at(1, user=2**53 + 1), at(2, user=2**53)],
    "window edges": [at(-1, click=1), at(0, user=2), at(8 * DAY - 1, user=3), at(8 * DAY, user=4)],
    "a first exposure before the window": [at(-1, click=1), at(3, click=1)],
    "nobody in the window": [at(-1), at(8 * DAY)],
    "half hours": [at(1799), at(1800), at(3599), at(3600), at(7200 - 1, user=2)],
}


@pytest.mark.parametrize("rows", LOGS.values(), ids=LOGS.keys())
def test_features_are_those_of_the_oracle(rows, shared_engine, tmp_path):
    assert_is_as_the_oracle_says(shared_engine, rows, tmp_path, profiled=[2, 1_000_000])


@pytest.mark.parametrize("utc_offset_hours", [-11, -5, 0, 8, 12])
def test_day_hour_and_weekday_are_those_of_the_local_clock(utc_offset_hours, engine, tmp_path):
    edges = [day * DAY + hour * HOUR for day in range(8) for hour in range(0, 24, 3)]
    rows = [at(edge + shift, user=edge, click=1) for edge in edges for shift in (-1, 0)]
    window = Window(start=MIDNIGHT - DAY, end=MIDNIGHT + 9 * DAY, utc_offset_hours=utc_offset_hours)

    assert_is_as_the_oracle_says(engine, rows, tmp_path, window=window)


def test_weekend_and_days_turn_at_local_midnight(engine, tmp_path):
    rows = [at(2 * DAY - 1, click=1), at(2 * DAY)]  # Sunday 23:59:59 and Monday 00:00:00

    table, _ = user_table_of(engine, rows, tmp_path, window=WINDOW)

    assert table.select(
        "weekend_share", "evening_share", "night_share", "n_active_days", "n_click_days", "n_bursts"
    ).rows() == [(0.5, 0.5, 0.5, 2, 1, 2)]


def test_window_is_half_open(engine, tmp_path):
    rows = [at(-1), at(0), at(8 * DAY - 1), at(8 * DAY)]

    table, _ = user_table_of(engine, rows, tmp_path, window=WINDOW)

    assert table.select("n_impressions", "first_seen_at", "last_seen_at").rows() == [
        (2, WINDOW.start, WINDOW.end - 1)
    ]
    assert table["recency_days"].to_list() == [1 / DAY]


def test_clicks_after_a_repeat_are_those_after_the_first_moment(engine, tmp_path):
    rows = [
        at(0, user=1, click=1),
        at(5, user=1, click=0),
        at(0, user=2, click=0),
        at(5, user=2, click=1),
        at(5, user=3, click=0),  # later row first
        at(0, user=3, click=1),
        at(0, user=4, click=0),  # one moment, and it was clicked
        at(0, user=4, click=1),
        at(0, user=5, click=1),
        at(0, user=5, click=1),
    ]

    table, _ = user_table_of(engine, rows, tmp_path, window=WINDOW)

    assert table.select("user_id", "n_repeat_impressions", "n_repeat_clicks").rows() == [
        (1, 1, 0),
        (2, 1, 1),
        (3, 1, 0),
        (4, 1, 0),
        (5, 1, 1),
    ]


def test_users_are_those_of_the_log_and_of_the_profiles(engine, tmp_path):
    rows = [at(0, user=7, click=1), at(3, user=2)]

    table, prior = user_table_of(engine, rows, tmp_path, window=WINDOW, profiled=[9, 2])

    counts = ["n_impressions", "n_clicks", "n_ads", "n_bursts", "n_categories"]
    assert table.select("user_id", "is_profiled", *counts).rows() == [
        (2, True, 1, 0, 1, 1, 0),
        (7, False, 1, 1, 1, 1, 0),
        (9, True, 0, 0, 0, 0, 0),
    ]
    unknown = table.row(2, named=True)
    assert [name for name in NAMES if name not in INTEGERS and unknown[name] is not None] == [
        "ctr_shrunk"
    ]
    assert unknown["ctr_shrunk"] == pytest.approx(prior.mean, rel=1e-12)


def test_text_user_ids_are_kept_and_sorted_as_text(engine, tmp_path):
    rows = [at(0, user="u10"), at(1, user="u9", click=1), at(2, user="U1")]

    table, _ = user_table_of(engine, rows, tmp_path, window=WINDOW, profiled=["a"])

    assert table.select("user_id", "n_clicks").rows() == [
        ("U1", 0),
        ("a", 0),
        ("u10", 0),
        ("u9", 1),
    ]


def test_without_a_main_placement_its_share_is_unknown(engine, tmp_path):
    rows = [at(0, placement=None), at(1, user=2, placement=None)]

    table = assert_is_as_the_oracle_says(engine, rows, tmp_path, main=None)

    assert table["main_placement_share"].to_list() == [None, None]


def test_without_ads_all_that_comes_from_them_is_unknown(engine, tmp_path):
    table = assert_is_as_the_oracle_says(engine, [at(0, click=1), at(1, ad=2)], tmp_path, ads={})

    assert table.select("n_ads", "n_categories", "category_entropy").rows() == [(2, 0, None)]


def test_columns_are_those_of_the_catalogue_in_its_order_and_types(engine, tmp_path):
    table, _ = user_table_of(engine, [at(0)], tmp_path, window=WINDOW)

    assert dict(table.schema) == {
        "user_id": pl.Int64,
        "is_profiled": pl.Boolean,
        **{name: pl.Int64 if name in INTEGERS else pl.Float64 for name in NAMES},
    }


def many_rows(n_rows, *, seed):
    rng = np.random.default_rng(seed)
    return [
        at(
            900 * int(rng.integers(8 * DAY // 900)),
            user=int(rng.integers(40)),
            ad=(None, 1, 2, 3, 4, 5)[rng.integers(6)],
            placement=("top", "side", None)[rng.integers(3)],
            click=int(rng.random() < 0.2),
        )
        for _ in range(n_rows)
    ]


@pytest.mark.parametrize("n_parts", [1, 2, 5])
def test_number_of_parts_and_order_of_rows_change_nothing(n_parts, engine, tmp_path):
    rows = many_rows(1500, seed=1)
    (tmp_path / "shuffled").mkdir()

    table = assert_is_as_the_oracle_says(engine, rows, tmp_path, n_parts=n_parts)
    shuffled, _ = user_table_of(
        engine,
        [rows[position] for position in np.random.default_rng(2).permutation(len(rows))],
        tmp_path / "shuffled",
        window=WINDOW,
        ads=ADS,
        n_parts=3,
    )

    assert_frame_equal(table, shuffled, check_exact=True)


@pytest.mark.parametrize("n_parts", [1, 3])
def test_users_are_counted_by_local_day_of_the_window(n_parts, engine, tmp_path):
    beijing = dt.timezone(dt.timedelta(hours=8))
    window = Window(start=MIDNIGHT + DAY, end=MIDNIGHT + 7 * DAY, utc_offset_hours=8)
    edges = [at(DAY - 1), at(DAY, click=1), at(2 * DAY - 1), at(7 * DAY - 1), at(7 * DAY, click=1)]
    rows = [*many_rows(600, seed=4), *edges]
    shown, clicked = Counter(), Counter()
    for user, moment, _, _, click in rows:
        local = dt.datetime.fromtimestamp(moment, tz=beijing).date()
        if dt.date(2017, 5, 7) <= local <= dt.date(2017, 5, 12):
            day = (local - dt.date(1970, 1, 1)).days
            shown[user, day] += 1
            clicked[user, day] += click

    log = split_rows(engine, rows, tmp_path, n_parts=n_parts)
    found = count_users(
        engine,
        log.parts,
        ads_of(ADS),
        window=window,
        main_placement="top",
        early=(window.end, LOG_FEATURES),
    ).days

    assert found.columns == ["user_id", "day", "n_impressions", "n_clicks"]
    assert list(found.iter_rows()) == [(*key, shown[key], clicked[key]) for key in sorted(shown)]


def test_saved_prior_is_used_as_it_is(engine, tmp_path):
    log = split_rows(engine, [at(0, click=1), at(1)], tmp_path)
    counts = count_users(engine, log.parts, ads_of(ADS), window=WINDOW, main_placement="top").users
    profiles = pl.DataFrame(schema={"user_id": pl.Int64})
    saved = BetaPrior(mean=0.1, precision=8.0)

    table, prior = derive_features(counts, profiles, (), window=WINDOW, prior=saved)

    assert prior is saved
    assert table["ctr_shrunk"].to_list() == [pytest.approx(0.18)]  # (1 + 0.8) / (2 + 8)


def test_a_profile_without_events_has_the_mean_rate_whatever_else_is_counted(engine, tmp_path):
    rate = [feature for feature in LOG_FEATURES if feature.name == "ctr_shrunk"]
    log = split_rows(engine, [at(0, click=1)], tmp_path)
    counts = count_users(
        engine, log.parts, ads_of(ADS), window=WINDOW, main_placement="top", features=rate
    ).users
    saved = BetaPrior(mean=0.1, precision=8.0)

    table, _ = derive_features(
        counts, pl.DataFrame({"user_id": [99]}), (), window=WINDOW, features=rate, prior=saved
    )

    assert table["ctr_shrunk"].to_list()[-1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("placements", "main"),
    [
        (["side", "top", "top"], "top"),
        (["top", "side"], "side"),
        (["b", "a", "B", None, None], "B"),
        (["9", "10"], "10"),
        ([None, None], None),
    ],
)
def test_main_placement_is_the_most_frequent_and_the_first_by_name_of_equals(
    placements, main, engine, tmp_path
):
    rows = [at(n, user=n, placement=placement) for n, placement in enumerate(placements)]

    facts = facts_of(engine, rows, tmp_path, n_parts=3)

    assert facts.main_placement == main == reference_main_placement(rows, WINDOW)
    assert (facts.first_at, facts.last_at) == (MIDNIGHT, MIDNIGHT + len(rows) - 1)


def test_log_without_a_used_row_has_no_facts(engine, tmp_path):
    with raises_text(EmptyDataError):
        facts_of(engine, [(1, 5, 1, "top", 0)], tmp_path)


@pytest.mark.real_data("taobao_excerpt")
def test_features_of_the_real_excerpt_are_those_of_the_oracle(engine, real_data, tmp_path):
    source = find_taobao(real_data / "taobao_excerpt")
    log = split(engine, source.impressions, tmp_path / "parts", n_parts=2)
    ads = clean_ads(engine.read_table(source.ads)[0], unreadable=0).rows
    facts = find_log_facts(engine, log.parts)
    window = Window.around(facts.first_at, facts.last_at, utc_offset_hours=8)

    counts = count_users(
        engine, log.parts, ads, window=window, main_placement=facts.main_placement
    ).users
    nobody = pl.DataFrame(schema={"user_id": pl.Int64})
    table, prior = derive_features(counts, nobody, (), window=window)

    rows = used_rows(engine, log)
    columns = ("ad_id", "category_id", "campaign_id", "brand_id", "price")
    known = {ad_id: tuple(rest) for ad_id, *rest in ads.select(columns).iter_rows()}
    assert facts.main_placement == reference_main_placement(rows, window)
    expected = reference_user_table(rows, known, window=window, main_placement=facts.main_placement)
    assert_equals_oracle(table, prior, expected)


MOMENTS = st.one_of(
    st.sampled_from([-1, 0, 1, 1800, 6 * HOUR - 1, 6 * HOUR, DAY - 1, DAY, 2 * DAY, 8 * DAY]),
    st.integers(-DAY, 9 * DAY),
)
IMPRESSIONS = st.lists(
    st.tuples(
        st.integers(1, 4),
        MOMENTS.map(lambda second: MIDNIGHT + second),
        st.sampled_from([None, 1, 2, 3, 4]),
        st.sampled_from([None, "top", "side"]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)
CODES = st.sampled_from([None, 1, 2])
PRICES = st.one_of(st.none(), st.sampled_from([0.01, 1.0, 99_999_999.0]), st.floats(0.01, 1e8))
AD_TABLES = st.dictionaries(st.integers(1, 4), st.tuples(CODES, CODES, CODES, PRICES), max_size=4)


@examples(12, 100)
@given(
    rows=IMPRESSIONS,
    ads=AD_TABLES,
    profiled=st.sets(st.integers(1, 6)),
    utc_offset_hours=st.sampled_from([-5, 0, 8]),
)
def test_any_small_log_gives_the_oracles_table(
    shared_engine, rows, ads, profiled, utc_offset_hours
):
    window = Window(start=MIDNIGHT, end=MIDNIGHT + 8 * DAY, utc_offset_hours=utc_offset_hours)
    with tempfile.TemporaryDirectory() as folder:
        assert_is_as_the_oracle_says(
            shared_engine, rows, Path(folder), ads=ads, window=window, profiled=profiled
        )
