"""Each insight where it must be said and where it must not."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.conversions import shop_with, with_conversions
from tests.texts import raises_text, says, shows

from segmentry.advise.insights import CODES, INSIGHTS, check_codes, find_insights
from segmentry.describe.conversions import PurchaseVerdict
from segmentry.describe.exposure import Cap, Cell, CurvePoint, ExposureCurve, LogReport
from segmentry.describe.profiles import FeatureTest, LevelShare, LevelStatistics, NumericStatistics
from segmentry.errors import ConfigError
from segmentry.evaluation.stability import SegmentStability
from segmentry.schema import Estimate

UNKNOWN = Estimate(value=None, low=None, high=None)
ROOT = Path(__file__).parents[3]
AGREED = dict.fromkeys(range(1, 6), 0.9)
OF_BEHAVIOURS = [f"SEG-{number:03}" for number in range(19, 24)]
UNREAD = "the behaviour log was not read (--with behaviours)"


def exactly(value):
    return Estimate(value=value, low=None, high=None)


def near(value, width):
    return Estimate(value=value, low=value - width, high=value + width)


@pytest.fixture
def plain(make_summary):
    """Five segments of which there is nothing to say: all alike, shown enough, nothing skewed."""
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
    population = replace(
        summary.population, ctr_seen=exactly(0.05), expected_rate=near(0.0506, 0.001)
    )
    return replace(summary, segments=segments, population=population)


def changed(summary, **first):
    """Change the first segment."""
    segments = (replace(summary.segments[0], **first), *summary.segments[1:])
    return replace(summary, segments=segments)


def plainly(insight):
    """Its text with plain blanks."""
    return insight.text.replace("\xa0", " ")


def codes_of(summary, *, agreements=AGREED, mute=()):
    found, _ = find_insights(summary, agreements=agreements, mute=mute)
    return [(each.code, each.segment_id) for each in found]


def confirmed(value, width=5.0):
    return {
        "verdict": "confirmed",
        "forecast_index": near(value, width),
        "expected_rate": near(value / 100 * 0.0506, 0.001),
    }


def test_of_segments_that_are_alike_nothing_is_said(plain):
    assert codes_of(plain) == []


def test_every_code_is_told_in_the_reference():
    page = (ROOT / "docs" / "reference" / "insights.md").read_text()

    for kind in INSIGHTS:
        assert f"## {kind.code}\n" in page
        assert kind.link == f"docs/reference/insights.md#{kind.code.lower()}"
    assert list(CODES) == sorted({kind.code for kind in INSIGHTS})
    assert all(re.fullmatch(r"SEG-\d{3}", code) for code in CODES)


# --- clicks


def test_high_value_needs_confirmation(plain):
    assert codes_of(changed(plain, **confirmed(130.0))) == [("SEG-001", 1)]
    assert codes_of(changed(plain, **confirmed(112.0))) == []  # 107 at the near end
    weaker = confirmed(130.0) | {"verdict": "weaker"}
    assert codes_of(changed(plain, **weaker)) == [("SEG-002", 1)]


def test_what_moving_impressions_is_worth_by_hand(plain):
    (found,), _ = find_insights(changed(plain, **confirmed(150.0, 10.0)), agreements=AGREED)

    # 10,000 impressions at 5.06 %: 506 clicks; half as many again, 40 % to 60 %, which is 50.6
    # clicks to either side; and the level, 0.1 points to either side, is 5.
    value, side = found.action.value, (50.6**2 + 5.0**2) ** 0.5
    assert (value.value, value.low, value.high) == pytest.approx((253.0, 253 - side, 253 + side))
    assert found.action.code == "ACT-001"
    assert found.action.n_users == plain.segments[0].n_users
    says(found.action.test)
    assert found.action.assumptions


def test_a_level_that_moves_between_days_makes_the_worth_of_moving_less_sure(plain):
    """Held against draws of a level and an index that are what their intervals say."""
    level = Estimate(0.0503, 0.0315, 0.0793)
    summary = changed(plain, **confirmed(50.0, 4.0), impressions_share=0.9)
    population = replace(summary.population, expected_rate=level)
    (found,), _ = find_insights(replace(summary, population=population), agreements=AGREED)
    rng = np.random.default_rng(0)

    spread = np.log(0.0793 / 0.0315) / 2 / 1.6449
    levels = 0.0503 * np.exp(spread * rng.standard_normal(200_000))
    drawn = 10_000 * levels * (1 - (0.5 + 0.04 / 1.6449 * rng.standard_normal(200_000)))

    assert found.code == "SEG-006"
    value = found.action.value
    assert (value.low, value.high) == pytest.approx(np.quantile(drawn, (0.05, 0.95)), rel=0.03)


def test_high_value_that_is_not_confirmed_is_a_caution(plain):
    high = {"forecast_index": near(130.0, 5.0)}

    assert codes_of(changed(plain, **high)) == [("SEG-002", 1)]
    assert codes_of(changed(plain, **high | {"verdict": "not checked"})) == [("SEG-002", 1)]
    assert codes_of(changed(plain, **high | {"verdict": "reversed"})) == [("SEG-016", 1)]
    assert codes_of(changed(plain, **confirmed(105.0))) == []
    assert codes_of(changed(plain, forecast_index=near(114.0, 5.0))) == []  # 109 is not 110


def test_a_rate_seen_is_a_caution_only_where_no_later_day_was_compared(plain):
    seen = {"ctr_seen": near(0.08, 0.005)}
    unchecked = {"forecast_index": UNKNOWN, "expected_rate": UNKNOWN, "verdict": "not checked"}

    assert codes_of(changed(plain, **seen)) == []
    assert codes_of(changed(plain, **seen, **unchecked)) == [("SEG-002", 1)]
    assert codes_of(changed(plain, ctr_seen=near(0.061, 0.005), **unchecked)) == []


def test_what_is_not_confirmed_is_counted_in_clicks_that_the_forecast_promises(plain):
    summary = changed(plain, forecast_index=near(130.0, 5.0))

    (found,), _ = find_insights(summary, agreements=AGREED)

    # 0.3 x 506 clicks of all users.
    assert found.action.value.value == pytest.approx(151.8)
    shows(found.text)


def test_silence_takes_enough_exposure(plain):
    shown = plain.segments[0].numeric[0]
    often, rarely = (replace(shown, median=median) for median in (60.0, 59.0))

    # At 5.06 %, 60 impressions are 3.04 clicks and 59 are 2.99.
    assert codes_of(changed(plain, numeric=(often,), **confirmed(40.0))) == [("SEG-003", 1)]
    assert codes_of(changed(plain, numeric=(rarely,), **confirmed(40.0))) == []
    assert codes_of(changed(plain, numeric=(often,), **confirmed(58.0))) == []  # 63 at the far end


def test_too_few_impressions_to_judge(plain):
    shown = plain.segments[0].numeric[0]

    # At 5.06 %, 19 impressions are 0.96 clicks and 20 are 1.01.
    few = changed(plain, numeric=(replace(shown, median=19.0),))
    (found,), _ = find_insights(few, agreements=AGREED)
    assert found.code == "SEG-004"
    assert found.evidence[1].value.value == pytest.approx((1 - 0.0506) ** 19)
    shows(found.text)
    once = changed(plain, numeric=(replace(shown, median=1.0),))
    shows(find_insights(once, agreements=AGREED)[0][0].text)
    assert found.action.value.value == pytest.approx(3 / 0.0506 - 19)
    assert codes_of(changed(plain, numeric=(replace(shown, median=20.0),))) == []


def test_too_few_impressions_of_all_users_are_told_once(plain):
    few = (replace(plain.segments[0].numeric[0], median=9.0),)
    segments = tuple(replace(each, numeric=few) for each in plain.segments)
    summary = replace(plain, segments=segments)

    assert codes_of(summary) == [("SEG-004", each.segment_id) for each in segments]
    everyone = replace(plain.population, numeric=few)
    (found,), _ = find_insights(replace(summary, population=everyone), agreements=AGREED)
    assert (found.code, found.segment_id) == ("SEG-004", None)
    shows(found.text)
    assert ", ".join(str(each.segment_id) for each in segments) in found.text


def test_much_exposure_with_few_clicks(plain):
    share = plain.segments[0].share

    much = {"impressions_share": share * 1.6}
    assert codes_of(changed(plain, **much, **confirmed(80.0))) == [("SEG-006", 1)]
    assert codes_of(changed(plain, **confirmed(80.0))) == []
    assert codes_of(changed(plain, **much)) == []


def test_reversed_segments_are_named(plain):
    assert codes_of(changed(plain, verdict="reversed")) == [("SEG-016", 1)]


def test_a_segment_or_a_log_without_a_click(plain):
    none = {"n_clicks": 0, "ctr_seen": Estimate(0.0, 0.0, 0.001)}

    assert codes_of(changed(plain, **none)) == [("SEG-015", 1)]
    summary = replace(plain, population=replace(plain.population, n_clicks=0))
    assert codes_of(changed(summary, **none)) == [("SEG-015", None)]


def test_no_click_when_formed_is_no_forecast(plain):
    """Of users who were put together for having no click, later ones are to be expected."""
    none = {"n_clicks": 0, "ctr_seen": Estimate(0.0, 0.0, 0.0002)}
    unknown = Estimate(value=None, low=None, high=None)
    clicked = replace(plain.features[0], family="engagement", weight=1.0)
    by_clicks = replace(plain, features=(clicked, *plain.features[1:]))

    def said(summary, forecast):
        (found,), _ = find_insights(
            changed(summary, expected_rate=forecast, **none), agreements=AGREED
        )
        return found

    predicted = said(by_clicks, Estimate(0.06, 0.05, 0.07))
    shows(plainly(predicted))
    assert predicted.action.value == Estimate(600.0, 500.0, 700.0)
    shows(said(by_clicks, unknown).text)
    untouched = replace(plain, features=tuple(replace(f, weight=None) for f in plain.features))
    shows(plainly(said(untouched, unknown)))


# --- makeup


def levels(share, population, low, *, feature="gender", level="2"):
    rest = LevelShare("9", "9", 1 - share, 1 - population, 100.0, 90.0, 110.0)
    index = share / population * 100
    own = LevelShare(level, "female", share, population, index, low, index + 9)
    return (LevelStatistics(feature, (own, rest)),)


def test_demographic_skew_is_an_effect_and_a_discovery(plain):
    skewed = {"levels": levels(0.6, 0.4, 140.0)}
    sure, unsure = ((FeatureTest("gender", 0.001, q),) for q in (0.01, 0.06))

    assert codes_of(changed(plain, tests=sure, **skewed)) == [("SEG-010", 1)]
    assert codes_of(changed(plain, tests=unsure, **skewed)) == []
    assert codes_of(changed(plain, **skewed)) == []  # neither tested nor forming
    assert codes_of(changed(plain, tests=sure, levels=levels(0.6, 0.5, 115.0))) == []
    assert codes_of(changed(plain, tests=sure, levels=levels(0.09, 0.03, 250.0))) == []


def test_an_unstable_segment_is_one_of_other_users_on_other_days(plain):
    assert codes_of(plain, agreements=AGREED | {3: 0.7}) == [("SEG-011", 3)]
    assert codes_of(plain, agreements={i: 0.9 for i in AGREED if i != 2}) == [("SEG-011", 2)]
    assert codes_of(plain, agreements=AGREED | {3: 0.76}) == []


def test_tiny_segments_are_told_with_or_without_figures(plain):
    assert codes_of(changed(plain, share=0.009, impressions_share=0.009)) == [("SEG-012", 1)]
    hidden = changed(plain, is_withheld=True, n_users=0, share=0.0, **confirmed(200.0))
    assert codes_of(hidden) == [("SEG-012", 1)]  # and nothing else is said of it


def test_a_segment_of_the_unknown(plain):
    def unknown(share, population):
        own = LevelShare(None, "unknown", share, population, 100.0, 99.0, 101.0)
        return {"levels": (LevelStatistics("gender", (own,)),)}

    assert codes_of(changed(plain, **unknown(0.95, 0.3))) == [("SEG-013", 1)]
    assert codes_of(changed(plain, **unknown(0.85, 0.3))) == []
    assert codes_of(changed(plain, **unknown(0.95, 0.93))) == []


def test_one_segment_is_a_finding(plain, make_summary):
    one = replace(plain, segments=plain.segments[:1])

    assert codes_of(one) == [("SEG-014", None)]


# --- the log


def cell(dimension, key, index, *, share=0.3, segment_id=1, width=3.0, rate=0.05):
    return Cell(
        segment_id, dimension, key, key, 900, 9000, 400, share,
        near(rate, 0.001), exactly(100.0), near(index, width),
    )  # fmt: skip


def curve(factor, *, is_identified=True):
    point = CurvePoint(1, 1, 900, 900, 50, near(0.05, 0.01), exactly(1.0))
    caps = (
        Cap(1, 9000, 0.9, 150, 0.8, 800, near(0.9, 0.01), near(0.8, 0.02)),
        Cap(5, 4000, 0.4, 16, 0.08, 300, near(0.4, 0.01), near(0.08, 0.02)),
        Cap(20, 1000, 0.1, 5, 0.05, 90, near(0.1, 0.01), near(0.05, 0.02)),
    )
    return ExposureCurve(
        1, "impression", (point,), near(factor, 0.05), 900, 50, 1.0, "", is_identified, caps
    )


def with_log(summary, *, cells=(), curves=None):
    dimensions = ("hour", "placement", "category", "price band")
    text = (curve(1.0),) if curves is None else curves
    return replace(summary, log=LogReport("", dimensions, 50, tuple(cells), None, (), text))


def test_without_the_log_what_takes_it_is_said_to_be_left_out(plain):
    _, left_out = find_insights(plain, agreements=AGREED)

    of_log = ["SEG-005", "SEG-007", "SEG-008", "SEG-009"]
    assert [each.code for each in left_out] == [*of_log, *OF_BEHAVIOURS]
    assert {each.code: each.reason for each in left_out} == {
        **dict.fromkeys(of_log, "the segments were not counted against the log in this run"),
        **dict.fromkeys(OF_BEHAVIOURS, UNREAD),
    }
    _, left_out = find_insights(with_log(plain), agreements=AGREED)
    assert [each.code for each in left_out] == OF_BEHAVIOURS


def test_without_prices_or_an_identified_curve_that_is_said(plain):
    reacting = (curve(1.0, is_identified=False),)
    log = replace(with_log(plain).log, dimensions=("hour",), curves=reacting)

    _, left_out = find_insights(replace(plain, log=log), agreements=AGREED)

    says({each.code: each.reason for each in left_out})


def test_falling_clicks_of_the_over_exposed(plain):
    over = changed(plain, impressions_share=plain.segments[0].share * 1.6)

    found, _ = find_insights(with_log(over, curves=(curve(0.9),)), agreements=AGREED)
    assert [each.code for each in found] == ["SEG-005"]
    # The cap at 1 costs most clicks; that at 5 saves 40 % of the impressions with 8 % of them.
    value = found[0].action.value
    assert (value.value, value.low, value.high) == pytest.approx((4000, 3900, 4100))
    shows(found[0].action.effect)
    assert codes_of(with_log(over, curves=(curve(0.97),))) == []  # 1.02 at the far end
    assert codes_of(with_log(plain, curves=(curve(0.9),))) == []  # not over-exposed
    other = curve(0.9, is_identified=False)
    assert codes_of(with_log(over, curves=(other, curve(1.0)))) == []


def test_price_mismatch_is_shown_much_of_one_and_clicks_another(plain):
    shown, liked = cell("price band", "0-10", 80.0), cell("price band", "50-90", 120.0, share=0.05)

    assert codes_of(with_log(plain, cells=(shown, liked))) == [("SEG-007", 1)]
    assert codes_of(with_log(plain, cells=(shown,))) == []
    little = replace(shown, exposure_share=0.1)
    assert codes_of(with_log(plain, cells=(little, liked))) == []


@pytest.mark.parametrize("dimension", ["placement", "hour"])
def test_a_place_or_an_hour_of_its_own(plain, dimension):
    assert codes_of(with_log(plain, cells=(cell(dimension, "x", 120.0),))) == [("SEG-008", 1)]
    assert codes_of(with_log(plain, cells=(cell(dimension, "x", 112.0),))) == []


def test_a_taste_of_its_own(plain):
    assert codes_of(with_log(plain, cells=(cell("category", "7", 130.0),))) == [("SEG-009", 1)]
    assert codes_of(with_log(plain, cells=(cell("category", "7", 121.0),))) == []
    assert codes_of(with_log(plain, cells=(cell("brand", "7", 190.0),))) == []


# --- what acting is worth


def over_exposed(plain):
    share = plain.segments[0].share * 1.6
    return with_log(changed(plain, impressions_share=share), curves=(curve(0.9),))


# Those on purchases and behaviours, whose worth no click rate tells, have tests of their own.
PLANTED = {
    "SEG-001": lambda plain: changed(plain, **confirmed(130.0)),
    "SEG-002": lambda plain: changed(plain, forecast_index=near(130.0, 5.0)),
    "SEG-003": lambda plain: changed(
        plain, numeric=(replace(plain.segments[0].numeric[0], median=60.0),), **confirmed(40.0)
    ),
    "SEG-004": lambda plain: changed(
        plain, numeric=(replace(plain.segments[0].numeric[0], median=9.0),)
    ),
    "SEG-005": over_exposed,
    "SEG-006": lambda plain: changed(
        plain, impressions_share=plain.segments[0].share * 1.6, **confirmed(80.0)
    ),
    "SEG-007": lambda plain: with_log(
        plain,
        cells=(cell("price band", "0-10", 80.0), cell("price band", "50-90", 120.0, rate=0.06)),
    ),
    "SEG-008": lambda plain: with_log(plain, cells=(cell("hour", "9", 120.0, rate=0.06),)),
    "SEG-009": lambda plain: with_log(plain, cells=(cell("category", "7", 130.0, rate=0.07),)),
    "SEG-010": lambda plain: changed(
        plain, levels=levels(0.6, 0.4, 140.0), tests=(FeatureTest("gender", 0.001, 0.01),)
    ),
    "SEG-011": lambda plain: plain,  # by the agreements that are given
    "SEG-012": lambda plain: changed(plain, share=0.009, impressions_share=0.009),
    "SEG-013": lambda plain: changed(
        plain,
        levels=(
            LevelStatistics(
                "gender", (LevelShare(None, "unknown", 0.95, 0.3, 316.0, 300.0, 330.0),)
            ),
        ),
    ),
    "SEG-014": lambda plain: replace(plain, segments=plain.segments[:1]),
    "SEG-015": lambda plain: changed(plain, n_clicks=0, ctr_seen=Estimate(0.0, 0.0, 0.001)),
    "SEG-016": lambda plain: changed(
        plain,
        verdict="reversed",
        forecast_difference=near(0.01, 0.002),
        later_difference=near(-0.008, 0.001),
    ),
    "SEG-017": lambda plain: of_purchases(plain, numeric=(value_of(16.0, low=0.2),)),
    "SEG-018": lambda plain: of_purchases(plain, numeric=(recency_of(51.0, low=0.2),)),
    "SEG-019": lambda plain: with_conversions(
        changed(plain, **confirmed(80.0)), shop=shop_with("views", 300.0, 20.0)
    ),
    "SEG-020": lambda plain: with_conversions(
        changed(plain, **confirmed(80.0)),
        purchases=PurchaseVerdict(
            "confirmed", "it buys more", near(0.2, 0.02), near(0.18, 0.02), 0.1
        ),
    ),
    "SEG-021": lambda plain: with_conversions(
        plain, features=(), shop=shop_with("carts abandoned", 0.9, 0.02)
    ),
    "SEG-022": lambda plain: with_conversions(plain, shop=shop_with("same brand", 0.014, 0.001)),
    "SEG-023": lambda plain: with_conversions(plain, shop=shop_with("same category", 0.036, 0.003)),
}


def test_every_insight_has_a_summary_that_it_is_said_of():
    assert set(PLANTED) == set(CODES)


@pytest.mark.parametrize("code", list(PLANTED))
def test_every_insight_on_impressions_has_an_action_with_target_worth_assumption_and_test(
    plain, code
):
    summary = PLANTED[code](plain)
    agreements = AGREED | {1: 0.5} if code == "SEG-011" else AGREED

    found, _ = find_insights(summary, agreements=agreements)

    (insight,) = found
    assert (insight.code, insight.link) == (code, CODES[code].link)
    assert insight.evidence
    action = insight.action
    assert action.n_users == (None if code == "SEG-014" else plain.segments[0].n_users)
    value = action.value
    assert value.low < value.value < value.high or (code, value.value) == ("SEG-015", 0.0)
    assert value.high > value.low
    assert action.assumptions
    # A test of anything but clicks is not planned: a random half is left alone.
    is_planned = code not in ("SEG-017", "SEG-018", "SEG-019", "SEG-020", "SEG-021")
    assert action.test.startswith("segmentry plan test RUN_DIR") == is_planned
    assert action.test.startswith("segmentry export audience RUN_DIR") != is_planned


def test_moving_impressions_inside_a_segment_is_worth_the_difference_by_hand(plain):
    shown = cell("price band", "0-10", 80.0, width=0.0)
    liked = cell("price band", "50-90", 120.0, rate=0.06)

    (found,), _ = find_insights(with_log(plain, cells=(shown, liked)), agreements=AGREED)

    # Seen 5 %, expected 5.06 ± 0.1 %: 10,000 x 5.06 / 5 x (6 % - 5 %), each ± 0.001 at 95 %.
    value = found.action.value
    assert value.value == pytest.approx(101.2)
    of_cells = 101.2 / 0.01 * (2 * 0.001**2) ** 0.5 * 1.645 / 1.96
    half = (of_cells**2 + (101.2 * 0.1 / 5.06) ** 2) ** 0.5
    assert value.high - value.low == pytest.approx(2 * half, rel=0.001)


def test_acting_on_what_is_reversed_costs_clicks(plain):
    planted = PLANTED["SEG-016"](plain)

    (found,), _ = find_insights(planted, agreements=AGREED)

    # Forecast above, it clicks 0.8 ± 0.1 points less: moving 10,000 impressions here loses 80.
    value = found.action.value
    assert (value.value, value.low, value.high) == pytest.approx((80.0, 70.0, 90.0))
    shows(found.text)


def test_a_cap_that_saves_nothing_is_no_saving(plain):
    summary = over_exposed(plain)
    useless = replace(curve(0.9), caps=(Cap(5, 4000, 0.4, 20, 0.4), Cap(20, 10, 0.001, 0, 0.0)))

    (found,), _ = find_insights(
        replace(summary, log=replace(summary.log, curves=(useless,))), agreements=AGREED
    )

    assert found.action.value == UNKNOWN
    shows(found.action.effect)


def test_without_a_forecast_nothing_is_promised(plain):
    unknown = {"expected_rate": UNKNOWN, "forecast_index": UNKNOWN, "verdict": "not checked"}
    summary = with_log(plain, cells=(cell("hour", "9", 120.0, rate=0.06),))

    (found,), _ = find_insights(changed(summary, **unknown), agreements=AGREED)

    assert found.action.value == UNKNOWN
    assert found.action.effect.startswith("no number: ")


# --- codes


def test_muted_codes_are_not_looked_for(plain):
    summary = changed(plain, **confirmed(130.0))

    found, left_out = find_insights(summary, agreements=AGREED, mute=("SEG-001", "SEG-005"))

    assert found == ()
    assert "SEG-005" not in {each.code for each in left_out}


def test_a_code_that_is_none_is_refused():
    with raises_text(ConfigError):
        check_codes(["SEG-001", "SEG-99"])


def test_without_a_check_on_later_days_nothing_is_confirmed(make_summary):
    summary = make_summary(n_points=30, validation="not asked")

    found, left_out = find_insights(summary, agreements={})

    skipped = {each.code: each.reason for each in left_out}
    says(skipped["SEG-001"])
    assert not {each.code for each in found} & {"SEG-001", "SEG-003", "SEG-006", "SEG-016"}
    reason = make_summary(n_points=30, validation="the log has one day")
    _, left_out = find_insights(reason, agreements={})
    assert any("the log has one day" in each.reason for each in left_out)


def test_what_later_days_confirm_comes_first_then_problems_and_the_larger_segment(plain):
    segments = list(plain.segments)
    segments[0] = replace(segments[0], verdict="reversed")
    segments[1] = replace(segments[1], verdict="reversed")
    segments[2] = replace(segments[2], **confirmed(130.0))

    assert codes_of(replace(plain, segments=tuple(segments))) == [
        ("SEG-001", 3),
        ("SEG-016", 1),
        ("SEG-016", 2),
    ]


def test_of_confirmed_segments_the_stable_come_before_the_larger(plain):
    segments = [replace(each, **confirmed(130.0)) for each in plain.segments]
    sizes = {each.segment_id: each.n_users for each in segments}
    largest = max(sizes, key=lambda each: (sizes[each], -each))
    stable = tuple(
        SegmentStability(each, 0.5 if each == largest else 0.9, 0, is_stable=each != largest)
        for each in sizes
    )
    evidence = SimpleNamespace(stability=SimpleNamespace(segments=stable))
    summary = replace(plain, segments=tuple(segments), evidence=evidence)

    assert [segment_id for _, segment_id in codes_of(summary)][-1] == largest
    assert codes_of(replace(summary, evidence=None))[0][1] == largest


# --- events without clicks


def of_purchases(plain, **first):
    """Return the plain summary as one of purchases; the first segment changed."""
    named = (
        replace(plain.features[0], name="value_sum"),
        replace(plain.features[0], name="recency_days"),
    )
    segments = tuple(
        replace(each, numeric=(value_of(10.0), recency_of(20.0))) for each in plain.segments
    )
    traits = replace(plain.traits, event="purchase", events="purchases", has_clicks=False)
    everyone = replace(plain.population, numeric=(value_of(10.0), recency_of(20.0)))
    summary = replace(
        plain,
        segments=segments,
        traits=traits,
        population=everyone,
        features=named,
        validation=None,
    )
    return changed(summary, **first) if first else summary


def value_of(mean, *, low=-0.1):
    middle = Estimate(0.5, low, 1.0)
    return NumericStatistics("value_sum", mean, 1.0, 5.0, 12.0, 0.0, 100.0, middle)


def recency_of(least, *, low=-0.1):
    middle = Estimate(0.5, low, 1.0)
    mean = 60.0 if low > 0 else 50.0
    return NumericStatistics("recency_days", mean, least, 50.0, 90.0, 0.0, 100.0, middle)


def test_who_brings_much_more_than_their_share_is_told(plain):
    share = plain.segments[0].share
    rich = of_purchases(plain, numeric=(value_of(16.0, low=0.2),))

    assert codes_of(of_purchases(plain)) == []
    assert codes_of(rich) == [("SEG-017", 1)]
    (found,), _ = find_insights(rich, agreements={})
    n, of = plain.segments[0].n_users, plain.population.n_users
    assert found.evidence[0].value.value == pytest.approx(16.0 * n / (10.0 * of) / share)
    # (16 - 10) / 0.5 is a standard deviation: 0.2 to 1 of them.
    value = found.action.value
    assert (value.value, value.low, value.high) == pytest.approx((6.0, 2.4, 12.0))
    # A test of clicks is not what would show it.
    says(found.action.test)
    assert codes_of(of_purchases(plain, numeric=(value_of(14.0, low=0.2),))) == []
    assert codes_of(of_purchases(plain, numeric=(value_of(16.0, low=-0.1),))) == []


def test_who_has_been_away_for_longer_than_most_is_told(plain):
    assert codes_of(of_purchases(plain, numeric=(recency_of(51.0, low=0.2),))) == [("SEG-018", 1)]
    assert codes_of(of_purchases(plain, numeric=(recency_of(49.0, low=0.2),))) == []


def test_data_without_clicks_are_not_told_what_clicks_would_have_said(plain):
    found, skipped = find_insights(of_purchases(plain), agreements={})

    assert found == ()
    assert skipped == ()
    _, skipped = find_insights(replace(of_purchases(plain), features=()), agreements={})
    says([each.reason for each in skipped])
