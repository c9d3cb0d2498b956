"""Time the dashboard of a run in Chromium: first page, interactions, memory of the server.

Usage: python benchmarks/dashboard.py RUN_DIR [--wait SECONDS]

Every time is from the act of the reader until what was asked for is on the page, figures included.
The machine's load average stands beside the figures: times on a busy machine are upper bounds.
Every page is opened; errors of the console and requests to another machine are counted, and any
ends the benchmark with code 1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

MAIN = "[data-testid=stMain] "
HOME = re.compile(r"(data:|blob:|about:|(http|ws)://127\.0\.0\.1[:/])")
VISITS = (
    ("Segments", ".card"),
    ("Compare two segments", "table"),
    ("Why this K", ".figure-elbow .picture img"),
    ("Can I trust it", "table"),
    ("Data quality", "table"),
    ("Export", "table"),
    ("Why this K", ".figure-elbow .picture img"),
    ("Segments", ".card"),
    ("Map", "canvas, svg.marks"),
    ("Look up a user", "table"),
    ("Two runs", ".notice"),
    ("Exposure and budget", ".figure-budget .picture img"),
)


def main() -> None:
    """Measure and print one line for each act."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--wait", type=float, default=20.0, help="seconds before the first page")
    asked = parser.parse_args()
    words = [sys.executable, "-m", "segmentry", "dashboard", str(asked.run_dir), "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://\S+", server.stdout.readline() if server.stdout else "")
        if found is None:
            sys.exit("the dashboard did not start")
        time.sleep(asked.wait)
        print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            faults = watched(page)
            measure(page, found[0])
            browser.close()
        print(f"memory of the server, peak: {peak_mb(server.pid):.0f} MB")
        print(f"load average {os.getloadavg()[0]:.1f}")
        print(f"errors of the console and requests to elsewhere: {len(faults)}")
        if faults:
            sys.exit("\n".join(faults))
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


def measure(page: Page, url: str) -> None:
    """Open the first page, go from page to page, and ask."""
    began = time.perf_counter()
    page.goto(url)
    page.locator(f"{MAIN}h1").first.wait_for()
    told("first page, headline", began)
    page.locator(".figure-sizes .picture img").wait_for()
    told("first page, figures", began)
    for title, awaited in VISITS:
        began = time.perf_counter()
        page.get_by_role("link", name=title, exact=True).click()
        page.locator(f"{MAIN}h1").first.wait_for()
        page.locator(MAIN).locator(awaited).first.wait_for(timeout=120_000)
        told(f"to {title}", began)
    plan(page)


def plan(page: Page) -> None:
    """Open the planner, which measures the run once, and move a slider twice."""
    began = time.perf_counter()
    page.get_by_role("link", name="Test planner", exact=True).click()
    page.locator(".figure-reach .picture img").wait_for(timeout=120_000)
    told("to Test planner (measured after the start, in a process of its own)", began)
    at_rest(page)
    for change in (11, 12):
        slider = page.get_by_role("slider").first
        slider.focus()
        began = time.perf_counter()
        page.keyboard.press("ArrowRight")
        page.locator(".figure-reach .finding", has_text=f"{change}.0").wait_for()
        told(f"move a slider to {change} %", began)


def at_rest(page: Page) -> None:
    """Wait until the page is done, so that what follows is timed alone."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(500)


def told(what: str, began: float) -> None:
    """Print how long it took."""
    print(f"{what}: {time.perf_counter() - began:.2f} s")


def peak_mb(pid: int) -> float:
    """Return the largest resident memory of a process, in MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


if __name__ == "__main__":
    main()
