"""The JSON Schema of a body, for the model that is served."""

from typing import Any

from segmentry.results.scoring import Field
from segmentry.serve._bodies import MAX_ID, MAX_NUMBER, MAX_TEXT, MAX_USERS
from segmentry.serve._live import Model

_TEXT = {"type": "string", "maxLength": MAX_TEXT}
_INTEGER = {"type": "integer", "minimum": -MAX_ID, "maximum": MAX_ID}


def body_schema(model: Model) -> dict[str, Any]:
    """Return what a body of ``POST /score`` holds."""
    user_id = {**_TEXT, "minLength": 1} if model.has_text_ids else _INTEGER
    fields = {field.name: _schema_of(field) for field in model.fields}
    user = {
        "type": "object",
        "additionalProperties": False,
        "required": ["user_id", *fields],
        "properties": {"user_id": user_id, **fields},
    }
    users = {"type": "array", "minItems": 1, "maxItems": MAX_USERS, "items": user}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["users"],
        "properties": {"users": users},
    }


def _schema_of(field: Field) -> dict[str, Any]:
    if field.kind == "flag":
        return {"type": ["boolean", "null"]}
    if field.kind == "number":
        return {"type": ["number", "null"], "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
    return {"anyOf": [_TEXT, _INTEGER, {"type": ["boolean", "null"]}]}
