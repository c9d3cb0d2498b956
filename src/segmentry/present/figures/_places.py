"""What stands on a map with the values to colour it by: users and hexagons."""

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


@dataclass(frozen=True, slots=True)
class HexagonValue:
    """What is known of a feature in one hexagon of the map."""

    x: float
    y: float
    radius: float
    """From the centre to the corners."""
    n_users: int
    segment_id: int
    """The segment with most users here."""
    n_known: int | None
    """Users whose value is known; null where they are too few to be told of."""
    value: Value
    """The mean of the known values, or the most common level; null with too few."""
    share: float | None
    """Of the most common level among those known."""
