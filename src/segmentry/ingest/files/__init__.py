"""What does a file hold: its format, its delimiter, its columns, its ids?

In: a path. Out: a `FileLayout`, before anything reads the file as a whole.
"""

from segmentry.ingest.files._inspect import estimate_rows, inspect_file
from segmentry.ingest.files._layout import FileLayout, partitions_of, require_columns
from segmentry.ingest.files._parquet import count_rows
from segmentry.ingest.files._rows import LineCount, lines_of, require_all_rows
from segmentry.ingest.files._text import HEAD_BYTES, TAIL_BYTES, opened
from segmentry.ingest.files._values import (
    BLANKS,
    FLAGS,
    NO_IDS,
    NULL_WORDS,
    has_integers_only,
    is_number,
    is_padded,
)

__all__ = [
    "BLANKS",
    "FLAGS",
    "HEAD_BYTES",
    "NO_IDS",
    "NULL_WORDS",
    "TAIL_BYTES",
    "FileLayout",
    "LineCount",
    "count_rows",
    "estimate_rows",
    "has_integers_only",
    "inspect_file",
    "is_number",
    "is_padded",
    "lines_of",
    "opened",
    "partitions_of",
    "require_all_rows",
    "require_columns",
]
