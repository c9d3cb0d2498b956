"""How is an action tested, and what did the test show?

In: a run folder, or daily traffic for a plan, assignments and results for an analysis. Out:
`ExperimentPlan`, `ExperimentResult`.
"""

from segmentry.advise.experiments._analysis import ExperimentResult, analyse_experiment
from segmentry.advise.experiments._assignment import ARMS, RATIO_ALARM, assign_arms, sample_ratio_p
from segmentry.advise.experiments._effects import Effect
from segmentry.advise.experiments._metrics import MetricResult, analyse_metric, mean_traffic
from segmentry.advise.experiments._of_run import analyse_test, measured_traffic, plan_test
from segmentry.advise.experiments._power import (
    ExperimentPlan,
    ExperimentRequest,
    PowerRow,
    days_needed,
    explained_share,
    plan_experiment,
    smallest_effect,
)
from segmentry.advise.experiments._sequential import (
    SPENDINGS,
    Spending,
    chance_by_look,
    critical_values,
    drift_needed,
)

__all__ = [
    "ARMS",
    "RATIO_ALARM",
    "SPENDINGS",
    "Effect",
    "ExperimentPlan",
    "ExperimentRequest",
    "ExperimentResult",
    "MetricResult",
    "PowerRow",
    "Spending",
    "analyse_experiment",
    "analyse_metric",
    "analyse_test",
    "assign_arms",
    "chance_by_look",
    "critical_values",
    "days_needed",
    "drift_needed",
    "explained_share",
    "mean_traffic",
    "measured_traffic",
    "plan_experiment",
    "plan_test",
    "sample_ratio_p",
    "smallest_effect",
]
