"""The one HTML page around the dashboard: our name and icon, and where the server is.

Without it a page below the root first asks for its server below itself, and fails, at each load.
"""

import json
import re
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from segmentry.present.dashboard._gate import answer
from segmentry.runtime.web import App, Receive, Scope, Send, hash_of

_OWN_PATHS = ("/_stcore", "/static", "/media", "/component", "/bidi-component", "/favicon")
_HEAD = (
    '<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "/", '
    'MAIN_PAGE_BASE_URL: location.origin + "/", '
    "HOST_CONFIG: {allowedOrigins: [location.origin], useExternalAuthToken: false}};</script>"
)
"""With a first part of the host's settings the frontend opens its connection without waiting for
the others."""
_FIRST = ("Html", "purify.es")
"""Scripts of the first page which the frontend requests only when it draws the page."""
_EARLY = (
    "Selectbox", "Button", "TextInput", "Slider", "Spinner", "ButtonGroup", "ArrowVegaLiteChart",
    "embed", "vega-interpreter", "DownloadButton", "NumberInput",
)  # fmt: skip
"""Scripts of pages other than the first, by the beginning of their names; where one was renamed it
is loaded when it is needed."""
_FETCH = """<script type="module">
const left = FILES;
const idle = window.requestIdleCallback ?? (next => setTimeout(next, 50));
const next = () => left.length && idle(() => import(left.shift()).then(next, next));
const wait = () => document.querySelector("[data-testid=stMain] h1") ? setTimeout(next, 300)
  : setTimeout(wait, 200);
wait();
</script>"""
"""Loads them when the first page is there and nothing else is to be done: the map alone waits for
0.8 MB of script, with "to Map" at half a second (benchmarks/dashboard.py)."""
_COPY = """<script>
addEventListener("click", async ({target}) => {
  const button = target instanceof Element && target.closest(".sg .copyable button");
  if (!button) return;
  const [text, said] = ["pre", "[role=status]"].map(s => button.parentElement.querySelector(s));
  getSelection().selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch { // no clipboard without TLS
    if (!document.execCommand("copy")) return;
  }
  said.textContent = "Copied.";
});
</script>"""
"""Copies what stands before a button: the frontend's own way loads 1.5 MB and halts 0.3 s."""
_FOLLOW = """<script>
addEventListener("click", event => {
  const link = event.target instanceof Element && event.target.closest('.sg a[href^="/"]');
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const to = new URL(link.href), run = new URLSearchParams(location.search).get("run");
  if (run) to.searchParams.set("run", run);
  history.pushState(null, "", to);
  dispatchEvent(new PopStateEvent("popstate"));
  document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
  if (innerWidth < 768 && link.closest(".menu"))
    document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
});
</script>"""
"""Follows links within the dashboard, in the run that is open: a new load takes a second."""
_NOT_FOUND = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>segmentry</title>'
    '<body style="font: 1rem/1.5 sans-serif; margin: 3rem; color-scheme: light dark">'
    '<main><h1>There is no page at this address</h1><p><a href="/">Open the overview</a>, from '
    "which the menu leads to all others.</p></main>"
)
_LINK = re.compile(
    r'<link\s[^>]*?(?:rel="preload"|rel="shortcut icon"|service-desc)[^>]*?>', re.DOTALL
)


class Index:
    """An ASGI application that gives the frontend its page, and all else to another one.

    Parameters
    ----------
    app : ASGI application
        Streamlit's.
    pages : collection of str
        The addresses that there are, without their slash.
    """

    def __init__(self, app: App, pages: Collection[str]) -> None:
        self._app = app
        self._pages = frozenset(("", *pages))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        is_page = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if is_page and not scope["path"].startswith(_OWN_PATHS):
            is_known = scope["path"].strip("/") in self._pages
            if is_known:
                await answer(send, status=200, body=_page(), scripts=_policy())
            else:
                await answer(send, status=404, body=_NOT_FOUND)
        else:
            await self._app(scope, receive, send)


@cache
def _policy() -> str:
    """Return the content security policy: our own files, and the scripts that stand in the page."""
    inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", _page(), re.DOTALL)
    hashes = " ".join(hash_of(text) for text in inline)
    return (
        f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {hashes}; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:"
    )


@cache
def _page() -> str:
    import streamlit

    root = Path(streamlit.__file__).parent / "static"
    page = _LINK.sub("", (root / "index.html").read_text(encoding="utf-8"))
    page = page.replace("<title>Streamlit</title>", "<title>segmentry</title>")
    page = page.replace('="./static/', '="/static/')
    scripts = sorted(file.name for file in (root / "static" / "js").glob("*.js"))

    def named(stems: Sequence[str]) -> list[str]:
        return [f"/static/js/{s}" for stem in stems for s in scripts if s.startswith(f"{stem}.")]

    first = "".join(f'<link rel="modulepreload" href="{script}">' for script in named(_FIRST))
    later = _FETCH.replace("FILES", json.dumps(named(_EARLY)))
    page = page.replace("</head>", f"{first}</head>", 1)
    return page.replace("<head>", f"<head>{_HEAD}{_COPY}{_FOLLOW}{later}", 1)
