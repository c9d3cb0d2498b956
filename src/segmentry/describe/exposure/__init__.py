"""Who is shown what, who clicks what, and when does it tire?

In: parts of the log and segments. Out: a `LogDescription`.
"""

from segmentry.describe.exposure._cells import Members
from segmentry.describe.exposure._describe import HoldOut, LogDescription, describe_log
from segmentry.describe.exposure._records import (
    Cap,
    Cell,
    CurvePoint,
    ExposureCurve,
    HeldOutGain,
    HeldOutUse,
    LogReport,
    Reaction,
)

__all__ = [
    "Cap",
    "Cell",
    "CurvePoint",
    "ExposureCurve",
    "HeldOutGain",
    "HeldOutUse",
    "HoldOut",
    "LogDescription",
    "LogReport",
    "Members",
    "Reaction",
    "describe_log",
]
