"""Seconds and peak memory of each step, for the manifest."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from segmentry.runtime.memory import peak_memory_mb


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Seconds of one step and the highest memory of the process until its end, in MB.

    The memory is null where the system does not report it.
    """

    step: str
    seconds: float
    peak_memory_mb: float | None


class StepClock:
    """Collects a `StepRecord` for each step."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._records: list[StepRecord] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; one that fails is recorded too."""
        began = time.perf_counter()
        try:
            yield
        finally:
            peak, seconds = peak_memory_mb(), time.perf_counter() - began
            peak = None if peak is None else round(peak, 1)
            self._records.append(StepRecord(name, round(seconds, 3), peak))

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """The steps in the order in which they ended."""
        return tuple(self._records)

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made."""
        return round(time.perf_counter() - self._began, 3)
