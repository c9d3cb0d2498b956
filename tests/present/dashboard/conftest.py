"""One small run, one server and one browser for all tests of the dashboard."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pipeline import runs

from segmentry.results.summary import read_summary

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory):
    """A run of 2,000 users, made once for all tests."""
    return runs.plain_run(tmp_path_factory.getbasetemp()).folder


@pytest.fixture(scope="session")
def summary(run_dir):
    return read_summary(run_dir)


@pytest.fixture(scope="session")
def other_run(tmp_path_factory):
    """The same users in five segments, made once for all workers."""
    return runs.reused_run(tmp_path_factory.getbasetemp()).folder


class Served:
    """A dashboard in a process of its own."""

    def __init__(self, *words, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "segmentry", "dashboard", *map(str, words), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stdout.read()
        self.url = found[0]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def served(run_dir, other_run):
    server = Served(run_dir, other_run)
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; tests that need it are skipped where it is absent."""
    if CHROMIUM is None:
        pytest.skip("no chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shared_context(browser):
    """One cache for all pages: without it each loads the two megabytes of Streamlit again."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def watch(page):
    """Let a page remember what went wrong and what left the machine."""
    page.faults, page.outside = [], []
    page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))

    def note(request):
        if not re.match(r"(data:|blob:|about:|(http|ws)://127\.0\.0\.1[:/])", request.url):
            page.outside.append(request.url)

    page.on("request", note)
    return page


@pytest.fixture
def watched(shared_context):
    """A page of its own."""
    page = watch(shared_context.new_page())
    yield page
    page.close()


def axe_source():
    """Return the script of axe-core where npm has put it, or None."""
    root = Path(__file__).parents[3]
    places = [
        Path(os.environ.get("AXE_CORE", "")),
        root / "node_modules" / "axe-core" / "axe.min.js",
    ]
    return next((place for place in places if place.is_file()), None)
