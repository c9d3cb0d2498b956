"""Fit in a process of its own, so that its memory is its own."""

import time
from dataclasses import dataclass

from segmentry.errors import SelectionError
from segmentry.evaluation.algorithms._methods import method_named
from segmentry.evaluation.algorithms._rows import Partition, Rows
from segmentry.runtime.memory import peak_memory_mb
from segmentry.runtime.processes import call_in_worker


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """What was found, or why nothing was; seconds of the fit and peak memory of its process, MB."""

    found: Partition | None
    problem: str
    seconds: float
    peak_memory_mb: float | None


def fit_here(name: str, rows: Rows, k: int, seed: int) -> Timed:
    """Fit in this process; memory is not measured."""
    began = time.perf_counter()
    try:
        found, problem = method_named(name).fit(rows, rows.distinct.weights, k, seed), ""
    except SelectionError as error:
        found, problem = None, str(error)
    return Timed(found, problem, time.perf_counter() - began, None)


def fit_alone(name: str, rows: Rows, k: int, seed: int) -> Timed:
    """Fit in a new process and read how much memory it took at most, libraries included."""
    began = time.perf_counter()
    try:
        return call_in_worker(_measured, name, rows, k, seed)
    except RuntimeError as error:  # such as one that took all memory and was ended for it
        return Timed(None, str(error), time.perf_counter() - began, None)


def _measured(name: str, rows: Rows, k: int, seed: int) -> Timed:
    # Loaded before the clock starts: they take more time than many a fit.
    import sklearn.cluster
    import sklearn.mixture  # noqa: F401  # loaded for its time

    timed = fit_here(name, rows, k, seed)
    return Timed(timed.found, timed.problem, timed.seconds, peak_memory_mb())
