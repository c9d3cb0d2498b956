"""Insights on what segments do in the shop: where they must be said and where they must not."""

from dataclasses import replace

import pytest
from tests.conversions import near, shop_with, with_conversions
from tests.texts import says

from segmentry.advise.insights import find_insights
from segmentry.describe.conversions import PurchaseVerdict
from segmentry.describe.profiles import NumericStatistics
from segmentry.schema import Estimate

UNKNOWN = Estimate(value=None, low=None, high=None)
AGREED = dict.fromkeys(range(1, 6), 0.9)
SELDOM = {"verdict": "confirmed", "forecast_index": near(80.0, 5.0)}
MORE = PurchaseVerdict("confirmed", "it buys more", 0.2, near(0.18, 0.02), 0.1)
LESS = PurchaseVerdict("confirmed", "it buys less", 0.02, near(0.03, 0.02), 0.1)


@pytest.fixture
def plain(make_summary):
    """Five segments that click alike."""
    summary = make_summary(n_points=30)
    shown = NumericStatistics("n_impressions", 40.0, 20.0, 30.0, 50.0, 0.0, 100.0, UNKNOWN)
    segments = tuple(
        replace(
            each,
            verdict="no difference",
            ctr_seen=near(0.05, 0.001),
            expected_rate=near(0.0506, 0.001),
            forecast_index=near(100.0, 2.0),
            numeric=(shown,),
            levels=(),
            impressions_share=each.share,
        )
        for each in summary.segments
    )
    return replace(summary, segments=segments)


def clicking(summary, **first):
    return replace(summary, segments=(replace(summary.segments[0], **first), *summary.segments[1:]))


def plain_level(summary):
    return summary.population.expected_rate.value


def of_shop(summary, *, mute=()):
    found, _ = find_insights(summary, agreements=AGREED, mute=mute)
    return [(each.code, each.segment_id) for each in found if each.code >= "SEG-019"]


def test_of_segments_that_are_alike_nothing_is_said(plain):
    assert of_shop(with_conversions(plain)) == []


def test_heavy_browsers_must_view_much_and_seldom_click_later_too(plain):
    much = {"shop": shop_with("views", 300.0, 20.0)}
    rarely = clicking(plain, **SELDOM)

    assert of_shop(with_conversions(rarely, **much)) == [("SEG-019", 1)]
    assert of_shop(with_conversions(plain, **much)) == []
    assert of_shop(with_conversions(rarely)) == []
    barely = {"shop": shop_with("views", 300.0, 50.0)}  # 1.47 times at the near end
    assert of_shop(with_conversions(rarely, **barely)) == []
    unsure = clicking(plain, **SELDOM | {"forecast_index": near(88.0, 5.0)})
    assert of_shop(with_conversions(unsure, **much)) == []


def test_buyers_who_ignore_ads_are_confirmed_in_both(plain):
    rarely = clicking(plain, **SELDOM)
    summary = with_conversions(rarely, purchases=MORE)

    assert of_shop(summary) == [("SEG-020", 1)]
    assert of_shop(with_conversions(plain, purchases=MORE)) == []
    not_confirmed = replace(MORE, verdict="weaker")
    assert of_shop(with_conversions(rarely, purchases=not_confirmed)) == []
    assert of_shop(with_conversions(rarely, purchases=LESS)) == []
    assert of_shop(with_conversions(rarely, purchases=None)) == []

    found, _ = find_insights(summary, agreements=AGREED)
    insight = next(each for each in found if each.code == "SEG-020")
    assert "18.0" in insight.text
    assert "90" in insight.text  # per cent of its purchases without a click
    # 10,000 impressions at 5.06 %: 506 clicks, of which a fifth is gained elsewhere.
    assert insight.action.value.value == pytest.approx(0.2 * 10_000 * plain_level(plain))
    assert "without a test" in insight.action.text
    levels = {each.label: each.level for each in insight.evidence}
    assert levels["days with a purchase, later"] == 90


def test_what_is_bought_is_tested_by_leaving_users_alone_not_by_clicks(plain):
    rarely = clicking(plain, **SELDOM)
    views, left = shop_with("views", 300.0, 20.0), shop_with("carts abandoned", 0.9, 0.02)
    loyal = shop_with("same brand", 0.014, 0.001)
    found = [
        each
        for summary in (
            with_conversions(rarely, shop=views),
            with_conversions(rarely, purchases=MORE),
            with_conversions(plain, features=(), shop=left),
            with_conversions(plain, shop=loyal),
        )
        for each in find_insights(summary, agreements=AGREED)[0]
        if each.code >= "SEG-019"
    ]
    tests = {each.code: each.action.test for each in found}

    half = "segmentry export audience RUN_DIR --segment 1 --hold-out 50% --out audience.csv"
    assert [tests[f"SEG-0{n}"] for n in (19, 20, 21)] == [half] * 3
    says(tests["SEG-022"])


def test_cart_abandoners_leave_more_than_others(plain):
    # All users buy 20 % of what they put in the cart; 0.8 times that is 16 %.
    left = {"shop": shop_with("carts abandoned", 0.9, 0.02)}
    close = {"shop": shop_with("carts abandoned", 0.85, 0.02)}

    assert of_shop(with_conversions(plain, features=(), **left)) == [("SEG-021", 1)]
    assert of_shop(with_conversions(plain, features=(), **close)) == []


def test_where_purchases_formed_the_segments_later_days_must_confirm_abandoners(plain):
    left = {"shop": shop_with("carts abandoned", 0.9, 0.02)}

    assert of_shop(with_conversions(plain, **left)) == []
    assert of_shop(with_conversions(plain, purchases=LESS, **left)) == [("SEG-021", 1)]
    assert of_shop(with_conversions(plain, purchases=MORE, **left)) == []


def test_brand_loyal_and_explorers_by_the_chance_of_two_views(plain):
    loyal = {"shop": shop_with("same brand", 0.014, 0.001)}
    nearly = {"shop": shop_with("same brand", 0.013, 0.001)}
    exploring = {"shop": shop_with("same category", 0.036, 0.003)}
    hardly = {"shop": shop_with("same category", 0.039, 0.003)}

    assert of_shop(with_conversions(plain, **loyal)) == [("SEG-022", 1)]
    assert of_shop(with_conversions(plain, **nearly)) == []
    assert of_shop(with_conversions(plain, **exploring)) == [("SEG-023", 1)]
    assert of_shop(with_conversions(plain, **hardly)) == []


def test_each_can_be_muted(plain):
    loyal = with_conversions(plain, shop=shop_with("same brand", 0.014, 0.001))

    assert of_shop(loyal, mute=("SEG-022",)) == []


def test_what_the_log_does_not_tell_is_said(plain):
    summary = with_conversions(plain)
    bare = tuple(
        replace(each, shop=tuple(e for e in each.shop if e.name != "same brand"))
        for each in summary.conversions.segments
    )
    summary = replace(summary, conversions=replace(summary.conversions, segments=bare))

    _, left_out = find_insights(summary, agreements=AGREED)

    says({e.code: e.reason for e in left_out}["SEG-022"])
