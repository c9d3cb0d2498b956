"""What does a file hold: its format, its delimiter, its columns, its ids?

In: a path. Out: a `FileLayout`, before anything reads the file as a whole.
"""

from segmentry.ingest.files._inspect import estimate_rows, inspect_file
from segmentry.ingest.files._layout import FileLayout, require_columns
from segmentry.ingest.files._text import explaining_gzip
from segmentry.ingest.files._values import (
    BLANKS,
    FLAGS,
    NULL_WORDS,
    has_integers_only,
    is_number,
    is_padded,
)

__all__ = [
    "BLANKS",
    "FLAGS",
    "NULL_WORDS",
    "FileLayout",
    "estimate_rows",
    "explaining_gzip",
    "has_integers_only",
    "inspect_file",
    "is_number",
    "is_padded",
    "require_columns",
]
