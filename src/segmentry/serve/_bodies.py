"""From the body of a request to a table of users: read within limits, checked field by field."""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from segmentry.results.scoring import Field
from segmentry.serve._live import Model
from segmentry.serve._problems import MAX_FAULTS, Fault, Problem

MAX_BYTES = 16 * 2**20
MAX_USERS = 50_000
MAX_NUMBER = 1e15
"""Beyond any count or amount, and its square is still far from infinity."""
MAX_ID = 2**63 - 1
MAX_TEXT = 256
SECONDS_TO_SEND = 10.0
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


def parse_body(body: bytes) -> list[Any]:
    """Return the users of a body, unchecked.

    Raises Problem if it is not JSON, or not an object with the right keys.
    """
    try:
        content = from_json(body, allow_inf_nan=True, cache_strings="keys")
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Problem(422, f"the body is {_kind(content)}; expected an object with users")
    faults = [
        Fault(f"#/{_escaped(key)}", "unknown field; expected users")
        for key in content
        if key != "users"
    ]
    users = content.get("users")
    if "users" not in content:
        faults.append(Fault("#/users", "missing"))
    elif not isinstance(users, list):
        faults.append(Fault("#/users", f"is {_kind(users)}; expected a list"))
    elif not 1 <= len(users) <= MAX_USERS:
        faults.append(Fault("#/users", f"{len(users):,} users; expected 1 to {MAX_USERS:,}"))
    if faults or not isinstance(users, list):
        raise invalid(faults)
    return users


def invalid(faults: Sequence[Fault]) -> Problem:
    """Return the problem of a body in which something is wrong; the first stands in its detail."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Problem(422, f"{first.pointer}: {first.detail}{more}", faults=faults)


def users_table(rows: Sequence[Any], model: Model) -> pl.DataFrame:
    """Return users of raw features as the table that scoring takes.

    Raises Problem with all that is wrong, by user and field.
    """
    names = ("user_id", *(field.name for field in model.fields))
    wanted = set(names)
    if all(type(row) is dict and row.keys() == wanted for row in rows):
        columns = {name: [row[name] for row in rows] for name in names}
        found = [
            _ids(columns["user_id"], has_text=model.has_text_ids),
            *(_column(field, columns[field.name]) for field in model.fields),
        ]
        table = [each for each in found if each is not None]
        if len(table) == len(found):
            return pl.DataFrame(table)
    faults = []
    for fault in _faults(rows, model):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    raise invalid(faults)


_NUMBERS = {int, float, type(None)}


def _ids(values: list[Any], *, has_text: bool) -> pl.Series | None:
    if any(_id_fault(value, has_text=has_text) for value in values):
        return None
    if has_text:
        return pl.Series("user_id", values, dtype=pl.String)
    return pl.Series("user_id", list(map(int, values)), dtype=pl.Int64)


def _column(field: Field, values: list[Any]) -> pl.Series | None:
    """Return a column, or nothing if something is wrong with it: then its faults are looked for."""
    kinds = set(map(type, values))
    if field.kind == "number":
        if not kinds <= _NUMBERS:
            return None
        try:
            numbers = np.array(values, dtype=np.float64)
        except OverflowError:
            return None
        n_known = int((np.abs(numbers) <= MAX_NUMBER).sum())
        if n_known + values.count(None) != len(values):
            return None
        return pl.Series(field.name, numbers, nan_to_null=True)
    if any(_fault(field, value) for value in values):
        return None
    if field.kind == "flag":
        return pl.Series(field.name, values, dtype=pl.Boolean)
    return pl.Series(field.name, [_level(value) for value in values], dtype=pl.String)


def _level(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(int(value))


def _faults(rows: Sequence[Any], model: Model) -> Iterator[Fault]:
    """Yield what is wrong, user by user."""
    fields = {field.name: field for field in model.fields}
    expected = ", ".join(("user_id", *fields))
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            yield Fault(f"#/users/{i}", f"is {_kind(row)}; expected an object")
            continue
        for name, value in row.items():
            pointer = f"#/users/{i}/{_escaped(name)}"
            if name == "user_id":
                fault = _id_fault(value, has_text=model.has_text_ids)
            elif name in fields:
                fault = _fault(fields[name], value)
            else:
                fault = f"unknown field; expected {expected}"
            if fault:
                yield Fault(pointer, fault)
        for name in ("user_id", *fields):
            if name not in row:
                yield Fault(f"#/users/{i}/{_escaped(name)}", "missing; null where it is unknown")


def _id_fault(value: Any, *, has_text: bool) -> str:
    if has_text:
        if type(value) is str and 1 <= len(value) <= MAX_TEXT:
            return ""
        return f"is {_kind(value)}; expected a text of 1 to {MAX_TEXT} characters"
    if _is_whole(value):
        return ""
    return f"is {_kind(value)}; expected a whole number, as the ids of the run"


def _fault(field: Field, value: Any) -> str:
    """Return what is wrong with a value of a field, or an empty text."""
    if value is None:
        return ""
    if field.kind == "flag":
        return "" if type(value) is bool else f"is {_kind(value)}; expected true, false or null"
    if field.kind == "number":
        if type(value) is int or (type(value) is float and math.isfinite(value)):
            is_near = abs(value) <= MAX_NUMBER
            return "" if is_near else f"is beyond {MAX_NUMBER:g}; expected a smaller number"
        return f"is {_kind(value)}; expected a number, or null where it is unknown"
    if type(value) is str:
        return "" if len(value) <= MAX_TEXT else f"is longer than {MAX_TEXT} characters"
    if type(value) is bool or _is_whole(value):
        return ""
    return f"is {_kind(value)}; expected a level as text or whole number, or null"


def _is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number of 64 bits; 4.0 is one, as in JSON Schema."""
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    return is_whole and abs(value) <= MAX_ID


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
