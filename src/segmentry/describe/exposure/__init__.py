"""The log once the segments are known: who is shown what, who clicks what, and fatigue."""

from segmentry.describe.exposure._describe import HoldOut, LogDescription, describe_log
from segmentry.describe.exposure._dimensions import AFFINITY_KINDS, PRICE_BANDS
from segmentry.describe.exposure._records import (
    Cap,
    Cell,
    CurvePoint,
    ExposureCurve,
    HeldOutGain,
    HeldOutUse,
    Reaction,
)
from segmentry.describe.exposure._rows import Members

__all__ = [
    "AFFINITY_KINDS",
    "PRICE_BANDS",
    "Cap",
    "Cell",
    "CurvePoint",
    "ExposureCurve",
    "HeldOutGain",
    "HeldOutUse",
    "HoldOut",
    "LogDescription",
    "Members",
    "Reaction",
    "describe_log",
]
