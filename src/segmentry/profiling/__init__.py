"""Profiles and names: what is in each segment."""

from segmentry.profiling._distributions import bin_edges, bin_features
from segmentry.profiling._names import name_segments
from segmentry.profiling._profiles import POPULATION, profile_segments
from segmentry.profiling._rates import pooled_rate
from segmentry.profiling._records import (
    Difference,
    Distribution,
    LevelShare,
    LevelStatistics,
    NumericStatistics,
    SegmentProfile,
)

__all__ = [
    "POPULATION",
    "Difference",
    "Distribution",
    "LevelShare",
    "LevelStatistics",
    "NumericStatistics",
    "SegmentProfile",
    "bin_edges",
    "bin_features",
    "name_segments",
    "pooled_rate",
    "profile_segments",
]
