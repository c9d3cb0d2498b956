"""The server: patient with no connection, and done with its requests when it ends."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

_MAX_SECONDS = 30.0
"""Of one request, from its first byte to the last of its answer."""


class Server(uvicorn.Server):
    """One that ends connections which take too long, and returns at the end of a signal."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._busy: dict[Any, tuple[Any, float]] = {}

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections once a second."""
        if counter % 10 == 0:
            self._end_slow()
        return await super().on_tick(counter)

    def _end_slow(self) -> None:
        """End connections whose request, or whose answer, has not moved on to the next for long."""
        before, now = self._busy, time.monotonic()
        self._busy = {}
        connections: list[Any] = list(self.server_state.connections)  # all of HTTP/1.1, by h11
        for each in connections:
            is_between = each.timeout_keep_alive_task is not None
            if is_between and not each.transport.get_write_buffer_size():
                continue
            cycle, since = before.get(each, (each.cycle, now))
            self._busy[each] = each.cycle, since if cycle is each.cycle else now
            if now - self._busy[each][1] > _MAX_SECONDS:
                each.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Keep signals from being raised once more when all is answered."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
