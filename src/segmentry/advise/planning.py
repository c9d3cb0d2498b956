"""What budgets and tests are planned with: measured once, asked many times."""

from dataclasses import dataclass

from segmentry.advise.budget import SegmentTraffic
from segmentry.evaluation.later_days import FoldRates, Traffic

__all__ = ["PlanBasis"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PlanBasis:
    """The numbers of a run behind `plan_budget` and `plan_experiment`.

    Parameters
    ----------
    n_days : float
        Days of the log.
    segments : tuple of SegmentTraffic
        Segments of which figures may be shown.
    rates : tuple of FoldRates or None
        Of the half of the users that chooses and of the half that judges; None where there is no
        forecast.
    traffic : tuple of tuple
        Segment (None for all together, which comes first), name, traffic, and the share of the
        variance of `measured_days` that the time before explains.
    measured_days : float
    reason : str
        Why something is missing; empty where nothing is.
    """

    n_days: float
    segments: tuple[SegmentTraffic, ...]
    rates: tuple[FoldRates, FoldRates] | None
    traffic: tuple[tuple[int | None, str, Traffic, float], ...]
    measured_days: float
    reason: str = ""
