"""Validation: are the segments true? Later days, chance, stability, the number of groups.

Pure functions over arrays and Polars frames; every interval is of 90 % and takes the user as the
unit.
"""

from segmentry.validation._added_gain import (
    AddedGain,
    Forming,
    added_gain,
    over_placebos,
    segment_rates,
)
from segmentry.validation._agreement import adjusted_rand, contingency, jaccards
from segmentry.validation._alignment import Alignment, SegmentEvent, align_ids
from segmentry.validation._behaviour_days import BehaviourDays
from segmentry.validation._choice import RULE, RULE_WITHOUT_LOG, NumberChoice, choose_number
from segmentry.validation._copies import CopiedUsers, copied_users
from segmentry.validation._cross_fit import Relabel
from segmentry.validation._day_levels import DayLevel, DayLevels, day_levels
from segmentry.validation._fold_rates import FoldRates, fold_rates
from segmentry.validation._forecast import Forecasts, forecast_ctr
from segmentry.validation._gap import GapCurve, gap_statistic
from segmentry.validation._inner_gain import InnerGain, inner_gain
from segmentry.validation._inner_split import InnerSplit, inner_gains, recounted_rows
from segmentry.validation._kept_gain import NO_SIGNAL, KeptGain, kept_gain
from segmentry.validation._null_twins import (
    NullTwins,
    column_twins,
    null_twins,
    permuted_columns,
    redrawn_clicks,
)
from segmentry.validation._procedure import (
    GroupEvidence,
    click_twins,
    decide_by_groups,
    decision_of,
    group_twins,
    repeat_procedure,
    weigh_groups,
    weigh_number,
)
from segmentry.validation._relabelling import Relabelling
from segmentry.validation._stability import (
    STABLE,
    SegmentStability,
    Stability,
    reweighted,
    stability,
)
from segmentry.validation._strength import STRONG, PredictionStrength, prediction_strength
from segmentry.validation._traffic import Traffic, daily_traffic
from segmentry.validation._user_days import UserCounts, UserDays
from segmentry.validation._verdicts import SegmentVerdict, Verdict, outcome_rate, verdicts
from segmentry.validation._windows import WindowSplit, local_days, split_window, weekdays

__all__ = [
    "NO_SIGNAL",
    "RULE",
    "RULE_WITHOUT_LOG",
    "STABLE",
    "STRONG",
    "AddedGain",
    "Alignment",
    "BehaviourDays",
    "CopiedUsers",
    "DayLevel",
    "DayLevels",
    "FoldRates",
    "Forecasts",
    "Forming",
    "GapCurve",
    "GroupEvidence",
    "InnerGain",
    "InnerSplit",
    "KeptGain",
    "NullTwins",
    "NumberChoice",
    "PredictionStrength",
    "Relabel",
    "Relabelling",
    "SegmentEvent",
    "SegmentStability",
    "SegmentVerdict",
    "Stability",
    "Traffic",
    "UserCounts",
    "UserDays",
    "Verdict",
    "WindowSplit",
    "added_gain",
    "adjusted_rand",
    "align_ids",
    "choose_number",
    "click_twins",
    "column_twins",
    "contingency",
    "copied_users",
    "daily_traffic",
    "day_levels",
    "decide_by_groups",
    "decision_of",
    "fold_rates",
    "forecast_ctr",
    "gap_statistic",
    "group_twins",
    "inner_gain",
    "inner_gains",
    "jaccards",
    "kept_gain",
    "local_days",
    "null_twins",
    "outcome_rate",
    "over_placebos",
    "permuted_columns",
    "prediction_strength",
    "recounted_rows",
    "redrawn_clicks",
    "repeat_procedure",
    "reweighted",
    "segment_rates",
    "split_window",
    "stability",
    "verdicts",
    "weekdays",
    "weigh_groups",
    "weigh_number",
]
