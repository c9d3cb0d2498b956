"""The report as a reader, a browser and a screen reader meet it."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.texts import says, shows
from tests.windows import coloured

from segmentry.describe.retention import RetentionFeature, RetentionReport, RetentionRow
from segmentry.evaluation.later_days import DayLevel, DayLevels
from segmentry.present import figures as plots
from segmentry.present.report import render_card_page, render_report, render_table
from segmentry.runtime.web import hash_of
from segmentry.schema import Estimate

HOSTILE = (
    '<script>alert("1")</script>',
    'O\'Brien & "Söhne"',
    "高价值用户",
    "</svg></script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
)
UNKNOWN = Estimate(value=None, low=None, high=None)
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
        name: plots.render_svg(figure.plot(summary), is_titled=False)
        for name, figure in plots.FIGURES.items()
        if name != "ctr_later" or plots.was_checked(summary)
    }


@pytest.fixture(scope="module")
def summary(make_summary):
    return make_summary(n_points=300)


@pytest.fixture(scope="module")
def html(summary) -> str:
    return render_report(summary, figures=drawn(summary)).replace("&nbsp;", "\u00a0")


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_page_and_card_take_the_colours_of_keys(make_summary):
    plain = make_summary(n_segments=3)
    refit = coloured(plain, (3, 5, 1))
    first = plots.segment_colour(3)

    for page in (render_report(refit, figures={}), render_card_page(refit, 1)):
        card = page[page.index('id="segment-1"') :]
        assert card[card.index("fill=") :].startswith(f'fill="{first}"')
    table = plots.FIGURES["sizes"].tables(refit)[0]
    shown = re.findall(r'fill="(#\w+)"', render_table(table, refit.colours))
    assert shown == [plots.segment_colour(n) for n in (3, 5, 1)]


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
    assert all(len(page.all(tag)) == 1 for tag in ("main", "footer", "h1"))
    assert len({each["aria-label"] for each in page.all("nav")}) == 2
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
            assert {"id": first} in page.all("title")
            assert {"id": second} in page.all("desc")
    assert nested == 0


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
    says(rows[2][-1])


def test_rows_read_are_the_rows_used_rejected_and_left_out(page):
    rows = page.tables["Where the rows went: read = used + rejected + left out"][1:]

    for row in rows:
        read, used, rejected, left_out = (int(cell.replace(",", "")) for cell in row[1:5])
        assert read == used + rejected + left_out
    says(rows[0][5])


def test_features_that_formed_segments_are_told_from_those_that_describe(summary, page):
    formed = page.tables["6 features formed the segments"][1:]
    described = page.tables["9 features only describe them"][1:]

    assert [row[0] for row in formed] == [f.label for f in summary.features if f.weight is not None]
    assert [row[0] for row in described] == [f.label for f in summary.features if f.weight is None]


def test_a_card_shows_one_click_rate_and_it_is_the_expected_one(summary, html):
    for segment in summary.segments:
        start = html.index(f'<article class="card" id="segment-{segment.segment_id}"')
        card = html[start : html.index("</article>", start)]
        assert f"{segment.expected_rate.value * 100:.2f}\u00a0%" in card
        assert f"{segment.ctr_seen.value * 100:.2f}" not in card


def number(text: str) -> float:
    return float(text.rstrip("\u00a0%points").replace("−", "-"))


def bounds(limits: str) -> list[float]:
    return [number(part) for part in limits.split(" to ")]


def rounded(estimate, digits: int = 2) -> list[float]:
    return [round(v * 100, digits) for v in (estimate.value, estimate.low, estimate.high)]


def test_the_later_days_on_the_page_are_those_of_the_summary(summary, page):
    rows = page.tables["Click rates expected from the forming days, and on later days"][1:]

    for row, s in zip(rows, summary.segments, strict=True):
        cells = [re.split(r"(?<=%) (?=\S)", cell, maxsplit=1) for cell in row]
        assert row[:2] == [f"{s.segment_id} {s.name}", s.verdict]
        for cell, estimate in zip(
            (cells[2], cells[3], cells[7]),
            (s.forecast_early, s.ctr_outcome, s.expected_rate),
            strict=True,
        ):
            assert [number(cell[0]), *bounds(cell[1])] == rounded(estimate)
        for text, estimate in zip(
            row[4:6], (s.forecast_difference, s.later_difference), strict=True
        ):
            numbers = re.findall(r"[-−]?\d+\.\d\d", text)
            assert [float(each.replace("−", "-")) for each in numbers] == rounded(estimate)
        index, limits = row[8].split(" ", 1)
        assert [number(index), *bounds(limits)] == [
            round(v) for v in (s.forecast_index.value, s.forecast_index.low, s.forecast_index.high)
        ]
        if s.survival.is_known:
            assert [number(cells[6][0]), *bounds(cells[6][1])] == rounded(s.survival, 0)
        else:
            assert row[6] == "–"


def test_every_verdict_has_its_reason_and_the_difference_that_would_have_been_found(summary, page):
    caption = "Why, what a check of this size would have found, and who did not return"
    rows = page.tables[caption][1:]

    for row, s in zip(rows, summary.segments, strict=True):
        assert row[1] == s.verdict
        assert number(row[2]) == round(s.minimal_detectable_difference * 100, 2)
        assert number(row[3]) == round(s.absent_share * 100, 1)
        assert row[4] == f"{s.verdict_reason}."


def section(html: str) -> str:
    return re.search(r'<section id="trust".*?</section>', html, re.DOTALL)[0]


def test_the_check_says_its_days_kept_gain_events_and_caveats(summary, html):
    found = section(html)

    shows(found)
    assert ">Friday and Saturday<" in found
    shows(found)
    assert "keep 83\u00a0% (90\u00a0% interval 80\u00a0% to 87\u00a0%)" in found
    parts = (*summary.validation.refit_events, *summary.validation.caveats)
    assert all(text.replace(" %", "\u00a0%") in found for text in parts)
    assert html.index('href="#segments"') < html.index('href="#trust"')
    assert html.index('href="#trust"') < html.index('href="#evidence"')


def test_nats_are_those_of_the_summary(summary, page):
    caption = next(c for c in page.tables if "nats per 1,000 impressions" in c)
    gain = summary.validation.kept_gain

    for row, estimate in zip(
        page.tables[caption][1:],
        (gain.nats_of_users, gain.nats_by_forecast, gain.nats_by_best_rate),
        strict=True,
    ):
        assert [float(row[1]), *map(float, row[2].split(" to "))] == [
            round(v * 1000, 3) for v in (estimate.value, estimate.low, estimate.high)
        ]


def test_without_a_signal_of_users_the_page_says_why_no_gain_is_kept(make_summary):
    found = section(render_report(make_summary(validation="no signal", n_points=60), figures={}))

    shows(found)
    assert "−0.010" in found


def test_the_best_rates_are_never_shown_alone(make_summary):
    summary = make_summary(n_points=60)
    unknown = Estimate(None, None, None)
    gain = replace(summary.validation.kept_gain, by_forecast=unknown, nats_by_forecast=unknown)
    summary = replace(summary, validation=replace(summary.validation, kept_gain=gain))

    found = section(render_report(summary, figures={}))

    shows(found)
    assert "best rates of the segments" not in found
    assert "86\u00a0%" not in re.sub(r"<table.*?</table>", "", found, flags=re.DOTALL)


@pytest.mark.parametrize(
    "validation",
    [
        "not asked",
        "the log has one day: no later day",
    ],
)
def test_where_nothing_was_checked_the_page_says_so(make_summary, validation):
    summary = make_summary(validation=validation, n_points=60)

    html = render_report(summary, figures={"sizes": "<svg></svg>"})

    assert "figure-ctr_later" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    shows(section(html))
    shows(html)
    Page(html)


def test_what_is_certain_and_what_is_not_follow_the_verdicts(make_summary):
    summary = make_summary(n_points=60)
    certain, doubt = render_report(summary, figures={}).split('<div class="doubt">')[:2]
    others = tuple(replace(s, verdict="no difference") for s in summary.segments)
    in_doubt = render_report(replace(summary, segments=others), figures={})

    shows(certain)
    shows(doubt)
    shows(doubt)
    shows(in_doubt)
    shows(in_doubt)


def test_one_segment_has_nothing_that_is_told_of_several(make_summary):
    summary = make_summary(n_segments=1, n_points=60)

    html = render_report(summary, figures={}).replace("\u00a0", " ")

    shows(html)
    assert "is confirmed by its clicks" not in html
    assert "confirmed on later days" not in html
    assert "Simple rules tell" not in html
    assert "what sets it apart" not in html
    assert "over- or under-represented" not in html


def levels(sd, p_value):
    first = 1_494_000_000 // 86_400 + 1
    days = [DayLevel(first + i, 900, Estimate(0.05, 0.04, 0.06)) for i in range(7)]
    return DayLevels((*days, DayLevel(first + 7, None, UNKNOWN)), sd, p_value)


@pytest.mark.parametrize(
    ("sd", "p_value"),
    [
        (0.32, 1e-9),
        (0.2, 0.04),
        (0.01, 1e-9),
    ],
)
def test_days_are_told_with_whether_the_level_moved(make_summary, sd, p_value):
    summary = make_summary(n_points=60)
    validation = replace(summary.validation, levels=levels(sd, p_value))

    html = render_report(replace(summary, validation=validation), figures={})

    shows(section(html))
    rows = Page(html).tables["Click rate of all users, day by day"]
    assert [row[0] for row in rows[1:]] == [f"{i} May 2017" for i in range(6, 14)]
    assert rows[1][1:] == [
        "Saturday",
        "form segments",
        "900",
        "5.00\u00a0%",
        "4.00\u00a0% to 6.00\u00a0%",
    ]
    assert rows[8][1:] == ["Saturday", "check them", "–", "–", "–"]


def test_users_absent_later_are_told_by_what_sets_them_apart(make_summary):
    summary = make_summary(n_points=60)
    unlike = (
        RetentionFeature("n_impressions", 36.0, 12.0, -2.0),
        RetentionFeature("ctr_shrunk", 0.05, 0.051, 0.125),
    )
    shown = RetentionRow(1, 90, 80, 36.0, 12.0, 0.05, 0.06, 0.01, unlike)
    hidden = RetentionRow(2, None, None, None, None, None, None, None)
    retention = RetentionReport((shown, hidden), None, UNKNOWN)

    page = Page(render_report(replace(summary, retention=retention), figures={}))

    (caption,) = (each for each in page.tables if each.startswith("How users absent later differ"))
    assert [row[1:] for row in page.tables[caption][1:]] == [
        ["impressions", "36.0", "12.0", "−2.00"],
        ["click rate, shrunk", "5.00\u00a0%", "5.10\u00a0%", "+0.12"],
    ]


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
    validation = replace(summary.validation, refit_events=HOSTILE, caveats=HOSTILE, reason="")
    segments = tuple(replace(s, verdict_reason=HOSTILE[3]) for s in summary.segments)
    summary = replace(summary, validation=validation, segments=segments)

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

    shows(page.tables)
    assert not page.all("desc")


def test_the_page_turns_dark_and_prints(html):
    assert "@media screen and (prefers-color-scheme: dark)" in html
    assert '.figure [fill="#1c2126"]{fill:#eceae4}' in html
    assert "@media print" in html


def test_the_same_summary_gives_the_same_page(summary):
    figures = drawn(summary)

    assert render_report(summary, figures=figures) == render_report(summary, figures=figures)


def test_no_script_but_the_one_of_the_page_runs_in_report_and_card(summary, html):
    for page in (html, render_card_page(summary, 1)):
        policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        assert rules["default-src"] == "'none'"
        assert [hash_of(script) for script in scripts] in ([rules["script-src"]], [])
