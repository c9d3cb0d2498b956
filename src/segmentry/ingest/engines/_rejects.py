"""Lines that DuckDB could not read."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segmentry.errors import DataError
from segmentry.ingest.engines._failures import advice_on_quotes
from segmentry.ingest.engines._validity import NOT_TEXT, WRONG_FIELDS

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and returns its rows."""
# What DuckDB says of a line that it sets aside alone, and the reason reported for it. Any other
# complaint, such as a quote that is not closed, can have swallowed the lines that follow.
_LINE_REASONS = {"TOO MANY COLUMNS": WRONG_FIELDS, "INVALID ENCODING": NOT_TEXT}


def unreadable_rows(ask: Ask) -> Mapping[str, int]:
    """Count the lines that the last scan could not read, by reason."""
    if not _has_rejects(ask):
        return {}
    lines = (
        "SELECT file_path, error_type, count(DISTINCT (scan_id, file_id, line)), min(line)"
        " FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
        " GROUP BY ALL ORDER BY ALL"
    )
    found = Counter[str]()
    for path, error, n_lines, first in ask(lines):
        if error == "LINE SIZE OVER MAXIMUM":
            raise DataError(
                f"{path}: line {first}, with the blank lines before it, takes more than 2 MB; "
                "expected shorter lines; remove blank lines, or look for a quote that is not closed"
            )
        if error not in _LINE_REASONS:
            raise DataError(
                f"{path}: line {first} is broken ({error.lower()}), and what follows it cannot "
                f"be trusted; {advice_on_quotes(Path(path))}"
            )
        found[_LINE_REASONS[error]] += n_lines
    return {each: found[each] for each in (WRONG_FIELDS, NOT_TEXT) if found[each]}


def _has_rejects(ask: Ask) -> bool:
    tables = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
    return ask(tables) != [(0,)]


def forget_rejects(ask: Ask) -> None:
    """Forget them before another scan."""
    if _has_rejects(ask):
        ask("DROP TABLE reject_errors; DROP TABLE reject_scans")
