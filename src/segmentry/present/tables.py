"""The one table of the program: cells hold values, columns say how people read them.

A table is made once from results and rendered where it is shown: `Table.lines` are the texts for
a page, `Table.to_rich` is for a terminal, `Table.to_frame` holds the values for CSV, Parquet and
Excel.
"""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from segmentry.formats import MISSING, interval
from segmentry.schema import UNKNOWN, Estimate

if TYPE_CHECKING:
    import polars as pl
    import rich.table


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that people read otherwise than its column says, such as a share with its index."""

    value: "float | str | Estimate | None"
    text: str


Cell: TypeAlias = float | str | Estimate | Shown | None
"""What a table holds; null is unknown."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict: its word and the shape that goes with it; `kind` is a name for styles."""

    text: str
    kind: str


def plain(value: object) -> str:
    """Write a value as is.

    >>> plain("K-means"), plain(3), plain(None)
    ('K-means', '3', '–')
    """
    return MISSING if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """In a frame: lower case, with underscores. An estimate fills ``NAME``, ``NAME_low`` and
    ``NAME_high``."""
    head: str
    """For people."""
    write: Callable[[Any], str] = plain
    """Writes a number or null for people; one of `segmentry.formats`. Texts stay as is."""
    limits: str = ""
    """Head of a column of its own for the limits of estimates; if empty, they stand below the
    value."""
    is_words: bool = False
    """Whether it holds words: set to the left, and free to wrap."""
    of: Callable[[Any], Cell] | None = None
    """What it holds of a record; the field of its name if not given."""

    def texts(self, cell: Cell) -> tuple[str, ...]:
        r"""Return what people read: one text, or two where limits have a column of their own.

        >>> rate = Column("rate", "rate", "{:.1f}".format)
        >>> rate.texts(Estimate(2.0, 1.0, 3.0)), rate.texts(0.5)
        (('2.0\n1.0 to 3.0',), ('0.5',))
        """
        if isinstance(cell, Shown):
            return (cell.text, "") if self.limits else (cell.text,)
        if not isinstance(cell, Estimate):
            text = cell if isinstance(cell, str) else self.write(cell)
            return (text, MISSING) if self.limits else (text,)
        value, limits = self.write(cell.value), interval(cell, write=self.write)
        if self.limits:
            return value, limits
        return (value if limits == MISSING else f"{value}\n{limits}",)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: one cell per column, the first of which heads the line."""

    cells: tuple[Cell, ...]
    segment: int | None = None
    """The segment that the line is about: its colour stands next to the heading."""
    is_strong: bool = False
    """Whether the line is the one to look at."""
    badge: Badge | None = None
    """Stands for the text of the second cell."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table in texts; what follows a line break is set small, below."""

    head: str
    cells: tuple[str, ...]
    is_strong: bool
    badge: Badge | None
    segment: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a run.

    >>> from segmentry.formats import count
    >>> sizes = Table(
    ...     name="sizes",
    ...     caption="Sizes of the segments",
    ...     columns=(Column("segment", "segment"), Column("n_users", "users", count)),
    ...     rows=(Row(("1 Occasional users", 1200), segment=1),),
    ... )
    >>> sizes.heads, sizes.lines[0].head, sizes.lines[0].cells
    (('segment', 'users'), '1 Occasional users', ('1,200',))
    >>> sizes.to_frame().to_dicts()
    [{'segment_id': 1, 'segment': '1 Occasional users', 'n_users': 1200}]
    """

    name: str
    """Of a file or a sheet."""
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        """Return the heads that people read."""
        pairs = [(c.head, c.limits) if c.limits else (c.head,) for c in self.columns]
        return tuple(head for heads in pairs for head in heads)

    @property
    def text_columns(self) -> tuple[int, ...]:
        """Return the places of the columns of words among `heads`."""
        shown = [c.is_words for c in self.columns for _ in range(1 + bool(c.limits))]
        return tuple(i for i, is_words in enumerate(shown) if is_words)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the rows in texts."""
        return tuple(map(self._line, self.rows))

    def _line(self, row: Row) -> Line:
        pairs = zip(self.columns, row.cells, strict=True)
        head, *cells = (text for column, cell in pairs for text in column.texts(cell))
        return Line(head, tuple(cells), row.is_strong, row.badge, row.segment)

    @property
    def is_narrow(self) -> bool:
        """Whether the first column needs no room to wrap."""
        return all(len(line.head) <= 6 for line in self.lines)

    def to_rich(self) -> "rich.table.Table":
        """Return the table for a terminal."""
        import rich.table
        from rich.text import Text

        found = rich.table.Table(box=None, pad_edge=False, header_style="bold")
        lines = [[_flat(text) for text in (line.head, *line.cells)] for line in self.lines]
        for i, head in enumerate(self.heads):
            is_words = i == 0 or i in self.text_columns
            shown = head if is_words else _folded(head, [cells[i] for cells in lines])
            found.add_column(
                Text(shown), justify="left" if is_words else "right", no_wrap=not is_words
            )
        for line, cells in zip(self.lines, lines, strict=True):
            found.add_row(*map(Text, cells), style="bold" if line.is_strong else None)
        return found

    def to_frame(self) -> "pl.DataFrame":
        """Return the values: a column each, three of an estimate, and first the segment's id.

        A column of numbers and words holds texts, as people read them.
        """
        import polars as pl

        series = []
        if any(row.segment is not None for row in self.rows):
            ids = [row.segment for row in self.rows]
            series.append(pl.Series("segment_id", ids, dtype=pl.Int64))
        for i, column in enumerate(self.columns):
            series += _series(column, [row.cells[i] for row in self.rows])
        return pl.DataFrame(series)


def segment_row(segment_id: int, name: str, *cells: Cell) -> Row:
    """Return a line headed by a segment.

    >>> segment_row(2, "Occasional users", 0.25).cells
    ('2 Occasional users', 0.25)
    """
    return Row((f"{segment_id} {name}".strip(), *cells), segment=segment_id)


def cells_of(record: object, columns: Sequence[Column]) -> tuple[Cell, ...]:
    """Return what columns hold of a record.

    >>> low = Column("low", "from"), Column("width", "width", of=lambda each: each.high - each.low)
    >>> cells_of(Estimate(0.2, 0.0, 0.5), low)
    (0.0, 0.5)
    """
    return tuple(getattr(record, c.name) if c.of is None else c.of(record) for c in columns)


def record_rows(records: Iterable[object], columns: Sequence[Column]) -> tuple[Row, ...]:
    """Return a row for each record, of what the columns hold of it."""
    return tuple(Row(cells_of(each, columns)) for each in records)


def _folded(head: str, cells: Sequence[str]) -> str:
    """Set a head in lines as narrow as what stands below it: the room is for names."""
    width = max(10, *map(len, (*cells, *head.split(" "))))
    return "\n".join(textwrap.wrap(head, width, break_on_hyphens=False))


def _flat(text: str) -> str:
    """Set what stands below a value in brackets behind it."""
    value, _, below = text.partition("\n")
    return f"{value} ({below})" if below else value


def _series(column: Column, cells: Sequence[Cell]) -> "list[pl.Series]":
    import polars as pl

    values = [cell.value if isinstance(cell, Shown) else cell for cell in cells]
    if any(isinstance(value, Estimate) for value in values):
        found = [each if isinstance(each, Estimate) else UNKNOWN for each in values]
        plain_values = [each.value if isinstance(each, Estimate) else each for each in values]
        return [
            pl.Series(column.name, plain_values, dtype=pl.Float64, strict=False),
            pl.Series(f"{column.name}_low", [each.low for each in found], dtype=pl.Float64),
            pl.Series(f"{column.name}_high", [each.high for each in found], dtype=pl.Float64),
        ]
    known = [value for value in values if value is not None]
    n_texts = sum(isinstance(value, str) for value in known)
    if 0 < n_texts < len(known):
        return [pl.Series(column.name, [_flat(column.texts(cell)[0]) for cell in cells])]
    if n_texts or (not known and column.write is plain):
        return [pl.Series(column.name, values, dtype=pl.String)]
    is_whole = bool(known) and all(isinstance(value, int) for value in known)
    return [pl.Series(column.name, values, dtype=pl.Int64 if is_whole else pl.Float64)]
