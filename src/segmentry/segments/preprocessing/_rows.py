"""Features as a run used them, for its report."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from segmentry.schema import Feature
from segmentry.segments.preprocessing._fit import Preprocessing


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature as it was used in this run.

    `weight` is null for a feature that describes segments but did not form them; the fields
    about preprocessing are null with it. `note` says what was decided about it and why ("constant:
    dropped", "inter-quartile range 0: scaled by ...", "excluded by the user"), or is empty.
    """

    name: str
    label: str
    family: str
    unit: str
    kind: str
    description: str
    weight: float | None
    fill: str | None
    transform: str | None
    clip_low: float | None
    clip_high: float | None
    scale: float | None
    note: str


def feature_rows(
    catalogue: Iterable[Feature], preprocessing: Preprocessing, *, excluded: Collection[str]
) -> Iterator[FeatureRow]:
    """Yield every feature with how it entered `X`, or why it did not."""
    fitted = {column.feature: column for column in preprocessing.fitted}
    dropped = dict(preprocessing.dropped)
    for feature in catalogue:
        column = fitted.get(feature.name)
        note = dropped.get(feature.name, "" if column is None else column.note)
        if feature.name in excluded:
            note = "excluded by the user: describes segments only"
        yield FeatureRow(
            name=feature.name,
            label=feature.label,
            family=feature.family,
            unit=feature.unit,
            kind=feature.kind,
            description=feature.description,
            weight=None if column is None else column.weight,
            fill=None if column is None else column.fill,
            transform=None if column is None else column.transform,
            clip_low=None if column is None else column.raw_clip_low,
            clip_high=None if column is None else column.raw_clip_high,
            scale=None if column is None else column.scale,
            note=note,
        )
