"""What an interrupted preparation had done: lines of JSON, each on disk before the next begins."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segmentry.errors import DataError, OutputError
from segmentry.ingest.store.prepared import Plan
from segmentry.ingest.store.text_blocks import BlockRecord
from segmentry.runtime.codec import Codec
from segmentry.schema import RowAccount


@dataclass(frozen=True, slots=True)
class DoneBlock:
    """A block that was split: what it was, and where its rows went."""

    record: BlockRecord
    account: RowAccount


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is done: the beginning has the plan, a block its record, a part its rows."""

    step: str
    plan: Plan | None = None
    n_parts: int = 0
    block: DoneBlock | None = None
    n_rows: int = 0


_CODEC = Codec(
    Step,
    what="step of a preparation",
    version=1,
    remedy="begin again with --overwrite",
    error=DataError,
)


class Journal:
    """Done steps by name, in a file that survives whatever ends the process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done: dict[str, Step] = {}
        if file.exists():
            whole = file.read_bytes()
            end = whole.rfind(b"\n") + 1  # what follows is a line that was cut off
            for line in whole[:end].splitlines():
                step = _CODEC.parse(line.decode(errors="replace"), source=str(file))
                self._done[step.step] = step
            if end < len(whole):
                with file.open("r+b") as stream:
                    stream.truncate(end)

    def found(self, step: str) -> Step | None:
        """Return what a step came to, or nothing if it is not done."""
        return self._done.get(step)

    def write(self, step: Step) -> Step:
        """Write down a step that is done, and return it; its files must be whole by now."""
        with self._file.open("ab") as stream:
            stream.write(_CODEC.render(step, indent=None).encode())
            stream.flush()
            os.fsync(stream.fileno())
        self._done[step.step] = step
        return step


@contextlib.contextmanager
def locked(file: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends.

    An OutputError says that the file is `busy` if another process holds it.
    """
    from filelock import lock_descriptor

    with file.open("a") as stream:
        if not lock_descriptor(stream.fileno(), blocking=False):
            raise OutputError(busy)
        yield
