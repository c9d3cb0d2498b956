"""Divide a budget among segments, and say what that is worth and what it rests on."""

from segmentry.advise.budget._allocation import Bounds, best_concave, best_linear, bounds_of
from segmentry.advise.budget._plan import plan_budget
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
    "plan_budget",
]
