"""How is an action tested, and what did the test show?

In: a run folder, or daily traffic for a plan, assignments and results for an analysis. Out:
`ExperimentPlan`, `ExperimentResult`.
"""

from segmentry.advise.experiments._analysis import ExperimentResult, analyse_experiment
from segmentry.advise.experiments._assignment import ARMS, RATIO_ALARM, assign_arms, sample_ratio_p
from segmentry.advise.experiments._effects import Effect
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

__all__ = [
    "ARMS",
    "RATIO_ALARM",
    "Effect",
    "ExperimentPlan",
    "ExperimentRequest",
    "ExperimentResult",
    "PowerRow",
    "analyse_experiment",
    "analyse_test",
    "assign_arms",
    "days_needed",
    "explained_share",
    "measured_traffic",
    "plan_experiment",
    "plan_test",
    "sample_ratio_p",
    "smallest_effect",
]
