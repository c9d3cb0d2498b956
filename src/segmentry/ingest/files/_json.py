"""The first lines of a file of JSON lines: fields by their paths, some rows."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from segmentry.errors import DataError
from segmentry.ingest.files._layout import FileLayout, partitions_of

SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def json_layout(path: Path, lines: Sequence[str]) -> FileLayout:
    r"""Return the fields of objects, one per line, by their paths.

    Raises DataError if no line is an object.

    >>> layout = json_layout(Path("log.jsonl"), ['{"user": 7, "page": {"id": "x"}}'])
    >>> layout.names, layout.sample
    (('user', 'page.id'), (('7', 'x'),))
    """
    rows = [row for line in lines if (row := _row_of(line)) is not None]
    if not rows:
        raise DataError(
            f'{path}: no line is a JSON object; expected one per line, such as {{"user": 7}}; '
            "write it so, as jq -c '.[]' does"
        )
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    lists = {name for row in rows for name, value in row.items() if isinstance(value, list)}
    return FileLayout(
        path=path,
        format="json",
        delimiter="",
        columns=columns,
        sample=tuple(tuple(_text(row.get(name)) for name in columns) for row in rows),
        has_header=False,
        partitions=partitions_of(path),
        nested=tuple(name.strip() for name in columns if name in lists),
    )


def _row_of(line: str) -> dict[str, Any] | None:
    """Return the values of a line by their paths; none where it is not an object."""
    try:
        found = json.loads(line, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return dict(_leaves("", found)) if isinstance(found, dict) else None


def _leaves(before: str, record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(f"{before}{name}.", value)
        else:
            yield f"{before}{name}", value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
