"""Attributes of users: the feature that each becomes, and how its column is read."""

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from segmentry.errors import SchemaError
from segmentry.ingest.clocks import Clock
from segmentry.ingest.files import has_integers_only, is_padded
from segmentry.ingest.mapping._model import Attribute
from segmentry.ingest.moments import find_time_format, midnight
from segmentry.schema import (
    OTHER_CODE,
    ColumnSource,
    ColumnType,
    Family,
    Feature,
)

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


def attribute_source(attribute: Attribute, known: Sequence[str], *, clock: Clock) -> ColumnSource:
    """Return how the column of an attribute is read; `known` are some values that are not missing.

    Raises SchemaError if it is a date and its format cannot be determined.
    """
    if attribute.days_until is not None:
        return _date_source(attribute, attribute.days_until, known, clock)
    if attribute.order:
        codes = tuple((level.strip().lower(), i) for i, level in enumerate(attribute.order, 1))
        # A level that is not among those declared is counted as impossible.
        return ColumnSource(attribute.column, "code", codes=codes, other=OTHER_CODE)
    kind: ColumnType = "number"
    is_coded = attribute.kind == "categorical" and any(map(is_padded, known))
    if attribute.kind in ("categorical", "ordinal") and has_integers_only(known) and not is_coded:
        kind = "integer"
    elif attribute.kind == "categorical":
        kind = "text"
    return ColumnSource(attribute.column, kind)


def _date_source(
    attribute: Attribute, until: dt.date, known: Sequence[str], clock: Clock
) -> ColumnSource:
    """Read a date as the days from it until the beginning of a day."""
    time_format = attribute.time_format
    if time_format == "auto":
        time_format = find_time_format(known)
    if not time_format:
        text = repr(known[0]) if known else "nothing"
        raise SchemaError(
            f"column {attribute.column!r} holds {text}; the date format cannot be determined; say "
            'it next to days_until: time_format = "%d/%m/%Y"'
        )
    return ColumnSource(
        attribute.column,
        "moment",
        time_format=time_format,
        utc_offset_hours=clock.utc_offset_hours,
        timezone=clock.timezone,
        days_until=midnight(until, utc_offset_hours=clock.utc_offset_hours),
    )
