"""One decision per segment, and insights that never ask for the opposite."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from tests.summaries import make_summary

from segmentry.advise.decisions import decide_spending
from segmentry.advise.insights import find_insights
from segmentry.describe.profiles import Decision
from segmentry.evaluation.later_days import FoldRates
from segmentry.schema import Estimate

VERDICTS = ("confirmed", "weaker", "reversed", "no difference", "not checked")
CONTRADICTS = {
    "ACT-001": {"keep", "spend_less", "test_first", "too_early"},
    "ACT-003": {"spend_more"},
    "ACT-004": {"spend_less"},
    "ACT-005": {"spend_more"},
    "ACT-006": {"spend_more", "keep", "test_first", "too_early"},
    "ACT-012": {"spend_more", "spend_less"},
    "ACT-015": {"spend_more", "spend_less"},
    "ACT-019": {"spend_more"},
    "ACT-020": {"spend_more"},
}
"""Actions that ask for more, for less or for waiting, and the decisions that they exclude."""


def segment_of(place, index, *, width=10.0, share=0.2, verdict="confirmed"):
    plain = make_summary(n_points=2).segments[0]
    estimate = Estimate(None, None, None) if index is None else None
    return replace(
        plain,
        segment_id=place,
        n_users=1000,
        share=share,
        impressions_share=share,
        n_impressions=round(100_000 * share),
        forecast_index=estimate or Estimate(index, index - width, index + width),
        expected_rate=estimate or Estimate(index / 2000, None, None),
        verdict=verdict,
    )


def halves_of(*rates, sd=0.0, n_draws=500):
    noise = np.random.default_rng(0).standard_normal((n_draws, len(rates)))
    found = FoldRates(
        ctr=np.array(rates),
        draws=np.clip(np.array(rates) + sd * noise, 1e-9, 1.0),
        n_impressions=np.full(len(rates), 1e5),
        n_clicks=1e5 * np.array(rates),
    )
    return found, found


def decided(segments, rates, *, sd=0.0, has_clicks=True):
    found, spending = decide_spending(
        segments, halves_of(*rates, sd=sd), has_clicks=has_clicks, n_days=8
    )
    return [(each.decision, each.decision_reason) for each in found], spending


def test_impressions_move_from_the_surely_low_to_the_surely_high_by_hand():
    segments = [segment_of(1, 200.0), segment_of(2, 40.0, share=0.6), segment_of(3, 102.0)]

    found, spending = decided(segments, (0.10, 0.02, 0.05))

    assert found == [("spend_more", "gain"), ("spend_less", "gain"), ("keep", "average")]
    # 20,000 impressions twice, taken from 60,000; the third keeps its 20,000.
    assert [each.share_proposed for each in spending.segments] == pytest.approx([0.4, 0.4, 0.2])
    # 20,000 more at 10 % and 20,000 fewer at 2 %: 1,600 clicks on 2,000 + 1,200 + 1,000.
    linear = spending.wear_out[0]
    assert (linear.power, linear.gain.value) == (1.0, pytest.approx(1600.0))
    assert linear.gain_share.value == pytest.approx(1600 / 4200)
    assert sum(each.gain.value for each in spending.segments) == pytest.approx(1600.0)


@pytest.mark.parametrize(
    ("index", "width", "verdict", "expected"),
    [
        (200.0, 10.0, "confirmed", ("spend_more", "gain")),
        (200.0, 10.0, "weaker", ("spend_more", "gain")),
        (200.0, 10.0, "no difference", ("test_first", "not_confirmed")),
        (200.0, 10.0, "not checked", ("test_first", "not_confirmed")),
        (200.0, 10.0, "reversed", ("test_first", "reversed")),
        (110.0, 5.0, "confirmed", ("keep", "average")),
        (130.0, 40.0, "confirmed", ("too_early", "wide")),
        (None, 0.0, "not checked", ("too_early", "no_forecast")),
    ],
)
def test_the_rule_for_a_segment_beside_a_low_one(index, width, verdict, expected):
    segments = [
        segment_of(1, index, width=width, verdict=verdict),
        segment_of(2, 50.0, share=0.8),
    ]

    found, _ = decided(segments, (0.1, 0.025))

    assert found[0] == expected


def test_a_gain_that_the_other_half_does_not_see_is_tested_first():
    shares = (0.1, 0.8, 0.1)
    indices = (200.0, 50.0, 160.0)
    segments = [
        segment_of(place, index, share=share)
        for place, (index, share) in enumerate(zip(indices, shares, strict=True), start=1)
    ]

    # The third clicks less than the rest among the half that judges.
    plans, _ = halves_of(0.10, 0.03, 0.06)
    judges, _ = halves_of(0.10, 0.03, 0.02)
    decisions, spending = decide_spending(segments, (plans, judges), has_clicks=True, n_days=8)
    found = [(each.decision, each.decision_reason) for each in decisions]

    assert found[2] == ("test_first", "gain_unsure")
    assert spending.segments[2].share_now == spending.segments[2].share_proposed


def test_without_anybody_to_take_from_nothing_moves():
    segments = [segment_of(1, 150.0), segment_of(2, 101.0, share=0.8)]

    found, spending = decided(segments, (0.075, 0.05))

    assert found == [("test_first", "no_source"), ("keep", "average")]
    assert spending is None


def test_what_there_is_no_room_for_is_kept():
    low = segment_of(1, 50.0, share=0.1)
    segments = [low, segment_of(2, 200.0, share=0.3), segment_of(3, 120.0, share=0.6)]

    found, _ = decided(segments, (0.025, 0.1, 0.06))

    # The low one can give 5 % of the impressions; the best takes them all.
    assert found == [("spend_less", "gain"), ("spend_more", "gain"), ("keep", "no_room")]


def test_data_without_clicks_are_tested_first_and_few_users_wait():
    few = replace(segment_of(2, None), is_withheld=True)

    found, spending = decide_spending([segment_of(1, None), few], None, has_clicks=False, n_days=1)

    assert [each.decision_reason for each in found] == ["no_clicks", "few_users"]
    assert [each.decision for each in found] == ["test_first", "too_early"]
    assert spending is None
    (one,), _ = decide_spending([segment_of(1, None)], None, has_clicks=True, n_days=1)
    assert (one.decision, one.decision_reason) == ("keep", "one_segment")


@pytest.mark.parametrize("seed", range(40))
def test_no_action_asks_for_the_opposite_of_the_decision(seed):
    rng = np.random.default_rng(seed)
    summary = make_summary(n_segments=int(rng.integers(1, 13)), n_points=2)
    segments = []
    for each in summary.segments:
        index = float(rng.uniform(20, 260))
        width = float(rng.choice([5.0, 20.0, 60.0]))
        segments.append(
            replace(
                each,
                forecast_index=Estimate(index, index - width, index + width),
                expected_rate=Estimate(index / 2000, (index - width) / 2000, None),
                verdict=str(rng.choice(VERDICTS)),
                n_clicks=0 if rng.random() < 0.1 else each.n_clicks,
                is_withheld=bool(rng.random() < 0.05),
            )
        )
    rates = [each.forecast_index.value / 2000 for each in segments]

    found, _ = decide_spending(segments, halves_of(*rates, sd=0.004), has_clicks=True, n_days=8)
    insights, _ = find_insights(
        replace(summary, segments=found), agreements=dict.fromkeys(range(1, 13), 0.5)
    )

    decisions = {each.segment_id: each.decision for each in found}
    assert set(decisions.values()) <= set(get_args(Decision))
    asked = [(each.action.code, decisions.get(each.segment_id)) for each in insights if each.action]
    assert not [(code, what) for code, what in asked if what in CONTRADICTS.get(code, ())]
    ups = [each for each in found if each.decision == "spend_more"]
    downs = [each for each in found if each.decision == "spend_less"]
    assert bool(ups) == bool(downs)
