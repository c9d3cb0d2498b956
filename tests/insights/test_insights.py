"""Each insight where it must be said and where it must not."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from segmentry.errors import ConfigError
from segmentry.exposure import Cap, Cell, CurvePoint, ExposureCurve
from segmentry.insights import CODES, INSIGHTS, check_codes, find_insights
from segmentry.profiling import FeatureTest, LevelShare, LevelStatistics, NumericStatistics
from segmentry.schema import Estimate
from segmentry.summary import LogReport

UNKNOWN = Estimate(value=None, low=None, high=None)
ROOT = Path(__file__).parents[2]
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
            verdict="indistinguishable",
            ctr_seen=near(0.05, 0.001),
            forecast_ctr=near(0.0506, 0.001),
            forecast_index=near(100.0, 2.0),
            numeric=(shown,),
            levels=(),
            impressions_share=each.share,
        )
        for each in summary.segments
    )
    population = replace(
        summary.population, ctr_seen=exactly(0.05), forecast_ctr=near(0.0506, 0.001)
    )
    return replace(summary, segments=segments, population=population)


def changed(summary, **first):
    """Change the first segment."""
    segments = (replace(summary.segments[0], **first), *summary.segments[1:])
    return replace(summary, segments=segments)


def codes_of(summary, *, agreements=AGREED, mute=()):
    found, _ = find_insights(summary, agreements=agreements, mute=mute)
    return [(each.code, each.segment_id) for each in found]


def confirmed(value, width=5.0):
    return {
        "verdict": "confirmed",
        "forecast_index": near(value, width),
        "forecast_ctr": near(value / 100 * 0.0506, 0.001),
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
    assert codes_of(changed(plain, **confirmed(130.0) | {"verdict": "weaker"})) == []


def test_what_moving_impressions_is_worth_by_hand(plain):
    (found,), _ = find_insights(changed(plain, **confirmed(150.0, 10.0)), agreements=AGREED)

    # 10,000 impressions at 5.06 %: 506 clicks; half as many again, 40 % to 60 %.
    value = found.action.value
    assert (value.value, value.low, value.high) == pytest.approx((253.0, 202.4, 303.6))
    assert found.action.code == "ACT-001"
    assert found.action.n_users == plain.segments[0].n_users
    assert found.action.test == "segmentry plan test RUN_DIR --segments 1 --metric ctr --mde 5%"
    assert found.action.assumptions


def test_high_value_that_is_not_confirmed_is_a_caution(plain):
    seen = {"ctr_seen": near(0.08, 0.005)}

    assert codes_of(changed(plain, **seen)) == [("SEG-002", 1)]
    assert codes_of(changed(plain, **seen | {"verdict": "not validated"})) == [("SEG-002", 1)]
    assert codes_of(changed(plain, **seen | confirmed(105.0))) == []
    assert codes_of(changed(plain, ctr_seen=near(0.061, 0.005))) == []  # 0.056 is not 0.06


def test_a_rate_seen_too_high_is_counted_in_clicks_that_will_not_come(plain):
    summary = changed(plain, ctr_seen=near(0.08, 0.005))

    (found,), _ = find_insights(summary, agreements=AGREED)

    # (0.08 - 0.0506 ± 0.001) per 10,000.
    value = found.action.value
    assert (value.value, value.low, value.high) == pytest.approx((294.0, 284.0, 304.0))


def test_silence_takes_enough_exposure(plain):
    shown = plain.segments[0].numeric[0]
    often, seldom = (replace(shown, median=median) for median in (60.0, 59.0))

    # At 5.06 %, 60 impressions are 3.04 clicks and 59 are 2.99.
    assert codes_of(changed(plain, numeric=(often,), **confirmed(40.0))) == [("SEG-003", 1)]
    assert codes_of(changed(plain, numeric=(seldom,), **confirmed(40.0))) == []
    assert codes_of(changed(plain, numeric=(often,), **confirmed(58.0))) == []  # 63 at the far end


def test_too_few_impressions_to_judge(plain):
    shown = plain.segments[0].numeric[0]

    # At 5.06 %, 19 impressions are 0.96 clicks and 20 are 1.01.
    few = changed(plain, numeric=(replace(shown, median=19.0),))
    (found,), _ = find_insights(few, agreements=AGREED)
    assert found.code == "SEG-004"
    assert found.evidence[1].value.value == pytest.approx((1 - 0.0506) ** 19)
    assert found.action.value.value == pytest.approx(3 / 0.0506 - 19)
    assert codes_of(changed(plain, numeric=(replace(shown, median=20.0),))) == []


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


def cell(dimension, key, index, *, share=0.3, segment_id=1, width=3.0):
    return Cell(
        segment_id, dimension, key, key, 900, 9000, 400, share,
        near(0.05, 0.001), exactly(100.0), near(index, width),
    )  # fmt: skip


def curve(factor, *, is_identified=True):
    point = CurvePoint(1, 1, 900, 900, 50, near(0.05, 0.01), exactly(1.0))
    caps = (Cap(5, 4000, 0.4, 20, 0.1), Cap(20, 1000, 0.1, 5, 0.05))
    return ExposureCurve(
        1, "impression", (point,), near(factor, 0.05), 900, 50, 1.0, "", is_identified, caps
    )


def with_log(summary, *, cells=(), curves=None):
    dimensions = ("hour", "placement", "category", "price band")
    told = (curve(1.0),) if curves is None else curves
    return replace(summary, log=LogReport("", dimensions, 50, tuple(cells), None, (), told))


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

    assert {each.code: each.reason for each in left_out} == {
        "SEG-005": "no exposure curve is identified",
        "SEG-007": "the data have no price band",
        "SEG-009": "the data have no category",
        **dict.fromkeys(OF_BEHAVIOURS, UNREAD),
    }


def test_falling_clicks_of_the_over_exposed(plain):
    over = changed(plain, impressions_share=plain.segments[0].share * 1.6)

    found, _ = find_insights(with_log(over, curves=(curve(0.9),)), agreements=AGREED)
    assert [each.code for each in found] == ["SEG-005"]
    # The cap at 5 removes 40 % of the impressions with 10 % of the clicks: the most for the least.
    assert found[0].action.value.value == 4000
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


# --- codes


def test_muted_codes_are_not_looked_for(plain):
    summary = changed(plain, **confirmed(130.0))

    found, left_out = find_insights(summary, agreements=AGREED, mute=("SEG-001", "SEG-005"))

    assert found == ()
    assert "SEG-005" not in {each.code for each in left_out}


def test_a_code_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="'SEG-99' is no insight"):
        check_codes(["SEG-001", "SEG-99"])


def test_without_a_check_on_later_days_nothing_is_confirmed(make_summary):
    summary = make_summary(n_points=30, truth="not asked")

    found, left_out = find_insights(summary, agreements={})

    skipped = {each.code: each.reason for each in left_out}
    assert skipped["SEG-001"] == "the segments were not checked on later days"
    assert not {each.code for each in found} & {"SEG-001", "SEG-003", "SEG-006", "SEG-016"}
    reason = make_summary(n_points=30, truth="the log has one day")
    _, left_out = find_insights(reason, agreements={})
    assert any("the log has one day" in each.reason for each in left_out)


def test_problems_come_first_and_within_them_the_larger_segment(plain):
    segments = list(plain.segments)
    segments[0] = replace(segments[0], **confirmed(130.0))
    segments[1] = replace(segments[1], verdict="reversed")
    segments[2] = replace(segments[2], verdict="reversed")

    assert codes_of(replace(plain, segments=tuple(segments))) == [
        ("SEG-016", 2),
        ("SEG-016", 3),
        ("SEG-001", 1),
    ]
