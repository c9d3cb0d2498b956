"""Serve the dashboard: on this machine only, unless a password is set."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from segmentry.present.dashboard._gate import Gate
from segmentry.present.dashboard._index import Index
from segmentry.present.dashboard._look import streamlit_theme
from segmentry.present.dashboard._renaming import Renaming, allow_renaming
from segmentry.results.summary import read_summary
from segmentry.runtime.preload import require
from segmentry.runtime.processes import end_calls
from segmentry.runtime.web import LOCAL_NAMES, address_of, is_loopback, open_socket

_SCRIPT = Path(__file__).with_name("_script.py")
_SHORTEST_PASSWORD = 8
_MAX_CONNECTIONS, _SECONDS_OF_AN_UPLOAD = 500, 300.0
_SETTINGS: Mapping[str, Any] = {
    "browser.gatherUsageStats": False,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.enableStaticServing": False,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.maxUploadSize": 200,  # MB, of contacts
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.allowedOrigins": [],
    "runner.magicEnabled": False,
    # All objects are looked through after every interaction: 0.11 of 0.12 CPU s of a light page.
    # Python does it by itself when there is reason to.
    "runner.postScriptGC": False,
    "logger.hideWelcomeMessage": True,
}
_SINCE_1_67: Mapping[str, Any] = {"server.enableAgentApi": False}
"""Before, the unknown name would be a line of warning."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the dashboard is served and who may come in."""

    address: str = "127.0.0.1"
    """Of this machine; others than its own loopback need a password."""
    port: int = 8501
    """0 takes a free one."""
    password: str | None = None
    """At least 8 characters."""
    is_secure: bool = False
    """Whether a reverse proxy serves it over TLS: cookies are then sent over TLS only."""


def serve(
    run_dirs: Sequence[Path],
    *,
    door: Door,
    renaming: Renaming | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the dashboard of one or several runs until it is interrupted.

    Parameters
    ----------
    run_dirs : sequence of Path
        Run folders; the first is shown first.
    renaming : Renaming, optional
        How a name is saved and a report drawn again; without it nothing is ever written.
    on_ready : callable, optional
        Called with the address to open when it is served.

    Raises
    ------
    BundleError
        If a folder is not a run folder of this version.
    ConfigError
        If the port is taken, or an address that others can reach has no password.
    MissingExtraError
        If Streamlit is not installed.
    """
    require("streamlit", extra="dashboard")
    for run_dir in run_dirs:
        read_summary(run_dir)
    with open_door(door) as listening:
        app = _application(run_dirs, is_read_only=renaming is None, door=door)
        allow_renaming(renaming)
        server = _server(app, door)
        Thread(target=_prepare, args=(tuple(run_dirs),), daemon=True).start()
        if on_ready is not None:
            on_ready(address_of(listening))
        try:
            server.run(sockets=[listening])
        finally:
            end_calls()  # what is still measured for plans is needed by nobody


def _prepare(run_dirs: Sequence[Path]) -> None:
    """Do what pages wait for the first time while the reader opens a browser."""
    from segmentry.present.dashboard._pages import prepare

    prepare(run_dirs)


def open_door(door: Door) -> socket.socket:
    """Return a listening socket.

    Raises ConfigError if the address or the port cannot be used, or an address that others can
    reach has no password.

    >>> open_door(Door(address="0.0.0.0"))
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: address 0.0.0.0 can be reached by others and no password is \
set; set one with --password-env or --password-file, or leave --address out
    """
    return open_socket(
        door.address,
        door.port,
        secret=door.password,
        what="password",
        min_length=_SHORTEST_PASSWORD,
        options="--password-env or --password-file",
    )


def _server(app: Any, door: Door) -> Any:
    """Return the server of the application behind its gate."""
    import uvicorn

    from segmentry.present.dashboard._pages import PAGES
    from segmentry.runtime.web_server import Server

    gate = Gate(
        Index(app, PAGES),
        password=door.password,
        hosts=LOCAL_NAMES if is_loopback(door.address) and door.password is None else (),
        is_secure=door.is_secure,
    )
    return Server(
        uvicorn.Config(
            gate,
            http="h11",
            limit_concurrency=_MAX_CONNECTIONS,
            log_level="error",
            access_log=False,
            server_header=False,
            ws_ping_interval=20,
            timeout_graceful_shutdown=2,
        ),
        max_seconds=_SECONDS_OF_AN_UPLOAD,
    )


def _application(run_dirs: Sequence[Path], *, is_read_only: bool, door: Door) -> Any:
    """Return Streamlit's ASGI application, set up to call nobody."""
    import streamlit
    from streamlit.web import bootstrap

    has_agents = tuple(map(int, streamlit.__version__.split(".")[:2])) >= (1, 67)
    bootstrap.load_config_options(
        {
            **_SETTINGS,
            **(_SINCE_1_67 if has_agents else {}),
            **streamlit_theme(),
            "server.address": door.address,
            "server.port": door.port,
            "browser.serverAddress": door.address,
        }
    )
    shown: dict[str, Any] = {
        "runs": [str(run_dir.absolute()) for run_dir in run_dirs],
        "is_read_only": is_read_only,
        "has_neighbours": door.password is None,
    }
    return streamlit.App(_SCRIPT, secrets={"segmentry": shown})
