"""The log once the segments are known: who is shown what, who clicks what, and fatigue."""

from segmentry.exposure._records import (
    Cap,
    Cell,
    CurvePoint,
    ExposureCurve,
    HeldOutGain,
    HeldOutUse,
    Reaction,
)

__all__ = [
    "Cap",
    "Cell",
    "CurvePoint",
    "ExposureCurve",
    "HeldOutGain",
    "HeldOutUse",
    "Reaction",
]
