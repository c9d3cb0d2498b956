"""Gain by K and stability: what was measured is drawn, and what was not is said."""

import json
from dataclasses import replace

import pytest
from tests.texts import says, shows

from segmentry.evaluation.number import (
    EvidenceReport,
    InnerGain,
    NumberRange,
    PredictionStrength,
    Separation,
)
from segmentry.evaluation.stability import SegmentStability, Stability
from segmentry.present import figures as plots
from segmentry.present.figures._forest import Against, forest
from segmentry.present.report import render_report
from segmentry.schema import Estimate

GAINS = (
    InnerGain(n_segments=2, gain=Estimate(0.004, 0.001, 0.007), error=0.002),
    InnerGain(n_segments=3, gain=Estimate(0.006, 0.002, 0.010), error=0.002),
    InnerGain(n_segments=4, gain=Estimate(None, None, None), error=None),
)


SEPARATION = Separation((1, 2, 3), (1.0, 0.4, 0.0), 1, 2000, 5, 2)
STRENGTH = PredictionStrength((1, 2, 3), (1.0, 0.9, 0.5), (0.0, 0.1, 0.1), 2, 2000)


def with_evidence(summary):
    """Put evidence beside three segments: the second comes back in 4 of 10 repetitions."""
    segments = (
        SegmentStability(segment_id=1, jaccard=0.9, n_lost=0, is_stable=True),
        SegmentStability(segment_id=2, jaccard=0.3, n_lost=6, is_stable=False),
        SegmentStability(segment_id=3, jaccard=0.8, n_lost=1, is_stable=True),
    )
    evidence = EvidenceReport(
        n_users=5000, n_days=6, n_blocks=3, n_by_evidence=3, division="graded division",
        n_groups=1, separation=SEPARATION, has_gain=True, gain_share=0.9, sufficient=(3,),
        gains=GAINS, gaps=(), strength=STRENGTH,
        number=NumberRange(3, 4, 0.8, ((3, 8), (4, 2)), 10),
        stability=Stability(segments, adjusted_rand=0.7, n_runs=10, n_failed=1), caveats=(),
    )  # fmt: skip
    return replace(summary, evidence=evidence)


@pytest.fixture
def measured(make_summary):
    return with_evidence(make_summary(n_segments=3, n_points=60))


def rows_with(spec, field):
    found = []
    for part in (spec, *spec.get("layer", ())):
        found += [row for row in part.get("data", {}).get("values", []) if field in row]
    for rows in spec.get("datasets", {}).values():
        found += [row for row in rows if field in row]
    return found


def test_stability_draws_the_mean_jaccard_in_the_segments_colour(measured):
    rows = rows_with(plots.FIGURES["stability"].plot(measured).to_dict(), "segment_id")

    drawn = {row["segment_id"]: (row["value"], row["color"]) for row in rows}
    assert drawn == {i: (v, plots.segment_colour(i)) for i, v in ((1, 0.9), (2, 0.3), (3, 0.8))}
    says(plots.FIGURES["stability"].caption(measured).finding)


def test_the_gain_is_drawn_per_thousand_impressions_with_its_interval(measured):
    rows = rows_with(plots.FIGURES["gain_by_k"].plot(measured).to_dict(), "label")

    drawn = {row["label"]: (row["low"], row["value"], row["high"]) for row in rows}
    assert drawn["K = 2"] == (1.0, 4.0, 7.0)
    assert drawn["K = 3 (chosen)"] == (2.0, 6.0, 10.0)
    assert set(drawn) == {"K = 2", "K = 3 (chosen)"}
    shows(plots.FIGURES["gain_by_k"].caption(measured).finding)


def test_small_gains_are_not_written_in_thousandths(measured):
    axis = json.dumps(plots.FIGURES["gain_by_k"].plot(measured).to_dict())

    assert '"format": "~r"' in axis
    assert '"~s"' not in axis


def test_both_are_written_where_they_were_measured_and_else_left_out(
    measured, make_summary, names_of
):
    without = make_summary(n_segments=3, n_points=60)

    assert names_of(measured) - names_of(without) == {"gain_by_k", "stability"}
    assert (
        plots.FIGURES["stability"]
        .caption(make_summary())
        .finding.startswith("Whether the segments")
    )


def test_the_report_sets_each_figure_beside_its_table(measured):
    page = render_report(
        measured, figures={"stability": "<svg>a</svg>", "gain_by_k": "<svg>b</svg>"}
    )

    stability = page[page.index('id="figure-stability"') :].split("</figure>")[0]
    assert "<svg>a</svg>" in stability
    assert ">0.30</td>" in stability
    assert ">6 (60\u00a0%)</td>" in stability
    assert "<svg>b</svg>" in page[page.index('id="figure-gain_by_k"') :].split("</figure>")[0]


@pytest.mark.parametrize(("label", "limit"), [("1  Rarely shown", None), ("W" * 40, 360)])
def test_names_are_cut_only_where_they_may_be_too_long(label, limit):
    row = {"row": 0, "label": label, "value": 1, "low": 0, "high": 2, "text": "", "color": "#000"}

    chart = forest([row], title="x").to_dict()

    marks = [layer["mark"] for layer in chart["layer"] if layer["mark"]["type"] == "text"]
    assert marks[0].get("limit") == limit


def test_names_have_a_halo_only_where_a_line_lies_behind_them():
    row = {"row": 0, "label": "a", "value": 1, "low": 0, "high": 2, "text": "", "color": "#000"}

    alone = forest([row], title="x").to_dict()
    compared = forest([row], title="x", against=Against(1, "none")).to_dict()

    halos = [
        sum("stroke" in layer["mark"] for layer in chart["layer"]) for chart in (alone, compared)
    ]
    assert halos == [0, 1]


def test_the_text_of_a_line_stands_above_all_rows_where_no_dot_is():
    row = {"row": 0, "label": "a", "value": 1, "low": 0, "high": 2, "text": "", "color": "#000"}

    chart = forest([row], title="x", against=Against(1, "stable from 1")).to_dict()

    parts = [
        layer["encoding"]["y"]
        for layer in chart["layer"]
        if layer["mark"]["type"] == "text"
        and layer["data"]["values"] == [{"value": 1, "text": "stable from 1"}]
    ]
    assert parts == [{"value": 0}]
