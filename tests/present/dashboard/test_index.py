"""The one page around the dashboard: ours by name, and everything else is left to Streamlit."""

import json
import re
from pathlib import Path

import pytest
from tests.asgi import ask

from segmentry.present.dashboard._index import Index

streamlit = pytest.importorskip("streamlit")


def answer_of(path, method="GET"):
    """Return status and body of what is sent for a path; 418 where it is left to others."""

    async def other(scope, receive, send):
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    start, body = ask(Index(other, ["segments"]), path, method=method)
    return start["status"], body["body"].decode()


def test_every_script_that_the_page_names_or_loads_early_is_there():
    status, page = answer_of("/segments")
    root = Path(streamlit.__file__).parent / "static"

    named = re.findall(r'="(/static/[^"]+)"', page)
    early = json.loads(re.search(r"const left = (\[.*?\]);", page)[1])

    assert (status, "<title>segmentry</title>" in page) == (200, True)
    assert len(named) > 1
    assert len(early) >= 9  # 11, but two have no file of their own in Streamlit 1.65
    assert all((root / path.removeprefix("/")).is_file() for path in (*named, *early))


@pytest.mark.parametrize("path", ["/segmets", "/segments/1", "/index.php"])
def test_an_address_without_a_page_leads_to_the_overview(path):
    status, page = answer_of(path)

    assert status == 404
    assert "There is no page at this address" in page
    assert '<a href="/">' in page


@pytest.mark.parametrize(
    ("path", "method"),
    [("/static/js/x.js", "GET"), ("/_stcore/health", "GET"), ("/media/x", "GET"), ("/", "POST")],
)
def test_all_else_is_left_to_streamlit(path, method):
    assert answer_of(path, method)[0] == 418
