"""What a summary holds of the log once the segments are known."""

from dataclasses import dataclass

from segmentry.describe.exposure import (
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
    "LogReport",
    "Reaction",
]


@dataclass(frozen=True, slots=True)
class LogReport:
    """Segments against what the log showed them, and how clicks change with exposure.

    Parameters
    ----------
    reason : str
        Why nothing of this is known ("the log was not read again"), or empty.
    dimensions : tuple of str
        Those that the data have, of "hour", "placement", "category", "brand", "campaign" and
        "price band".
    least_users : int
        Cells of fewer users are left out.
    cells : tuple of Cell
        By segment and dimension: all hours, placements and price bands; of the others those that
        stand out most, strongest first. All of them are in ``affinity.parquet``.
    held_out : HeldOutUse or None
        Whether the affinities foretell later clicks; null without categories.
    reactions : tuple of Reaction
        Of all users (segment 0) and of each segment.
    curves : tuple of ExposureCurve
        Of all users (segment 0) and of each segment, per kind.
    notes : tuple of str
        What is absent and why, and what must be known to read it; whole sentences.
    """

    reason: str
    dimensions: tuple[str, ...] = ()
    least_users: int = 0
    cells: tuple[Cell, ...] = ()
    held_out: HeldOutUse | None = None
    reactions: tuple[Reaction, ...] = ()
    curves: tuple[ExposureCurve, ...] = ()
    notes: tuple[str, ...] = ()
