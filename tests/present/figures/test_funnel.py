"""The funnel: every step with its interval, and a finding that says no more than they allow."""

from dataclasses import replace

import pytest
from tests.conversions import UNKNOWN, near, with_conversions
from tests.texts import says, shows

from segmentry.describe.conversions import FunnelStep
from segmentry.present import figures as plots
from segmentry.present.report import render_report


def rows_of(spec):
    """Return the rows of each panel of a step, where Altair put them."""
    panels = spec["hconcat"][1:]
    return [(panel.get("data") or panel["layer"][0]["data"])["values"] for panel in panels]


def steps_with(view):
    """Return steps that differ in who views after a click."""
    return (
        FunnelStep("impression", 1000, UNKNOWN),
        FunnelStep("click", 50, near(0.05, 0.01)),
        FunnelStep("view", 20, view),
        FunnelStep("cart", 10, near(0.5, 0.2)),
        FunnelStep("purchase", None, UNKNOWN),
    )


@pytest.fixture
def summary(make_summary):
    return with_conversions(make_summary(n_segments=3, n_points=60))


def test_each_step_has_its_share_with_the_interval_by_segment(summary):
    rows = rows_of(plots.FIGURES["funnel"].plot(summary).to_dict())

    assert [(r["segment_id"], r["low"], r["value"], r["high"]) for r in rows[1]] == [
        (n, pytest.approx(0.3), 0.4, pytest.approx(0.5)) for n in range(4)
    ]
    assert [len(each) for each in rows] == [4, 4, 4, 0]  # too few bought to be told
    last = plots.FIGURES["funnel"].plot(summary).to_dict()["hconcat"][-1]["layer"][-1]
    assert last["data"]["values"] == [{"text": "too few users"}]


@pytest.mark.parametrize(
    "name",
    [
        "Often in the shop, rarely clicks ads",
        "Weekend visitors who look at many brands and buy from few",
        "经常浏览但很少点击广告并且几乎不购买的用户",
    ],
)
def test_a_long_name_is_shown_whole(summary, name):
    first = replace(summary.segments[0], name=name)
    renamed = replace(summary, segments=(first, *summary.segments[1:]))

    names = plots.FIGURES["funnel"].plot(renamed).to_dict()["hconcat"][0]
    lines = names["layer"][1]["data"]["values"][1]["label"]

    assert "".join("".join(lines).split()) == "".join(f"1{name}".split())
    widest = max(sum(13 if ord(letter) > 0x24F else 7 for letter in line) for line in lines)
    assert widest <= names["layer"][1]["mark"]["limit"]
    assert names["height"] / 4 >= len(lines) * names["layer"][1]["mark"]["lineHeight"]


def finding_with(summary, view, *, bought=UNKNOWN):
    """Return the finding where one segment differs in who views, and all buy alike or unknown."""
    report = summary.conversions
    segments = [
        replace(each, steps=(*each.steps[:4], FunnelStep("purchase", 9, bought)))
        for each in report.segments
    ]
    first = (*steps_with(view)[:4], FunnelStep("purchase", 9, bought))
    segments[1] = replace(segments[1], steps=first)
    found = replace(summary, conversions=replace(report, segments=tuple(segments)))
    return plots.FIGURES["funnel"].caption(found).finding.replace("\xa0", " ")


def test_a_segment_is_named_only_where_its_interval_stands_apart(summary):
    many = near(0.9, 0.05)

    says(finding_with(summary, near(0.45, 0.1), bought=many))
    says(finding_with(summary, near(0.7, 0.1), bought=many))


def test_no_step_is_called_the_narrowest_beside_one_that_is_hidden(summary):
    shows(finding_with(summary, near(0.7, 0.1)))


def test_without_shares_the_counts_stay_and_without_conversions_no_figure_is_written(
    summary, make_summary, names_of
):
    plain = make_summary(n_points=60)
    hidden = tuple(
        replace(each, steps=(FunnelStep("impression", 1000, UNKNOWN),))
        for each in summary.conversions.segments
    )
    without = replace(summary, conversions=replace(summary.conversions, segments=hidden))

    assert not plots.FIGURES["funnel"].needs(plain)
    assert plots.FIGURES["funnel"].needs(without)
    assert plots.FIGURES["funnel"].draw(without) is None
    (table,) = plots.FIGURES["funnel"].tables(without)
    assert table.rows[0].cells[1].value == 1000
    assert plots.FIGURES["funnel"].needs(summary)
    assert names_of(summary) - names_of(plain) == {"funnel"}


def test_the_report_sets_the_picture_beside_the_table(summary):
    page = render_report(summary, figures={"funnel": "<svg>funnel</svg>"})

    found = page[page.index('id="figure-funnel"') :].split("</figure>")[0]
    assert "<svg>funnel</svg>" in found
    assert plots.FIGURES["funnel"].caption(summary).finding in found
    assert '>50 <span class="limits">5.00\u00a0%</span>' in found
