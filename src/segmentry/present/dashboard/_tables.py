"""Tables of the pages as a frame for download: the very texts that are shown."""

import io

import polars as pl

from segmentry.present import tables
from segmentry.present.report import AnyTable


def as_csv(frame: pl.DataFrame) -> bytes:
    """Return a table as CSV."""
    return frame.write_csv().encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def table_frame(view: AnyTable) -> pl.DataFrame:
    r"""Return a table as text columns; heads that appear twice are numbered.

    Examples
    --------
    >>> from segmentry.present.report import Row, Table
    >>> table_frame(Table("T", ("K", "x", "x"), (Row("2", ("a\nb", "c")),))).rows(named=True)
    [{'K': '2', 'x': 'a (b)', 'x (2)': 'c'}]
    """
    if isinstance(view, tables.Table):
        return view.to_frame()
    heads: list[str] = []
    for head in view.heads:
        n_before = sum(each == head or each.startswith(f"{head} (") for each in heads)
        heads.append(head if head not in heads else f"{head} ({n_before + 1})")
    rows = [[row.head, *(_flat(cell) for cell in row.cells)] for row in view.rows]
    return pl.DataFrame(rows, schema=dict.fromkeys(heads, pl.String), orient="row")


def _flat(cell: str) -> str:
    value, _, below = cell.partition("\n")
    return f"{value} ({below})" if below else value
