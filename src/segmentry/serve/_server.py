"""Serve a run: on this machine only, unless a token is set."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segmentry.runtime.preload import require
from segmentry.runtime.web import LOCAL_NAMES, address_of, is_loopback, open_socket
from segmentry.serve._live import LiveRun

if TYPE_CHECKING:
    import uvicorn

_SHORTEST_TOKEN = 16
_MAX_CONNECTIONS = 2_000


@dataclass(frozen=True, slots=True)
class Service:
    """What is served, where, and who may ask."""

    run_dir: Path
    address: str = "127.0.0.1"
    """Of this machine; others than its own loopback need a token."""
    port: int = 8000
    """0 takes a free one."""
    token: str | None = None
    """At least 16 characters."""
    has_users: bool = False
    """Whether users of the run can be looked up by their ids."""


def serve(service: Service, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve a run until SIGINT or SIGTERM; what is being answered then is answered to its end.

    `on_ready` is called with the address when it is served.

    Raises BundleError if the folder is not a run folder of this version; ConfigError if the port is
    taken, or an address that others can reach has no token; MissingExtraError if FastAPI or uvicorn
    is not installed.
    """
    require("fastapi", extra="api")
    require("uvicorn", extra="api")
    with (
        _listening(service) as listening,
        LiveRun(service.run_dir, has_users=service.has_users) as live,
    ):
        server = _server(service, live)
        if on_ready is not None:
            on_ready(address_of(listening))
        server.run(sockets=[listening])


def _listening(service: Service) -> socket.socket:
    return open_socket(
        service.address,
        service.port,
        secret=service.token,
        what="token",
        min_length=_SHORTEST_TOKEN,
        options="--token-env",
    )


def _server(service: Service, live: LiveRun) -> "uvicorn.Server":
    """Return the server of the application behind its guard."""
    import uvicorn

    from segmentry.runtime.web_server import Server
    from segmentry.serve._app import build_app
    from segmentry.serve._guard import Guard
    from segmentry.serve._metrics import Metrics

    metrics = Metrics()
    is_local = is_loopback(service.address) and service.token is None
    guard = Guard(
        build_app(live, metrics, has_users=service.has_users),
        token=service.token,
        hosts=LOCAL_NAMES if is_local else (),
        metrics=metrics,
    )
    _allow_many_files()
    return Server(
        uvicorn.Config(
            guard,
            http="h11",
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=30,
        )
    )


def _allow_many_files() -> None:
    """Let there be as many connections as are taken; 1,024 files are usual."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        2 * _MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * _MAX_CONNECTIONS, hard)
    )
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
