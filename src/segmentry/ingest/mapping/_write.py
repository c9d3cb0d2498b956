"""Write a mapping as commented TOML."""

import itertools
import json
import re
from collections.abc import Collection, Iterator, Sequence, Set
from pathlib import Path

from segmentry.ingest.mapping._guess import GuessedColumn, GuessedTable, guess_tables
from segmentry.ingest.mapping._model import TABLES
from segmentry.schema import ADS_COLUMNS, OWN_COLUMNS, FileShape

_OF_ADS = ADS_COLUMNS[1:]


def render_mapping(paths: Sequence[str], *, base: Path) -> str:
    r"""Look at files and return a mapping that describes them, with comments.

    It runs as it is, or says in a comment that begins with DECIDE what a person has to decide. The
    `paths` are files, globs or folders, from `base`, from where the mapping will name them too.

    Raises DataError if the files cannot be distinguished or read.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "log.csv").write_text("user,ts,clk\n7,1494000000,0\n7,1494000009,1\n")
    >>> print(render_mapping(["log.csv"], base=folder).split("[log]")[1].strip())
    files = "log.csv"
    user_id = "user"
    time = "ts"  # 1494000000, 1494000009
    time_format = "seconds"
    click = "clk"  # 0, 1
    """
    tables = guess_tables(paths, base=base)
    lines = [*_head(tables)]
    given = {table.role for table in tables}
    for table in tables:
        written = [*_table(table, given)]
        lines += ["", *written, *_left_out(table, given, "\n".join(written))]
    return "\n".join(lines) + "\n"


def _head(tables: Sequence[GuessedTable]) -> Iterator[str]:
    log = next((table for table in tables if table.role == "log"), None)
    name = Path(tables[0].files[0]).name.split(".")[0] or "data"
    yield "# Which file and column plays which role; docs/reference/mapping.md explains every key."
    yield "# Written by segmentry init, which looked at the beginning of the files: check it."
    yield f"name = {_text(name)}  # what the report calls the data"
    if log is None:
        return
    if not log.has_clicks:
        event = "purchase" if "value" in log.roles else "event"
        event = (log.schema.event if log.schema else "") or event
        yield f'event = "{event}"  # what a row of the log is: "purchase", "visit", "play" ...'
    if "value" in log.roles:
        yield 'value_unit = ""  # of the value: "USD", "points" ...'
    if "time" in log.roles:
        yield "utc_offset_hours = 0  # DECIDE: the local clock, by which days and hours are counted"
        yield '# timezone = "Europe/Berlin"  # instead, where clocks change in summer'


def _table(table: GuessedTable, given: Set[str]) -> Iterator[str]:
    """Write a table; users and ads that have a table of their own are not taken from the log."""
    yield f"[{table.role}]" + (f"  # recognised: {table.schema.title}" if table.schema else "")
    for doubt in table.doubts:
        yield f"# DECIDE: {doubt}"
    files = list(table.files)
    yield f"files = {json.dumps(files if len(files) > 1 else files[0], ensure_ascii=False)}"
    yield from _shape(table.shape)
    model = TABLES[table.role]
    for key in (key for key in model.model_fields if key in model.canonical):
        yield from _role(table, key)
    for word in table.click_values:
        yield f"click = {_text(table.roles['event_type'])}"
        yield f"click_values = [{_text(word)}]  # DECIDE: other values count as not clicked"
    if table.role in ("ads", "behaviours"):
        return
    if table.role == "profiles" or "profiles" not in given:
        yield from _attributes(table)
    embedded = [key for key in _OF_ADS if key in table.roles]
    if embedded and "ad_id" in table.roles and "ads" not in given:
        yield from ("", "[ads]")
        for key in embedded:
            yield f"{key} = {_text(table.roles[key])}"


def _shape(shape: FileShape) -> Iterator[str]:
    if shape.format != "auto":
        yield f'format = "{shape.format}"  # columns between blanks'
    if shape.skip_lines:
        yield f"skip_lines = {shape.skip_lines}  # a title stands above the header"
    if shape.names:
        yield f"names = {json.dumps(list(shape.names))}  # the file has no header line"


def _left_out(table: GuessedTable, given: Set[str], text: str) -> Iterator[str]:
    """Name the columns that nothing names, each with the reason."""
    has_own = {column.name: "profiles" for column in table.others} | {
        table.roles[key]: "ads" for key in _OF_ADS if key in table.roles
    }
    for name in (each for each in table.names if _text(each) not in text):
        role = has_own.get(name, "")
        reason = "holds lists or records" if name in table.nested else f"no role in [{table.role}]"
        if role in given - {table.role}:
            reason = f"[{role}] has a table of its own"
        yield f"# left out: {_text(name)}: {reason}"


def _attributes(table: GuessedTable) -> Iterator[str]:
    if any(column.kind for column in table.others):
        yield from ("", "[profiles.attributes]")
    keys: set[str] = set()
    for column in table.others:
        keys.add(key := _key(column.name, keys))
        yield _attribute(column, key)


def _key(name: str, taken: Collection[str]) -> str:
    """Return a name for an attribute: of plain letters, free, and none that a run makes itself."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", _words(name)).strip("_").lower() or "attribute"
    key = f"profile_{plain}" if plain in OWN_COLUMNS else plain
    free = itertools.chain([key], (f"{key}_{place}" for place in itertools.count(2)))
    return next(each for each in free if each not in taken)


def _role(table: GuessedTable, key: str) -> Iterator[str]:
    if key not in table.roles:
        return
    # Ids of users are private: a mapping is handed on.
    examples = "" if key == "user_id" else ", ".join(table.examples.get(key, ()))
    yield f"{key} = {_text(table.roles[key])}" + (f"  # {examples}" if examples else "")
    if key == "time" and table.is_relative:
        yield '# origin = "2017-05-06 00:00"  # the moment of 0; time_format is its unit'
    elif key == "time":
        yield (
            f"time_format = {_text(table.time_format)}"
            if table.time_format
            else '# time_format = "%d/%m/%Y"'
        )


def _words(name: str) -> str:
    """Split words that are written as one: ``MntWines``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name)


def _attribute(column: GuessedColumn, key: str) -> str:
    until = f", days_until = {_text(column.latest)}" if column.latest and column.kind else ""
    plain = re.sub(r"[\W_]+", "_", _words(column.name)).strip("_").lower()
    label = "" if key == plain else f", label = {_text(column.name)}"
    said = f"column = {_text(column.name)}, kind = {_text(column.kind or 'number')}{label}{until}"
    line = f"{key} = {{{said}}}"
    shown = ", ".join(column.examples)
    note = f"  # {column.note}" + (f": {shown}" if shown else "")
    return line + note if column.kind else f"# {line}{note}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
