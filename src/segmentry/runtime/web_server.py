"""The server: patient with no connection, and done with its requests when it ends."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvicorn

_MAX_SECONDS = 30.0
_SECONDS_TO_ASK, _MAX_SILENT = 10.0, 32
"""How long a connection may be open before its first request is there, and how many of an address
may be for a second: a client may open many at once before it sends."""


class Server(uvicorn.Server):
    """One that ends connections which take too long, and returns at the end of a signal.

    `max_seconds` are those of one request, from its first byte to the last of its answer.
    """

    def __init__(self, config: uvicorn.Config, *, max_seconds: float = _MAX_SECONDS) -> None:
        super().__init__(config)
        self._max_seconds = max_seconds
        self._busy: dict[Any, tuple[Any, float]] = {}

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections once a second."""
        if counter % 10 == 0:
            self._end_slow()
        return await super().on_tick(counter)

    def _end_slow(self) -> None:
        """End connections whose request, or whose answer, has not moved on to the next for long."""
        before, now = self._busy, time.monotonic()
        self._busy, silent = {}, Counter[str]()
        connections: list[Any] = list(self.server_state.connections)
        for each in connections:
            is_request = hasattr(each, "cycle")
            if not is_request and getattr(each, "handshake_complete", True):
                continue  # an open WebSocket
            # A handshake that cannot be read is never answered: it is silent, too.
            request = each.cycle if is_request else None
            if request is None and each.client is not None:
                silent[each.client[0]] += 1
            is_between = is_request and each.timeout_keep_alive_task is not None
            if is_between and not each.transport.get_write_buffer_size():
                continue
            cycle, since = before.get(each, (request, now))
            self._busy[each] = request, since if cycle is request else now
            is_many = request is None and each.client and silent[each.client[0]] > _MAX_SILENT
            is_many = is_many and each in before
            seconds = self._max_seconds if request is not None else _SECONDS_TO_ASK
            if is_many or now - self._busy[each][1] > seconds:
                each.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Keep signals from being raised once more when all is answered."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
