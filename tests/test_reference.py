"""The oracle itself against values worked out by hand."""

import math

import pytest
from tests.reference import (
    HIGHEST_PRECISION,
    LOWEST_PRECISION,
    reference_beta_binomial_loglik,
    reference_fit,
    reference_main_placement,
    reference_user_table,
)
from tests.texts import raises_text

from segmentry.features._catalogue import LOG_FEATURES
from segmentry.schema import Window

MIDNIGHT = 1_494_000_000
"""Saturday 2017-05-06, 0 o'clock in Beijing; Friday, 16 o'clock in UTC."""
HOUR = 3_600
DAY = 86_400
WINDOW = Window(start=MIDNIGHT, end=MIDNIGHT + 8 * DAY, utc_offset_hours=8)

ORACLE_FEATURES = {feature.name for feature in LOG_FEATURES} - {"ctr_shrunk"}
COUNTS = {feature.name for feature in LOG_FEATURES if feature.kind == "count"}


def table_of(rows, ads=None, *, window=WINDOW, main_placement=None, profiled=()):
    return reference_user_table(
        rows, ads or {}, window=window, main_placement=main_placement, profiled=profiled
    )


def features_of(shown, ads=None, **options):
    """Return the features of one user from ``(shown_at, ad_id, is_click)``."""
    rows = [("u", shown_at, ad_id, None, is_click) for shown_at, ad_id, is_click in shown]
    return table_of(rows, ads, **options)["u"]


def test_every_feature_of_a_user_with_a_bit_of_everything():
    ads = {1: (10, 100, None, math.e - 1), 2: (20, 100, 7, math.e**3 - 1)}
    rows = [
        ("u", MIDNIGHT + 1 * HOUR, 1, "top", 0),  # Saturday 01:00
        ("u", MIDNIGHT + 1 * HOUR + 600, 1, "top", 1),  # the same half hour
        ("u", MIDNIGHT + DAY - 1, 2, "side", 0),  # Saturday 23:59:59
        ("u", MIDNIGHT + DAY + 6 * HOUR, 1, None, 1),  # Sunday 06:00
        ("u", MIDNIGHT + 2 * DAY + 12 * HOUR, None, "top", 0),  # Monday 12:00
        ("u", MIDNIGHT + 2 * DAY + 18 * HOUR, 3, "top", 0),  # Monday 18:00, ad unknown
    ]

    features = table_of(rows, ads, main_placement="top")["u"]

    assert features == pytest.approx(
        {
            "n_impressions": 6,
            "n_active_days": 3,
            "n_bursts": 5,
            "impressions_per_burst": 1.2,
            "first_seen_at": 1_494_003_600,
            "last_seen_at": 1_494_237_600,
            "recency_days": 5.25,
            "n_clicks": 2,
            "ctr": 1 / 3,
            "n_click_days": 2,
            "n_repeat_impressions": 2,  # ad 1 three times
            "n_repeat_clicks": 2,  # both on ad 1, whose first exposure was not clicked
            "n_ads": 3,
            "n_categories": 2,
            "n_brands": 1,
            "n_campaigns": 1,
            "category_entropy": 0.5623351446188083,  # ln 4 - 3/4 ln 3: category 10 thrice, 20 once
            "top_category_share": 0.75,
            "mean_log_price_seen": 1.5,  # (1 + 1 + 1 + 3) / 4
            "mean_log_price_clicked": 1.0,
            "main_placement_share": 0.8,  # 4 of 5 known
            "night_share": 2 / 6,
            "morning_share": 1 / 6,
            "afternoon_share": 1 / 6,
            "evening_share": 2 / 6,
            "weekend_share": 4 / 6,
        },
        rel=1e-12,
    )
    assert set(features) == ORACLE_FEATURES


def test_profiled_user_without_impressions_has_counts_zero_and_all_else_unknown():
    features = table_of([], main_placement="top", profiled=["u"])["u"]

    assert features == {name: 0 if name in COUNTS else None for name in ORACLE_FEATURES}


def test_users_are_those_of_the_window_and_of_the_profiles_in_order():
    rows = [
        (4, WINDOW.end - 1, 1, None, 0),
        (1, WINDOW.start, 1, None, 0),
        (3, WINDOW.end, 1, None, 0),
        (2, WINDOW.start - 1, 1, None, 0),
        (1, WINDOW.end, 1, None, 1),
    ]

    table = table_of(rows, profiled=[5, 3])

    assert [(user_id, row["n_impressions"], row["n_clicks"]) for user_id, row in table.items()] == [
        (1, 1, 0),
        (3, 0, 0),
        (4, 1, 0),
        (5, 0, 0),
    ]


@pytest.mark.parametrize(
    ("shown", "n_repeat_impressions", "n_repeat_clicks"),
    [
        ([(0, 1, 1)], 0, 0),
        ([(0, 1, 1), (5, 1, 0)], 1, 0),
        ([(0, 1, 0), (5, 1, 1)], 1, 1),
        ([(5, 1, 1), (0, 1, 0)], 1, 1),  # order of rows is not order of time
        ([(5, 1, 0), (0, 1, 1)], 1, 0),
        ([(0, 1, 1), (5, 1, 1), (9, 1, 1)], 2, 2),
        ([(0, 1, 0), (0, 1, 1)], 1, 0),  # one moment, and it was clicked
        ([(0, 1, 1), (0, 1, 1)], 1, 1),
        ([(0, 1, 0), (0, 1, 1), (5, 1, 1)], 2, 1),
        ([(0, 1, 0), (1, 2, 1), (2, 3, 1)], 0, 0),
        ([(0, 1, 0), (1, 1, 1), (2, 2, 1), (3, 2, 1)], 2, 2),
        ([(0, None, 0), (5, None, 1)], 0, 0),  # ads without id are never the same ad
    ],
)
def test_repeats_are_exposures_of_an_ad_after_its_first_moment(
    shown, n_repeat_impressions, n_repeat_clicks
):
    features = features_of([(MIDNIGHT + second, ad_id, click) for second, ad_id, click in shown])

    assert features["n_repeat_impressions"] == n_repeat_impressions
    assert features["n_repeat_clicks"] == n_repeat_clicks


def test_an_ad_shown_to_another_user_or_before_the_window_is_no_repeat():
    rows = [
        ("a", MIDNIGHT - 1, 1, None, 1),
        ("a", MIDNIGHT, 1, None, 1),
        ("b", MIDNIGHT + 1, 1, None, 1),
    ]

    table = table_of(rows)

    assert [row["n_repeat_impressions"] for row in table.values()] == [0, 0]
    assert [row["n_repeat_clicks"] for row in table.values()] == [0, 0]


@pytest.mark.parametrize(
    ("utc_offset_hours", "quarter", "weekend_share"),
    [
        (8, "night_share", 1.0),  # Saturday 00:00
        (7, "evening_share", 0.0),  # Friday 23:00
        (0, "afternoon_share", 0.0),  # Friday 16:00
        (-5, "morning_share", 0.0),  # Friday 11:00
        (-4, "afternoon_share", 0.0),  # Friday 12:00
    ],
)
def test_hour_and_weekday_are_those_of_the_local_clock(utc_offset_hours, quarter, weekend_share):
    window = Window(start=MIDNIGHT, end=MIDNIGHT + 1, utc_offset_hours=utc_offset_hours)

    features = features_of([(MIDNIGHT, 1, 0)], window=window)

    quarters = ["night_share", "morning_share", "afternoon_share", "evening_share"]
    assert {name: features[name] for name in quarters} == {
        name: float(name == quarter) for name in quarters
    }
    assert features["weekend_share"] == weekend_share


def test_weekend_ends_with_the_last_second_of_sunday():
    last_of_sunday = MIDNIGHT + 2 * DAY - 1

    features = features_of([(last_of_sunday, 1, 1), (last_of_sunday + 1, 1, 1)])

    assert features["weekend_share"] == 0.5
    assert features["n_active_days"] == 2
    assert features["n_click_days"] == 2
    assert features["n_bursts"] == 2


def test_bursts_are_clock_half_hours_not_gaps():
    one_second_apart = features_of([(MIDNIGHT + 1799, 1, 0), (MIDNIGHT + 1800, 1, 0)])
    half_an_hour_but_one_second_apart = features_of([(MIDNIGHT, 1, 0), (MIDNIGHT + 1799, 1, 0)])

    assert one_second_apart["n_bursts"] == 2
    assert half_an_hour_but_one_second_apart["n_bursts"] == 1
    assert half_an_hour_but_one_second_apart["impressions_per_burst"] == 2.0


def test_attributes_that_nobody_knows_give_null_and_not_zero():
    features = features_of(
        [(MIDNIGHT, 1, 1), (MIDNIGHT, 2, 0), (MIDNIGHT, None, 1)],
        {1: (None, None, None, None)},
        main_placement="top",
    )

    assert features["n_ads"] == 2
    assert [features[name] for name in ("n_categories", "n_brands", "n_campaigns")] == [0, 0, 0]
    assert features["category_entropy"] is None
    assert features["top_category_share"] is None
    assert features["mean_log_price_seen"] is None
    assert features["mean_log_price_clicked"] is None
    assert features["main_placement_share"] is None


def test_price_seen_is_known_where_price_clicked_is_not():
    ads = {1: (10, 1, 1, 0.0), 2: (10, 1, 1, None)}

    features = features_of([(MIDNIGHT, 1, 0), (MIDNIGHT, 2, 1)], ads)

    assert features["mean_log_price_seen"] == 0.0
    assert features["mean_log_price_clicked"] is None


@pytest.mark.parametrize(
    ("categories", "entropy", "top_share"),
    [
        ([10, 10, 10], 0.0, 1.0),
        ([10, 20], 0.6931471805599453, 0.5),  # ln 2
        ([10, 20, 30, 40], 1.3862943611198906, 0.25),  # ln 4
        ([10, 10, 20, 30], 1.0397207708399179, 0.5),  # ln 2 / 2 + 2 * ln 4 / 4 = 3/2 ln 2
        ([10, None, None, 20], 0.6931471805599453, 0.5),
    ],
)
def test_entropy_and_top_share_are_over_impressions_of_known_category(
    categories, entropy, top_share
):
    ads = {ad_id: (category, None, None, None) for ad_id, category in enumerate(categories)}

    features = features_of([(MIDNIGHT, ad_id, 0) for ad_id in ads], ads)

    assert features["category_entropy"] == pytest.approx(entropy, rel=1e-12, abs=0)
    assert features["top_category_share"] == top_share


def test_main_placement_share_is_zero_for_a_user_who_saw_only_others():
    rows = [("a", MIDNIGHT, 1, "side", 0), ("b", MIDNIGHT, 1, None, 0)]

    with_main = table_of(rows, main_placement="top")
    without_main = table_of(rows, main_placement=None)

    assert [row["main_placement_share"] for row in with_main.values()] == [0.0, None]
    assert [row["main_placement_share"] for row in without_main.values()] == [None, None]


@pytest.mark.parametrize(
    ("placements", "main"),
    [
        (["side", "top", "top"], "top"),
        (["top", "side"], "side"),
        (["b", "a", "B", None], "B"),  # capitals come before small letters
        (["9", "10"], "10"),  # as text
        ([None, None, "side"], "side"),
        ([None], None),
        ([], None),
    ],
)
def test_main_placement_is_the_most_frequent_known_and_the_smallest_of_equals(placements, main):
    rows = [("u", MIDNIGHT, 1, placement, 0) for placement in placements]
    outside = [("u", WINDOW.end, 1, "outside", 0)] * 9

    assert reference_main_placement(rows + outside, WINDOW) == main


@pytest.mark.parametrize(
    ("a", "b", "pairs", "likelihood"),
    [
        (1, 1, [], 1),
        (1, 1, [(0, 0)], 1),
        (1, 1, [(1, 2)], 1 / 6),  # 1! 1! / 3!
        (1, 1, [(2, 3)], 1 / 12),  # 2! 1! / 4!
        (2, 3, [(0, 1)], 3 / 5),
        (2, 3, [(0, 2)], 3 * 4 / (5 * 6)),
        (2, 3, [(1, 2)], 2 * 3 / (5 * 6)),
        (2, 3, [(2, 2)], 2 * 3 / (5 * 6)),
        (0.5, 1.5, [(1, 1), (1, 1), (0, 1)], 0.25 * 0.25 * 0.75),
    ],
)
def test_loglik_is_that_of_drawing_from_the_urn_in_one_order(a, b, pairs, likelihood):
    assert reference_beta_binomial_loglik(a, b, pairs) == pytest.approx(
        math.log(likelihood), rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize(
    ("n_users", "a", "b"),
    [
        # Two impressions each: mean = (n1 + 2 n2) / 2n, and with s = a + b the share of users with
        # one click is 2 mean (1 - mean) s / (s + 1). Two equations, two unknowns.
        ((1, 1, 1), 1, 1),  # mean 1/2, 1/3 = 1/2 s / (s + 1)
        ((5, 2, 3), 2 / 7, 3 / 7),  # mean 2/5, 1/5 = 12/25 s / (s + 1): s = 5/7
        ((10, 5, 1), 7 / 3, 25 / 3),  # mean 7/32, 5/16 = 175/512 s / (s + 1): s = 32/3
    ],
)
def test_fit_solves_the_case_that_has_a_solution_on_paper(n_users, a, b):
    pairs = [(clicks, 2) for clicks, n in enumerate(n_users) for _ in range(n)]

    assert reference_fit([*pairs, (0, 0)]) == pytest.approx((a, b), rel=1e-5)


def test_fit_of_users_who_differ_less_than_by_chance_has_the_highest_precision():
    a, b = reference_fit([(1, 2), (1, 2), (1, 2), (1, 2)])

    assert a + b == pytest.approx(HIGHEST_PRECISION, rel=0.05)
    assert a / (a + b) == pytest.approx(0.5, rel=1e-3)


def test_fit_of_users_who_click_always_or_never_has_the_lowest_precision():
    a, b = reference_fit([(0, 2), (0, 2), (0, 2), (2, 2)])

    assert a + b == pytest.approx(LOWEST_PRECISION, rel=1e-3)
    assert a / (a + b) == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("pairs", [[], [(0, 0)], [(0, 3), (0, 1)], [(3, 3)]])
def test_fit_refuses_data_without_both_clicks_and_misses(pairs):
    with raises_text(ValueError):
        reference_fit(pairs)
