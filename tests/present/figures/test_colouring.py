"""Marks in the colour of a feature: one scale, unknown values apart and named."""

from dataclasses import replace

import pytest
from tests.texts import says, shows

from segmentry.describe.profiles import LevelShare, LevelStatistics
from segmentry.present import figures as plots
from segmentry.present.theme import SCALE


def user(name, value, *, feature="n_impressions"):
    return plots.UserPlace(name, 1, 0.0, 1.0, {feature: value}, 0.5)


def scales_of(spec):
    """Return domain and range of each scale of colours that a chart draws with."""
    found = []
    for part in (*spec.get("layer", []), *spec.get("hconcat", [])):
        scale = part.get("encoding", {}).get("color", {}).get("scale")
        found += [(scale["domain"], scale["range"])] if scale else scales_of(part)
    return found


def with_levels(summary, shares):
    """Return a summary in which gender has levels with these shares, in their order."""
    levels = tuple(LevelShare(name, name.upper(), share, share, 100.0) for name, share in shares)
    population = replace(summary.population, levels=(LevelStatistics("gender", levels),))
    features = tuple(
        replace(row, name="gender", label="gender", kind="categorical")
        if row.name == "n_clicks"
        else row
        for row in summary.features
    )
    return replace(summary, population=population, features=features)


def test_unknown_values_are_drawn_hollow_in_grey_and_are_counted_in_words(make_summary):
    summary = make_summary(n_points=5)
    users = [user("a", 3.0), user("b", None), user("c", 90.0), user("d", 0.0)]

    spec = plots.ANSWERS["users"].plot(summary, users, feature="n_impressions").to_dict()

    assert scales_of(spec) == [
        (["unknown"], ["#8d9197"]),
        ([0.0, 90.0], [role.light for role in SCALE]),
    ]
    assert spec["resolve"] == {"scale": {"color": "independent"}}
    assert [mark["mark"]["filled"] for mark in spec["layer"][:2]] == [False, True]
    parts = {row["user_id"]: row["shown"] for rows in spec["datasets"].values() for row in rows}
    assert parts == {"a": "3.00", "b": "unknown", "c": "90.0", "d": "0.0"}
    reading = plots.ANSWERS["users"].caption(summary, users, feature="n_impressions").reading
    shows(reading)


def test_large_values_stand_out_from_a_light_and_from_a_dark_page(make_summary):
    summary = make_summary(n_points=5)
    chart = plots.ANSWERS["users"].plot(
        summary, [user("a", 1.0), user("b", 2.0)], feature="n_impressions"
    )

    light, dark = (plots.render_spec(chart, is_dark=is_dark) for is_dark in (False, True))

    assert scales_of(light)[0][1][-1] == "#482878"
    assert scales_of(dark)[0][1][-1] == "#fde725"
    assert scales_of(dark)[0][1] == [role.dark for role in SCALE]
    assert light["layer"][0]["data"]["values"] == dark["layer"][0]["data"]["values"]


def test_levels_have_steps_of_the_scale_and_rare_ones_share_the_last(make_summary):
    shares = [(name, share / 36) for name, share in zip("abcdefgh", range(8, 0, -1), strict=True)]
    summary = with_levels(make_summary(n_points=5), shares)
    users = [user(name, name, feature="gender") for name in "abgh"]

    spec = plots.ANSWERS["users"].plot(summary, users, feature="gender").to_dict()

    ((domain, colours),) = scales_of(spec)
    assert domain == ["A", "B", "C", "D", "E", "F", "others"]
    assert len(set(colours)) == len(domain)
    rows = spec["datasets"]["users"]
    assert [row["value"] for row in rows] == ["A", "B", "others", "others"]
    assert [row["shown"] for row in rows] == ["A", "B", "G", "H"]


def test_a_hexagon_has_the_colour_of_its_mean_and_tells_of_how_many_it_is(make_summary):
    summary = make_summary(n_points=5)
    cells = [
        plots.HexagonValue(0.0, 0.0, 0.5, 900, 1, 850, 4.0, None),
        plots.HexagonValue(1.0, 0.0, 0.5, 100, 2, 50, 12.0, None),
        plots.HexagonValue(2.0, 0.0, 0.5, 50, 2, None, None, None),
    ]

    spec = plots.ANSWERS["hexagon_values"].plot(summary, cells, feature="n_impressions").to_dict()
    caption = plots.ANSWERS["hexagon_values"].caption(summary, cells, feature="n_impressions")

    (unknown, known) = spec["layer"][:2]
    assert scales_of(spec) == [
        (["too few known"], ["#e3e0d8"]),
        ([4.0, 12.0], [role.light for role in SCALE]),
    ]
    assert known["encoding"]["color"]["legend"]["title"] == "mean impressions"
    assert known["encoding"]["opacity"] == {"value": 1}
    low, high = known["encoding"]["x"]["scale"]["domain"]
    assert low <= -0.5
    assert high >= 2.5
    pixels = 0.5 / (high - low) * spec["width"]
    assert known["mark"]["size"] == pytest.approx(4 * pixels**2)
    rows = spec["datasets"][known["data"]["name"]]
    assert [(row["shown"], row["known"], row["n"]) for row in rows] == [
        ("4.00", "850", "900"),
        ("12.0", "50", "100"),
    ]
    assert [row["known"] for row in spec["datasets"][unknown["data"]["name"]]] == ["too few"]
    shows(caption.reading)
    # The third segment of the fixture was shown 88.9 impressions on average, the most of all.
    shows(caption.finding)


@pytest.mark.parametrize("feature", ["n_impressions", "first_seen_at"])
def test_space_takes_the_colours_too(make_summary, feature):
    summary = make_summary(n_points=12)
    users = [user("a", 1494000000.0, feature=feature), user("b", None, feature=feature)]

    space = plots.FIGURES["map_3d"].plot(summary, users, feature=feature).to_dict()

    assert len(scales_of(space)) == 2
    shown = [row["shown"] for row in space["datasets"]["points"]]
    # 2017-05-06 00:00 by the clock of the fixture, UTC+8.
    assert shown == ["2017-05-06 00:00" if feature == "first_seen_at" else "1,494,000,000"]


def test_without_users_or_hexagons_a_chart_says_so(make_summary):
    summary = make_summary(n_points=5)

    for chart in (
        plots.ANSWERS["users"].plot(summary, (), feature="n_clicks"),
        plots.ANSWERS["hexagon_values"].plot(summary, (), feature="n_clicks"),
    ):
        assert chart.to_dict()["data"]["values"] == [{"text": "nothing to draw"}]
    finding = plots.ANSWERS["hexagon_values"].caption(summary, (), feature="n_clicks").finding
    says(finding)
