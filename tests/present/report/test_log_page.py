"""The section on what segments were shown and clicked, from a log worked out by hand."""

import re
from dataclasses import replace
from html import unescape

import pytest
from tests.texts import shows

from segmentry.describe.exposure import Cap, Cell, CurvePoint, ExposureCurve, LogReport, Reaction
from segmentry.present import figures as plots
from segmentry.present.report import render_report
from segmentry.schema import Estimate

UNKNOWN = Estimate(value=None, low=None, high=None)


def a_curve(kind, per_doubling, *, is_identified=True):
    points = (
        CurvePoint(1, 1, 900, 900, 90, Estimate(0.1, 0.08, 0.12), Estimate(1.0, 1.0, 1.0)),
        CurvePoint(2, None, 500, 1_000, 50, Estimate(0.05, 0.04, 0.06), Estimate(0.9, 0.8, 1.0)),
    )
    caps = (Cap(1, 1_000, 0.526, 50, 0.357),) if is_identified else ()
    return ExposureCurve(0, kind, points, per_doubling, 900, 140, 1.0, "", is_identified, caps)


def a_log(**changes):
    cell = Cell(
        1, "price band", "0-50", "under 50", 700, 1_000, 80, 0.25,
        Estimate(0.08, 0.07, 0.09), Estimate(120.0, 110.0, 130.0), Estimate(99.0, 90.0, 108.0),
    )  # fmt: skip
    log = LogReport(
        reason="",
        dimensions=("price band",),
        min_users=50,
        cells=(cell,),
        reactions=(Reaction(0, Estimate(1.01, 0.95, 1.07), 800, 120, False, ""),),
        curves=(
            a_curve("impression", Estimate(0.99, 0.97, 1.01)),
            a_curve("repeat", Estimate(0.9, 0.85, 0.95)),
        ),
        notes=("The log names no placements.",),
    )
    return replace(log, **changes)


def section_of(summary):
    page = render_report(summary, figures={"exposure": "<svg>drawn</svg>"})
    section = page[page.index('<section id="log"') :]
    text = re.sub(r"<[^>]+>", " ", section[: section.index("</section>")])
    return re.sub(r"\s+", " ", unescape(text))


@pytest.fixture
def with_log(make_summary):
    return lambda **changes: replace(make_summary(n_points=5), log=a_log(**changes))


def test_the_section_says_what_was_shown_and_how_exposure_changes_clicks(with_log):
    text = section_of(with_log())

    shows(text)
    shows(text)
    shows(text)
    assert "by 0.90 (90 % interval 0.85 to 0.95)" in text
    shows(text)
    assert "drawn" in text
    shows(text)


def test_the_naive_rate_stands_beside_each_curve_as_a_warning(with_log):
    text = section_of(with_log())
    drawn = str(plots.FIGURES["exposure"].plot(with_log()).to_dict())

    shows(text)
    shows(text)
    # Odds at the second showing against those at the first: (0.05 / 0.95) / (0.1 / 0.9).
    assert f"'naive': {0.05 / 0.95 / (0.1 / 0.9)!r}" in drawn


def test_where_exposure_reacts_to_clicks_nothing_is_identified_and_no_cap_drawn(with_log):
    curve = a_curve("repeat", Estimate(0.9, 0.85, 0.95), is_identified=False)
    reaction = Reaction(0, Estimate(0.6, 0.5, 0.7), 800, 120, True, "")
    text = section_of(with_log(curves=(curve,), reactions=(reaction,)))

    shows(text)
    shows(text)
    assert "What a cap" not in text


def test_a_cap_tells_what_it_would_have_removed(with_log):
    text = section_of(with_log())

    shows(text)
    assert "1 1,000 52.6 % 50 35.7 %" in text


def test_a_log_that_was_not_described_is_one_sentence(with_log):
    text = section_of(with_log(reason="the log has no times", cells=(), curves=(), reactions=()))

    shows(text)
    assert "Exposure and fatigue" not in text
