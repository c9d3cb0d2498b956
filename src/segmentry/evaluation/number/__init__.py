"""How many segments does the evidence support?

In: distinct rows and counts by day. Out: a `NumberChoice` with gains, gaps, strength and null
simulations behind it.
"""

from segmentry.evaluation.number._choice import (
    GAIN_SHARE,
    RULE_WITHOUT_LOG,
    EvidenceReport,
    NumberRange,
    choose_number,
    number_range,
    rule_of,
)
from segmentry.evaluation.number._evidence import (
    NumberEvidence,
    evidence_basis,
    find_by_evidence,
)
from segmentry.evaluation.number._groups import (
    STRONG,
    GapCurve,
    PredictionStrength,
    gap_statistic,
    prediction_strength,
)
from segmentry.evaluation.number._inner_gain import InnerGain, UserGains, inner_gain
from segmentry.evaluation.number._inner_split import InnerSplit, inner_gains, recounted_rows, thirds
from segmentry.evaluation.number._null_twins import (
    NullTwins,
    column_twins,
    null_twins,
    permuted_columns,
    redrawn_clicks,
)
from segmentry.evaluation.number._procedure import (
    decide_by_groups,
    decision_of,
    group_twins,
    repeat_segments,
    weigh_groups,
    weigh_number,
)

__all__ = [
    "GAIN_SHARE",
    "RULE_WITHOUT_LOG",
    "STRONG",
    "EvidenceReport",
    "GapCurve",
    "InnerGain",
    "InnerSplit",
    "NullTwins",
    "NumberEvidence",
    "NumberRange",
    "PredictionStrength",
    "UserGains",
    "choose_number",
    "column_twins",
    "decide_by_groups",
    "decision_of",
    "evidence_basis",
    "find_by_evidence",
    "gap_statistic",
    "group_twins",
    "inner_gain",
    "inner_gains",
    "null_twins",
    "number_range",
    "permuted_columns",
    "prediction_strength",
    "recounted_rows",
    "redrawn_clicks",
    "repeat_segments",
    "rule_of",
    "thirds",
    "weigh_groups",
    "weigh_number",
]
