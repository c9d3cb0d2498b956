"""The first screen, the cards, and the segments in numbers."""

import json
import re
from dataclasses import replace

import pytest
from tests.texts import says, shows

from segmentry.advise.insights import find_insights
from segmentry.describe.exposure import Cell, LogReport
from segmentry.describe.profiles import Exemplar, RuleReport, SegmentRules
from segmentry.evaluation.number import EvidenceReport, PredictionStrength, Separation
from segmentry.evaluation.stability import SegmentStability, Stability
from segmentry.present.card import card_of, render_card_json, render_card_markdown
from segmentry.present.first_screen import DECISIONS, first_screen
from segmentry.present.report import render_card_page, render_part, render_report
from segmentry.present.report._decisions import effect_table, worth_of
from segmentry.present.report._log import segment_cells
from segmentry.results.summary import Decisions, SegmentSpending, Spending, WearOut
from segmentry.schema import Estimate

UNKNOWN = Estimate(value=None, low=None, high=None)


@pytest.fixture(scope="module")
def decided(make_summary):
    summary = make_summary(n_points=30)
    insights, left_out = find_insights(summary, agreements={1: 0.9, 2: 0.5, 3: 0.9, 4: 0.9, 5: 0.9})
    own = [SegmentRules(i, (f"impressions at most {i}",), 900, 0.91, 0.87) for i in range(1, 6)]
    users = [
        Exemplar(1, "typical", None, 0.93, None, (("n_impressions", 4.0), ("ctr_shrunk", 0.052))),
        Exemplar(1, "borderline", None, 0.01, 3, (("n_impressions", 55.0), ("ctr_shrunk", None))),
    ]
    return replace(
        summary,
        decisions=Decisions(
            min_size=50,
            rules=RuleReport(0.9, 4500, tuple(own), "SELECT 1;"),
            exemplars=tuple(users),
            insights=insights,
            not_evaluated=left_out,
            muted=("SEG-010",),
        ),
    )


@pytest.fixture(scope="module")
def html(decided):
    return render_report(decided, figures={}).replace("\u00a0", " ")


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def words_of(text):
    """A number with its unit is one word."""
    return [word for word in text.split() if re.search(r"\w", word)]


def planned(summary, *decisions):
    """Give the segments decisions and a budget by hand."""
    segments = tuple(
        replace(each, decision=what, decision_reason="gain" if "spend" in what else "average")
        for each, what in zip(summary.segments, decisions, strict=True)
    )
    parts = tuple(
        SegmentSpending(each.segment_id, 0.2, 0.2 * factor, Estimate(gain, gain - 5, gain + 5))
        for each, factor, gain in zip(
            segments, (0.5, 1, 0.8, 2, 1), (90, 0, 40, 200, 0), strict=True
        )
    )
    wear_out = tuple(
        WearOut(power, Estimate(330.0, 300.0, 360.0), Estimate(share, share - 0.01, share + 0.01))
        for power, share in ((1.0, 0.34), (0.5, 0.12))
    )
    return replace(summary, segments=segments, spending=Spending(9000, 8, parts, wear_out))


PLAN = ("spend_less", "keep", "spend_less", "spend_more", "too_early")


def test_the_first_screen_says_what_to_do_first_and_orders_by_the_gain(decided):
    screen = first_screen(planned(decided, *PLAN))

    assert [row.segment_id for row in screen.rows] == [4, 1, 3, 5, 2]
    assert [row.word for row in screen.rows] == [DECISIONS[row.decision] for row in screen.rows]
    assert screen.chosen == 4
    assert (screen.rows[0].share_now, screen.rows[0].share_proposed) == (0.2, 0.4)
    says(screen.headline)
    says(screen.gain)
    assert [word for word, _ in screen.commands("run")] == ["Send", "Test", "Why"]


@pytest.mark.parametrize("n_segments", [1, 5, 7, 12])
def test_the_first_screen_has_at_most_150_words(make_summary, n_segments):
    summary = make_summary(n_segments=n_segments, n_points=2)
    html = render_part("first_screen", summary, {})

    assert len(words_of(text_of(html))) <= 150


def test_nothing_to_move_is_said(decided):
    says(first_screen(planned(decided, *["keep"] * 5)).headline)
    says(first_screen(planned(decided, "test_first", *["keep"] * 4)).headline)
    says(first_screen(planned(decided, *["too_early"] * 5)).headline)


def test_a_card_has_at_most_250_words_and_every_form_of_it_the_same_numbers(decided):
    summary = planned(decided, *PLAN)
    for segment in summary.segments:
        page = render_card_page(summary, segment.segment_id)
        main = text_of(page[page.index("<main") : page.index("</main>")])
        assert len(words_of(main)) <= 250
        markdown = render_card_markdown(summary, segment.segment_id)
        for each in card_of(summary, segment.segment_id).measures:
            assert f"| {each.own} | {each.everyone} |" in markdown


def test_the_numbers_of_a_card_are_those_of_the_summary(decided):
    summary = planned(decided, *PLAN)
    for segment, part in zip(summary.segments, summary.spending.segments, strict=True):
        card = json.loads(render_card_json(summary, segment.segment_id))
        rates = segment.expected_rate
        assert card["row"]["expected"] == {
            "value": rates.value,
            "low": rates.low,
            "high": rates.high,
        }
        assert card["row"]["share"] == segment.share
        assert card["n_users"] == segment.n_users
        assert card["row"]["decision"] == segment.decision
        assert card["row"]["share_now"] == part.share_now
        assert card["row"]["share_proposed"] == part.share_proposed
        assert f"{rates.value * 100:.2f}" in card["expect"]
        if "spend" in segment.decision:
            assert f"+{part.gain.value:,.0f} clicks" in card["worth"]
    says(json.loads(render_card_json(summary, 4)))


def test_the_data_label_says_what_is_true_and_nothing_else(decided):
    """Data Transparency Standard 1.1: what only the owner of the data knows stays empty."""
    summary = planned(decided, *PLAN)
    segment = summary.segments[0]

    label = json.loads(render_card_json(summary, segment.segment_id))["data_label"]

    assert label["audience_name"] == segment.name
    assert label["audience_size"] == segment.n_users
    assert label["audience_inclusion_methodology"] == "Derived"
    assert label["audience_expansion"] == label["device_expansion"] == "No"
    days = (summary.data.ends_at - summary.data.starts_at) / 86_400
    assert (days, label["lookback_window"]) == (8, "Monthly")
    empty = {name for name, value in label.items() if value is None}
    assert empty >= {
        "provider_name",
        "geocode_list",
        "data_sources",
        "audience_refresh",
        "id_types",
    }
    assert label["audience_criteria"]


def test_the_report_for_a_marketer_is_short(decided):
    html = render_report(planned(decided, *PLAN), figures={})
    shown = text_of(html[html.index("<main") : html.index('<details id="analyst"')])

    assert len(words_of(shown)) <= 150 + 5 * 250
    assert "segmentry plan" not in shown


def test_a_page_tells_what_the_segment_is_shown_and_clicks_more(decided):
    def cell(key, exposure, ctr):
        return Cell(
            1, "category", key, f"no. {key}", 700, 1_000, 80, 0.25, Estimate(0.08, 0.07, 0.09),
            Estimate(exposure, exposure - 5, exposure + 5), Estimate(ctr, ctr - 5, ctr + 5),
        )  # fmt: skip

    cells = (cell("a", 103.0, 104.0), cell("b", 100.0, 130.0), cell("c", 150.0, 90.0))
    log = LogReport(reason="", dimensions=("category",), min_users=50, cells=cells)

    table = segment_cells(replace(decided, log=log), 1)

    # The surest first; a is within its interval of 100 in both.
    assert [line.head for line in table.lines] == ["category no. c", "category no. b"]
    assert table.lines[0].cells[:2] == ("700", "25.0\u00a0%")
    assert not segment_cells(replace(decided, log=log), 2).rows
    page = render_report(replace(decided, log=log), figures={})
    assert page.count(f"<caption>{table.caption}</caption>") == 1


def test_worth_is_a_number_with_its_interval_or_says_why_not():
    gain = worth_of(Estimate(204.04, 187.1, 220.06), "clicks gained per 10,000 impressions")
    loss = worth_of(Estimate(-2.5, -4.0, -1.0), "clicks gained per 10,000 impressions")

    says(gain)
    assert loss[0] == "−2.5 (−4.0 to −1.0)"
    says(worth_of(UNKNOWN, "no number: it takes a test"))


def test_every_segment_has_a_card_that_the_first_screen_leads_to(decided, html):
    for segment in decided.segments:
        assert html.count(f'id="page-{segment.segment_id}"') == 1
        assert html.count(f'id="segment-{segment.segment_id}"') == 1
        assert f'href="#segment-{segment.segment_id}"' in html


def test_the_numbers_tell_rule_users_insights_and_how_to_test(decided, html):
    first = text_of(html[html.index('id="page-1"') : html.index('id="page-2"')])

    assert "impressions at most 1" in first
    own = [each for each in decided.decisions.insights if each.segment_id == 1]
    assert own
    for insight in own:
        assert insight.code in first
        assert insight.action.test in first


def test_effects_come_by_size_and_the_raw_ctr_is_not_among_them(decided):
    heads = [line.head for line in effect_table(decided.segments[0], decided).lines]
    strength = {
        next(f.label for f in decided.features if f.name == row.feature): abs(
            row.standardised_difference.value
        )
        for row in decided.segments[0].numeric
        if row.standardised_difference.value is not None
    }
    assert heads == sorted(heads, key=lambda label: -strength[label])
    assert "CTR" not in heads


def test_what_was_not_looked_for_is_said(html):
    text = text_of(html[html.index("What was not looked for") :])

    shows(text)
    shows(text)


def test_a_segment_that_is_too_small_has_a_page_without_figures(decided):
    hidden = replace(
        decided.segments[4], is_withheld=True, name="Fewer than 50 users", n_users=0, share=0.0
    )
    summary = replace(decided, segments=(*decided.segments[:4], hidden))

    html = render_report(summary, figures={})

    page = html[html.index('id="page-5"') :].split("</article>")[0]
    shows(page)
    assert not re.search(r"<table|<dl|badge (confirmed|weaker|reversed|indis|open)", page)


def test_a_run_of_an_earlier_version_has_neither(make_summary):
    html = render_report(make_summary(n_points=30), figures={})

    assert "Segments in numbers" not in html


def test_hostile_texts_stay_text(decided):
    bad = '<script>alert("1")</script>'
    insight = replace(decided.decisions.insights[0], text=bad, title=bad)
    summary = replace(decided, decisions=replace(decided.decisions, insights=(insight,)))

    assert bad not in render_report(summary, figures={})


def test_segments_that_other_users_find_again_and_other_days_do_not_are_told_apart(decided):
    found = tuple(SegmentStability(i, 0.9, 0, True) for i in range(1, 6))
    evidence = EvidenceReport(
        n_users=900,
        n_days=6,
        n_blocks=3,
        n_by_evidence=5,
        division="graded division",
        n_groups=1,
        separation=Separation((1,), (1.0,), 1, 900, 5, 0),
        has_gain=True,
        gain_share=0.9,
        sufficient=(5,),
        gains=(),
        gaps=(),
        strength=PredictionStrength((1,), (1.0,), (0.0,), 1, 900),
        number=None,
        stability=Stability(found, 0.9, 50, 0),
        caveats=(),
    )

    text = text_of(render_part("stability", replace(decided, evidence=evidence), {}))

    shows(text)
    shows(text)
    calm = replace(decided.decisions, insights=())
    without = replace(decided, evidence=evidence, decisions=calm)
    assert "SEG-011" not in render_part("stability", without, {})


def test_one_segment_is_compared_with_nothing(make_summary):
    summary = make_summary(n_segments=1, n_points=2)
    forced = replace(summary, selection=replace(summary.selection, is_forced=True))

    card = card_of(summary, 1)

    assert card.expect
    assert "average" not in card.expect
    assert (card.measures, card.who, card.sure, card.find) == ((), "", (), ())
    says(first_screen(summary).headline)
    says(first_screen(forced).headline)


def test_a_log_in_which_nothing_was_clicked_says_so_and_offers_no_test(decided):
    unclicked = replace(decided, population=replace(decided.population, n_clicks=0))

    screen = first_screen(unclicked)

    assert not screen.average.is_known
    assert not any(row.expected.is_known for row in screen.rows)
    assert "Test" not in dict(screen.commands("run"))
    assert card_of(unclicked, 2).expect == ""
    says(screen.headline)


def test_small_segments_have_no_row_and_no_card_but_are_counted(decided):
    small = {2: "Fewer than 50 users", 4: "Fewer than 50 users (2)"}
    summary = replace(
        decided,
        segments=tuple(
            replace(each, is_withheld=True, name=small[each.segment_id])
            if each.segment_id in small
            else each
            for each in decided.segments
        ),
    )

    screen = first_screen(summary)

    assert sorted(row.segment_id for row in screen.rows) == [1, 3, 5]
    says(screen.more)
    assert 'id="segment-4"' not in render_report(summary, figures={})


def test_a_forecast_that_was_not_checked_is_not_called_unconfirmed(decided):
    segment = replace(
        decided.segments[0],
        decision="test_first",
        decision_reason="not_confirmed",
        verdict="not checked",
    )

    says(card_of(replace(decided, segments=(segment, *decided.segments[1:])), 1).do)
