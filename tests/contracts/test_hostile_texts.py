"""No text that came with the data is run by what opens a page, a figure, a card or a workbook.

All texts of a summary are hostile at once: names, levels, labels, units, reasons, paths, events.
"""

import dataclasses
import html.parser
import json
import re
import typing
import zipfile
from collections.abc import Mapping
from xml.etree import ElementTree as ET

import polars as pl
import pytest
import xlsxwriter
from tests.summaries import make_summary

from segmentry.errors import BundleError
from segmentry.present import figures as plots
from segmentry.present.card import render_card_json, render_card_markdown
from segmentry.present.exports._excel import _sheet
from segmentry.present.report import render_card_page, render_report
from segmentry.results.summary import Summary, read_summary, render_summary_json
from segmentry.runtime.spreadsheets import FORMULA, without_formulas

TEXTS = {
    "script": "<script>alert(1)</script>",
    "image": "\"'><img src=x onerror=alert(1)>",
    "end of svg": "]]></text></svg><svg onload=alert(1)>",
    "link": "[x](javascript:alert(1)) <a href=javascript:alert(1)>",
    "template": "{{ 7 * 7 }}{% raw %}",
    "formula": '=HYPERLINK("http://x","y")',
    "signs": "\t@SUM(1+1)|cmd",
    "unfit for XML": "a\x01\x16\x1b[31m\x7f\ufffe\uffffb",
    "order of letters": "\u202eabc\u2066",
}


def hostile(value, text, kind=object):
    """Return a value of a summary with a text before each of its texts but those of few words."""
    words = (kind, *typing.get_args(kind))
    if isinstance(value, str):
        is_code = any(typing.get_origin(each) is typing.Literal for each in words)
        return value if is_code else text + value
    if dataclasses.is_dataclass(value):
        kinds = typing.get_type_hints(type(value))
        fields = (field.name for field in dataclasses.fields(value) if field.init)
        made = {name: hostile(getattr(value, name), text, kinds[name]) for name in fields}
        return dataclasses.replace(value, **made)
    if isinstance(value, tuple):
        return tuple(hostile(each, text) for each in value)
    if isinstance(value, Mapping):
        return {hostile(key, text): hostile(each, text) for key, each in value.items()}
    return value


class Elements(html.parser.HTMLParser):
    """Each element with the names of its attributes, and what of it leads elsewhere."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts, self.links = set(), 0, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found |= {(tag, name) for name, _ in attrs}
        self.scripts += tag == "script"
        self.links += [value for name, value in attrs if name in {"href", "src", "action"}]


@pytest.fixture(scope="module")
def plain():
    return make_summary(n_points=60)


@pytest.fixture(scope="module", params=TEXTS)
def text(request):
    return TEXTS[request.param]


@pytest.fixture(scope="module")
def summary(plain, text):
    return hostile(plain, text, Summary)


def test_pages_have_the_elements_of_harmless_ones(plain, summary):
    pages = [
        [render_report(each, figures={}), *(render_card_page(each, n) for n in (1, 5))]
        for each in (plain, summary)
    ]

    for harmless, page in zip(*pages, strict=True):
        expected, found = Elements(harmless), Elements(page)
        assert found.found <= expected.found
        assert found.scripts == expected.scripts
        assert all(re.match(r"#|data:image/", link) for link in found.links)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", page)


def test_figures_are_xml_with_the_elements_of_harmless_ones(plain):
    summary = hostile(plain, "".join(TEXTS.values()), Summary)

    for name in ("sizes", "profile_heatmap"):
        drawn = [plots.render_svg(plots.FIGURES[name].plot(each)) for each in (plain, summary)]
        expected, found = (list(ET.fromstring(svg).iter()) for svg in drawn)  # noqa: S314  # ours
        assert {each.tag for each in found} <= {each.tag for each in expected}
        assert {a for each in found for a in each.attrib} <= {
            a for each in expected for a in each.attrib
        }


def test_cards_are_text(summary):
    for number in (1, 5):
        card = render_card_markdown(summary, number)
        assert not re.search(r"(?<!\\)<|(?<!\\)\]\(", card)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", render_card_json(summary, number))


def test_a_summary_is_read_again_as_it_was(summary, tmp_path):
    (tmp_path / "summary.json").write_text(render_summary_json(summary), encoding="utf-8")

    assert read_summary(tmp_path) == summary


def test_half_a_character_in_a_summary_is_refused_in_a_line_that_can_be_printed(plain, tmp_path):
    written = json.dumps(json.loads(render_summary_json(hostile(plain, "\ud800", Summary))))
    (tmp_path / "summary.json").write_text(written)

    with pytest.raises(BundleError, match="Invalid JSON") as caught:
        read_summary(tmp_path)

    assert str(caught.value).encode()


def test_cells_of_spreadsheets_are_texts(text, tmp_path):
    frame = pl.DataFrame({"user_id": ["u1"], text: [text], "name": [f"{text}x"]})

    cells = without_formulas(frame)
    assert not any(re.match(FORMULA, each) for each in (*cells.columns, *cells.row(0)))
    with xlsxwriter.Workbook(str(tmp_path / "b.xlsx"), {"strings_to_formulas": False}) as book:
        _sheet(book, "sheet", frame)
    with zipfile.ZipFile(tmp_path / "b.xlsx") as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
    ET.fromstring(sheet)  # noqa: S314  # ours
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet
