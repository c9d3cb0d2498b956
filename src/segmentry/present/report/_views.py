"""Tables and figures ready to print."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from segmentry.present import tables
from segmentry.present.figures import Caption
from segmentry.present.tables import Badge


class Pictures(Protocol):
    """SVG by name; what was not drawn is the default."""

    def get(self, name: str, default: str, /) -> str:
        """Return a picture."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of texts: its heading and its cells."""

    head: str
    cells: tuple[str, ...]
    colour: str = ""
    is_strong: bool = False
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; the first column heads the lines."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    text_columns: tuple[int, ...] = ()

    @property
    def lines(self) -> tuple[Row, ...]:
        """Return the rows, as `segmentry.present.tables.Table` calls its texts."""
        return self.rows

    @property
    def is_narrow(self) -> bool:
        """Whether the first column needs no room to wrap."""
        return all(len(row.head) <= 6 for row in self.rows)


AnyTable: TypeAlias = Table | tables.Table
"""A table of texts, or one of values."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its caption and the tables that hold its numbers; `svg` may be empty."""

    name: str
    heading: str
    caption: Caption
    svg: str
    tables: tuple[AnyTable, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with what it is and a note."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What the page needs to turn the picture in space: JSON, and where it starts."""

    scene: str
    azimuth: int
    elevation: int
    lowest: int
    highest: int
