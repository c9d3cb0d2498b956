"""How many segments does the evidence support?

In: distinct rows and counts by day. Out: a `NumberChoice` with the gains and valleys behind it,
what other users would give, and gaps and strength next to it.
"""

from segmentry.evaluation.number._choice import (
    GAIN_SHARE,
    RULE_WITHOUT_LOG,
    EvidenceReport,
    NumberRange,
    as_before,
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
from segmentry.evaluation.number._inner_split import (
    InnerSplit,
    inner_gains,
    rows_of_spread_clicks,
    thirds,
)
from segmentry.evaluation.number._procedure import (
    decide_by_groups,
    decision_of,
    repeat_segments,
    weigh_number,
)
from segmentry.evaluation.number._valleys import Separation, separate

__all__ = [
    "GAIN_SHARE",
    "RULE_WITHOUT_LOG",
    "STRONG",
    "EvidenceReport",
    "GapCurve",
    "InnerGain",
    "InnerSplit",
    "NumberEvidence",
    "NumberRange",
    "PredictionStrength",
    "Separation",
    "UserGains",
    "as_before",
    "choose_number",
    "decide_by_groups",
    "decision_of",
    "evidence_basis",
    "find_by_evidence",
    "gap_statistic",
    "inner_gain",
    "inner_gains",
    "number_range",
    "prediction_strength",
    "repeat_segments",
    "rows_of_spread_clicks",
    "rule_of",
    "separate",
    "thirds",
    "weigh_number",
]
