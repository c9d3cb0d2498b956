"""The one HTML page around the dashboard: our name and icon, and where the server is.

Without it a page below the root first asks for its server below itself, and fails, at each load.
"""

import json
import re
from functools import cache
from pathlib import Path

from segmentry.dashboard._gate import App, Receive, Scope, Send, answer

__all__ = ["Index"]

_OWN_PATHS = ("/_stcore", "/static", "/media", "/component", "/bidi-component", "/favicon")
_HEAD = (
    '<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "/", '
    'MAIN_PAGE_BASE_URL: location.origin + "/"};</script>'
)
_EARLY = (
    "Selectbox", "TextInput", "Slider", "Spinner", "ButtonGroup", "ArrowVegaLiteChart", "embed",
    "vega-interpreter", "DownloadButton", "StreamlitSyntaxHighlighter",
)  # fmt: skip
"""Scripts of pages other than the first, by the beginning of their names."""
_FETCH = """<script type="module">
const left = FILES;
const idle = window.requestIdleCallback ?? (next => setTimeout(next, 50));
const next = () => left.length && idle(() => import(left.shift()).then(next, next));
const wait = () => document.querySelector("[data-testid=stMain] h1") ? setTimeout(next, 300)
  : setTimeout(wait, 200);
wait();
</script>"""
"""Loads them when the first page is there and nothing else is to be done."""
_LINK = re.compile(
    r'<link\s[^>]*?(?:rel="preload"|rel="shortcut icon"|service-desc)[^>]*?>', re.DOTALL
)


class Index:
    """An ASGI application that gives the frontend its page, and all else to another one.

    Parameters
    ----------
    app : ASGI application
        Streamlit's.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        is_page = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if is_page and not scope["path"].startswith(_OWN_PATHS):
            await answer(send, status=200, body=_page())
        else:
            await self._app(scope, receive, send)


@cache
def _page() -> str:
    import streamlit

    file = Path(streamlit.__file__).parent / "static" / "index.html"
    page = _LINK.sub("", file.read_text(encoding="utf-8"))
    page = page.replace("<title>Streamlit</title>", "<title>segmentry</title>")
    page = page.replace('="./static/', '="/static/')
    return page.replace("<head>", f"<head>{_HEAD}{_early(file.parent)}", 1)


def _early(directory: Path) -> str:
    names = sorted(each.name for each in (directory / "static" / "js").glob("*.js"))
    found = [name for stem in _EARLY for name in names if name.startswith(f"{stem}.")]
    return _FETCH.replace("FILES", json.dumps([f"/static/js/{name}" for name in found]))
