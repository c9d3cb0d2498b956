"""Measure what plans are made with, once for all questions that a reader may ask."""

import os
from pathlib import Path

from segmentry.advise.budget_of_run import budget_rates, read_traffic, segment_traffic
from segmentry.advise.planning import PlanBasis
from segmentry.advise.tests_of_run import measured_traffic
from segmentry.errors import DataError
from segmentry.runtime.processes import call_apart

__all__ = ["measure_plans", "measure_plans_apart"]


def measure_plans(run_dir: Path, *, seed: int = 0) -> PlanBasis:
    """Measure traffic and forecast CTRs of all segments of a run; nothing is written.

    Parameters
    ----------
    run_dir : Path
        A run folder.
    seed : int
        Of the halves and the draws of the budget.

    Raises
    ------
    DataError
        If the run was not checked on later days, or its log has one day.
    BundleError
        If the run folder cannot be read.
    """
    traffic = read_traffic(run_dir)
    n_days, reason, rates = float(len(traffic.days)), "", None
    ids = tuple(each.segment_id for each in traffic.segments)
    rows, measured_days = measured_traffic(run_dir, traffic, ids)
    try:
        rates = budget_rates(run_dir, traffic, n_days=n_days, seed=seed)
    except DataError as error:
        reason = str(error)
    return PlanBasis(
        n_days=n_days,
        segments=tuple(segment_traffic(traffic)),
        rates=rates,
        traffic=tuple(rows),
        measured_days=measured_days,
        reason=reason,
    )


def _measure_quietly(run_dir: Path) -> PlanBasis:
    """Measure with a third of a page's right to the processor: pages go first."""
    if hasattr(os, "nice"):
        os.nice(5)
    return measure_plans(run_dir)


def measure_plans_apart(run_dir: Path) -> PlanBasis:
    """Measure as `measure_plans` does in a process of its own, whose memory ends with it.

    Pages that are asked for meanwhile go first.

    Raises
    ------
    SegmentryError
        As `measure_plans` does.
    """
    try:
        return call_apart(_measure_quietly, run_dir)
    except RuntimeError as error:
        raise DataError(f"{run_dir}: it cannot be measured for plans: {error}") from error
