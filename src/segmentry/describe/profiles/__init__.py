"""How does each segment differ from all users?

In: the user table and segments. Out: a `SegmentProfile` for each, names, rules and examples.
"""

from segmentry.describe.profiles._discoveries import adjusted_p_values
from segmentry.describe.profiles._exemplars import Exemplar, find_exemplars
from segmentry.describe.profiles._levels import (
    MAX_BINS,
    MIN_BINS,
    bin_edges,
    bin_features,
)
from segmentry.describe.profiles._names import fitting_response, name_segments
from segmentry.describe.profiles._profiles import POPULATION, profile_segments
from segmentry.describe.profiles._rates import pooled_rate, pooled_ratio
from segmentry.describe.profiles._records import (
    Decision,
    Difference,
    Distribution,
    FeatureTest,
    LevelShare,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)
from segmentry.describe.profiles._rules import RuleReport, SegmentRules, report_rules
from segmentry.describe.profiles._value_counts import ValueCounts, count_values

__all__ = [
    "MAX_BINS",
    "MIN_BINS",
    "POPULATION",
    "Decision",
    "Difference",
    "Distribution",
    "Exemplar",
    "FeatureTest",
    "LevelShare",
    "LevelStatistics",
    "NumericStatistics",
    "RuleReport",
    "SegmentProfile",
    "SegmentRules",
    "ValueCounts",
    "adjusted_p_values",
    "bin_edges",
    "bin_features",
    "count_values",
    "find_exemplars",
    "fitting_response",
    "name_segments",
    "pooled_rate",
    "pooled_ratio",
    "profile_segments",
    "report_rules",
]
