"""Seconds and peak memory of each step, for the manifest."""

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["StepClock", "StepRecord"]

_UNIT = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in KB on Linux, bytes on macOS


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Seconds of one step and the highest memory of the process until its end, in MB."""

    step: str
    seconds: float
    peak_memory_mb: float


class StepClock:
    """Collects a `StepRecord` for each step."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._records: list[StepRecord] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        began = time.perf_counter()
        yield
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / 1e6
        seconds = time.perf_counter() - began
        self._records.append(StepRecord(name, round(seconds, 3), round(peak, 1)))

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """The steps in the order in which they ended."""
        return tuple(self._records)

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made."""
        return round(time.perf_counter() - self._began, 3)
