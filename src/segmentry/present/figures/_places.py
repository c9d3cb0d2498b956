"""Users as places on a map."""

from dataclasses import dataclass

from segmentry.present.figures._colouring import Value


@dataclass(frozen=True, slots=True)
class UserPlace:
    """A user on a map, and the raw values of the features to colour by.

    `x`, `y` and `z` are the first three components, or the two directions of a UMAP.
    """

    user_id: str
    segment_id: int
    x: float
    y: float
    values: dict[str, Value]
    z: float | None = None
