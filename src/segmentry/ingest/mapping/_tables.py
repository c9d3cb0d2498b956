"""The files of a table that a mapping names, fetched where they are elsewhere."""

import contextlib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from segmentry.errors import EmptyDataError
from segmentry.ingest.files import FileLayout, inspect_file, require_columns
from segmentry.ingest.mapping._files import find_files, inspect_parts
from segmentry.ingest.mapping._model import DataMapping, FilesMapping, LogMapping
from segmentry.ingest.remote import Places, TimeBounds, query_rows
from segmentry.schema import FileShape

Moments = tuple[int | None, int | None]
_FLAGS, _AMOUNTS = (0, 1), (0, 1e9)


class Found(NamedTuple):
    """Files of one table and what their beginnings tell."""

    files: tuple[Path, ...]
    layouts: tuple[FileLayout, ...]
    shape: FileShape
    left_out: Mapping[str, int]

    def values(self, name: str) -> list[str]:
        """Return sampled values of a column over all files."""
        return [*chain(*(each.values(name) for each in self.layouts if name in each.all_names))]


class Within(NamedTuple):
    """Where files are looked for, and which moments of a log are wanted of those elsewhere."""

    base: Path
    places: Places | None
    columns: Mapping[str, frozenset[str]]
    """What is read of each table."""
    unread: frozenset[str]
    """Tables of which nothing is fetched."""


def columns_of(mapping: DataMapping) -> Mapping[str, frozenset[str]]:
    """Return what is read of the files of each table; one without files stands in the log."""
    found: dict[str, frozenset[str]] = {}
    for role, table in mapping.tables.items():
        place = role if table.files else "log"
        found[place] = found.get(place, frozenset()) | frozenset(table.roles.values())
    return found


def bounds_of(mapping: DataMapping, log: LogMapping, moments: Moments) -> TimeBounds | None:
    """Return what says of a part of a file that none of its rows is wanted.

    Nothing does where sound rows are left out for another reason too, or count for several.
    """
    is_mixed = bool(log.other_values) or log.n_impressions is not None
    if log.time is None or moments == (None, None) or is_mixed:
        return None
    ranges = {log.value: _AMOUNTS, log.quantity: _AMOUNTS, log.no_click: _FLAGS}
    if not log.click_values:
        ranges[log.click] = _FLAGS
    return TimeBounds(
        column=log.time,
        since=moments[0],
        until=moments[1],
        time_format=log.time_format,
        origin=None if log.origin is None else mapping.clock.epoch_of(log.origin),
        clock=mapping.clock,
        present=tuple(each for each in (log.user_id, log.time, log.click) if each is not None),
        ranges={name: ends for name, ends in ranges.items() if name is not None},
    )


def find_table(
    table: FilesMapping, within: Within, role: str, *, bounds: TimeBounds | None = None
) -> Found:
    """Find the files of a table and look at them; of those elsewhere fetch what is needed."""
    shape = FileShape(table.format, table.delimiter, table.names, table.skip_lines, table.escape)
    columns = within.columns[role]
    if table.query and within.places is not None:
        rows = query_rows(table.query, table.connection, role=role, columns=columns, bounds=bounds)
        files: tuple[Path, ...] = (within.places.rows(rows),)
    else:
        files = find_files(table.files, base=within.base, role=role, places=within.places)
    left_out: Mapping[str, int] = {}
    if within.places is not None:
        # A column that is not there is reported before the rows are fetched.
        for file in within.places.look(files, is_parquet=table.format == "parquet"):
            with contextlib.suppress(EmptyDataError):
                require_columns(inspect_file(file, shape, columns=()), sorted(columns))
            if role in within.unread:
                return Found(files, (), shape, {})
        files, left_out = within.places.bring(files, columns, bounds)
    layouts = inspect_parts(files, lambda file: inspect_file(file, shape, columns=columns))
    return Found(tuple(layout.path for layout in layouts), layouts, shape, left_out)
