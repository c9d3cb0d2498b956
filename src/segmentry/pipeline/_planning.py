"""Measure what plans are made with, once for all questions that a reader may ask."""

import pickle
import subprocess
import sys
from pathlib import Path

from segmentry.errors import DataError, SegmentryError
from segmentry.pipeline._experiment import measured_traffic
from segmentry.pipeline._plan import budget_rates, read_traffic, segment_traffic
from segmentry.profiling.planning import PlanBasis

__all__ = ["hand_over", "measure_plans", "measure_plans_apart"]

_CHILD = "from segmentry.pipeline._planning import hand_over; hand_over()"


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


def measure_plans_apart(run_dir: Path) -> PlanBasis:
    """Measure as `measure_plans` does in a process of its own, whose memory ends with it.

    A plain child, not multiprocessing: inside Streamlit ``__main__`` is a page, which a spawned
    worker would run again.

    Raises
    ------
    SegmentryError
        As `measure_plans` does.
    """
    child = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-c", _CHILD, str(run_dir)],
        stdout=subprocess.PIPE,
        check=False,
    )
    if child.returncode:
        raise DataError(f"{run_dir}: measuring it for plans failed; see the terminal")
    found = pickle.loads(child.stdout)  # noqa: S301 - written by our own child, never a file
    if isinstance(found, SegmentryError):
        raise found
    assert isinstance(found, PlanBasis)  # noqa: S101 - our own output
    return found


def hand_over() -> None:
    """Write what was measured of the run named last, or why it was not, to standard output."""
    found: PlanBasis | SegmentryError
    try:
        found = measure_plans(Path(sys.argv[1]))
    except SegmentryError as error:
        found = error
    sys.stdout.buffer.write(pickle.dumps(found))
