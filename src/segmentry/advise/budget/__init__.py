"""How should a budget be divided among segments?

In: a run folder, or traffic and forecast rates per segment. Out: a `BudgetPlan` with its gain and
an interval.
"""

from segmentry.advise.budget._allocation import Bounds, best_concave, best_linear, bounds_of
from segmentry.advise.budget._of_run import budget_rates, plan_budget, segment_traffic
from segmentry.advise.budget._plan import divide_budget
from segmentry.advise.budget._records import (
    BudgetPlan,
    BudgetRequest,
    Comparison,
    Outcome,
    SegmentBudget,
    SegmentTraffic,
    Sensitivity,
)

__all__ = [
    "Bounds",
    "BudgetPlan",
    "BudgetRequest",
    "Comparison",
    "Outcome",
    "SegmentBudget",
    "SegmentTraffic",
    "Sensitivity",
    "best_concave",
    "best_linear",
    "bounds_of",
    "budget_rates",
    "divide_budget",
    "plan_budget",
    "segment_traffic",
]
