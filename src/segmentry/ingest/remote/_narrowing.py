"""A query that is narrowed, where it is run, to mapped columns and to rows of wanted moments."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from segmentry.ingest.files import BLANKS, NO_IDS, NULL_WORDS
from segmentry.ingest.moments import EARLIEST, LATEST, UNITS_PER_SECOND, find_time_format
from segmentry.ingest.quoting import quoted_name, quoted_text
from segmentry.ingest.remote._pruning import AFTER, BEFORE, TimeBounds

if TYPE_CHECKING:
    import pyarrow as pa

_NEAR = 36 * 3600
"""Around a moment on the clock of a zone, which was set by a day in some places."""
Ask = Callable[[str], tuple[Any, ...]]


def narrowed(
    query: str, ask: Ask, schema: "pa.Schema", columns: Collection[str], bounds: TimeBounds | None
) -> tuple[str, Mapping[str, int]]:
    """Return a query for what is needed of the answer of another, and rows left out, by reason.

    They are counted by the database, and only those that no other reason could reject. `ask`
    returns the first row of an answer.
    """
    bare = query.strip().removesuffix(";")
    if ";" in bare or not schema.names or len(set(schema.names)) < len(schema.names):
        return query, {}
    rows = f"FROM (\n{bare}\n) AS answer"  # a comment may end it
    chosen = [quoted_name(each) for each in schema.names if each.strip() in columns] or ["*"]
    needed = f"SELECT {', '.join(chosen)} {rows}"  # the user's own query
    outside = {} if bounds is None else _outside(schema, bounds, lambda what: ask(what + rows))
    if not outside:
        return needed, {}
    counts = ", ".join(f"count(*) FILTER (WHERE {each})" for each in outside.values())
    n_all, *n_out = ask(f"SELECT count(*), {counts} {rows}")  # as above
    if sum(n_out) in (0, n_all):  # of all rows some are read, so that it is said where they went
        return needed, {}
    where = " OR ".join(f"({each})" for each in outside.values())
    left_out = {reason: n for reason, n in zip(outside, n_out, strict=True) if n}
    return f"{needed} WHERE ({where}) IS NOT TRUE", left_out


def _outside(schema: "pa.Schema", bounds: TimeBounds, ask: Ask) -> Mapping[str, str]:
    """Return what is true of rows that are surely sound and out of bounds; nothing if unknown."""
    kinds = {each.name.strip(): (quoted_name(each.name), each.type) for each in schema}
    if not {bounds.column, *bounds.present, *bounds.ranges} <= kinds.keys():
        return {}
    at, kind = kinds[bounds.column]
    moment = _moment_of(at, kind, bounds, ask)
    sound = [_sound(*kinds[name]) for name in bounds.present]
    sound += [_within(*kinds[name], *ends) for name, ends in bounds.ranges.items()]
    if moment is None or not all(sound):
        return {}
    guard = _NEAR if bounds.clock.timezone else 0
    found = {}
    if bounds.since is not None:
        ends = (EARLIEST + guard, bounds.since - guard)
        found[BEFORE] = [f"{at} >= {moment(ends[0])}", f"{at} < {moment(ends[1])}"]
    if bounds.until is not None:
        ends = (bounds.until + guard, LATEST - guard)
        found[AFTER] = [f"{at} >= {moment(ends[0])}", f"{at} < {moment(ends[1])}"]
    return {reason: " AND ".join((*sound, *each)) for reason, each in found.items()}


def _moment_of(
    at: str, kind: "pa.DataType", bounds: TimeBounds, ask: Ask
) -> Callable[[int], str] | None:
    """Return how epoch seconds are written to be compared with a column, if that is plain."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        is_zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        offset = 0 if is_zoned else round(bounds.clock.utc_offset_hours * 3600)
        form = "TIMESTAMPTZ '{}+00'" if is_zoned else "TIMESTAMP '{}'"

        def written(epoch: int) -> str:
            moment = dt.datetime.fromtimestamp(epoch + offset, dt.UTC)
            return form.format(moment.strftime("%Y-%m-%d %H:%M:%S"))

        return written
    if not pa.types.is_integer(kind):
        return None
    unit = "seconds" if bounds.origin is not None else bounds.time_format
    if unit == "auto":
        unit = find_time_format([str(each) for each in ask(f"SELECT min({at}), max({at}) ")])
    n, origin = UNITS_PER_SECOND.get(unit), bounds.origin or 0
    return None if n is None else lambda epoch: str((epoch - origin) * n)


def _sound(name: str, kind: "pa.DataType") -> str:
    """Return what is true of values that are surely there."""
    import pyarrow as pa

    if not pa.types.is_string(kind):
        return f"{name} IS NOT NULL"
    words = ", ".join(
        quoted_text(each) for each in sorted({*map(str.lower, NULL_WORDS), *NO_IDS, ""})
    )
    return f"lower(btrim({name}, {quoted_text(BLANKS)})) NOT IN ({words})"


def _within(name: str, kind: "pa.DataType", least: float, most: float) -> str:
    """Return what is true of numbers in a range, or absent ones; nothing of other values."""
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "TRUE"
    is_numeric = isinstance(kind, pa.OpaqueType) and kind.type_name == "numeric"
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or is_numeric):
        return ""
    return f"({name} IS NULL OR {name} BETWEEN {least:.0f} AND {most:.0f})"
