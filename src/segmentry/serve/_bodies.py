"""From the body of a request to tables: read within limits, checked field by field."""

import asyncio
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from segmentry.ingest.moments import EARLIEST, LATEST
from segmentry.serve._fields import Field, Kind, Listed
from segmentry.serve._problems import MAX_FAULTS, Fault, Problem

MAX_BYTES = 16 * 2**20
MAX_USERS = 50_000
MAX_EVENTS = 200_000
MAX_NUMBER = 1e15
"""Beyond any count or amount, and its square is still far from infinity."""
MAX_ID = 2**63 - 1
MAX_TEXT = 256
SECONDS_TO_SEND = 10.0
MAX_AMOUNT = 1e9
MAX_DAYS = 10_000
_MAX_BYTES_HELD = 4 * MAX_BYTES


class BodyReader:
    """Reads bodies; all that are held at one time have a limit together."""

    def __init__(self) -> None:
        self._n_held = 0

    async def read(self, request: Request) -> bytes:
        """Return a whole body.

        Raises Problem if it is too long, too slow or not JSON by its type, or if too many others
        are held.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(415, f"content-type is {kind or 'absent'!r}; expected application/json")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BYTES:
            raise _too_long()
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(SECONDS_TO_SEND):
                await self._fill(chunks, request)
        except TimeoutError:
            detail = f"the body did not arrive within {SECONDS_TO_SEND:g} seconds"
            raise Problem(408, detail, headers={"connection": "close"}) from None
        except ClientDisconnect:
            raise Problem(400, "the body ended early") from None
        finally:
            self._n_held -= sum(map(len, chunks))
        return b"".join(chunks)

    async def _fill(self, chunks: list[bytes], request: Request) -> None:
        n_bytes = 0
        async for chunk in request.stream():
            n_bytes += len(chunk)
            if n_bytes > MAX_BYTES:
                raise _too_long()
            if self._n_held + len(chunk) > _MAX_BYTES_HELD:
                headers = {"retry-after": "1", "connection": "close"}
                raise Problem(503, "too many large bodies at one time", headers=headers)
            self._n_held += len(chunk)
            chunks.append(chunk)


def _too_long() -> Problem:
    detail = f"the body is longer than {MAX_BYTES:,} bytes; send several"
    return Problem(413, detail, headers={"connection": "close"})


def parse_body(body: bytes) -> dict[str, Any]:
    """Return a body, unchecked.

    Raises Problem if it is not JSON, or not an object.
    """
    try:
        content = from_json(body, allow_inf_nan=True, cache_strings="keys")
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Problem(422, f"the body is {_kind(content)}; expected an object with users or events")
    return content


def invalid(faults: Sequence[Fault]) -> Problem:
    """Return the problem of a body in which something is wrong; the first stands in its detail."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Problem(422, f"{first.pointer}: {first.detail}{more}", faults=faults)


def max_rows_of(name: str) -> int:
    """Return how many rows a list may have."""
    return MAX_EVENTS if name == "events" else MAX_USERS


def lists_of(content: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the lists of a body; the first holds at least one row, and others are refused.

    Raises Problem with all that is wrong.
    """
    faults = [
        Fault(f"#/{_escaped(key)}", f"unknown field; expected {', '.join(names)}")
        for key in content
        if key not in names
    ]
    found: dict[str, list[Any]] = {}
    for name in names:
        rows = content.get(name)
        n_most, n_fewest = max_rows_of(name), 1 if name == names[0] else 0
        if name not in content:
            faults.append(Fault(f"#/{name}", "missing"))
        elif not isinstance(rows, list):
            faults.append(Fault(f"#/{name}", f"is {_kind(rows)}; expected a list"))
        elif not n_fewest <= len(rows) <= n_most:
            detail = f"{len(rows):,} {name}; expected {n_fewest} to {n_most:,}"
            faults.append(Fault(f"#/{name}", detail))
        else:
            found[name] = rows
    if faults:
        raise invalid(faults)
    return found


def table_of(rows: Sequence[Any], listed: Listed) -> pl.DataFrame:
    """Return the rows of a list of a body as a table.

    Raises Problem with all that is wrong, by row and field.
    """
    names = [field.name for field in listed.fields]
    wanted = set(names)
    if all(type(row) is dict and row.keys() == wanted for row in rows):
        found = [_column(field, [row[field.name] for row in rows]) for field in listed.fields]
        known = [each for each in found if each is not None]
        if len(known) == len(found):
            return pl.DataFrame(known)
    faults = list(itertools.islice(_faults(rows, listed), MAX_FAULTS))
    raise invalid(faults)


_NUMBERS = {int, float, type(None)}
_LIMITS = {"number": MAX_NUMBER, "amount": MAX_AMOUNT}
_TYPES: Mapping[Kind, pl.DataType] = {
    "id": pl.Int64(),
    "text id": pl.String(),
    "moment": pl.Int64(),
    "click": pl.Int64(),
    "days": pl.Int64(),
    "flag": pl.Boolean(),
    "level": pl.String(),
}


def _column(field: Field, values: list[Any]) -> pl.Series | None:
    """Return a column, or nothing if something is wrong with it: then its faults are looked for."""
    if field.kind in _LIMITS:
        if not set(map(type, values)) <= _NUMBERS:
            return None
        try:
            numbers = np.array(values, dtype=np.float64)
        except OverflowError:
            return None
        n_known = int((np.abs(numbers) <= _LIMITS[field.kind]).sum())
        if n_known + values.count(None) != len(values):
            return None
        return pl.Series(field.name, numbers, nan_to_null=True)
    if any(_fault(field, value) for value in values):
        return None
    if field.kind == "level":
        values = list(map(_level, values))
    elif _TYPES[field.kind] == pl.Int64:
        values = list(map(int, values))
    return pl.Series(field.name, values, dtype=_TYPES[field.kind])


def _level(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(int(value))


def _faults(rows: Sequence[Any], listed: Listed) -> Iterator[Fault]:
    """Yield what is wrong, row by row."""
    fields = {field.name: field for field in listed.fields}
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            yield Fault(listed.pointer(i), f"is {_kind(row)}; expected an object")
            continue
        for name, value in row.items():
            fault = f"unknown field; expected {', '.join(fields)}"
            if name in fields:
                fault = _fault(fields[name], value)
            if fault:
                yield Fault(f"{listed.pointer(i)}/{_escaped(name)}", fault)
        for name, field in fields.items():
            if name not in row:
                hint = "" if field.kind in _NEVER_NULL else "; null where it is unknown"
                yield Fault(f"{listed.pointer(i)}/{_escaped(name)}", f"missing{hint}")


_NEVER_NULL = frozenset({"id", "text id", "moment", "click", "days"})


def _fault(field: Field, value: Any) -> str:
    """Return what is wrong with a value of a field, or an empty text."""
    if value is None and field.kind not in _NEVER_NULL:
        return ""
    is_right, expected = _EXPECTED[field.kind]
    if is_right(value):
        return ""
    limit = _LIMITS.get(field.kind)
    if limit is not None and _is_finite(value):
        return f"is beyond {limit:g}; expected a smaller number"
    if field.kind == "level" and type(value) is str:
        return f"is longer than {MAX_TEXT} characters"
    return f"is {_kind(value)}; expected {expected}"


def _is_finite(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_within(limit: float) -> Callable[[Any], bool]:
    return lambda value: _is_finite(value) and abs(value) <= limit


def _is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number of 64 bits; 4.0 is one, as in JSON Schema."""
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    return is_whole and abs(value) <= MAX_ID


def _is_level(value: Any) -> bool:
    if type(value) is str:
        return len(value) <= MAX_TEXT
    return type(value) is bool or _is_whole(value)


_EXPECTED: Mapping[Kind, tuple[Callable[[Any], bool], str]] = {
    "number": (_is_within(MAX_NUMBER), "a number, or null where it is unknown"),
    "amount": (_is_within(MAX_AMOUNT), "a number, or null where it is unknown"),
    "level": (_is_level, "a level as text or whole number, or null"),
    "flag": (lambda value: type(value) is bool, "true, false or null"),
    "id": (_is_whole, "a whole number, as the ids of the run"),
    "text id": (
        lambda value: type(value) is str and 1 <= len(value) <= MAX_TEXT,
        f"a text of 1 to {MAX_TEXT} characters",
    ),
    "moment": (
        lambda value: _is_whole(value) and EARLIEST <= value < LATEST,
        f"whole epoch seconds from {EARLIEST} to {LATEST - 1}",
    ),
    "click": (lambda value: _is_whole(value) and value in (0, 1), "0 or 1"),
    "days": (
        lambda value: _is_whole(value) and 1 <= value <= MAX_DAYS,
        f"a whole number of days from 1 to {MAX_DAYS:,}",
    ),
}


def _kind(value: Any) -> str:
    """Return what a value is, in the words of JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number (NaN)" if math.isnan(value) else "infinite"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    kinds: Mapping[type, str] = {str: "a text", dict: "an object", list: "a list"}
    if type(value) is int and abs(value) > MAX_ID:
        return "a number of more than 64 bits"
    return kinds.get(type(value)) or f"the number {value:.6g}"


def _escaped(name: str) -> str:
    """Return a name as a part of a JSON Pointer, shortened."""
    return name[:MAX_TEXT].replace("~", "~0").replace("/", "~1")
