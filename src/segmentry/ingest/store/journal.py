"""What an interrupted preparation had done: lines of JSON, each on disk before the next begins."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segmentry.errors import OutputError

__all__ = ["Journal", "locked"]


class Journal:
    """Done steps by name, in a file that survives whatever ends the process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done: dict[str, Mapping[str, Any]] = {}
        if file.exists():
            whole = file.read_bytes()
            end = whole.rfind(b"\n") + 1  # what follows is a line that was cut off
            for line in whole[:end].splitlines():
                step = json.loads(line)
                self._done[step.pop("step")] = step
            if end < len(whole):
                with file.open("r+b") as stream:
                    stream.truncate(end)

    def found(self, step: str) -> Mapping[str, Any] | None:
        """Return what a step came to, or nothing if it is not done."""
        return self._done.get(step)

    def write(self, step: str, **found: Any) -> None:
        """Write down a step that is done; its files must be whole by now."""
        with self._file.open("ab") as stream:
            line = json.dumps({"step": step, **found}, ensure_ascii=False) + "\n"
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
        self._done[step] = found


@contextlib.contextmanager
def locked(file: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends.

    Raises
    ------
    OutputError
        With `busy` if another process holds it.
    """
    from filelock import lock_descriptor

    with file.open("a") as stream:
        if not lock_descriptor(stream.fileno(), blocking=False):
            raise OutputError(busy)
        yield
