"""Features of the behaviour log, worked out by hand."""

import math

import polars as pl
import pytest

from segmentry.features import BEHAVIOUR_FEATURES, BetaPrior, derive_behaviours
from segmentry.features._behaviour_counts import count_attributions, count_behaviours
from segmentry.schema import Window

HOUR, DAY = 3_600, 86_400
START = 1_494_000_000
"""Saturday 2017-05-06, 0 o'clock in Beijing."""
WINDOW = Window(start=START, end=START + 14 * DAY, utc_offset_hours=8)
VIEW, CART, FAVOURITE, PURCHASE = range(4)
PRIOR = BetaPrior(mean=0.5, precision=2.0)

ANNA = [
    (1, START + HOUR, VIEW, 10, 5),
    (1, START + 2 * HOUR, VIEW, 10, 5),
    (1, START + 7 * HOUR, VIEW, 20, 6),
    (1, START + 13 * HOUR, CART, 10, 5),
    (1, START + 25 * HOUR, PURCHASE, 10, 5),
    (1, START + 8 * DAY, PURCHASE, 10, 5),
    (1, START + 9 * DAY, CART, 20, 6),
    (1, START + 9 * DAY, FAVOURITE, 30, None),
]
BEN = [(2, START + 3 * DAY, VIEW, None, None)]


@pytest.fixture
def features(engine):
    schema = dict.fromkeys(
        ("user_id", "happened_at", "action", "category_id", "brand_id"), pl.Int64
    )
    behaviours = engine.from_polars(pl.DataFrame(ANNA + BEN, schema=schema, orient="row"))
    shown = pl.DataFrame(
        {
            "user_id": [1, 1, 1],
            "shown_at": [START, START + 7 * DAY, START + 7 * DAY],
            "ad_id": [1, 2, 3],
            "is_click": [0, 1, 0],
        }
    )
    ads = pl.DataFrame({"ad_id": [1, 2, 3], "category_id": [10, 10, 40]})
    counts = engine.collect(count_behaviours(behaviours, window=WINDOW)).join(
        engine.collect(
            count_attributions(
                behaviours, engine.from_polars(shown), engine.from_polars(ads), window=WINDOW
            )
        ),
        on="user_id",
        how="left",
    )
    priors = dict.fromkeys(("cart_rate", "purchase_rate", "cart_to_purchase_rate"), PRIOR)
    table, _ = derive_behaviours(counts.sort("user_id"), window=WINDOW, priors=priors)
    return {row["user_id"]: row for row in table.iter_rows(named=True)}


EXPECTED = {
    "n_behaviours": 8,
    "n_views": 3,
    "n_carts": 2,
    "n_favourites": 1,
    "n_purchases": 2,
    "n_behaviour_days": 4,
    "n_purchase_days": 2,
    "days_since_purchase": 6.0,
    "n_viewed_categories": 2,
    "n_viewed_brands": 2,
    "viewing_entropy": -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)),
    "top_brand_view_share": 2 / 3,
    "cart_rate_shrunk": (2 + 1) / (3 + 2),
    "purchase_rate_shrunk": (1 + 1) / (3 + 2),
    "cart_to_purchase_rate_shrunk": (1 + 1) / (2 + 2),
    "cart_abandonment": 0.5,
    "days_to_purchase": 1.0,
    "repeat_purchase_share": 1.0,
    "browsing_night_share": 6 / 8,
    "browsing_morning_share": 1 / 8,
    "browsing_afternoon_share": 1 / 8,
    "browsing_evening_share": 0.0,
    "browsing_weekend_share": 6 / 8,
    "browsing_trend": math.log2(4 / 6),
    "advertised_overlap": 0.5,
    "view_through_1d_share": 0.5,
    "view_through_3d_share": 1.0,
    "view_through_7d_share": 1.0,
    "click_through_1d_share": 0.5,
    "click_through_3d_share": 0.5,
    "click_through_7d_share": 0.5,
}


def test_every_feature_of_the_catalogue_is_worked_out(features):
    names = [feature.name for feature in BEHAVIOUR_FEATURES]
    assert names == [name for name in features[1] if name != "user_id"]
    assert set(names) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_feature_is_as_worked_out_by_hand(features, name):
    assert features[1][name] == pytest.approx(EXPECTED[name], abs=1e-6)


def test_shares_of_nothing_are_unknown_and_shrunk_rates_are_the_mean(features):
    ben = features[2]

    unknown = {name for name, value in ben.items() if value is None}

    assert {"cart_abandonment", "days_to_purchase", "days_since_purchase", "viewing_entropy"} < (
        unknown
    )
    assert ben["purchase_rate_shrunk"] == PRIOR.mean
    assert ben["n_purchases"] == 0


def test_purchases_before_the_ad_log_are_no_purchases_without_an_ad(engine):
    schema = dict.fromkeys(
        ("user_id", "happened_at", "action", "category_id", "brand_id"), pl.Int64
    )
    behaviours = engine.from_polars(pl.DataFrame(ANNA, schema=schema, orient="row"))
    shown = pl.DataFrame(
        {"user_id": [1], "shown_at": [START + 7 * DAY], "ad_id": [1], "is_click": [0]}
    )
    ads = pl.DataFrame({"ad_id": [1], "category_id": [10]})
    counts = engine.collect(
        count_behaviours(behaviours, window=WINDOW, ads_since=START + 7 * DAY)
    ).join(
        engine.collect(
            count_attributions(
                behaviours, engine.from_polars(shown), engine.from_polars(ads), window=WINDOW
            )
        ),
        on="user_id",
    )

    table, _ = derive_behaviours(counts, window=WINDOW)

    # Of two purchases one came before any ad could be known.
    assert table["n_purchases"].to_list() == [2]
    assert table["view_through_1d_share"].to_list() == [1.0]
    assert table["click_through_7d_share"].to_list() == [0.0]


def test_without_ads_what_needs_them_is_unknown(engine):
    schema = dict.fromkeys(
        ("user_id", "happened_at", "action", "category_id", "brand_id"), pl.Int64
    )
    behaviours = engine.from_polars(pl.DataFrame(ANNA, schema=schema, orient="row"))
    counts = engine.collect(count_behaviours(behaviours, window=WINDOW))

    table, priors = derive_behaviours(counts, window=WINDOW)

    assert table["advertised_overlap"].to_list() == [None]
    assert table["view_through_7d_share"].to_list() == [None]
    assert set(priors) == {"cart_rate", "purchase_rate", "cart_to_purchase_rate"}
