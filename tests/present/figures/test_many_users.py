"""Figures of many users: drawn from what was counted beforehand."""

import re
from dataclasses import replace

import pytest
from tests.present.figures.test_figures import mark_type, marks_of, rows_of
from tests.present.report.test_log_page import a_log
from tests.texts import says, shows

from segmentry.formats import percent
from segmentry.present import figures as plots
from segmentry.schema import Estimate


def test_blades_hold_the_sampled_silhouettes_in_the_segments_colour_and_order(make_summary):
    summary = make_summary(n_segments=3, n_points=20)

    spec = plots.FIGURES["silhouette_blades"].plot(summary).to_dict()

    rows = spec["datasets"]["blades"]
    for blade in summary.pictures.blades:
        own = [row for row in rows if row["segment_id"] == blade.segment_id]
        assert [row["value"] for row in own] == [*blade.values, blade.values[-1]]
        assert [row["y"] for row in own] == sorted(row["y"] for row in own)
    finding = plots.FIGURES["silhouette_blades"].caption(summary).finding
    assert "20" in finding
    shows(finding)


def test_distributions_draw_shares_of_the_segment_over_those_of_all_users(make_summary):
    summary = make_summary(n_segments=2, n_points=20)
    bins = summary.pictures.distributions
    changed = replace(bins[0], segments=((10, 0, 0), (0, 6, 4)), population=(10, 6, 4))
    pictures = replace(summary.pictures, distributions=(changed, *bins[1:]))

    spec = (
        plots.FIGURES["distributions"]
        .plot(replace(summary, pictures=pictures), features=[changed.feature])
        .to_dict()
    )

    rows = [row for row in spec["datasets"]["bins_0"] if row["segment_id"] == 2]
    assert [row["share"] for row in rows] == [0.0, 1.0, 0.6667, 0.6667]  # of the largest, 0.6
    # The second of two strips of 46 pixels, each under a gap of 28: 148 is its foot.
    assert [row["top"] for row in rows] == [148, 102, 117.33, 117.33]
    assert [row["all"] for row in rows] == [109.67, 125, 132.67, 132.67]


def test_only_eight_segments_are_drawn_and_the_caption_says_so(make_summary):
    summary = make_summary(n_segments=40, n_points=60)

    spec = plots.FIGURES["distributions"].plot(summary).to_dict()

    assert {row["segment_id"] for row in rows_of(spec) if "bin" in row} == set(range(1, 9))
    assert "first 8 segments" in plots.FIGURES["distributions"].caption(summary).reading


def test_a_hexagon_is_stronger_the_more_users_it_holds_and_never_invisible(make_summary):
    summary = make_summary(n_segments=3, n_points=20)

    spec = plots.FIGURES["map_hexagons"].plot(summary).to_dict()

    rows = spec["datasets"]["hexagons"]
    cells = summary.pictures.hexagons
    strengths = {cell.n_users: row["o"] for cell, row in zip(cells, rows, strict=True)}
    assert strengths == {1: 0.16, 10: 0.44, 100: 0.72, 1000: 1.0}
    assert mark_type(marks_of(spec)[0]) == "point"


def test_a_run_without_them_gets_charts_that_say_so(make_summary):
    summary = replace(make_summary(n_points=20), pictures=None)

    for name in ("silhouette_blades", "distributions", "map_hexagons"):
        spec = plots.FIGURES[name].plot(summary).to_dict()
        assert spec["data"]["values"] == [{"text": "nothing to draw"}]


def test_a_run_without_the_log_has_an_exposure_chart_that_says_so(make_summary):
    summary = make_summary(n_points=5)

    assert "no exposure curve" in plots.FIGURES["exposure"].caption(summary).finding
    assert plots.FIGURES["exposure"].plot(summary).to_dict()["name"] == "exposure"


def test_users_on_the_map_are_those_of_the_run_though_cells_are_rounded_up(make_summary):
    summary = make_summary(n_segments=3, n_points=20)
    n_users = summary.population.n_users
    few = replace(summary.pictures.hexagons[0], n_users=n_users * 2)
    rounded = replace(summary, pictures=replace(summary.pictures, hexagons=(few,)))

    caption = plots.FIGURES["map_hexagons"].caption(rounded)

    # The share was measured before the cells were rounded.
    assert f"; {percent(summary.pictures.mixed_share, digits=0)} " in caption.finding
    assert f"{n_users:,}" in caption.finding
    says(caption.finding)
    shows(caption.reading)


def test_in_a_page_every_panel_keeps_its_title_and_the_chart_gives_its_own_up(make_summary):
    summary = make_summary(n_segments=2, n_points=20)
    chart = plots.FIGURES["distributions"].plot(summary)

    inside = plots.render_svg(chart, is_titled=False)

    labels = {row.name: row.label for row in summary.features}
    for name in plots.distribution_names(summary)[:4]:
        assert f">{labels[name]}" in inside
    drawn = inside.split("</title>")[1]
    assert (
        plots.FIGURES["distributions"].caption(summary).finding[:20]
        not in drawn.split("</desc>")[1]
    )


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.86, 1.3, [0.9, 1.0, 1.1, 1.2, 1.3]),
        (0.2, 2.1, [0.2, 0.5, 1.0, 2.0]),
        (0.98, 1.01, [0.98, 0.985, 0.99, 0.995, 1.0, 1.005, 1.01]),
    ],
)
def test_odds_are_marked_at_round_numbers_of_which_none_is_left_out(make_summary, low, high, ticks):
    log = a_log()
    first, last = log.curves[1].points
    wide = replace(last, odds_ratio=Estimate(1.0, low, high), naive_ctr=first.naive_ctr)
    curve = replace(log.curves[1], points=(first, wide))
    summary = replace(make_summary(n_points=5), log=replace(log, curves=(curve,)))

    spec = plots.FIGURES["exposure"].plot(summary).to_dict()

    axes = [mark["encoding"]["y"].get("axis", {}) for mark in marks_of(spec)]
    assert ticks in [axis.get("values") for axis in axes]


def test_a_map_by_segment_says_nothing_of_a_scale(make_summary):
    summary = make_summary(n_points=5)
    users = (plots.UserPlace("a", 1, 0.0, 1.0, {"n_impressions": 3.0}),)

    plain = plots.ANSWERS["users"].caption(summary, users).reading
    by_feature = plots.ANSWERS["users"].caption(summary, users, feature="n_impressions").reading

    assert "Colour: the user’s own value" not in plain
    shows(by_feature)


def test_zero_on_an_axis_of_thousands_is_zero(make_summary):
    svg = plots.render_svg(plots.FIGURES["elbow"].plot(make_summary(n_points=5)))

    labels = re.findall(r">([0-9.]+[kM]?)<", svg)
    assert "0" in labels
    assert not {"0k", "0M"} & set(labels)
