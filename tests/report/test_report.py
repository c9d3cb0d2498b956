"""The report as a reader, a browser and a screen reader meet it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from segmentry import plots
from segmentry.report import render_report

HOSTILE = (
    '<script>alert("1")</script>',
    'O\'Brien & "Söhne"',
    "高价值用户",
    "</svg></script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
)
VOID = {"meta", "input", "img", "br", "hr", "link"}


class Page(HTMLParser):
    """Elements in order, with their attributes, and the text of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.feed(html)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr" and self.tables:
            self.rows.append([])
        if tag in {"th", "td", "caption"}:
            self.texts = []
        if tag == "table":
            self.rows: list[list[str]] = []
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag
        if tag == "caption":
            self.tables["".join(self.texts)] = self.rows
        if tag in {"th", "td"}:
            self.rows[-1].append("".join(self.texts).strip())

    def handle_data(self, data):
        self.texts.append(data)
        if not {"script", "style"} & set(self.stack):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def drawn(summary) -> dict[str, str]:
    return {
        name: plots.render_svg(plot(summary), is_titled=False)
        for name, plot in plots.FIGURES.items()
    }


@pytest.fixture(scope="module")
def summary(make_summary):
    return make_summary(n_points=300)


@pytest.fixture(scope="module")
def html(summary) -> str:
    return render_report(summary, figures=drawn(summary))


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_the_page_asks_nothing_of_the_network(html, page):
    for _, attributes in page.elements:
        for key in ("src", "href", "xlink:href", "action", "poster", "srcset"):
            assert not re.match(r"\s*(https?:)?//", attributes.get(key) or "")
    for address in re.findall(r"https?://[^\s\"'<]+", html):
        assert address == "http://www.w3.org/2000/svg"
    assert not re.search(r"@import|url\((?!#)", html)
    assert not page.all("link")


def test_the_page_is_small(html):
    assert len(html.encode()) < 1_000_000


def test_headings_are_in_order_and_the_page_has_landmarks(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert all(len(page.all(tag)) == 1 for tag in ("main", "nav", "footer", "h1"))
    assert page.elements[0] == ("html", {"lang": "en"})


def test_ids_are_unique_and_every_reference_is_met(page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    asked = [a["href"][1:] for a in page.all("a")]
    asked += [part for _, a in page.elements for part in (a.get("aria-labelledby") or "").split()]

    assert len(ids) == len(set(ids))
    assert set(asked) <= set(ids)


def test_every_picture_is_named_or_hidden_from_screen_readers(page):
    nested = 0
    for attributes in page.all("svg"):
        is_named = attributes.get("role") == "img" and "aria-labelledby" in attributes
        is_hidden = attributes.get("aria-hidden") == "true"
        nested += not (is_named or is_hidden)
        if is_named:
            first, second = attributes["aria-labelledby"].split()
            assert {"id": first} in page.all("title")[1:] or first.endswith("-title")
            assert {"id": second} in page.all("desc")
    assert nested == 5  # the pieces of the bar of all users, inside a hidden picture


def test_every_table_has_a_caption_and_scopes(page):
    assert len(page.all("table")) == len(page.all("caption"))
    assert {a.get("scope") for a in page.all("th")} == {"col", "row"}


def test_beside_every_picture_stands_its_table(summary, html):
    for name in ("sizes", "ctr_by_segment", "elbow", "silhouette_by_k", "profile_heatmap", "map"):
        figure = re.search(rf'<figure[^>]*id="figure-{name}".*?</figure>', html, re.DOTALL)[0]
        assert "<svg" in figure
        assert "<table" in figure


def test_the_sizes_on_the_page_are_those_of_the_summary(summary, page):
    rows = page.tables["Sizes of the segments"][1:]

    found = [(row[0], int(row[1].replace(",", "")), row[2]) for row in rows]
    assert found == [
        (f"{s.segment_id} {s.name}", s.n_users, f"{s.share * 100:.1f}\u00a0%")
        for s in summary.segments
    ]


def test_the_click_rates_on_the_page_are_those_of_the_summary(summary, page):
    rows = page.tables["Clicks per impression, on the days that formed the segments"][1:]

    everyone = (*summary.segments, summary.population)
    assert [float(row[1].rstrip("\u00a0%")) for row in rows] == [
        round(s.ctr_seen.value * 100, 2) for s in everyone
    ]
    assert rows[0][2] == "2.06\u00a0% to 2.14\u00a0%"


def test_every_candidate_is_listed_with_its_scores_and_verdict(summary, page):
    rows = page.tables["Every candidate that was tried"][1:]

    assert [int(row[0]) for row in rows] == [c.n_segments for c in summary.selection.candidates]
    assert [float(row[3]) for row in rows] == [
        round(c.silhouette.value, 3) for c in summary.selection.candidates
    ]
    assert rows[3][-1] == "chosen: largest silhouette"
    assert rows[2][-1] == "knee of the elbow: second: silhouette 0.012 lower"


def test_rows_read_are_the_rows_used_rejected_and_left_out(page):
    rows = page.tables["Where the rows went: read = used + rejected + left out"][1:]

    for row in rows:
        read, used, rejected, left_out = (int(cell.replace(",", "")) for cell in row[1:5])
        assert read == used + rejected + left_out
    assert rows[0][5] == "no user_id: 12; users without profile: 1,528,514"


def test_features_that_formed_segments_are_told_from_those_that_describe(summary, page):
    formed = page.tables["6 features formed the segments"][1:]
    described = page.tables["9 features only describe them"][1:]

    assert [row[0] for row in formed] == [f.label for f in summary.features if f.weight is not None]
    assert [row[0] for row in described] == [f.label for f in summary.features if f.weight is None]


def test_every_click_rate_of_a_card_says_on_which_days_it_was_measured(html):
    cards = re.findall(r'<article class="card".*?</article>', html, re.DOTALL)

    assert len(cards) == 5
    assert all("on the forming days" in card for card in cards)
    assert "How the segments click on later days has not been measured" in html


def test_missing_values_are_dashes_and_never_nan_or_none(make_summary):
    summary = make_summary(n_segments=1, is_rated=False, n_components=1)

    page = Page(render_report(summary, figures=drawn(summary)))

    assert not re.search(r"\b(nan|none|null|inf)\b", " ".join(page.words), re.IGNORECASE)
    assert page.tables["Every candidate that was tried"][1][3:8] == ["–"] * 5
    price = next(r for r in page.tables["All users: 1,061,768 users"] if r[0] == "price clicked")
    assert price[2:6] == ["–"] * 4


def test_names_are_never_interpreted(make_summary):
    summary = make_summary(names=HOSTILE, n_points=60)
    summary = replace(summary, headline=HOSTILE[0], warnings=HOSTILE)

    html = render_report(summary, figures=drawn(summary))
    page = Page(html)

    assert not page.all("img")
    assert len(page.all("script")) == 2
    assert [row[0][2:] for row in page.tables["Sizes of the segments"][1:]] == list(HOSTILE)
    assert "49" not in re.findall(r'<h3 id="segment-5-name">.*?</h3>', html, re.DOTALL)[0]


@pytest.mark.parametrize("n_segments", [1, 2, 40])
def test_any_number_of_segments_gives_a_whole_page(make_summary, n_segments):
    summary = make_summary(n_segments=n_segments, n_points=200)

    html = render_report(summary, figures=drawn(summary))

    assert html.count('<article class="card"') == n_segments
    assert len(html.encode()) < 5_000_000
    Page(html)


def test_a_picture_that_is_not_there_leaves_its_table(summary):
    page = Page(render_report(summary, figures={}))

    assert "Sizes of the segments" in page.tables
    assert not page.all("desc")


def test_the_page_turns_dark_and_prints(html):
    assert "@media screen and (prefers-color-scheme: dark)" in html
    assert '.figure [fill="#1c2126"]{fill:#eceae4}' in html
    assert "@media print" in html


def test_the_same_summary_gives_the_same_page(summary):
    figures = drawn(summary)

    assert render_report(summary, figures=figures) == render_report(summary, figures=figures)
