"""What the dashboard and the service share: sockets, addresses and headers of ASGI requests."""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from segmentry.errors import ConfigError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""Names by which only this machine is reached."""


def header_of(scope: Scope, name: bytes) -> str:
    """Return the first header of this name, or an empty text."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def host_of(header: str) -> str:
    """Return the name without its port.

    >>> host_of("Localhost:8501"), host_of("[::1]:8501")
    ('localhost', '::1')
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address.

    >>> [is_loopback(each) for each in ("127.0.0.1", "localhost", "::1", "0.0.0.0")]
    [True, True, True, False]
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def open_socket(
    address: str, port: int, *, secret: str | None, what: str, min_length: int, options: str
) -> socket.socket:
    """Return a listening socket; an address that others reach needs a secret.

    `what` the secret is called, and `options` that set it, are for messages.

    Raises ConfigError if the address or the port cannot be used, or the secret is absent or short.
    """
    if secret is None and not is_loopback(address):
        raise ConfigError(
            f"address {address} can be reached by others and no {what} is set; set one "
            f"with {options}, or leave --address out"
        )
    if secret is not None and len(secret) < min_length:
        raise ConfigError(
            f"the {what} has {len(secret)} characters; expected at least {min_length}"
        )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Without the protocol asyncio leaves Nagle's algorithm on: 40 ms for each small answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
        listening.listen(1024)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"port {port} of {address} cannot be used: {reason}; choose another one "
            "with --port, or 0 for any free one"
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
