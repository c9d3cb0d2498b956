"""What followed an impression, against the oracle, on every engine."""

import polars as pl
from hypothesis import example, given
from tests.features.test_behaviour_counts import (
    CATEGORIES,
    START,
    WINDOW,
    ad_logs,
    behaviours_of,
    counted,
    impressions_of,
    logs,
    per_engine,
)
from tests.reference_behaviours import Behaviour, Impression
from tests.reference_journeys import reference_credits, reference_days, reference_journeys

from segmentry.features._behaviour_counts import count_behaviour_days, count_credits, count_journeys
from segmentry.schema import Window

CENTS = {1: 1250, 4: 300}
HOUR = 3600
WEEK = Window(start=START + 8 * 86_400, end=START + 14 * 86_400, utc_offset_hours=8)


def ads_of(engine):
    rows = [(ad, category, CENTS.get(ad)) for ad, category in CATEGORIES.items()]
    schema = dict.fromkeys(("ad_id", "category_id", "cents"), pl.Int64)
    return engine.from_polars(pl.DataFrame(rows, schema=schema, orient="row"))


def journeys(engine, rows, shown):
    frame = count_journeys(
        behaviours_of(engine, rows),
        impressions_of(engine, shown),
        ads_of(engine),
        window=WINDOW,
    )
    return {
        user: {name: n for name, n in counts.items() if n}
        for user, counts in counted(engine, frame).items()
    }


@per_engine
@given(rows=logs, shown=ad_logs)
@example(rows=[], shown=[])
def test_journeys_are_those_of_the_oracle(shared_engine, rows, shown):
    expected = reference_journeys(rows, shown, CATEGORIES, CENTS, window=WINDOW)

    assert journeys(shared_engine, rows, shown) == {
        user: {name: n for name, n in counts.items() if n} for user, counts in expected.items()
    }


@per_engine
@given(rows=logs, shown=ad_logs)
@example(rows=[], shown=[])
def test_credits_are_those_of_the_oracle(shared_engine, rows, shown):
    frame = count_credits(
        behaviours_of(shared_engine, rows),
        impressions_of(shared_engine, shown),
        ads_of(shared_engine),
        window=WINDOW,
    )

    found = {tuple(row[:2]): tuple(row[2:]) for row in shared_engine.collect(frame).iter_rows()}
    assert found == reference_credits(rows, shown, CATEGORIES, window=WINDOW)


@per_engine
@given(rows=logs)
@example(rows=[])
def test_days_are_those_of_the_oracle(shared_engine, rows):
    history = Window(start=START, end=WEEK.end, utc_offset_hours=8)
    frame = count_behaviour_days(behaviours_of(shared_engine, rows), history=history, window=WEEK)

    found = {tuple(row[:2]): tuple(row[2:]) for row in shared_engine.collect(frame).iter_rows()}
    assert found == reference_days(rows, history=history, window=WEEK)


def test_a_purchase_before_the_impression_is_no_conversion(engine):
    click = Impression(1, START + HOUR, 1, 1)
    bought = Behaviour(1, START + HOUR - 1, 3, 10, None)
    same = bought._replace(happened_at=START + HOUR)
    later = bought._replace(happened_at=START + HOUR + 1)

    for rows in ([bought], [same]):
        assert journeys(engine, rows, [click])[1] == {
            "n_placed_impressions": 1,
            "n_placed_clicks": 1,
        }
    assert journeys(engine, [later], [click])[1]["n_converted_clicks"] == 1


def test_the_funnel_asks_for_view_cart_and_purchase_in_this_order(engine):
    click = Impression(1, START, 1, 1)
    view, cart, bought = (
        Behaviour(1, START + n * HOUR, action, 10, None) for n, action in ((1, 0), (2, 1), (3, 3))
    )
    in_order = journeys(engine, [view, cart, bought], [click])[1]
    assert [in_order[f"n_{step}_clicks"] for step in ("viewed", "carted", "bought")] == [1, 1, 1]
    assert in_order["cents"] == 1250

    early_cart = cart._replace(happened_at=START + HOUR // 2)
    found = journeys(engine, [view, early_cart, bought], [click])[1]
    assert found == {
        "n_placed_impressions": 1,
        "n_placed_clicks": 1,
        "n_viewed_clicks": 1,
        "n_converted_clicks": 1,
        "n_priced_clicks": 1,
        "cents": 1250,
    }
