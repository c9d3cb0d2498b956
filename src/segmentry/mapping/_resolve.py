"""From a mapping to a source: files found, columns checked, types told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from segmentry.errors import ConfigError, SchemaError
from segmentry.files import FileLayout, has_integers_only, inspect_file, require_columns
from segmentry.mapping._attributes import attribute_feature, attribute_source
from segmentry.mapping._files import find_files
from segmentry.mapping._model import DataMapping, FilesMapping, LogMapping
from segmentry.mapping._times import find_time_format, has_hours
from segmentry.schema import (
    OTHER_CODE,
    ColumnSource,
    ColumnType,
    FileShape,
    Source,
    TableSource,
    UtcOffset,
)

__all__ = ["resolve_mapping"]

_IDS = ("user_id", "ad_id")
_IDS_OF_IMPRESSIONS = ("impression_id", "imp_id", "request_id", "auction_id", "bid_id")
_ROLE_OF_KEY = {"time": "shown_at", "click": "is_click", "no_click": "is_not_click"}
_FLAGS = (
    *((word, 1) for word in ("1", "1.0", "true", "t", "yes", "y")),
    *((word, 0) for word in ("0", "0.0", "false", "f", "no", "n")),
)


class _Found(NamedTuple):
    """Files of one table and what their beginnings tell."""

    files: tuple[Path, ...]
    layouts: tuple[FileLayout, ...]
    shape: FileShape

    def values(self, name: str) -> list[str]:
        """Return sampled values of a column over all files."""
        return [
            value for each in self.layouts if name in each.all_names for value in each.values(name)
        ]


def resolve_mapping(mapping: DataMapping, *, base: Path) -> Source:
    """Find the files of a mapping, check that its columns are there, and tell their types.

    Parameters
    ----------
    mapping : DataMapping
    base : Path
        Folder from which its files are named.

    Raises
    ------
    DataError
        If a file is not there or cannot be read.
    SchemaError
        If a file lacks a column, or a column is not what the mapping says.
    ConfigError
        If a value of the mapping makes no sense for these files.
    """
    log = None if mapping.log is None else _find(mapping.log, base, "log")
    tables = {
        "impressions": None
        if log is None or mapping.log is None
        else _log_table(mapping, mapping.log, log),
        "profiles": _profiles_table(mapping, log, base),
        "ads": _ads_table(mapping, log, base),
    }
    tables = _with_equal_ids(tables)
    profiles = mapping.profiles
    attributes = {} if profiles is None else profiles.attributes
    return Source(
        name=mapping.name,
        impressions=tables["impressions"],
        profiles=tables["profiles"],
        ads=tables["ads"],
        attributes=tuple(attribute_feature(name, each) for name, each in attributes.items()),
        utc_offset_hours=mapping.utc_offset_hours,
        event=mapping.event,
        events=mapping.plural,
        value_unit=mapping.value_unit,
        has_hours=_has_hours(mapping, log, tables["impressions"]),
    )


def _find(table: FilesMapping, base: Path, role: str) -> _Found:
    shape = FileShape(table.format, table.delimiter, table.names)
    files = find_files(table.files, base=base, role=role)
    return _Found(files, tuple(inspect_file(file, shape) for file in files), shape)


def _check(table: FilesMapping, found: _Found, *, role: str) -> None:
    """Refuse columns that are not there, and words for "unknown" of columns without a role."""
    for layout in found.layouts:
        require_columns(layout, dict.fromkeys(table.roles.values()))
    unknown = [name for name in table.missing if _ROLE_OF_KEY.get(name, name) not in table.roles]
    if unknown:
        keys = {role: key for key, role in _ROLE_OF_KEY.items()}
        expected = ", ".join(keys.get(each, each) for each in table.roles)
        raise ConfigError(
            f"[{role}.missing] {unknown[0]}: no column has this role; expected some of {expected}"
        )


def _missing(table: FilesMapping) -> Mapping[str, tuple[str, ...]]:
    return {_ROLE_OF_KEY.get(name, name): words for name, words in table.missing.items()}


def _log_table(mapping: DataMapping, log: LogMapping, found: _Found) -> TableSource:
    _check(log, found, role="log")
    missing = _missing(log)
    columns: dict[str, ColumnSource] = {}
    for role, name in log.roles.items():
        column = _log_column(role, name, log, found, mapping.utc_offset_hours)
        columns[role] = replace(column, missing=missing.get(role, ()))
    _check_types(found, columns)
    return TableSource("impressions", found.files, columns, found.shape)


def _log_column(
    role: str, name: str, log: LogMapping, found: _Found, utc_offset_hours: UtcOffset
) -> ColumnSource:
    values = found.values(name)
    if role in _IDS:
        return ColumnSource(name, _id_type(values))
    if role == "shown_at":
        time_format = _time_format(log, found, name)
        has_fractions = any(_is_number(value) and not _is_integer(value) for value in values)
        if time_format == "seconds" and not has_fractions:
            return ColumnSource(name, "integer")
        return ColumnSource(
            name, "moment", time_format=time_format, utc_offset_hours=utc_offset_hours
        )
    if role == "is_click":
        return _click_column(name, log, found)
    if role == "is_not_click":
        return _flag_column(name, found)
    return ColumnSource(name, "text" if role == "placement" else "number")


def _id_type(values: Sequence[str]) -> ColumnType:
    """Ids that are not all integers are text."""
    return "integer" if has_integers_only(values) else "text"


def _time_format(log: LogMapping, found: _Found, name: str) -> str:
    if log.time_format != "auto":
        return log.time_format
    values = found.values(name)
    time_format = find_time_format(values)
    if not time_format:
        told = repr(values[0]) if values else "nothing"
        raise SchemaError(
            f"{found.files[0]}: column {name!r} holds {told}; how times are written cannot be "
            'told; say it under [log]: time_format = "seconds", "milliseconds", "microseconds", '
            '"iso", "yyyymmdd", or a pattern such as "%d/%m/%Y %H:%M"'
        )
    return time_format


def _click_column(name: str, log: LogMapping, found: _Found) -> ColumnSource:
    if not log.click_values:
        return _flag_column(name, found)
    _refuse_clicks_as_rows(name, log, found)
    clicks = tuple((value.strip().lower(), 1) for value in log.click_values)
    others = tuple((value.strip().lower(), 0) for value in log.other_values)
    other = OTHER_CODE if others else 0
    return ColumnSource(name, "code", codes=clicks + others, other=other)


def _refuse_clicks_as_rows(name: str, log: LogMapping, found: _Found) -> None:
    """Refuse a log in which a click is a row of its own: it would be counted as one shown more."""
    clicks = {value.strip().lower() for value in log.click_values}
    for layout in found.layouts:
        shared = [each for each in layout.names if _plain(each) in _IDS_OF_IMPRESSIONS]
        if not shared or name not in layout.names:
            continue
        place, event = layout.names.index(shared[0]), layout.names.index(name)
        rows = [row for row in layout.sample if len(row) > max(place, event) and row[place]]
        is_click = [row[event].strip().lower() in clicks for row in rows]
        clicked = {row[place] for row, is_one in zip(rows, is_click, strict=True) if is_one}
        shown = {row[place] for row, is_one in zip(rows, is_click, strict=True) if not is_one}
        if clicked & shown:
            raise SchemaError(
                f"{layout.path}: rows of {name!r} share a {shared[0]!r}: a click is a row of its "
                "own beside its impression, and would count as one impression more; make one row "
                f"of each {shared[0]} first: SELECT {shared[0]}, min(time), max({name} = 'click') "
                f"... GROUP BY {shared[0]}"
            )


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _flag_column(name: str, found: _Found) -> ColumnSource:
    values = found.values(name)
    if not values or any(map(_is_integer, values)):
        return ColumnSource(name, "integer")
    words = {word for word, _ in _FLAGS}
    strange = sorted({value for value in values if value.lower() not in words})
    if strange:
        raise SchemaError(
            f"{found.files[0]}: column {name!r} holds {', '.join(map(repr, strange[:5]))}, "
            "expected 0 and 1 or true and false; of an event type, say which value is a click: "
            f"click_values = [{strange[0]!r}]"
        )
    return ColumnSource(name, "code", codes=_FLAGS)


def _has_hours(mapping: DataMapping, found: _Found | None, table: TableSource | None) -> bool:
    time = None if table is None else table.columns.get("shown_at")
    if time is None or found is None:
        return True
    time_format = time.time_format or "seconds"
    offset = mapping.utc_offset_hours
    return has_hours(found.values(time.name), time_format, utc_offset_hours=offset)


def _profiles_table(mapping: DataMapping, log: _Found | None, base: Path) -> TableSource | None:
    profiles = mapping.profiles
    if profiles is None:
        return None
    found = _find(profiles, base, "profiles") if profiles.files else log
    assert found is not None, "profiles without files stand in the log"  # noqa: S101  # checked by the model
    user_id = profiles.user_id or (mapping.log.user_id if mapping.log else "")
    _check(profiles, found, role="profiles")
    require_columns(found.layouts[0], [user_id])
    missing = _missing(profiles)
    columns = {"user_id": ColumnSource(user_id, _id_type(found.values(user_id)))} | {
        name: attribute_source(each, missing.get(name, ()), found.values(each.column))
        for name, each in profiles.attributes.items()
    }
    _check_types(found, columns)
    is_distinct = not profiles.files
    return TableSource("profiles", found.files, columns, found.shape, is_distinct)


def _ads_table(mapping: DataMapping, log: _Found | None, base: Path) -> TableSource | None:
    ads = mapping.ads
    if ads is None or mapping.log is None:
        return None
    found = _find(ads, base, "ads") if ads.files else log
    assert found is not None, "ads without files stand in the log"  # noqa: S101  # checked by the model
    _check(ads, found, role="ads")
    roles = {"ad_id": mapping.log.ad_id or "", **ads.roles}
    missing = _missing(ads)
    columns = {
        role: ColumnSource(
            name,
            "number" if role == "price" else _id_type(_known(found, name, missing.get(role, ()))),
            missing=missing.get(role, ()),
        )
        for role, name in roles.items()
    }
    _check_types(found, columns)
    return TableSource("ads", found.files, columns, found.shape, is_distinct=not ads.files)


def _known(found: _Found, name: str, missing: Sequence[str]) -> list[str]:
    return [value for value in found.values(name) if value not in missing]


def _with_equal_ids(tables: dict[str, TableSource | None]) -> dict[str, TableSource | None]:
    """Read an id as text everywhere if it is text anywhere."""
    for name in _IDS:
        having = [table for table in tables.values() if table is not None and name in table.columns]
        if any(table.columns[name].type == "text" for table in having):
            for table in having:
                text = replace(table.columns[name], type="text")
                columns = {**tables[table.role].columns, name: text}  # type: ignore[union-attr]  # it has columns
                tables[table.role] = replace(tables[table.role], columns=columns)  # type: ignore[type-var]
    return tables


def _check_types(found: _Found, columns: Mapping[str, ColumnSource]) -> None:
    """Refuse a column of which no sampled value can be read: it is another column."""
    for column in columns.values():
        values = [value for value in found.values(column.name) if value not in column.missing]
        if column.type not in _READABLE or not values:
            continue
        is_readable, expected = _READABLE[column.type]
        if not any(map(is_readable, values)):
            raise SchemaError(
                f"{found.files[0]}: column {column.name!r} holds {values[0]!r}, expected "
                f"{expected}; check that the columns are in order"
            )


def _is_integer(value: str) -> bool:
    return has_integers_only([value])


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


_READABLE: Mapping[str, tuple[Callable[[str], bool], str]] = MappingProxyType(
    {"integer": (_is_integer, "whole numbers"), "number": (_is_number, "numbers")}
)
