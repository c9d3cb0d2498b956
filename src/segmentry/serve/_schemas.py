"""The JSON Schema of a body, for the model that is served."""

from collections.abc import Sequence
from typing import Any

from segmentry.ingest.moments import EARLIEST, LATEST
from segmentry.serve._bodies import MAX_AMOUNT, MAX_DAYS, MAX_ID, MAX_NUMBER, MAX_TEXT, max_rows_of
from segmentry.serve._events import WINDOW
from segmentry.serve._fields import Kind, Listed
from segmentry.serve._live import Model

_TEXT = {"type": "string", "maxLength": MAX_TEXT}
_INTEGER = {"type": "integer", "minimum": -MAX_ID, "maximum": MAX_ID}
_OF_KIND: dict[Kind, dict[str, Any]] = {
    "id": _INTEGER,
    "text id": {**_TEXT, "minLength": 1},
    "number": {"type": ["number", "null"], "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER},
    "amount": {"type": ["number", "null"], "minimum": -MAX_AMOUNT, "maximum": MAX_AMOUNT},
    "level": {"anyOf": [_TEXT, _INTEGER, {"type": ["boolean", "null"]}]},
    "flag": {"type": ["boolean", "null"]},
    "moment": {"type": "integer", "minimum": EARLIEST, "maximum": LATEST - 1},
    "click": {"enum": [0, 1]},
    "days": {"type": "integer", "minimum": 1, "maximum": MAX_DAYS},
}


def body_schema(model: Model) -> dict[str, Any]:
    """Return what a body of ``POST /score`` holds: users of raw features, or raw events."""
    of_users = _lists((model.of_users,))
    requested = model.of_events
    if requested is None:
        return of_users
    window = {"window": _row(WINDOW)} if requested.has_time else {}
    return {"anyOf": [of_users, _lists(requested.lists, **window)]}


def _lists(lists: Sequence[Listed], **others: dict[str, Any]) -> dict[str, Any]:
    """Return an object of lists; the first holds at least one row."""
    arrays = {
        each.name: {
            "type": "array",
            "minItems": 1 if each is lists[0] else 0,
            "maxItems": max_rows_of(each.name),
            "items": _row(each),
        }
        for each in lists
    }
    return _object(others | arrays)


def _row(listed: Listed) -> dict[str, Any]:
    return _object({field.name: _OF_KIND[field.kind] for field in listed.fields})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }
