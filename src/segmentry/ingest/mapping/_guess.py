"""Guess a mapping by looking at files: names, types, distinct values, how times are written."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from segmentry.errors import DataError, SchemaError
from segmentry.ingest.files import FileLayout, has_integers_only, inspect_file, is_padded
from segmentry.ingest.mapping._files import find_files, inspect_parts
from segmentry.ingest.mapping._model import BehaviourCodes
from segmentry.ingest.mapping._roles import (
    NAMES,
    is_plain_number,
    named_roles,
    of_counts,
    plain_name,
    roles_by_content,
)
from segmentry.ingest.mapping._schemas import KnownSchema, known_schema
from segmentry.ingest.moments import count_from_elsewhere, find_time_format, origin_advice
from segmentry.ingest.numbers import find_number_format, read_number
from segmentry.ingest.remote import Places
from segmentry.schema import ADS_COLUMNS, FileShape

_MAX_SHOWN = 6
_ID = "an id: no two users share a value"
_MAX_LEVELS = 50
_MAX_TITLE = 20
_BLANKS = re.compile(r"\S+(\s{2,}|\t| )\S+")

_OF_LOG = (
    *("user_id", "time", "click", "event_type", "no_click", "n_impressions", "n_clicks"),
    *("ad_id", "placement"),
)
_OF_EVENTS = ("value", "quantity")
_OF_ADS = ADS_COLUMNS[1:]
_WANTED = {
    "log": (*_OF_LOG, *_OF_EVENTS, *_OF_ADS),
    "profiles": ("user_id",),
    "ads": ("ad_id", *_OF_ADS),
}
_OF_BEHAVIOURS = ("user_id", "time", "category_id", "brand_id")
_CLICK_WORDS = ("click", "clicked", "clk", "ad_click")
_ACTION_WORDS = frozenset(word for _, words in BehaviourCodes() for word in words)


@dataclass(frozen=True, slots=True)
class GuessedColumn:
    """A column, what it is taken for, and what a person should know of it."""

    name: str
    kind: str
    """Of an attribute: "categorical", "ordinal", "number", "count" or "money"; empty if it is
    better left out."""
    note: str
    """What was seen, for a comment."""
    examples: tuple[str, ...]
    """The most frequent values."""
    latest: str = ""
    """Of dates that are written year first: the last day."""


@dataclass(frozen=True, slots=True)
class GuessedTable:
    """A table, its role, and the roles of its columns."""

    role: str
    files: tuple[str, ...]
    shape: FileShape
    roles: Mapping[str, str]
    """The file's column by role."""
    others: tuple[GuessedColumn, ...]
    """Columns without a role: attributes of the users, or nothing."""
    examples: Mapping[str, tuple[str, ...]]
    """The most frequent values by role."""
    time_format: str = ""
    """Of a log; empty if it is not recognised."""
    is_relative: bool = False
    """Whether the times of a log are numbers that count from another moment than 1970."""
    click_values: tuple[str, ...] = ()
    """Values of the event type that are clicks."""
    doubts: tuple[str, ...] = ()
    """What a person has to decide."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The most frequent values of each column of a table of ads."""
    schema: KnownSchema | None = None
    """The tool or public data set whose columns these are, if they are known."""
    names: tuple[str, ...] = ()
    """All columns, also those that no line of a mapping names."""
    nested: tuple[str, ...] = ()
    """Those that hold lists or records."""
    action: str = ""
    """The column of a log that says by words that are known what happened in a shop; else empty."""

    @property
    def has_clicks(self) -> bool:
        """Whether a column or a value of one says what was clicked."""
        return not self.roles.keys().isdisjoint(("click", "n_clicks")) or bool(self.click_values)


def guess_tables(paths: Sequence[str], *, base: Path) -> tuple[GuessedTable, ...]:
    """Guess the tables of some files: at most one log, one of profiles, one of ads.

    The `paths` are files, globs or folders, from `base`; files of the same columns are one table.

    Raises DataError if no file is found, or two tables have the same role.
    """
    with Places.opened(None, None) as places:
        tables = [_guess(files, layout) for files, layout in _tables_of(paths, base, places)]
    if len(tables) > 1 and not any(table.role == "log" for table in tables):
        raise DataError(
            f"found {', '.join(map(_text, tables))}, and none looks like a log (a user id, and a "
            "time or a click); name one file, or write the mapping by hand"
        )
    tables = _with_one_key(_with_one_log(_with_behaviours(tables)))
    for role, n_tables in Counter(table.role for table in tables).items():
        if n_tables > 1:
            text = " and ".join(_text(table) for table in tables if table.role == role)
            raise DataError(
                f"{text}: both look like {role}; name one of them, or, if they are parts of one, "
                "name one and add the others to files in the mapping"
            )
    order = ("log", "profiles", "ads", "behaviours")
    return tuple(sorted(tables, key=lambda table: order.index(table.role)))


def _text(table: GuessedTable) -> str:
    first, *others = table.files
    return f"{first} (and {len(others)} more)" if others else first


def _with_behaviours(tables: list[GuessedTable]) -> list[GuessedTable]:
    """With a log with clicks, take the one log of known actions as the behaviours."""
    logs = [table for table in tables if table.role == "log"]
    acted = [table for table in logs if table.action and not table.has_clicks]
    if len(acted) != 1 or not any(table.has_clicks for table in logs):
        return tables
    (found,) = acted
    roles = {role: name for role, name in found.roles.items() if role in _OF_BEHAVIOURS}
    roles["action"] = found.action
    other = replace(found, role="behaviours", roles=roles, others=())
    return [other if table is found else table for table in tables]


def _with_one_key(tables: list[GuessedTable]) -> list[GuessedTable]:
    """Join ads by the column that the log has too, whatever else in them is named like an ad id."""
    keys = [table.roles.get("ad_id", "") for table in tables if table.role == "log"]
    return [
        _joined_by(keys[0], table)
        if table.role == "ads" and len(keys) == 1 and keys[0] in table.columns
        else table
        for table in tables
    ]


def _joined_by(key: str, ads: GuessedTable) -> GuessedTable:
    roles, examples = dict(ads.roles), dict(ads.examples)
    return replace(
        ads,
        roles=roles | {"ad_id": key},
        examples=examples | {"ad_id": ads.columns[key]},
    )


def _with_one_log(tables: list[GuessedTable]) -> list[GuessedTable]:
    """Of several logs keep the one with clicks, and say which are left out."""
    logs = [table for table in tables if table.role == "log"]
    clicked = [table for table in logs if table.has_clicks]
    if len(logs) < 2 or len(clicked) != 1:
        return tables
    (kept,) = clicked
    others = ", ".join(_text(table) for table in logs if table is not kept)
    doubt = f"{others}: a log too, without clicks, left out; one log is read"
    noted = replace(kept, doubts=(*kept.doubts, doubt))
    return [
        noted if table is kept else table for table in tables if table not in logs or table is kept
    ]


def _tables_of(
    paths: Sequence[str], base: Path, places: Places
) -> list[tuple[tuple[str, ...], FileLayout]]:
    """Return each table: how its files are named, and its first file.

    Files of the same columns are one table, in whatever order each has them; of files without
    a header line nobody can tell.
    """
    found: dict[object, tuple[list[str], FileLayout]] = {}
    for path in paths:
        files = find_files([path], base=base, role="init", places=places)
        layouts = inspect_parts(places.sample(files), _inspect)
        keys = [
            frozenset(each.all_names) if each.has_header else (path, each.all_names)
            for each in layouts
        ]
        is_one = len(set(keys)) == 1
        for key, layout in zip(keys, layouts, strict=True):
            names, _ = found.setdefault(key, ([], layout))
            name = path if is_one else places.name_of(layout.path, base=base)
            if name not in names:
                names.append(name)
    return [(tuple(names), layout) for names, layout in found.values()]


def _inspect(file: Path) -> FileLayout:
    """Look at a file; where the first line is not a header, number the columns."""
    layout, shape = inspect_file(file), FileShape()
    if layout.format == "parquet":
        return layout
    if len(layout.names) == 1 and _BLANKS.search(layout.names[0].strip()):
        fields = layout.names[0].split()
        if len({len(row[0].split()) for row in layout.sample[:50]} | {len(fields)}) == 1:
            shape = FileShape(format="whitespace")
            layout = inspect_file(file, shape)
    if shape.format == "auto" and (below := _below_a_title(file, layout)):
        return below
    if not any(map(is_plain_number, layout.names)):
        return layout
    names = tuple(f"column_{place}" for place in range(1, len(layout.names) + 1))
    return inspect_file(file, replace(shape, names=names))


def _below_a_title(file: Path, layout: FileLayout) -> FileLayout | None:
    """Return the layout below the title of a report, where a line further down names the ids."""
    for n_lines in range(_MAX_TITLE) if layout.format == "csv" else ():
        try:
            found = inspect_file(file, FileShape(skip_lines=n_lines)) if n_lines else layout
        except DataError:
            continue  # no line is left, or names occur twice
        plain = [plain_name(name) for name in found.all_names]
        if known_schema(plain) or {"user_id", "ad_id"} & named_roles(found, NAMES).keys():
            return found if n_lines else None
    return None


def _guess(files: tuple[str, ...], layout: FileLayout) -> GuessedTable:
    doubts = []
    known = known_schema([plain_name(name) for name in layout.all_names])
    if known is not None:
        roles = named_roles(layout, known.roles)
        doubts += [known.advice] if known.advice else []
    elif layout.has_header:
        roles = named_roles(layout, NAMES)
    else:
        roles = roles_by_content(layout)
        doubts.append("the file names no columns; they were guessed by content: check them all")
    if "user_id" not in roles and "ad_id" not in roles:
        raise DataError(
            f"{layout.path}: no column looks like a user id or an ad id; found "
            f"{', '.join(layout.all_names)}; name one user_id or ad_id, or write the mapping "
            "by hand"
        )
    role = _role_of(layout, roles)
    kept = {name: column for name, column in roles.items() if name in _WANTED[role]}
    if "n_impressions" in kept:
        kept = of_counts(kept)
    time_format, is_relative = "", False
    if role == "log" and "time" in kept:
        time_format, is_relative, doubt = _times_in(layout, kept["time"])
        doubts += [doubt] if doubt else []
    clicks = _click_values(layout, kept) if role == "log" else ()
    action = kept.get("event_type", "") if role == "log" and _are_actions(layout, kept) else ""
    if "event_type" in kept and not clicks:
        del kept["event_type"]
    taken = set(kept.values())
    used = {*taken, *layout.nested}
    rest = [name for name in layout.all_names if name not in used] if role != "ads" else []
    others = tuple(_look_at(layout, name) for name in rest)
    if role == "log":
        others = tuple(_of_users(layout, kept.get("user_id"), each) for each in others)
    shape = FileShape(
        format="whitespace" if layout.format == "whitespace" else "auto",
        names=() if layout.has_header else layout.names,
        skip_lines=layout.skip_lines,
    )
    return GuessedTable(
        role=role,
        files=files,
        shape=shape,
        roles=kept,
        others=others,
        examples={name: _examples(layout, column) for name, column in kept.items()}
        | ({"action": _examples(layout, action)} if action else {}),
        time_format=time_format,
        is_relative=is_relative,
        click_values=clicks,
        doubts=tuple(doubts),
        action=action,
        schema=known,
        names=layout.all_names,
        nested=layout.nested,
        columns={name: _examples(layout, name) for name in layout.names if role == "ads"},
    )


def _role_of(layout: FileLayout, roles: Mapping[str, str]) -> str:
    if "user_id" not in roles:
        return "ads"
    users = layout.values(roles["user_id"])
    has_events = any(name in roles for name in ("click", "n_clicks", "event_type", "value"))
    # A few repeated rows are a mistake in a table of users; a log repeats them all over.
    is_repeated = len(set(users)) < 0.9 * len(users)
    if "time" in roles and (has_events or "ad_id" in roles):
        return "log"
    # A table of users has one row each: what repeats them is a log, if only of visits.
    return "log" if is_repeated else "profiles"


def _times_in(layout: FileLayout, column: str) -> tuple[str, bool, str]:
    """Return the format of times, whether they count from an origin, and what is in doubt."""
    values = layout.values(column)
    time_format, seen = find_time_format(values), ", ".join(_examples(layout, column)[:3])
    if time_format:
        return time_format, False, ""
    if count_from_elsewhere(values):
        advice = origin_advice(values)
        return "", True, f"the times count from another moment than 1970: {seen}; set {advice}"
    return "", False, f"how the times are written is not clear: {seen}; set time_format"


def _click_values(layout: FileLayout, roles: Mapping[str, str]) -> tuple[str, ...]:
    if "click" in roles or "event_type" not in roles:
        return ()
    values = set(layout.values(roles["event_type"]))
    return tuple(sorted(value for value in values if value.lower() in _CLICK_WORDS))


def _are_actions(layout: FileLayout, roles: Mapping[str, str]) -> bool:
    """Whether what happened is a view, cart, favourite or purchase by words that are known."""
    values = set(layout.values(roles["event_type"])) if "event_type" in roles else set()
    return bool(values) and {value.lower() for value in values} <= _ACTION_WORDS


def _examples(layout: FileLayout, name: str) -> tuple[str, ...]:
    counts = Counter(layout.values(name))
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    return tuple(ranked[:_MAX_SHOWN])


def _look_at(layout: FileLayout, name: str) -> GuessedColumn:
    """Tell what kind of attribute a column is, or why it is none."""
    values = _as_plain_numbers(layout.values(name))
    levels = set(values)
    examples = _examples(layout, name)
    if find_time_format(values) in ("iso", "yyyymmdd") and len(levels) > 1:
        digits = re.sub("[^0-9]", "", max(values))
        latest = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
        note = "a date, as the days until another"
        return GuessedColumn(name, "duration", note, examples, latest)
    for applies, kind, note in _RULES:
        if applies(values, levels):
            shown = () if note == _ID else examples  # as private as the id of the user
            return GuessedColumn(name, kind, note.format(n=len(levels)), shown)
    return GuessedColumn(name, "number", f"numbers, {len(levels)} different", examples)


def _as_plain_numbers(values: Sequence[str]) -> Sequence[str]:
    """Return numbers in whatever format as plain ones; all else, and padded codes, as is."""
    if not values or all(map(is_plain_number, values)):
        return [f"code {value}" for value in values] if any(map(is_padded, values)) else values
    try:
        form = find_number_format(values, where="")
    except SchemaError:
        return values
    numbers = [read_number(value, form) for value in values]
    plain = [f"{number:.15g}" for number in numbers if number is not None]
    return plain if len(plain) == len(values) else values


def _of_users(layout: FileLayout, user: str | None, column: GuessedColumn) -> GuessedColumn:
    """Leave out a column of a log that differs within a user, or may differ."""
    if user is None or user not in layout.names or column.name not in layout.names:
        return replace(column, kind="")
    places = layout.names.index(user), layout.names.index(column.name)
    found: dict[str, set[str]] = {}
    n_rows = 0
    for row in layout.sample:
        if len(row) > max(places):
            found.setdefault(row[places[0]], set()).add(row[places[1]])
            n_rows += 1
    if any(len(values) > 1 for values in found.values()):
        return replace(column, kind="", note="differs within a user: no attribute of users")
    if len(found) == n_rows:
        return replace(column, kind="", note="whether it is of users cannot be determined")
    values = [value for each in found.values() for value in each if value]
    if _is_id(values, set(values)):
        return replace(column, kind="", note=_ID, examples=())
    return column


def _are_numbers(values: Sequence[str]) -> bool:
    return all(map(is_plain_number, values))


def _is_id(values: Sequence[str], levels: set[str]) -> bool:
    """Whether no two rows share a value, and numbers leave hardly a gap between them."""
    if len(levels) < len(values) or len(values) <= 20:
        return False
    if not _are_numbers(values):
        return True
    numbers = [float(value) for value in values]
    return has_integers_only(values) and len(numbers) > (max(numbers) - min(numbers)) / 2


_Rule = tuple[Callable[[Sequence[str], set[str]], bool], str, str]
_RULES: tuple[_Rule, ...] = (
    (lambda values, _: not values, "", "unknown for all users"),
    (lambda _, levels: len(levels) == 1, "", "the same for all users"),
    (_is_id, "", _ID),
    (
        lambda values, _: find_time_format(values) not in ("", "seconds"),
        "",
        "a date: work out days before some day",
    ),
    (
        lambda values, levels: not _are_numbers(values) and len(levels) > _MAX_LEVELS,
        "",
        "{n} different texts: group them",
    ),
    (lambda values, _: not _are_numbers(values), "categorical", "text, {n} levels"),
    (
        lambda values, levels: has_integers_only(values) and len(levels) == 2,
        "categorical",
        "two codes",
    ),
    (
        lambda values, levels: has_integers_only(values) and len(levels) <= 10,
        "ordinal",
        "{n} codes: ordinal if their order means something, else categorical",
    ),
    (
        lambda values, _: has_integers_only(values) and _is_skewed(values),
        "count",
        "whole numbers with a long tail",
    ),
    (lambda values, _: _is_skewed(values), "money", "numbers with a long tail"),
)


def _is_skewed(values: Sequence[str]) -> bool:
    """Whether numbers from 0 on have a mean far above their median."""
    numbers = sorted(float(value) for value in values)
    if numbers[0] < 0:
        return False
    median = numbers[len(numbers) // 2]
    return sum(numbers) / len(numbers) > 1.25 * median
