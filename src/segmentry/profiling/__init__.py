"""Profiles and names: what is in each segment."""

from segmentry.profiling._discoveries import adjusted_p_values
from segmentry.profiling._distributions import LEAST_BINS, MOST_BINS, bin_edges, bin_features
from segmentry.profiling._exemplars import Exemplar, find_exemplars
from segmentry.profiling._names import name_segments
from segmentry.profiling._profiles import POPULATION, profile_segments
from segmentry.profiling._rates import pooled_rate, pooled_ratio
from segmentry.profiling._records import (
    Difference,
    Distribution,
    FeatureTest,
    LevelShare,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)
from segmentry.profiling._rule_texts import rule_text, rules_sql
from segmentry.profiling._rules import (
    Condition,
    Rule,
    RuleColumn,
    RuleSet,
    apply_rules,
    find_rules,
)

__all__ = [
    "LEAST_BINS",
    "MOST_BINS",
    "POPULATION",
    "Condition",
    "Difference",
    "Distribution",
    "Exemplar",
    "FeatureTest",
    "LevelShare",
    "LevelStatistics",
    "NumericStatistics",
    "Rule",
    "RuleColumn",
    "RuleSet",
    "SegmentProfile",
    "adjusted_p_values",
    "apply_rules",
    "bin_edges",
    "bin_features",
    "find_exemplars",
    "find_rules",
    "name_segments",
    "pooled_rate",
    "pooled_ratio",
    "profile_segments",
    "rule_text",
    "rules_sql",
]
