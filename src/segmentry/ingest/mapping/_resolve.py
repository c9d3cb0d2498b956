"""From a mapping to a source: files found, columns and attributes checked, types found."""

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from segmentry.errors import ConfigError, SchemaError
from segmentry.ingest.clocks import Clock
from segmentry.ingest.files import (
    FLAGS,
    NO_IDS,
    has_integers_only,
    is_number,
    is_padded,
    require_columns,
)
from segmentry.ingest.ids import refuse_exponents
from segmentry.ingest.mapping._attributes import attribute_feature, attribute_source
from segmentry.ingest.mapping._model import (
    BehavioursMapping,
    DataMapping,
    FilesMapping,
    LogMapping,
    TimedMapping,
)
from segmentry.ingest.mapping._tables import (
    Found,
    Moments,
    Within,
    bounds_of,
    columns_of,
    find_table,
)
from segmentry.ingest.moments import (
    NUMBERS,
    SECONDS_PER_UNIT,
    contradiction_of,
    count_from_elsewhere,
    find_time_format,
    has_hours,
    midnight,
    origin_advice,
)
from segmentry.ingest.numbers import find_number_format, read_number, unit_of
from segmentry.ingest.remote import Places
from segmentry.schema import (
    BEHAVIOUR_ACTIONS,
    OTHER_CODE,
    SECONDS_PER_DAY,
    UNKNOWN_CODE,
    ColumnSource,
    ColumnType,
    Source,
    TableSource,
    UtcOffset,
)

_IDS = ("user_id", "ad_id")
_JOINED = (*_IDS, "category_id", "brand_id")
"""Columns by which tables are joined: of one type in all of them."""
_IDS_OF_IMPRESSIONS = ("impression_id", "imp_id", "request_id", "auction_id", "bid_id")
_FIRST_MOMENT, _LAST_MOMENT = dt.date(1990, 1, 1), dt.date(2099, 12, 31)


def resolve_mapping(
    mapping: DataMapping,
    *,
    base: Path,
    places: Places | None = None,
    moments: Moments = (None, None),
    unread: frozenset[str] = frozenset(),
) -> Source:
    """Find the files of a mapping, from `base`, check its columns, and tell their types.

    What is needed of files elsewhere is fetched to `places`; of the log, what happened from the
    first of the `moments` on and before the second, and of `unread` tables nothing.

    Raises DataError if a file is not there or cannot be read; SchemaError if a file lacks a column,
    or a column is not what the mapping says; ConfigError if a value of the mapping makes no sense
    for these files.
    """
    within = Within(base, places, columns_of(mapping), unread)
    log, impressions = None, None
    if mapping.log is not None:
        bounds = bounds_of(mapping, mapping.log, moments)
        log = find_table(mapping.log, within, "log", bounds=bounds)
        impressions = _log_table(mapping, mapping.log, log)
    found = (
        impressions,
        _profiles_table(mapping, log, within),
        _ads_table(mapping, log, within),
        _behaviours_table(mapping, within),
    )
    tables = _with_equal_ids({table.role: table for table in found if table is not None})
    profiles = mapping.profiles
    attributes = {} if profiles is None else profiles.attributes
    return Source(
        name=mapping.name,
        impressions=tables.get("impressions"),
        profiles=tables.get("profiles"),
        ads=tables.get("ads"),
        attributes=tuple(attribute_feature(name, each) for name, each in attributes.items()),
        utc_offset_hours=mapping.utc_offset_hours,
        timezone=mapping.timezone,
        event=mapping.event,
        events=mapping.plural,
        value_unit=mapping.value_unit,
        has_hours=_has_hours(mapping, log, impressions),
        behaviours=tables.get("behaviours"),
    )


def _checked(table: FilesMapping, found: Found, name: str) -> Mapping[str, tuple[str, ...]]:
    """Refuse columns that are not there; return the words for "unknown" by canonical column."""
    for layout in found.layouts:
        require_columns(layout, dict.fromkeys(table.roles.values()))
    for key in table.missing:
        if table.canonical.get(key, key) not in table.roles:
            keys = {role: key for key, role in table.canonical.items()}
            expected = ", ".join(keys.get(role, role) for role in table.roles)
            raise ConfigError(
                f"[{name}.missing] {key}: no column has this role; expected some of {expected}"
            )
    return {table.canonical.get(key, key): words for key, words in table.missing.items()}


def _table(
    role: str,
    mapping: FilesMapping,
    found: Found,
    columns: Mapping[str, ColumnSource],
    missing: Mapping[str, tuple[str, ...]],
    *,
    is_distinct: bool = False,
) -> TableSource:
    columns = {
        name: replace(column, missing=missing.get(name, ())) for name, column in columns.items()
    }
    columns = {name: _with_format(column, mapping, found) for name, column in columns.items()}
    _check_types(found, columns)
    for name in _JOINED:
        if name in columns:
            column = columns[name].name
            where = f"{found.files[0]}: column {column!r}"
            refuse_exponents(found.values(column), where=where)
    return TableSource(
        role, found.files, columns, found.shape, is_distinct, left_out=found.left_out
    )


def _with_format(column: ColumnSource, mapping: FilesMapping, found: Found) -> ColumnSource:
    """Find how the numbers of a column are written."""
    if column.type != "number":
        return column
    form = find_number_format(
        _known(found, column.name, column.missing),
        decimal=mapping.decimal,
        thousands=mapping.thousands,
        where=f"{found.files[0]}: column {column.name!r}",
    )
    return replace(column, number_format=form)


def _log_table(mapping: DataMapping, log: LogMapping, found: Found) -> TableSource:
    missing = _checked(log, found, "log")
    columns = {
        role: _log_column(role, name, log, found, mapping.clock) for role, name in log.roles.items()
    }
    return _table("impressions", log, found, columns, missing)


def _log_column(role: str, name: str, log: LogMapping, found: Found, clock: Clock) -> ColumnSource:
    if role in _IDS:
        return ColumnSource(name, _id_type(found.values(name)))
    if role == "shown_at":
        time_format = _time_format(log, found, name, role="log")
        return _time_column(name, time_format, log, found.values(name), clock)
    if role == "is_click":
        return _click_column(name, log, found)
    if role == "is_not_click":
        return _flag_column(name, found)
    return ColumnSource(name, "text" if role == "placement" else "number")


def _time_column(
    name: str, time_format: str, log: TimedMapping, values: Sequence[str], clock: Clock
) -> ColumnSource:
    has_fractions = not has_integers_only(values) and any(
        is_number(value) and not _is_integer(value) for value in values
    )
    is_plain = log.origin is None and not clock.timezone
    if time_format == "seconds" and not has_fractions and is_plain:
        return ColumnSource(name, "integer")
    origin = 0 if log.origin is None else clock.epoch_of(log.origin)
    return ColumnSource(
        name,
        "moment",
        time_format=time_format,
        utc_offset_hours=clock.utc_offset_hours,
        timezone=clock.timezone,
        origin=clock.shown(origin) if time_format == "days" else origin,
    )


def _id_type(values: Sequence[str]) -> ColumnType:
    """Ids that are not all integers are text, and so are padded ones: 007 is not to become 7."""
    ids = [value for value in set(values) if value.lower() not in NO_IDS]
    return "text" if any(map(is_padded, ids)) or not has_integers_only(ids) else "integer"


def _time_format(log: TimedMapping, found: Found, name: str, *, role: str) -> str:
    values, declared = found.values(name), log.time_format
    if log.origin is None and declared in SECONDS_PER_UNIT:
        raise ConfigError(
            f"[{role}] time_format = {declared!r}: from when do they count? Say it next to it, "
            'such as origin = "2017-05-06"'
        )
    if log.origin is not None and declared not in NUMBERS:
        if declared == "auto":
            return "seconds"
        raise ConfigError(
            f"[{role}] origin: times of format {declared!r} do not count from an origin; expected "
            f"one of {', '.join(NUMBERS)}"
        )
    if declared != "auto":
        if strange := contradiction_of(values, declared):
            fitting = find_time_format(values)
            advice = f"time_format = {fitting!r} fits" if fitting else "correct the mapping"
            raise SchemaError(
                f"{found.files[0]}: column {name!r} holds {strange!r}, which is not written as "
                f"time_format = {declared!r} says; {advice}"
            )
        return declared
    time_format = find_time_format(values)
    if not time_format and count_from_elsewhere(values):
        raise SchemaError(
            f"{found.files[0]}: column {name!r} holds {_examples_of(values)}, which do not count "
            f"from 1970; say under [{role}] from when and in what: {origin_advice(values)}"
        )
    if not time_format:
        raise SchemaError(
            f"{found.files[0]}: column {name!r} holds {_examples_of(values)}; how times are "
            f'written cannot be determined; say it under [{role}]: time_format = "seconds", '
            '"milliseconds", "microseconds", "nanoseconds", "iso", "yyyymmdd", or a pattern such '
            'as "%d/%m/%Y %H:%M"'
        )
    return time_format


def _examples_of(times: Sequence[str]) -> str:
    """Return the first of some times, and one that is written in another way if there is one."""
    if not times:
        return "nothing"
    first = find_time_format(times[:1])
    others = (each for each in times[1:] if find_time_format([each]) != first)
    return " and ".join(map(repr, [times[0], *itertools.islice(others, 1)]))


def _click_column(name: str, log: LogMapping, found: Found) -> ColumnSource:
    if not log.click_values:
        return _flag_column(name, found)
    _refuse_clicks_as_rows(name, log, found)
    clicks = tuple((value.strip().lower(), 1) for value in log.click_values)
    others = tuple((value.strip().lower(), 0) for value in log.other_values)
    if not others and _has_gaps(name, found):
        held = sorted({value.lower() for value in found.values(name)})
        if held and dict(clicks).keys() >= set(held):
            raise SchemaError(
                f"{found.files[0]}: column {name!r} holds {', '.join(map(repr, held))} or nothing, "
                "so that no row would be without a click; if nothing means no click, say "
                'other_values = [""]'
            )
    other = OTHER_CODE if others else 0
    return ColumnSource(name, "code", codes=clicks + others, other=other)


def _has_gaps(name: str, found: Found) -> bool:
    """Whether a column has missing values in the sample."""
    return len(found.values(name)) < sum(len(each.sample) for each in found.layouts)


def _refuse_clicks_as_rows(name: str, log: LogMapping, found: Found) -> None:
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
                "own next to its impression, and would count as one impression more; make one row "
                f"of each {shared[0]} first: SELECT {shared[0]}, min(time), max({name} = 'click') "
                f"... GROUP BY {shared[0]}"
            )


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _flag_column(name: str, found: Found) -> ColumnSource:
    """Read numbers as numbers; words that say yes or no, also next to 0 and 1, as what they say."""
    values = [value.lower() for value in found.values(name)]
    words = {word for word, _ in FLAGS}
    seen = set(values)
    has_words = any(value in words and not _is_integer(value) for value in seen)
    if not has_words and (not values or any(map(_is_integer, seen))):
        return ColumnSource(name, "integer")
    strange = sorted({value for value in found.values(name) if value.lower() not in words})
    if sum(value in words for value in values) <= len(values) / 2:
        raise SchemaError(
            f"{found.files[0]}: column {name!r} holds {', '.join(map(repr, strange[:5]))}, "
            "expected 0 and 1, true and false or yes and no; say which values are a click: "
            f"click_values = [{min(strange, key=found.values(name).count)!r}]"
            + (', and other_values = [""] if nothing means no click' * _has_gaps(name, found))
        )
    return ColumnSource(name, "code", codes=FLAGS)


def _has_hours(mapping: DataMapping, found: Found | None, table: TableSource | None) -> bool:
    time = None if table is None else table.columns.get("shown_at")
    if time is None or found is None:
        return True
    time_format = time.time_format or "seconds"
    return has_hours(found.values(time.name), time_format, clock=mapping.clock)


def _profiles_table(mapping: DataMapping, log: Found | None, within: Within) -> TableSource | None:
    profiles = mapping.profiles
    if profiles is None:
        return None
    found = find_table(profiles, within, "profiles") if profiles.files else log
    assert found is not None, "profiles without files stand in the log"  # noqa: S101  # checked by the model
    user_id = profiles.user_id or (mapping.log.user_id if mapping.log else "")
    words = _checked(profiles, found, "profiles")
    require_columns(found.layouts[0], [user_id])
    missing = dict(words) | {
        name: each.missing or words.get(name, ()) for name, each in profiles.attributes.items()
    }
    columns = {"user_id": ColumnSource(user_id, _id_type(found.values(user_id)))} | {
        name: attribute_source(
            each,
            _known(found, each.column, missing[name]),
            clock=mapping.clock,
        )
        for name, each in profiles.attributes.items()
    }
    return _table("profiles", profiles, found, columns, missing, is_distinct=not profiles.files)


def _ads_table(mapping: DataMapping, log: Found | None, within: Within) -> TableSource | None:
    ads = mapping.ads
    if ads is None or mapping.log is None:
        return None
    found = find_table(ads, within, "ads") if ads.files else log
    assert found is not None, "ads without files stand in the log"  # noqa: S101  # checked by the model
    missing = _checked(ads, found, "ads")
    columns = {
        role: ColumnSource(
            name,
            "number" if role == "price" else _id_type(_known(found, name, missing.get(role, ()))),
        )
        for role, name in {"ad_id": mapping.log.ad_id or "", **ads.roles}.items()
    }
    return _table("ads", ads, found, columns, missing, is_distinct=not ads.files)


def _behaviours_table(mapping: DataMapping, within: Within) -> TableSource | None:
    behaviours = mapping.behaviours
    if behaviours is None:
        return None
    found = find_table(behaviours, within, "behaviours")
    if not found.layouts:
        return TableSource("behaviours", found.files, {})
    missing = _checked(behaviours, found, "behaviours")
    columns: dict[str, ColumnSource] = {}
    for role, name in behaviours.roles.items():
        values = _known(found, name, missing.get(role, ()))
        if role == "happened_at":
            time_format = _time_format(behaviours, found, name, role="behaviours")
            columns[role] = _time_column(name, time_format, behaviours, values, mapping.clock)
        elif role == "action":
            columns[role] = _action_column(name, behaviours, found)
        else:
            columns[role] = ColumnSource(name, _id_type(values))
    # Without times two rows may be two views; with them they are one that was written twice.
    table = _table(
        "behaviours", behaviours, found, columns, missing, is_distinct="happened_at" in columns
    )
    return replace(table, possible=_possible_moments(behaviours, mapping.utc_offset_hours))


def _action_column(name: str, behaviours: BehavioursMapping, found: Found) -> ColumnSource:
    named = {action: code for code, action in enumerate(BEHAVIOUR_ACTIONS)} | {"other": OTHER_CODE}
    codes = tuple(
        (word.strip().lower(), named[action])
        for action, words in behaviours.codes
        for word in words
    )
    known = {word for word, _ in codes}
    values = found.values(name)
    if values and not any(value.strip().lower() in known for value in values):
        strange = ", ".join(map(repr, sorted(set(values))[:5]))
        raise SchemaError(
            f"{found.files[0]}: column {name!r} holds {strange}, none of them a known action; "
            "say what they mean under [behaviours.codes]: view, cart, favourite, purchase, other"
        )
    return ColumnSource(name, "code", codes=codes, other=UNKNOWN_CODE)


def _possible_moments(
    behaviours: BehavioursMapping, utc_offset_hours: UtcOffset
) -> tuple[int, int] | None:
    """Return the moments from the first day to the end of the last one."""
    if behaviours.first_day is None and behaviours.last_day is None:
        return None
    days = behaviours.first_day or _FIRST_MOMENT, behaviours.last_day or _LAST_MOMENT
    first, last = (midnight(day, utc_offset_hours=utc_offset_hours) for day in days)
    return first, last + SECONDS_PER_DAY


def _known(found: Found, name: str, missing: Sequence[str]) -> list[str]:
    return [value for value in found.values(name) if value not in missing]


def _with_equal_ids(tables: dict[str, TableSource]) -> dict[str, TableSource]:
    """Read an id as text everywhere if it is text anywhere; what is 7.0 as a number is then 7."""
    for name in _JOINED:
        having = [table for table in tables.values() if name in table.columns]
        if any(table.columns[name].type == "text" for table in having):
            for table in having:
                column = table.columns[name]
                text = replace(column, type="text", is_whole=column.type == "integer")
                tables[table.role] = replace(table, columns={**table.columns, name: text})
    return tables


def _check_types(found: Found, columns: Mapping[str, ColumnSource]) -> None:
    """Refuse a column of which no sampled value can be read: it is another column."""
    for column in columns.values():
        values = [value for value in found.values(column.name) if value not in column.missing]
        if column.type not in ("integer", "number") or not values:
            continue
        if any(_can_read(value, column) for value in values):
            continue
        expected = "whole numbers" if column.type == "integer" else "numbers"
        unit = unit_of(values[0]) if column.type == "number" else ""
        advice = f"write them without {unit!r}" if unit else "check that the columns are in order"
        raise SchemaError(
            f"{found.files[0]}: column {column.name!r} holds {values[0]!r}, expected {expected}; "
            f"{advice}"
        )


def _can_read(value: str, column: ColumnSource) -> bool:
    if column.type == "integer":
        return _is_integer(value)
    return read_number(value, column.number_format) is not None


def _is_integer(value: str) -> bool:
    return has_integers_only([value])
