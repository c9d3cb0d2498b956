"""What the dashboard and the service share: sockets, addresses and headers of ASGI requests."""

import base64
import hashlib
import ipaddress
import math
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from segmentry.errors import ConfigError

MAX_WRONG, MAX_WRONG_TOGETHER, SECONDS_COUNTED = 10, 50, 300.0
"""Wrong passwords or tokens of one address, and of all, within so many seconds."""

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_MAX_KNOWN = 1000
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


class Guesses:
    """Counts wrong passwords or tokens, by address and together, and says who has to wait.

    Whoever is over a limit is not compared with the right one at all. An address that once brought
    the right one waits for its own wrong ones alone, so that nobody is kept out by guessers.

    >>> guesses = Guesses()
    >>> for _ in range(MAX_WRONG):
    ...     guesses.add_wrong("10.0.0.1")
    >>> guesses.seconds_left("10.0.0.1") > 0, guesses.seconds_left("10.0.0.2")
    (True, 0)
    """

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque()
        self._known: dict[str, None] = {}

    def seconds_left(self, address: str) -> int:
        """Return for how long an address is not answered."""
        now, wrong = time.monotonic(), self._wrong
        while wrong and wrong[0][0] <= now - SECONDS_COUNTED:
            wrong.popleft()
        own = [at for at, other in wrong if other == _network(address)]
        is_full = len(wrong) >= MAX_WRONG_TOGETHER and _network(address) not in self._known
        if len(own) < MAX_WRONG and not is_full:
            return 0
        first = own[-MAX_WRONG] if len(own) >= MAX_WRONG else wrong[-MAX_WRONG_TOGETHER][0]
        return math.ceil(first + SECONDS_COUNTED - now)

    def add_wrong(self, address: str) -> None:
        """Count a wrong one."""
        self._wrong.append((time.monotonic(), _network(address)))

    def add_right(self, address: str) -> None:
        """Know an address; the last thousand are."""
        self._known[_network(address)] = None
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]


def address_in(scope: Scope) -> str:
    """Return the address that a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _network(address: str) -> str:
    """Return an address; of IPv6 the network, as one visitor has all addresses of it."""
    return ":".join(address.split(":")[:4]) if ":" in address else address


def hash_of(script: str) -> str:
    """Return how a content security policy names a script that stands in its page.

    >>> hash_of("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


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
