"""The SVG itself: text stays text, ids are its own, the drawn title can be cut off."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from segmentry.present import figures as plots
from segmentry.present.drawing import without_title

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def svgs(make_summary) -> dict[str, str]:
    names = ('<b>"bold"</b>', "Tom & Jerry's", "高价值用户", "plain", "]]>")
    summary = make_summary(names=names, n_points=60)
    return {name: plots.render_svg(figure.plot(summary)) for name, figure in plots.FIGURES.items()}


def test_every_svg_is_well_formed_and_has_a_title_and_a_description(svgs):
    for name, svg in svgs.items():
        root = ET.fromstring(svg)  # noqa: S314 - our own output
        title, text = root.find(f"{SVG}title"), root.find(f"{SVG}desc")

        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{name}-title {name}-desc"
        assert (title.get("id"), text.get("id")) == (f"{name}-title", f"{name}-desc")
        assert title.text
        assert text.text


def test_ids_are_unique_among_all_figures_and_every_reference_is_met(svgs):
    ids = re.findall(r'\bid="([^"]+)"', "".join(svgs.values()))
    references = re.findall(r"url\(#([^)]+)\)", "".join(svgs.values()))

    assert len(ids) == len(set(ids))
    assert set(references) <= set(ids)


def test_names_are_text_and_never_markup(svgs):
    words = "".join(ET.fromstring(svgs["sizes"]).itertext())  # noqa: S314 - our own output

    assert '1  <b>"bold"</b>' in words
    assert "3  高价值用户" in words
    assert "<b>" not in svgs["sizes"]


def test_nothing_is_asked_of_the_network(svgs):
    for svg in svgs.values():
        assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"<(script|image|style|link|foreignObject)", svg)


def test_the_drawn_title_is_cut_off_for_a_page(make_summary):
    chart = plots.FIGURES["elbow"].plot(make_summary())

    full, bare = plots.render_svg(chart), plots.render_svg(chart, is_titled=False)

    title = "The curve bends at K = 4, but K = 5 was chosen"
    assert full.count(title) == bare.count(title) + 1
    assert height_of(bare) < height_of(full)
    assert "inertia" in bare


@pytest.mark.parametrize("name", list(plots.FIGURES))
def test_a_chart_for_a_page_is_the_one_whose_title_was_cut_off(make_summary, name):
    chart = plots.FIGURES[name].plot(make_summary(n_points=60))

    assert plots.render_svg(chart, is_titled=False) == without_title(plots.render_svg(chart))


def test_a_page_that_draws_by_itself_paints_dots_and_makes_no_elements_of_them(make_summary):
    spec = plots.render_spec(plots.FIGURES["map"].plot(make_summary(n_points=60)), is_dark=False)

    assert spec["usermeta"]["embedOptions"] == {"renderer": "canvas"}


@pytest.mark.parametrize("name", list(plots.FIGURES))
def test_control_characters_in_names_harm_no_figure(make_summary, name, tmp_path):
    summary = make_summary(n_segments=3, n_points=60, names=("kr\x16", "\x00\x0b", "a\uffffb"))
    figure = plots.FIGURES[name]

    svg = plots.render_svg(figure.plot(summary))

    ET.fromstring(svg)  # noqa: S314 - our own
    assert plots.render_png(figure.plot(summary))[1:4] == b"PNG"
    (tmp_path / f"{name}.svg").write_text(svg, encoding="utf-8")
    assert plots.saved_svg(tmp_path, name, caption=figure.caption(summary)) is not None


@pytest.mark.parametrize("name", list(plots.FIGURES))
def test_charts_without_checks_and_copies_are_the_same(make_summary, name):
    summary = make_summary(n_points=60)
    with plots.unchecked():
        unchecked = plots.FIGURES[name].plot(summary).to_dict(validate=False)

    assert unchecked == plots.FIGURES[name].plot(summary).to_dict()


@pytest.mark.parametrize("name", list(plots.FIGURES))
def test_what_is_left_after_the_cut_is_as_high_as_a_chart_without_title(make_summary, name):
    import vl_convert

    chart = plots.FIGURES[name].plot(make_summary(n_points=60))
    bare = plots.render_svg(chart, is_titled=False)
    spec = chart.to_dict()
    del spec["title"]

    expected = height_of(vl_convert.vegalite_to_svg(spec))

    assert abs(height_of(bare) - expected) <= 6


def test_the_titles_of_panels_stay_when_the_title_of_the_whole_is_cut_off(make_summary):
    summary = make_summary(n_points=60)
    chart = plots.FIGURES["distributions"].plot(summary)

    drawn = re.findall(r"<text[^>]*>([^<]*)", plots.render_svg(chart, is_titled=False))

    titles = [panel["title"]["text"] for panel in chart.to_dict()["hconcat"]]
    assert set(titles) <= set(drawn)
    assert chart.to_dict()["title"]["text"][0] not in drawn


def height_of(svg: str) -> int:
    return int(re.search(r'<svg [^>]*?\bheight="(\d+)"', svg)[1])


@pytest.mark.parametrize(("text", "is_added"), [("Träume – 5 → 6 %", 0), ("高价值用户", 1)])
def test_fonts_of_the_machine_are_read_only_for_letters_that_the_renderer_lacks(text, is_added):
    code = (
        "import os; os.environ['FONTCONFIG_FILE'] = 'mine'\n"
        "from segmentry.present import drawing\n"
        f"svg = f'<svg xmlns=\"http://www.w3.org/2000/svg\"><text>{text}</text></svg>'\n"
        "drawing.draw_png(svg, scale=1)\n"
        "print(os.environ['FONTCONFIG_FILE'], drawing._add_fonts.cache_info().currsize)"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.split() == ["mine", str(is_added)]
