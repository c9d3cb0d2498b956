"""An attribute of a user as a feature, and how its column is read."""

from collections.abc import Mapping
from types import MappingProxyType

from segmentry.files import has_integers_only
from segmentry.mapping._model import Attribute
from segmentry.schema import OTHER_CODE, ColumnSource, Family, Feature

__all__ = ["attribute_feature", "attribute_source"]

_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "categorical": "level",
        "ordinal": "level",
        "number": "value",
        "count": "count",
        "money": "amount",
        "duration": "days",
        "share": "share",
        "rate": "value",
    }
)
_FAMILIES: Mapping[str, Family] = MappingProxyType({"count": "activity", "money": "value"})


def attribute_feature(name: str, attribute: Attribute) -> Feature:
    """Return the feature of an attribute.

    Examples
    --------
    >>> education = Attribute(column="Edu", kind="ordinal", order=("basic", "master"))
    >>> attribute_feature("education", education).levels
    {'1': 'basic', '2': 'master'}
    """
    levels = {str(place): level for place, level in enumerate(attribute.order, start=1)}
    return Feature(
        name=name,
        family=_FAMILIES.get(attribute.kind, "demographics"),
        label=attribute.label or name.replace("_", " "),
        unit=attribute.unit or _UNITS[attribute.kind],
        kind=attribute.kind,
        fill="own level" if attribute.kind == "categorical" else "median",
        description=attribute.description or f"Column {attribute.column}; null if unknown.",
        levels=levels or dict(attribute.levels),
    )


def attribute_source(
    attribute: Attribute, missing: tuple[str, ...], values: list[str]
) -> ColumnSource:
    """Return how the column of an attribute is read; `values` are some of it."""
    missing = attribute.missing or missing
    if attribute.order:
        codes = tuple((level.strip().lower(), i) for i, level in enumerate(attribute.order, 1))
        # A level that is not among those declared is counted as impossible.
        return ColumnSource(
            attribute.column, "code", codes=codes, other=OTHER_CODE, missing=missing
        )
    if attribute.kind in ("categorical", "ordinal"):
        kept = [value for value in values if value not in missing]
        is_number = has_integers_only(kept)
        if attribute.kind == "ordinal" and not is_number:
            return ColumnSource(attribute.column, "number", missing=missing)
        kind = "integer" if is_number else "text"
        return ColumnSource(attribute.column, kind, missing=missing)  # type: ignore[arg-type]  # one of two literals
    return ColumnSource(attribute.column, "number", missing=missing)
