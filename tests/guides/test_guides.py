"""The commands of the site's pages, run in the order of each page on one generated log."""

import re
import shlex
from pathlib import Path

import pytest
from tests.databases import postgres_server
from tests.ingest.engines.test_spark import QUICK_JAVA
from tests.pipeline.runs import segmentry
from tests.stores import s3_bucket

from segmentry.ingest.engines.spark import _session
from segmentry.settings import SparkEngine

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = sorted(
    page for part in ("start", "tutorials", "guide") for page in (DOCS / part).glob("*.md")
)
WITHOUT_COMMANDS = ("any-data", "install", "report")
"""Their files are the reader's own, or what is installed, or what the demo made."""
NEEDS = {"sql": "server", "cluster": "session"}
RANGE = ("--k-range", "2:4")
"""What is tried in every run: the guides' log has three groups, and all ten take twice as long."""
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """One folder for all pages: the log and the run they begin with are made once."""
    return tmp_path_factory.mktemp("guides"), {}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, postgres_server() as found:
        for name, value in {"HOST": str(found.folder), "USER": "postgres"}.items():
            patch.setenv(f"PG{name}", value)
        yield


@pytest.fixture
def session(monkeypatch):
    """One for all commands, which ask for the same: to start Java takes most of their time."""
    settings = {**QUICK_JAVA, "spark.driver.memory": "1g"}
    for name, value in settings.items():
        monkeypatch.setitem(_session._DEFAULTS, name, value)
    with _session.held_session(SparkEngine(None, "local[2]")):
        yield


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
@pytest.mark.usefixtures("undrawn")
def test_every_command_of_a_guide_runs(page, workshop, monkeypatch, request):
    """What a guide asks of its runs is no picture."""
    if page.stem in NEEDS:
        request.getfixturevalue(NEEDS[page.stem])
    folder, done = workshop
    monkeypatch.chdir(folder)
    bucket = s3_bucket(monkeypatch, "shop") if page.stem == "where-data-are" else None
    blocks = BLOCK.findall(page.read_text())
    assert blocks or page.stem in WITHOUT_COMMANDS
    for language, text in blocks:
        if language == "python":
            exec(compile(text, str(page), "exec"), {})  # noqa: S102  # the guide's own example
            continue
        for line in text.replace("\\\n", " ").splitlines():
            program, *words = shlex.split(line, comments=True)
            assert program == "segmentry"
            if line in done:
                continue
            if bucket is not None and "s3://" in line:
                bucket.put_folder(folder / "week", "week")
                bucket = None
            if words[0] in ("data", "run"):
                done[line] = page.stem
            if words[0] == "run":
                words += [] if "--k-range" in words else RANGE
            answer = segmentry(*words)
            codes = (0, 10, 11) if words[0] == "refresh" else (0,)
            assert (answer.code in codes, answer.err) == (True, ""), line
