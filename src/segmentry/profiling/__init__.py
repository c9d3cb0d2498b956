"""Profiles and names: what is in each segment."""

from segmentry.profiling._discoveries import adjusted_p_values
from segmentry.profiling._distributions import bin_edges, bin_features
from segmentry.profiling._names import name_segments
from segmentry.profiling._profiles import POPULATION, profile_segments
from segmentry.profiling._rates import pooled_rate
from segmentry.profiling._records import (
    Difference,
    Distribution,
    FeatureTest,
    LevelShare,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)

__all__ = [
    "POPULATION",
    "Difference",
    "Distribution",
    "FeatureTest",
    "LevelShare",
    "LevelStatistics",
    "NumericStatistics",
    "SegmentProfile",
    "adjusted_p_values",
    "bin_edges",
    "bin_features",
    "name_segments",
    "pooled_rate",
    "profile_segments",
]
