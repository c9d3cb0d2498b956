"""Tests of an action on users that are assigned at random: planning, assigning, analysing."""

from segmentry.advise.experiments._analysis import (
    ArmCounts,
    ExperimentResult,
    SegmentEffect,
    analyse_experiment,
)
from segmentry.advise.experiments._assignment import ARMS, RATIO_ALARM, assign_arms, sample_ratio_p
from segmentry.advise.experiments._effects import Effect
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
    "ArmCounts",
    "Effect",
    "ExperimentPlan",
    "ExperimentRequest",
    "ExperimentResult",
    "PowerRow",
    "SegmentEffect",
    "analyse_experiment",
    "assign_arms",
    "days_needed",
    "explained_share",
    "plan_experiment",
    "sample_ratio_p",
    "smallest_effect",
]
