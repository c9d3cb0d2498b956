"""The dashboard in a real browser: it opens, stays at home, filters, hands out, can be reached."""

import contextlib
import io
import json
import zipfile
from functools import partial
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import polars as pl
import pytest
from playwright.sync_api import TimeoutError as Overdue
from tests.present.dashboard.conftest import Served, axe_source, watch
from tests.summaries import make_summary
from tests.texts import shows

from segmentry.formats import count, feature_value, percent
from segmentry.present.dashboard._pages import PAGES
from segmentry.present.report import render_report
from segmentry.results.summary import read_summary

SHOWN = [path for path in PAGES if path not in {"purchases", "over-time"}]
"""This run has no behaviours and no windows: the menu does not offer these pages."""
EVERY_PATH = (
    *("" if path == "overview" else path for path in SHOWN),
    "segments?segment=2&act=send",
    "segments?segment=2&act=test",
    "map?view=A+sample",
    "map?view=In+space",
)


def opened(page, served, path=""):
    page.goto(f"{served.url}/{path}")
    page.locator("[data-testid=stMain] h1").wait_for(timeout=30_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=30_000)
    return page


@pytest.fixture(scope="module", params=EVERY_PATH, ids=lambda path: path or "overview")
def visited(request, served, shared_context):
    """A page at one address, opened once for the tests that follow each other on it."""
    page = opened(watch(shared_context.new_page()), served, request.param)
    page.wait_for_load_state("networkidle")
    page.path = request.param
    yield page
    page.close()


def test_every_page_opens_without_a_fault_and_asks_nobody_else(visited):
    assert visited.faults == []
    assert visited.outside == []
    assert visited.locator("[data-testid=stException]").count() == 0


def test_the_keyboard_alone_reaches_everything_that_can_be_used(visited):
    wanted = visited.evaluate(
        """(() => { const all = [...document.querySelectorAll(
             '[data-testid=stMain] :is(a[href], button, input, select, textarea, summary, '
             + '[tabindex="0"], [role=slider])')];
           const used = all.filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility()
             && !(e.type === "radio" && !e.checked)
             // Tab enters a group of choices once; arrow keys go on within it.
             && !(e.role === "radio" && e !== e.closest('[role=radiogroup]')
               .querySelector('[role=radio]')));
           used.forEach((e, i) => e.dataset.wanted = i);
           window.reached = new Set();
           document.addEventListener("focusin", e => window.reached.add(e.target.dataset.wanted));
           return used.length; })()"""
    )

    assert wanted > 0
    left = {str(i) for i in range(wanted)}
    for n in range(1, wanted + 61):
        visited.keyboard.press("Tab")
        if n % 10 == 0 or n == wanted + 60:
            left.difference_update(visited.evaluate("[...window.reached]"))
        if not left:
            break
    assert left == set()


def test_axe_finds_no_serious_fault(visited):
    source = axe_source()
    if source is None:
        pytest.skip("no axe-core")

    assert serious_faults(visited, source) == []


@pytest.fixture(scope="module")
def on_a_dark_phone(visited, served):
    """The page opened once more: the server draws for the theme that a page is opened with."""
    visited.emulate_media(color_scheme="dark")
    visited.set_viewport_size({"width": 390, "height": 800})
    opened(visited, served, visited.path).wait_for_load_state("networkidle")
    return visited


def test_axe_finds_no_serious_fault_in_the_dark(on_a_dark_phone):
    source = axe_source()
    if source is None:
        pytest.skip("no axe-core")

    assert serious_faults(on_a_dark_phone, source) == []


def test_on_a_phone_no_page_is_wider_than_the_screen(on_a_dark_phone):
    over = on_a_dark_phone.evaluate(
        "(() => { const m = document.querySelector('[data-testid=stMain]');"
        " return m.scrollWidth - m.clientWidth })()"
    )
    assert over == 0


def test_a_choice_changes_the_page_and_its_address_and_comes_back_with_it(served, watched, summary):
    page = opened(watched, served, "segments")
    third = summary.segments[-1]

    # Pictures that still load move the page, which closes a list that was opened by a click.
    page.wait_for_load_state("networkidle")
    last = page.get_by_role("option").nth(len(summary.segments) - 1)
    for _ in range(10):
        page.locator("[data-testid=stMain]").get_by_role("combobox").first.focus()
        page.keyboard.press("ArrowDown")
        with contextlib.suppress(Overdue):
            last.click(timeout=3000)
            break

    heading = page.locator("h1", has_text=third.name)
    heading.wait_for()
    assert f"segment={third.segment_id}" in page.url
    page.reload()
    heading.wait_for(timeout=30_000)


def test_a_download_holds_what_the_page_shows(served, watched, summary):
    page = opened(watched, served, "download")

    with page.expect_download() as awaited:
        page.get_by_role("button", name="CSV", exact=True).click()
    table = pl.read_csv(io.BytesIO(awaited.value.path().read_bytes()))

    shown = page.locator("[data-testid=stMain] table tbody tr").all_inner_texts()
    rows = [" ".join(cell.split()) for cell in shown]

    def write(value):
        return percent(value) if isinstance(value, float) else count(value)

    assert rows == [
        " ".join(" ".join([segment, *map(write, values)]).split())
        for _, segment, *values in table.iter_rows()
    ]
    assert table.height == len(summary.segments)


def test_what_a_choice_shows_is_handed_out_as_tables_and_pictures(served, watched):
    page = opened(watched, served, "numbers?feature=impressions")
    button = page.get_by_role("button", name="Download tables (CSV, Parquet) and charts")
    with page.expect_download() as awaited:
        button.click()
    with zipfile.ZipFile(io.BytesIO(awaited.value.path().read_bytes())) as files:
        kinds = [name.rpartition(".")[2] for name in files.namelist()]
        table = pl.read_csv(files.read(files.namelist()[0]))

    assert kinds == ["csv", "parquet", "svg", "png"]
    caption = page.locator("table caption", has_text="the quartiles")
    shown = caption.locator("xpath=..").locator("tbody tr").all_inner_texts()
    write = partial(feature_value, kind="count")
    assert [" ".join(row.split()) for row in shown] == [
        f"{segment} {write(median)} {write(low)} to {write(high)}"
        for _, segment, median, low, high in table.iter_rows()
    ]


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_the_command_of_a_run_is_copied_by_the_keyboard(has_clipboard, served, watched):
    watched.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened(watched, served, "data")
    if not has_clipboard:  # as without TLS
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")

    page.get_by_role("button", name="Copy").press("Enter")
    page.get_by_role("status").filter(has_text="Copied.").wait_for()

    command = page.locator("pre").inner_text()
    assert command.startswith("segmentry run ")
    page.reload()  # with a clipboard that can be read
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_a_link_goes_to_the_page_of_its_segment_and_back_without_a_new_load(
    served, watched, summary
):
    page = opened(watched, served)
    page.evaluate("window.isFirstLoad = true")
    chosen = page.locator(".who a").first
    name = chosen.inner_text().splitlines()[-1]

    chosen.click()
    page.locator("h1", has_text=name).wait_for()
    by_name = {segment.name: segment.segment_id for segment in summary.segments}
    assert page.url.endswith(f"/segments?segment={by_name[name]}")
    page.go_back()
    page.locator(".next a", has_text="Send").click()
    page.locator("h2", has_text="Send this segment").wait_for()
    page.get_by_role("button", name="Download the list").wait_for()

    assert page.evaluate("window.isFirstLoad")


def test_a_link_stays_in_the_run_that_was_chosen(served, watched, run_dir, other_run):
    page = opened(watched, served, f"?run={other_run.parent.name}/{other_run.name}")

    page.get_by_role("link", name="Segments", exact=True).click()
    page.locator(".card").wait_for()

    assert "run=" in page.url
    assert len(read_summary(other_run).segments) == 5
    page.get_by_role("combobox", name="Segment").press("ArrowDown")
    page.get_by_role("option").first.wait_for()
    assert page.get_by_role("option").count() == 5


def test_the_pencil_opens_the_form_with_the_name(served, watched, summary):
    page = opened(watched, served, "segments?segment=1")

    page.get_by_role("button", name="Rename").press("Enter")

    name = page.get_by_label("Name", exact=True)
    name.wait_for()
    assert name.input_value() == summary.segments[0].name


def test_two_figures_stand_beside_each_other_on_a_laptop(served, watched):
    page = opened(watched, served, "why")

    boxes = [
        page.locator(f".figure-{name}").bounding_box() for name in ("elbow", "silhouette_by_k")
    ]

    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]


def test_numbers_beside_each_other_stand_on_one_line(served, watched):
    page = opened(watched, served, "budget")

    lines = page.locator(".facts .value").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().top)"
    )

    assert len(lines) > 2
    assert len(set(lines)) == 1


def test_a_picture_is_handed_out_as_svg_and_png(served, watched):
    page = opened(watched, served, "download")

    found = {}
    for kind in ("SVG", "PNG for a slide"):
        with page.expect_download() as awaited:
            page.get_by_role("button", name=kind, exact=True).click()
        found[kind] = awaited.value.path().read_bytes()

    assert found["SVG"].startswith(b"<svg ")
    png = found["PNG for a slide"]
    assert png.startswith(b"\x89PNG")
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (1920, 1080)


def test_the_keyboard_alone_reaches_pages_choices_and_tables(served, watched):
    page = opened(watched, served, "why")

    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const e = document.activeElement; return e.tagName + ' ' +"
                " (e.getAttribute('aria-label') || e.innerText || '').trim().slice(0, 60) })()"
            )
        )
    text = "\n".join(sorted(reached))
    assert "A Segments" in text
    shows(text)
    shows(text)
    assert "Silhouette" in text  # a word of the glossary


def test_arrow_keys_go_on_within_a_group_of_choices(served, watched):
    page = opened(watched, served, "map")

    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")

    assert page.evaluate("document.activeElement.innerText") == "A sample"


def test_on_a_phone_maps_are_shown_whole_and_captions_of_wide_tables_stay_on_the_screen(
    served, browser
):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = opened(context.new_page(), served, "map?view=In+space")
    page.locator(".stVegaLiteChart canvas").wait_for()
    chart = page.locator(".stVegaLiteChart")
    assert chart.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    assert page.locator(".stVegaLiteChart canvas").bounding_box()["width"] > 250

    opened(page, served, "how-sure")
    rights = page.locator("table caption").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert max(rights) <= 390
    context.close()


def test_odd_names_make_no_report_wider_than_a_phone(browser, tmp_path):
    names = (
        "W" * 60,
        "高价值用户，经常浏览广告但很少点击",
        "المستخدمون النشطون (٪٥٠)",
        "👩\u200d👧 & <b>x</b>",
        "A b",
    )
    summary = make_summary(n_segments=5, n_points=60, names=names)
    file = tmp_path / "report.html"
    file.write_text(render_report(summary, figures={}), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 800})

    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_verdicts_fit_into_their_badges(served, watched):
    page = opened(watched, served, "how-sure")

    over = page.locator("td .badge").evaluate_all(
        "all => all.map(e => e.scrollWidth - e.clientWidth)"
    )

    assert over
    assert max(over) <= 0


def test_in_print_long_tables_go_on_over_pages_and_short_ones_stay_together(run_dir, browser):
    page = browser.new_page()
    page.goto((run_dir / "report.html").as_uri())
    page.emulate_media(media="print")

    found = page.locator(".scroll").evaluate_all(
        "all => all.map(e => "
        "[e.querySelectorAll('tbody tr').length, getComputedStyle(e).breakInside])"
    )
    assert {kind for n, kind in found if n > 8} == {"auto"}
    assert {kind for n, kind in found if n <= 8} == {"avoid"}
    page.close()


def test_axe_finds_no_serious_fault_in_the_report(run_dir, browser):
    source = axe_source()
    if source is None:
        pytest.skip("no axe-core")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    outside = []
    page.on("request", lambda r: outside.append(r.url) if r.url.startswith("http") else None)
    page.goto((run_dir / "report.html").as_uri())

    assert serious_faults(page, source) == []
    assert outside == []
    context.close()


def serious_faults(page, source):
    page.evaluate(source.read_text())  # by no element: the policy of the page refuses scripts
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {json.dumps([node['html'][:150] for node in fault['nodes'][:3]])}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


def test_before_the_password_nothing_is_served_and_after_it_everything(run_dir, browser):
    server = Served(
        run_dir, "--address", "0.0.0.0", "--password-env", "SECRET", SECRET="open sesame"
    )
    url = server.url.replace("0.0.0.0", "127.0.0.1")
    try:
        for path in ("/", "/_stcore/health", "/_stcore/host-config", "/static/js/x.js", "/media/x"):
            with pytest.raises(HTTPError) as refused:
                urlopen(Request(url + path))  # noqa: S310
            assert refused.value.code == 401
            body = refused.value.read()
            assert b"segmentry" in body
            assert b"users" not in body
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{url}/segments")
        page.get_by_label("Password").fill("open sesame")
        page.keyboard.press("Enter")
        page.locator("[data-testid=stMain] h1").wait_for(timeout=30_000)
        context.close()
    finally:
        server.close()
