"""The page and its files: sent whole, kept by the browser, and nothing else of the disk."""

import pytest

pytest.importorskip("streamlit")

from tests.asgi import ask

from segmentry.present.dashboard._frontend import frontend_files, frontend_root  # asked first
from segmentry.present.dashboard._index import Index


def asked(path, method="GET"):
    """Return what is sent for a path: status, headers and body; 418 where it is left to others."""

    async def other(scope, receive, send):
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent = ask(Index(other), path, method=method)
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize(
    ("name", "before"),
    [("Selectbox.", b"//# allFunctionsCalledOnLoad\n"), ("PlotlyChart.", b"")],  # small and large
)
def test_a_script_is_sent_whole_and_kept_by_the_browser(name, before):
    found = frontend_files().items()
    path, file = next((p, f) for p, f in found if p.startswith(f"/static/js/{name}"))

    status, headers, body = asked(path)

    assert (status, body) == (200, before + file.read_bytes())
    assert headers[b"content-type"] == b"text/javascript"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert b"immutable" in headers[b"cache-control"]


def test_every_file_that_the_page_names_is_sent():
    _, _, page = asked("/segments")

    names = [word.split(b'"')[0].decode() for word in page.split(b'="/static/')[1:]]

    assert len(names) > 10
    assert {asked(f"/static/{name}")[0] for name in names} == {200}


@pytest.mark.parametrize(
    "path",
    ["/static/../index.html", "/static/js/../../../../x", "/static/js", "/static//etc/passwd"],
)
def test_nothing_else_of_the_disk_is_sent(path):
    assert asked(path)[0] == 418


def test_only_reading_is_answered():
    assert asked("/static/js/x.js", method="POST")[0] == 418
    assert frontend_root().is_dir()
