"""Do later days confirm what the first days showed?

In: segments of the first days, counts per user and day. Out: forecasts with intervals, a verdict
per segment, and the share of what clicks predict that segments keep.
"""

from segmentry.evaluation.later_days._added_gain import (
    AddedGain,
    Forming,
    added_gain,
    over_placebos,
    segment_rates,
)
from segmentry.evaluation.later_days._check import (
    OutcomeReport,
    Validation,
    ValidationReport,
    check_later,
)
from segmentry.evaluation.later_days._check_events import forecast_events
from segmentry.evaluation.later_days._copies import CopiedUsers, copied_users
from segmentry.evaluation.later_days._day_levels import (
    DayLevel,
    DayLevels,
    SegmentDays,
    day_levels,
)
from segmentry.evaluation.later_days._differences import Difference, Verdict
from segmentry.evaluation.later_days._families import (
    Added,
    Way,
    compare_families,
    permuted_family,
    purchase_counts,
    purchase_days,
)
from segmentry.evaluation.later_days._fold_rates import FoldRates, fold_rates, half_shares
from segmentry.evaluation.later_days._forecast import Forecasts, forecast_ctr
from segmentry.evaluation.later_days._intervals import TAIL, holm, normal_quantile
from segmentry.evaluation.later_days._kept_gain import NO_SIGNAL, KeptGain, kept_gain
from segmentry.evaluation.later_days._luck import Luck, luck_of
from segmentry.evaluation.later_days._outcome_gain import OutcomeGain, outcome_gain
from segmentry.evaluation.later_days._own_history import own_history
from segmentry.evaluation.later_days._recount import (
    CLICKS_BEYOND_COUNTS,
    COUNTED,
    counted_features,
    features_of,
    recount,
    recount_events,
)
from segmentry.evaluation.later_days._relabelling import Relabelling
from segmentry.evaluation.later_days._traffic import Traffic, daily_traffic
from segmentry.evaluation.later_days._user_models import (
    BetaGeometric,
    GammaGamma,
    GammaPoisson,
    fit_beta_geometric,
    fit_events,
    fit_gamma_gamma,
    fit_gamma_poisson,
)
from segmentry.evaluation.later_days._verdicts import (
    OutcomeWords,
    SegmentVerdict,
    outcome_rate,
    verdicts,
    words_of,
)

__all__ = [
    "CLICKS_BEYOND_COUNTS",
    "COUNTED",
    "NO_SIGNAL",
    "TAIL",
    "Added",
    "AddedGain",
    "BetaGeometric",
    "CopiedUsers",
    "DayLevel",
    "DayLevels",
    "Difference",
    "FoldRates",
    "Forecasts",
    "Forming",
    "GammaGamma",
    "GammaPoisson",
    "KeptGain",
    "Luck",
    "OutcomeGain",
    "OutcomeReport",
    "OutcomeWords",
    "Relabelling",
    "SegmentDays",
    "SegmentVerdict",
    "Traffic",
    "Validation",
    "ValidationReport",
    "Verdict",
    "Way",
    "added_gain",
    "check_later",
    "compare_families",
    "copied_users",
    "counted_features",
    "daily_traffic",
    "day_levels",
    "features_of",
    "fit_beta_geometric",
    "fit_events",
    "fit_gamma_gamma",
    "fit_gamma_poisson",
    "fold_rates",
    "forecast_ctr",
    "forecast_events",
    "half_shares",
    "holm",
    "kept_gain",
    "luck_of",
    "normal_quantile",
    "outcome_gain",
    "outcome_rate",
    "over_placebos",
    "own_history",
    "permuted_family",
    "purchase_counts",
    "purchase_days",
    "recount",
    "recount_events",
    "segment_rates",
    "verdicts",
    "words_of",
]
