"""What is odd about the data: every count by hand."""

import polars as pl
import pytest
from tests.reads import ads_of, source_of, split_rows
from tests.texts import says

from segmentry.features import count_users
from segmentry.ingest.clean_tables import no_profiles
from segmentry.ingest.quality import Finding, find_in_log, find_in_tables
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.schema import Source, Window

MIDNIGHT = 1_494_000_000
"""Saturday 2017-05-06, 0 o'clock in Beijing; Friday, 16 o'clock in UTC."""
HOUR, DAY = 3_600, 86_400
FIVE_DAYS = Window(start=MIDNIGHT, end=MIDNIGHT + 5 * DAY, utc_offset_hours=8)
ATTRIBUTES = tuple(each for each in TAOBAO_ATTRIBUTES if each.name in {"gender", "city_tier"})

ADS = {1: (10, 100, None, 5.0), 2: (None, 100, 7, None), 3: (30, 101, None, 1.0)}
LOG = [
    # user_id, shown_at, ad_id, placement, is_click
    (1, MIDNIGHT, 1, "top", 0),
    (1, MIDNIGHT, 1, "top", 0),  # a copy
    (1, MIDNIGHT, 1, "top", 0),  # and another
    (1, MIDNIGHT, 1, "top", 1),  # clicked: no copy
    (1, MIDNIGHT + 7 * HOUR, 2, None, 0),  # still the first day in Beijing and in UTC
    (1, MIDNIGHT + 9 * HOUR, 2, None, 0),  # the next day in UTC, the first in Beijing
    (2, MIDNIGHT, 1, "top", 0),  # another user's: no copy
    (2, MIDNIGHT + 2 * DAY, None, None, 0),
    (2, MIDNIGHT + 2 * DAY, None, None, 0),  # a copy with unknown ad and placement
    (3, MIDNIGHT + 5 * DAY - 1, 8, "top", 0),  # an ad that the ad table lacks
    (4, MIDNIGHT + 5 * DAY - 1, 8, "top", 0),
    (4, MIDNIGHT + 5 * DAY - 1, 9, "top", 0),
]
PROFILES = pl.DataFrame(
    {
        "user_id": [1, 3, 7, 8, 9],
        "gender": [1, None, 2, None, None],
        "city_tier": [1, 2, 3, None, 4],
    }
)


def source_with(attributes=ATTRIBUTES):
    """Return a source that has all three tables."""
    ads = ("ad_id", "category_id", "campaign_id", "brand_id", "price")
    named = {
        "impressions": ("user_id", "shown_at", "ad_id", "placement", "is_click"),
        "profiles": ("user_id", *(each.name for each in attributes)),
        "ads": ads,
    }
    tables = {
        role: source_of(types={name: (name, "integer") for name in names}, role=role)
        for role, names in named.items()
    }
    return Source(name="log", attributes=attributes, utc_offset_hours=8, **tables)


SOURCE = source_with()


def in_tables(counts, profiles, *, ads=ADS, attributes=ATTRIBUTES):
    found = find_in_tables(
        counts,
        profiles,
        source_with(attributes),
        n_impossible_levels=3,
        n_impossible_prices=2,
        ads=ads_of(ads),
    )
    return {each.code: (each.count, each.of) for each in found}


def counts_of(engine, rows, directory, *, ads=ADS):
    log = split_rows(engine, rows, directory)
    return count_users(engine, log.parts, ads_of(ads), window=FIVE_DAYS, main_placement="top").users


@pytest.mark.parametrize("n_parts", [1, 3])
def test_the_log_is_counted_by_hand(engine, tmp_path, n_parts):
    log = split_rows(engine, LOG, tmp_path, n_parts=n_parts)

    found = find_in_log(engine, log.parts, ads_of(ADS), SOURCE, window=FIVE_DAYS)

    says(found)


def test_days_are_those_of_the_local_clock(engine, tmp_path):
    rows = [(1, MIDNIGHT, 1, "top", 0), (1, MIDNIGHT + 9 * HOUR, 1, "top", 0)]
    log = split_rows(engine, rows, tmp_path)

    def empty_days(offset):
        window = Window.around(MIDNIGHT, MIDNIGHT + 9 * HOUR, utc_offset_hours=offset)
        return find_in_log(engine, log.parts, ads_of(ADS), SOURCE, window=window)[-1]

    # One day in Beijing; Friday and Saturday in Greenwich: neither is empty.
    assert (empty_days(8).count, empty_days(8).of) == (0, 1)
    assert (empty_days(0).count, empty_days(0).of) == (0, 2)


def test_without_an_ad_table_no_ad_has_features(engine, tmp_path):
    log = split_rows(engine, LOG, tmp_path)

    found = find_in_log(engine, log.parts, ads_of({}), SOURCE, window=FIVE_DAYS)

    assert found[1] == Finding("ads-without-features", "ads without features", 4, 4)


def test_the_tables_are_counted_by_hand(engine, tmp_path):
    found = in_tables(counts_of(engine, LOG, tmp_path), PROFILES)

    assert found == {
        "users-without-profile": (2, 4),  # 2 and 4
        "profiles-without-impression": (3, 5),  # 7, 8 and 9
        # Ad 1 was shown five times, ad 2 twice; five impressions are of no or an unknown ad.
        "unknown-category": (7, 12),
        "unknown-price": (7, 12),
        "unknown-placement": (4, 12),
        "busiest-user": (6, 12),
        "impossible-price": (2, 3),
        "ads-unknown-category": (1, 3),
        "ads-unknown-brand": (2, 3),
        "ads-unknown-price": (1, 3),
        "impossible-level": (3, 10),
        "unknown-gender": (3, 5),
        "unknown-city_tier": (1, 5),
    }


def test_counts_of_0_are_told_as_well(engine, tmp_path):
    rows, ads = [(1, MIDNIGHT, 1, "top", 1)], {1: (10, 100, 5, 5.0)}
    profiles = pl.DataFrame({"user_id": [1], "gender": [1], "city_tier": [2]})
    counts = counts_of(engine, rows, tmp_path, ads=ads)

    found = find_in_tables(
        counts,
        profiles,
        SOURCE,
        n_impossible_levels=0,
        n_impossible_prices=0,
        ads=ads_of(ads),
    )

    assert {each.code: each.count for each in found if each.count} == {"busiest-user": 1}
    assert len(found) == 13


def test_without_profiles_every_user_lacks_one(engine, tmp_path):
    found = in_tables(counts_of(engine, LOG, tmp_path), no_profiles(pl.Int64(), ()), attributes=())

    assert found["users-without-profile"] == (4, 4)
    assert found["profiles-without-impression"] == (0, 0)


def test_an_empty_window_counts_to_nothing(engine, tmp_path):
    counts = counts_of(engine, [(1, MIDNIGHT - 1, 1, "top", 0)], tmp_path)

    found = in_tables(counts, PROFILES)

    assert found["busiest-user"] == (0, 0)
    assert found["users-without-profile"] == (0, 0)
    assert found["profiles-without-impression"] == (5, 5)
    assert found["unknown-placement"] == (0, 0)
