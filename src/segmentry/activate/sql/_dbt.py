"""The query as a dbt model, with its tests."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from segmentry.errors import OutputError
from segmentry.runtime.temporary import written_whole

_MODEL = "segmentry_segments"
_BRACES = re.compile(r"\{[{%#]")
_CONFIG = "{{ config(materialized='table') }}"


def write_dbt(
    folder: Path, query: str, *, n_segments: int, keys: Sequence[str] | None, overwrite: bool
) -> tuple[Path, ...]:
    """Write ``segmentry_segments.sql`` and the tests of its columns into a folder of models.

    Raises OutputError if the folder is absent, or a file exists.
    """
    if not folder.is_dir():
        raise OutputError(f"{folder}: no such folder; name the folder of models of a dbt project")
    # A model ends without a semicolon, and pairs of braces in names are Jinja's unless written so.
    body = _BRACES.sub(r"{{ '\g<0>' }}", query.rstrip().removesuffix(";"))
    files = {
        folder / f"{_MODEL}.sql": f"{_CONFIG}\n{body}\n",
        folder / f"{_MODEL}.yml": json.dumps(_tests(n_segments, keys), indent=2) + "\n",
    }
    for file in files:
        if file.exists() and not overwrite:
            raise OutputError(f"{file}: exists; choose another --dbt or add --overwrite")
    for file, text in files.items():
        with written_whole(file) as partial:
            partial.write_text(text, encoding="utf-8")
    return tuple(files)


def _tests(n_segments: int, keys: Sequence[str] | None) -> dict[str, object]:
    """Return the properties of the model; JSON is YAML too."""

    def one_of(values: Sequence[object], *, quote: bool) -> dict[str, object]:
        return {"accepted_values": {"arguments": {"values": list(values), "quote": quote}}}

    columns: list[dict[str, object]] = [
        {"name": "user_id", "data_tests": ["not_null", "unique"]},
        {
            "name": "segment_id",
            "description": "0 for users of no segment.",
            "data_tests": ["not_null", one_of(range(n_segments + 1), quote=False)],
        },
    ]
    if keys is not None:
        columns.append({"name": "segment_key", "data_tests": [one_of(keys, quote=True)]})
    model = {
        "name": _MODEL,
        "description": "The segment of each user, as segmentry score gives it.",
        "columns": columns,
    }
    return {"version": 2, "models": [model]}
