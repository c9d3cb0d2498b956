"""How many segments does the evidence support?

In: distinct rows and counts by day. Out: a `NumberChoice` with gains, gaps, strength and null
simulations behind it.
"""

from segmentry.evaluation.number._choice import RULE, RULE_WITHOUT_LOG, choose_number
from segmentry.evaluation.number._evidence import (
    EVIDENCE_COLUMNS,
    NO_EVIDENCE,
    NumberEvidence,
    evidence_basis,
    evidence_by_number,
    find_by_evidence,
    report_evidence,
    warn,
)
from segmentry.evaluation.number._gap import GapCurve, gap_statistic
from segmentry.evaluation.number._inner_gain import InnerGain, inner_gain
from segmentry.evaluation.number._inner_split import InnerSplit, inner_gains, recounted_rows
from segmentry.evaluation.number._null_twins import (
    NullTwins,
    column_twins,
    null_twins,
    permuted_columns,
    redrawn_clicks,
)
from segmentry.evaluation.number._procedure import (
    click_twins,
    decide_by_groups,
    decision_of,
    group_twins,
    repeat_procedure,
    weigh_groups,
    weigh_number,
)
from segmentry.evaluation.number._records import EvidenceReport
from segmentry.evaluation.number._strength import STRONG, PredictionStrength, prediction_strength

__all__ = [
    "EVIDENCE_COLUMNS",
    "NO_EVIDENCE",
    "RULE",
    "RULE_WITHOUT_LOG",
    "STRONG",
    "EvidenceReport",
    "GapCurve",
    "InnerGain",
    "InnerSplit",
    "NullTwins",
    "NumberEvidence",
    "PredictionStrength",
    "choose_number",
    "click_twins",
    "column_twins",
    "decide_by_groups",
    "decision_of",
    "evidence_basis",
    "evidence_by_number",
    "find_by_evidence",
    "gap_statistic",
    "group_twins",
    "inner_gain",
    "inner_gains",
    "null_twins",
    "permuted_columns",
    "prediction_strength",
    "recounted_rows",
    "redrawn_clicks",
    "repeat_procedure",
    "report_evidence",
    "warn",
    "weigh_groups",
    "weigh_number",
]
