"""What stands before every route: who may ask, and what is counted."""

import hashlib
import hmac
import time
from collections.abc import Iterable, MutableMapping
from typing import Any

from segmentry.runtime.web import App, Guesses, Receive, Scope, Send, address_in, header_of, host_of
from segmentry.serve._metrics import Metrics
from segmentry.serve._problems import Problem

_OPEN = "/health"
"""Used by whatever watches the service; says nothing of the run."""


class Guard:
    """An ASGI application around another one.

    Without a token it answers only requests meant for one of `hosts` (against DNS rebinding); with
    one, only those that bring it as ``Authorization: Bearer``, and for health.
    """

    def __init__(
        self, app: App, *, token: str | None, hosts: Iterable[str], metrics: Metrics
    ) -> None:
        self._app, self._metrics = app, metrics
        self._hosts = frozenset(hosts)
        self._guesses = Guesses()
        # The digest has one length, so that comparing tells nothing about that of the token.
        self._wanted = None if token is None else _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500
        self._metrics.n_in_flight += 1

        async def sent(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        problem = self._problem_of(scope)
        try:
            if problem is None:
                await self._app(scope, receive, sent)
            else:
                await problem.response()(scope, receive, sent)
        finally:
            self._metrics.n_in_flight -= 1
            # Of paths and methods that are not served there is no end.
            path = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if path != "other" else "other"
            self._metrics.add(path, method, status, time.perf_counter() - begun)

    def _problem_of(self, scope: Scope) -> Problem | None:
        if self._hosts and host_of(header_of(scope, b"host")) not in self._hosts:
            return Problem(421, "unknown host; expected one of this machine")
        if self._wanted is None or scope["path"] == _OPEN:
            return None
        address = address_in(scope)
        seconds = self._guesses.seconds_left(address)
        if seconds:
            return Problem(429, "too many wrong tokens", headers={"retry-after": str(seconds)})
        kind, _, token = header_of(scope, b"authorization").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._wanted):
            self._guesses.add_right(address)
            return None
        if token:
            self._guesses.add_wrong(address)
        headers = {"www-authenticate": 'Bearer realm="segmentry"'}
        return Problem(
            401, "no token, or a wrong one; expected Authorization: Bearer", headers=headers
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
