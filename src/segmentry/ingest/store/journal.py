"""The steps of a change to a prepared folder, and who works on it."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from segmentry.errors import DataError
from segmentry.ingest.store.prepared import Plan
from segmentry.ingest.text_blocks import BlockRecord
from segmentry.runtime.codec import Codec
from segmentry.schema import Engine, PreparedFile, Progress, RowAccount, TableSource


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
    files: Mapping[str, PreparedFile] = field(default_factory=dict)


_CODEC = Codec(
    Step,
    what="step of a preparation",
    version=2,
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


@dataclass(frozen=True, slots=True)
class Work:
    """A preparation under way: its hidden folder, what of it is done, and who works on it."""

    folder: Path
    journal: Journal
    engine: Engine
    block_bytes: int
    progress: Progress | None
    target: Path
    """The prepared folder that is made or changed."""

    @property
    def whole(self) -> Path:
        """Where that lies which is ready."""
        return self.folder / "whole"

    def fresh(self, name: str) -> Path:
        """Return an empty folder for work that may be cut off."""
        folder = self.folder / "scratch" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def done_blocks(work: Work, role: str, place: int) -> list[DoneBlock]:
    """Return the blocks of a file that are split."""
    found: list[DoneBlock] = []
    while step := work.journal.found(f"block {role} {place} {len(found)}"):
        assert step.block is not None, "a step of a block has one"  # noqa: S101  # written so
        found.append(step.block)
    return found


def done_accounts(work: Work, table: TableSource) -> list[RowAccount]:
    """Return the accounts of all blocks of a table."""
    return [
        block.account
        for place in range(len(table.files))
        for block in done_blocks(work, table.role, place)
    ]
