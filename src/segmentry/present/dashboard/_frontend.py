"""Scripts, styles and letters of the frontend, each sent in one piece."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from segmentry.present.dashboard._gate import Send

_HINT = b"//# allFunctionsCalledOnLoad\n"
_HINTED_BYTES = 600_000
"""Of larger scripts a page runs little."""
_KINDS = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}


def frontend_root() -> Path:
    """Return the folder of Streamlit's frontend, in which index.html lies."""
    import streamlit

    return Path(streamlit.__file__).parent / "static"


@cache
def frontend_files() -> Mapping[str, Path]:
    """Return every file that belongs to the frontend's page by the path that asks for it."""
    root = frontend_root()
    return {
        f"/{file.relative_to(root).as_posix()}": file
        for file in (root / "static").rglob("*")
        if file.suffix in _KINDS
    }


async def send_file(send: Send, file: Path) -> None:
    """Send a file whose name changes with its content: a browser asks for it once.

    Chromium is told to compile the functions of a script beside the page while it loads, instead
    of each one when it is first called, for which the page waits. Other browsers see a comment.
    """
    data = file.read_bytes()
    if file.suffix == ".js" and len(data) < _HINTED_BYTES:
        data = _HINT + data
    headers = [
        (b"content-type", _KINDS[file.suffix].encode()),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": data})
