"""What budgets and tests are planned with: measured once for all questions of a reader."""

import os
from dataclasses import dataclass
from pathlib import Path

from segmentry.advise.budget import SegmentTraffic, budget_rates, segment_traffic
from segmentry.advise.experiments import measured_traffic
from segmentry.advise.traffic import read_traffic
from segmentry.errors import DataError
from segmentry.evaluation.later_days import FoldRates, Traffic
from segmentry.runtime.processes import call_in_worker


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PlanBasis:
    """The numbers of a run behind `divide_budget` and `plan_experiment`."""

    n_days: float
    """Days of the log."""
    segments: tuple[SegmentTraffic, ...]
    """Segments of which figures may be shown."""
    rates: tuple[FoldRates, FoldRates] | None
    """Of the half of the users that chooses and of the half that judges; None where there is no
    forecast."""
    traffic: tuple[tuple[int | None, str, Traffic, float], ...]
    """Segment (None for all together, which comes first), name, traffic, and the share of the
    variance of `measured_days` that the time before explains."""
    measured_days: float
    reason: str = ""
    """Why something is missing; empty where nothing is."""


def measure_plans(run_dir: Path) -> PlanBasis:
    """Measure traffic and forecast CTRs of all segments of a run; nothing is written.

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
        rates = budget_rates(run_dir, traffic, n_days=n_days)
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


def measure_plans_in_worker(run_dir: Path) -> PlanBasis:
    """Measure as `measure_plans` does in a worker process, whose memory ends with it.

    Pages that are requested meanwhile go first. It raises what `measure_plans` does.
    """
    try:
        return call_in_worker(_measure_quietly, run_dir)
    except RuntimeError as error:
        raise DataError(f"{run_dir}: it cannot be measured for plans: {error}") from error


def _measure_quietly(run_dir: Path) -> PlanBasis:
    """Measure with a third of a page's right to the processor."""
    if hasattr(os, "nice"):
        os.nice(5)
    return measure_plans(run_dir)
