"""What the first lines of a file tell, and whether it has the columns that are wanted."""

import difflib
import functools
import gzip
import itertools
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from segmentry.errors import SchemaError
from segmentry.ingest.files._values import BLANKS, NULL_WORDS

DELIMITERS = ",\t;|"
_HEAD_BYTES, _MAX_PREAMBLE = 1 << 16, 1000
_AROUND_NAMES = BLANKS + '"'
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class FileLayout:
    """What the first lines of a file tell."""

    path: Path
    format: Literal["csv", "json", "parquet", "whitespace"]
    delimiter: str
    """Empty but for CSV."""
    columns: tuple[str, ...]
    """Names as written, in order of the file."""
    sample: tuple[tuple[str, ...], ...]
    """The first rows as text; a missing value is ""."""
    has_header: bool = True
    """Whether the first line names the columns."""
    skip_lines: int = 0
    """Lines before that one."""
    escape: str = '"'
    """What stands before a quote within quoted text."""
    partitions: tuple[tuple[str, str], ...] = ()
    """Columns that the folders name, as in ``day=2017-05-06/part-0.parquet``."""
    paths: tuple[str, ...] = ()
    """Names that lead into records of Parquet, as ``page.id``."""
    nested: tuple[str, ...] = ()
    """Columns of Parquet that hold lists or records."""
    binary: tuple[str, ...] = ()
    """Columns of Parquet that hold bytes: of text."""
    uuids: tuple[str, ...] = ()
    """Those of them that hold UUIDs, as 16 bytes."""

    # Made once: a file may have thousands of columns, and each is looked up by its name.
    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Column names without surrounding white space."""
        return tuple(name.strip(BLANKS) for name in self.columns)

    @functools.cached_property
    def _known(self) -> dict[str, tuple[str, ...]]:
        return {}

    @functools.cached_property
    def _fields(self) -> list[tuple[str | None, ...]]:
        """The sample by column, without lines of few fields, such as "(41 rows affected)"."""
        fewest = len(self.columns) / 2
        return list(itertools.zip_longest(*(row for row in self.sample if len(row) >= fewest)))

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of the columns of the file and of its folders."""
        folders = (name for name, _ in self.partitions if name not in self.names)
        return (*self.names, *folders)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the sampled values of a column that are not missing."""
        if name not in self._known:
            self._known[name] = tuple(self._values(name))
        return self._known[name]

    def _values(self, name: str) -> list[str]:
        if name not in self.names:
            return [value for folder, value in self.partitions if folder == name and value]
        position = self.names.index(name)
        fields = self._fields[position] if position < len(self._fields) else ()
        known = {
            each: value  # most stand there many times
            for each in set(fields)
            if each is not None and (value := each.strip(BLANKS)) not in NULL_WORDS
        }
        return [known[each] for each in fields if each in known]


def require_columns(layout: FileLayout, required: Iterable[str]) -> None:
    """Check that a file has all required columns; all missing ones are reported together.

    A SchemaError says what was found and the nearest match of each missing column.

    >>> layout = FileLayout(Path("log.csv"), "csv", ",", ("usr", "clk"), ())
    >>> require_columns(layout, ["user", "clk"])
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: log.csv: no column 'user' (did you mean 'usr'?); found clk, usr
    """
    required = list(required)
    missing = [name for name in required if name not in layout.all_names]
    if missing:
        text = ", ".join(_missing(name, layout.all_names) for name in missing)
        raise SchemaError(
            f"{layout.path}: no column {text}; found {', '.join(sorted(layout.all_names))}"
            + _header_further_down(layout, required)
        )
    refuse_repeated(layout, required)
    nested = [name for name in required if name in layout.nested]
    if nested:
        raise SchemaError(
            f"{layout.path}: column {nested[0]!r} holds lists or records, expected plain values; "
            "write it flat"
        )


def _header_further_down(layout: FileLayout, required: Collection[str]) -> str:
    """Say which line names the columns, where one below the first does."""
    if layout.format != "csv" or not layout.path.is_file():
        return ""
    with gzip.open(layout.path) if layout.path.suffix == ".gz" else layout.path.open("rb") as file:
        lines = file.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace").split("\n")
    for n_lines, line in enumerate(lines[:_MAX_PREAMBLE]):
        cells = ({each.strip(_AROUND_NAMES) for each in line.split(sign)} for sign in DELIMITERS)
        if n_lines > layout.skip_lines and any(set(required) <= each for each in cells):
            return (
                f"; line {n_lines + 1} names them: remove the lines above it, or say "
                f"skip_lines = {n_lines} in a mapping"
            )
    return ""


def _missing(name: str, found: Collection[str]) -> str:
    near = difflib.get_close_matches(name, found, n=1, cutoff=0.5)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


def refuse_repeated(layout: FileLayout, names: Iterable[str]) -> None:
    """Refuse some names of columns of which a file has two."""
    counts = Counter(layout.names)
    for name in sorted(names):
        if counts[name] > 1:
            text = f"column {name!r} occurs more than once; rename one of them"
            raise SchemaError(f"{layout.path}: {text}")


def partitions_of(path: Path) -> tuple[tuple[str, str], ...]:
    """Return the columns that folders name, the outermost first; unknown is the empty text."""
    pairs = (part.partition("=") for part in path.parent.parts)
    return tuple(
        (name, "" if value == _NO_PARTITION else unquote(value))
        for name, equals, value in pairs
        if equals and name
    )
