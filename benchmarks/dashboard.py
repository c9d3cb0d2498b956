"""Time the dashboard of a run in Chromium: first page, interactions, memory of the server.

Usage: python benchmarks/dashboard.py RUN_DIR [--wait SECONDS] [--write]

Every time is from the act of the reader until what was asked for is on the page, figures included,
nothing of the page before is left, and the server has no more to send. Two seconds pass between
acts. The machine's load average stands next to the figures: times on a busy machine are upper
bounds. Every page is opened; errors of the console and requests to another machine are counted,
and any ends the benchmark with code 1. ``--write`` appends the table to ``benchmarks/RESULTS.md``.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from segmentry.results.summary import read_summary

RESULTS = Path(__file__).with_name("RESULTS.md")
MAIN = "[data-testid=stMain] "
AT_REST = "[data-testid=stApp][data-test-script-state=notRunning]"
HOME = re.compile(r"(data:|blob:|about:|(http|ws)://127\.0\.0\.1[:/])")
CHART = ".stVegaLiteChart[aria-label^='{}'] :is(canvas, svg.marks)"
CHARTS = {"All users": "Map of", "A sample": "Scatter plot", "In space": "Axonometric"}
LABEL = f"document.querySelector('{MAIN}.stVegaLiteChart')?.ariaLabel"
"""The script that returns what the chart of a page shows."""
GAIN = f"document.querySelector('{MAIN}.facts')?.innerText"
"""The script that returns what a budget brings."""
VISITS = (
    ("Segments", "", ".card"),
    ("Budget", "Budget", ".facts .value"),
    ("Plan a test", "Plan a test", ".figure-reach .picture img"),
    ("What changed", "What changed", ":is(.heat, .notice)"),
    ("Look up a user", "Look up a user", "table"),
    ("Download", "Download", "[data-testid=stDownloadButton]"),
    ("Why {n} segments", "Why ", ".figure-elbow .picture img"),
    ("How sure are we", "How sure", "table"),
    ("Segments in numbers", "Segments in numbers", ".figure-distributions .picture img"),
    ("Compare two segments", "Compare two segments", "table"),
    ("Map", "Map", CHART.format("Map of")),
    ("Ads seen", "Ads seen", ".figure-exposure .picture img"),
    ("Data and method", "Data and method", ".copyable"),
    ("Segments", "", ".card"),
    ("Overview", "", ".board"),
)
Times = dict[str, list[float]]


def main() -> None:
    """Measure and print one line for each act."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--wait", type=float, default=20.0, help="seconds before the first page")
    parser.add_argument("--write", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    words = [sys.executable, "-m", "segmentry", "dashboard", str(asked.run_dir), "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    times: Times = {}
    try:
        found = re.search(r"http://\S+", server.stdout.readline() if server.stdout else "")
        if found is None:
            sys.exit("the dashboard did not start")
        time.sleep(asked.wait)
        load = os.getloadavg()[0]
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            faults = watched(page)
            measure(page, found[0], asked.run_dir, times)
            browser.close()
        text = summary_text(times, load=load, memory=peak_mb(server.pid), wait=asked.wait)
        print(text)
        print(f"errors of the console and requests to elsewhere: {len(faults)}")
        if faults:
            sys.exit("\n".join(faults))
        if asked.write:
            with RESULTS.open("a", encoding="utf-8") as results:
                results.write(f"\n{text}")
    finally:
        server.terminate()
        server.wait(20)


def watched(page: Page) -> list[str]:
    """Return a list to which every fault of the page is added."""
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if HOME.match(r.url) else faults.append(r.url))
    return faults


def measure(page: Page, url: str, run_dir: Path, times: Times) -> None:
    """Open the first page, go from page to page, and ask on each what a reader asks."""

    def timed(what: str, act: Callable[[], object], *awaited: str, heading: str = "") -> None:
        began = time.perf_counter()
        act()
        page.locator(f"{MAIN}h1", has_text=heading).first.wait_for()
        for each in awaited:
            page.locator(f"{MAIN}{each}").first.wait_for(timeout=120_000)
        page.locator(AT_REST).wait_for()
        page.wait_for_function("() => !document.querySelector('[data-stale=true]')")
        times.setdefault(what, []).append(time.perf_counter() - began)
        page.wait_for_timeout(2000)

    n = len(read_summary(run_dir).segments)
    timed("first page", lambda: page.goto(url), ".board")
    for title, heading, awaited in VISITS:
        link = offered(page, title.format(n=n))
        if link.count():  # the menu offers what the run has
            timed(f"to {title.format(n=n)}", link.click, awaited, heading=heading)
    for place in (0, 1):
        page.get_by_role("link", name="Overview", exact=True).click()
        link = page.locator(f"{MAIN}.who a").nth(place)
        link.wait_for()
        page.wait_for_timeout(2000)
        timed("a segment by its name", link.click, ".card")
    for act in ("Send", "Test"):
        button = page.get_by_role("radio", name=f"{act} this segment")
        timed(f"{act} this segment", button.click, ".facts .value")
    ask(page, timed)
    user = str(first_user(run_dir))
    page.get_by_role("link", name="Look up a user", exact=True).click()
    box = page.get_by_label("User id")
    box.fill(user)
    timed("look up a user", lambda: box.press("Enter"), ".facts .value")


def offered(page: Page, title: str) -> Locator:
    """Return the entry of the menu, with the group for the analyst open."""
    group = page.locator(".menu details:not([open]) summary")
    if group.count():
        group.click()
    return page.get_by_role("link", name=title, exact=True)


def ask(page: Page, timed: Callable[..., None]) -> None:
    """Choose segments, views and features, and move sliders, twice each."""

    def to(title: str, awaited: str) -> None:
        offered(page, title).click()
        page.locator(f"{MAIN}{awaited}").first.wait_for()
        page.locator(AT_REST).wait_for()
        page.wait_for_timeout(2000)

    def choose(what: str, label: str, position: int, *awaited: str, shown: str = "") -> None:
        box = page.get_by_role("combobox", name=label).first
        box.scroll_into_view_if_needed()
        page.wait_for_timeout(500)  # a page that moves closes a list
        box.focus()
        page.keyboard.press("ArrowDown")
        option = page.get_by_role("option").nth(position)
        option.wait_for()
        act = partial(again, page, option.click, shown) if shown else option.click
        timed(what, act, *awaited)

    to("Segments", ".card")
    for number in (2, 3):
        choose("choose a segment", "Segment", number - 1, f"#segment-{number}")
    to("Map", CHART.format("Map of"))
    for view in ("A sample", "In space", "All users"):
        awaited = CHART.format(CHARTS[view])
        timed(f"map: {view}", page.get_by_role("radio", name=view).click, awaited)
    for number, view in enumerate(("All users", "A sample", "In space"), start=1):
        page.get_by_role("radio", name=view).click()
        page.wait_for_timeout(2000)
        choose(f"map: {view} by a feature", "Colour by", number, shown=LABEL)
    to("Ads seen", ".figure-exposure .picture img")
    for number in (2, 3):
        choose("ads seen by a segment", "Which users", number, shown=picture(".figure-exposure"))
    to("Budget", ".facts .value")
    more = page.get_by_test_id("stNumberInputStepUp")
    for place in (0, 1):
        timed("change a share", partial(again, page, more.nth(place).click, GAIN))
    to("Plan a test", ".figure-reach .picture img")
    for _ in range(2):
        timed("move a slider of the test", partial(slid, page))


def slid(page: Page) -> None:
    """Move the first slider by one step and wait until the last figure is another."""
    page.get_by_role("slider").first.focus()
    again(page, partial(page.keyboard.press, "ArrowRight"), picture(".figure"))


def picture(figure: str) -> str:
    """Return the script that tells the last figure of its kind."""
    return f"[...document.querySelectorAll('{figure} .picture img')].at(-1)?.src"


def again(page: Page, act: Callable[[], object], shown: str) -> None:
    """Act, and wait until what a script tells is another one."""
    before = page.evaluate(shown)
    act()
    page.wait_for_function(f"old => ![undefined, old].includes({shown})", arg=before)


def first_user(run_dir: Path) -> object:
    """Return the id of a user of the run."""
    import polars as pl

    return pl.scan_parquet(run_dir / "segments.parquet").select("user_id").head(1).collect().item()


def summary_text(times: Times, *, load: float, memory: float, wait: float) -> str:
    """Return the measurements as a section of the results."""
    now = datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = "".join(f"| {act} | {', '.join(f'{s:.2f}' for s in times[act])} |\n" for act in times)
    slow = [act for act in times if act != "first page" and max(times[act]) >= 0.5]
    return (
        f"## The dashboard, {now}\n\n"
        f"`python benchmarks/dashboard.py RUN_DIR --wait {wait:g}`; load {load:.1f} at the start, "
        f"{os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores.\n\n"
        f"| act | seconds |\n|---|---:|\n{rows}\n"
        f"At or above half a second: {', '.join(slow) or 'none'}. "
        f"Memory of the server: {memory:.0f} MB at its peak. "
        "No error of the console, no request to another machine.\n"
    )


def peak_mb(pid: int) -> float:
    """Return the largest resident memory of a process, in MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


if __name__ == "__main__":
    main()
