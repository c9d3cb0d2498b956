"""The one HTML page around the dashboard: our name and icon, and where the server is.

Without it a page below the root first asks for its server below itself, and fails, at each load.
The files of the page are sent from here too.
"""

import json
import re
from collections.abc import Sequence
from functools import cache

from segmentry.present.dashboard._frontend import frontend_files, frontend_root, send_file
from segmentry.present.dashboard._gate import App, Receive, Scope, Send, answer

_OWN_PATHS = ("/_stcore", "/static", "/media", "/component", "/bidi-component", "/favicon")
_HEAD = (
    '<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "/", '
    'MAIN_PAGE_BASE_URL: location.origin + "/"};</script>'
)
_FIRST = ("Html", "purify.es")
"""Scripts of the first page that its index does not name: they are asked for with the others."""
_EARLY = (
    "Selectbox", "Button", "TextInput", "Slider", "Spinner", "ButtonGroup", "ArrowVegaLiteChart",
    "embed", "vega-interpreter", "DownloadButton",
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
        file = frontend_files().get(scope["path"]) if is_page else None
        if file is not None:
            await send_file(send, file)
        elif is_page and not scope["path"].startswith(_OWN_PATHS):
            await answer(send, status=200, body=_page())
        else:
            await self._app(scope, receive, send)


@cache
def _page() -> str:
    file = frontend_root() / "index.html"
    page = _LINK.sub("", file.read_text(encoding="utf-8"))
    page = page.replace("<title>Streamlit</title>", "<title>segmentry</title>")
    page = page.replace('="./static/', '="/static/')
    first = "".join(
        f'<link rel="modulepreload" crossorigin href="{path}">' for path in _scripts(_FIRST)
    )
    later = _FETCH.replace("FILES", json.dumps(_scripts(_EARLY)))
    page = page.replace("</head>", f"{first}</head>", 1)
    return page.replace("<head>", f"<head>{_HEAD}{_COPY}{later}", 1)


def _scripts(stems: Sequence[str]) -> list[str]:
    """Return the scripts whose names begin so; where one was renamed it is loaded when needed."""
    names = sorted(path for path in frontend_files() if path.endswith(".js"))
    return [name for stem in stems for name in names if name.startswith(f"/static/js/{stem}.")]
