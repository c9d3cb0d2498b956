"""Do the same segments come back?

In: two labellings, or a procedure to repeat. Out: agreement, alignment of ids, `Stability`.
"""

from segmentry.evaluation.stability._agreement import adjusted_rand, contingency, jaccards
from segmentry.evaluation.stability._alignment import Alignment, SegmentEvent, align_ids
from segmentry.evaluation.stability._stability import (
    STABLE,
    SegmentStability,
    Stability,
    stability,
)

__all__ = [
    "STABLE",
    "Alignment",
    "SegmentEvent",
    "SegmentStability",
    "Stability",
    "adjusted_rand",
    "align_ids",
    "contingency",
    "jaccards",
    "stability",
]
