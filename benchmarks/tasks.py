"""Do the nine tasks of an analyst in the dashboard: clicks, and seconds until the answer is seen.

Usage: python benchmarks/tasks.py RUN_DIR [--write]

Each task begins on the first page and ends when its answer is on the page, or its file is saved.
Every pressed link, button, option and key of a choice counts as a click; typing a text is one. The
seconds are those of the machine, without the reader's own. RUN_DIR is copied twice, since renaming
writes and since two runs are compared. ``--write`` appends the table to ``benchmarks/RESULTS.md``.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dashboard import AT_REST, GAIN, MAIN, RESULTS, first_user, watched
from playwright.sync_api import Locator, Page, sync_playwright

FACTS = f"{MAIN}.facts .value"
NAME = "Renamed by a task"


class Reader:
    """A reader of the dashboard whose clicks are counted."""

    def __init__(self, page: Page, user_id: object) -> None:
        self.page = page
        self.user_id = user_id
        self.clicks = 0

    def click(self, target: Locator) -> None:
        """Press what is there once, and count it."""
        target.first.click()
        self.clicks += 1

    def link(self, name: str | re.Pattern[str]) -> None:
        """Follow a link of the menu or the page."""
        self.click(self.page.get_by_role("link", name=name))

    def wait(self, *selectors: str) -> None:
        """Wait until all is on the page and the server is at rest."""
        for each in selectors:
            self.page.locator(each).first.wait_for(timeout=120_000)
        self.page.locator(AT_REST).wait_for()

    def save(self, target: Locator) -> int:
        """Press what hands out a file; return the bytes that arrive."""
        with self.page.expect_download(timeout=120_000) as arriving:
            self.click(target)
        return Path(arriving.value.path()).stat().st_size


def who_gets_more(reader: Reader) -> str:
    """Task a: the first screen says it."""
    reader.wait(".board")
    return reader.page.locator(f"{MAIN}h1").inner_text()


def send(reader: Reader) -> str:
    """Task b: send a segment, a tenth of its users left out."""
    reader.link(re.compile("^Send segment"))
    reader.wait(FACTS)
    size = reader.save(reader.page.get_by_role("button", name=re.compile("^Download the list")))
    return f"a list of {size:,} bytes, packed"


def why_this_number(reader: Reader) -> str:
    """Task c: why so many segments, in a sentence for the boss."""
    reader.click(reader.page.locator(".menu summary"))
    reader.link(re.compile(r"^Why (one|\w+) segments?"))
    reader.wait(".figure-elbow .picture img")
    return reader.page.locator(f"{MAIN}p.lead").first.inner_text()


def why_this_user(reader: Reader) -> str:
    """Task d: why a user is in a segment."""
    reader.link("Look up a user")
    box = reader.page.get_by_label("User id")
    box.fill(str(reader.user_id))
    box.press("Enter")
    reader.clicks += 1
    reader.wait(FACTS)
    return reader.page.locator(f"{MAIN}p", has_text="because of").first.inner_text()


def compare(reader: Reader) -> str:
    """Task e: what changed between two runs."""
    reader.link("What changed")
    reader.wait(":is(.heat, .notice)")
    return reader.page.locator(f"{MAIN}h2").first.inner_text()


def take_a_chart(reader: Reader) -> str:
    """Task f: one chart for a slide."""
    reader.link("Download")
    reader.wait("[data-testid=stDownloadButton]")
    size = reader.save(reader.page.get_by_role("button", name="PNG for a slide"))
    return f"a file of {size:,} bytes"


def rename(reader: Reader) -> str:
    """Task g: another name, seen on the first page too."""
    reader.click(reader.page.locator(f"{MAIN}.who a"))
    reader.wait(".card")
    reader.click(reader.page.get_by_role("button", name="Rename"))
    box = reader.page.get_by_label("Name", exact=True)
    box.fill(NAME)
    reader.clicks += 1
    reader.click(reader.page.get_by_role("button", name="Save"))
    reader.page.locator(f"{MAIN}h1", has_text=NAME).wait_for()
    reader.link("Overview")
    reader.page.locator(".board", has_text=NAME).wait_for()
    return "the name stands on the first page"


def plan_a_test(reader: Reader) -> str:
    """Task h: how long a test of one segment takes."""
    reader.link(re.compile("^Test segment"))
    reader.wait(FACTS)
    return reader.page.locator(f"{MAIN}.facts").first.inner_text().replace("\n", " ")


def shift_a_share(reader: Reader) -> str:
    """Task i: what if ads move from one segment to another."""
    reader.link("Budget")
    reader.wait(FACTS)
    for place in (0, 1):
        before = reader.page.evaluate(GAIN)
        step = "stNumberInputStepUp" if place else "stNumberInputStepDown"
        reader.click(reader.page.get_by_test_id(step).nth(place))
        reader.page.wait_for_function(f"old => {GAIN} !== old", arg=before)
    return reader.page.locator(f"{MAIN}.facts").first.inner_text().replace("\n", " ")


TASKS: tuple[tuple[str, Callable[[Reader], str]], ...] = (
    ("a who gets more, how sure", who_gets_more),
    ("b send a segment with a hold-out", send),
    ("c why so many segments", why_this_number),
    ("d why a user is in a segment", why_this_user),
    ("e compare two runs", compare),
    ("f one chart for a slide", take_a_chart),
    ("g rename everywhere", rename),
    ("h plan a test of one segment", plan_a_test),
    ("i what if a share moves", shift_a_share),
)


def main() -> None:
    """Do every task once and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--write", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        runs = [Path(home) / name for name in ("earlier", "later")]
        for each in runs:
            shutil.copytree(asked.run_dir, each)
        text = measured(runs, first_user(asked.run_dir))
    print(text)
    if asked.write:
        with RESULTS.open("a", encoding="utf-8") as results:
            results.write(f"\n{text}")


def measured(runs: list[Path], user_id: object) -> str:
    """Open the runs, do the tasks, and return the table."""
    words = [sys.executable, "-m", "segmentry", "dashboard", *map(str, runs), "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    rows, load = [], os.getloadavg()[0]
    try:
        found = re.search(r"http://\S+", server.stdout.readline() if server.stdout else "")
        if found is None:
            sys.exit("the dashboard did not start")
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            faults: list[str] = []
            for task, act in TASKS:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                faults = watched(page)
                reader = Reader(page, user_id)
                page.goto(found[0])
                first = time.perf_counter()
                if act is not who_gets_more:
                    reader.wait(".board")
                    page.wait_for_timeout(1000)
                    first = time.perf_counter()
                answer = act(reader)
                seconds = time.perf_counter() - first
                rows.append(f"| {task} | {reader.clicks} | {seconds:.1f} | {answer} |\n")
                if faults:
                    sys.exit("\n".join(faults))
                page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait(20)
    now = datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"## Nine tasks in the dashboard, {now}\n\n"
        f"`python benchmarks/tasks.py RUN_DIR`; load {load:.1f} at the start, {os.cpu_count()} "
        f"cores.\n\n| task | clicks | seconds | the answer |\n|---|---:|---:|---|\n{''.join(rows)}"
    )


if __name__ == "__main__":
    main()
