"""Columns of all users in a file that is mapped: what nobody reads takes no memory."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from segmentry.errors import OutputError

_ALIGNED = 64


def held(columns: Iterable[pl.Series], folder: Path | None) -> pl.DataFrame:
    """Return a table of columns, all of one length, of which numbers lie in a file.

    The columns are taken one by one, so that those in the file are never in memory together. The
    file is in `folder` without a name, and ends with the table; without a folder all stays in
    memory, as texts and truth values do.

    Raises OutputError if the file cannot be written.

    >>> import tempfile
    >>> table = pl.DataFrame({"user_id": [7, 8], "ctr": [0.5, None], "city": ["a", None]})
    >>> held(table, Path(tempfile.gettempdir())).equals(table)
    True
    """
    if folder is None:
        return pl.DataFrame(list(columns))
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return _mapped(columns, file)
    except OSError as error:
        raise OutputError(
            f"{folder}: temporary files cannot be written: {error.strerror or error}; free some, "
            "or give --temp DIR on a larger disk"
        ) from error


def _mapped(columns: Iterable[pl.Series], file: IO[bytes]) -> pl.DataFrame:
    table: list[pl.Series | _Place] = []
    for column in columns:
        if not column.len() or not column.dtype.is_numeric():
            table.append(column)
            continue
        numbers = column.fill_null(0).to_numpy()
        is_known = column.is_not_null() if column.null_count() else None
        table.append(_Place(column.name, file.tell(), numbers.size, numbers.dtype, is_known))
        file.write(numbers.data)
        file.write(bytes(-file.tell() % _ALIGNED))
    if not file.tell():
        return pl.DataFrame(table)
    file.flush()
    # What is written to the arrays goes to memory, not to the file.
    whole = np.memmap(file, dtype=np.uint8, mode="c")
    return pl.DataFrame(
        each if isinstance(each, pl.Series) else each.column(whole) for each in table
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a column is in the file, and which of its numbers are known; null: all."""

    name: str
    start: int
    n_rows: int
    dtype: np.dtype[Any]
    is_known: pl.Series | None

    def column(self, whole: np.memmap[Any, Any]) -> pl.Series:
        end = self.start + self.n_rows * self.dtype.itemsize
        numbers = pl.Series(self.name, whole[self.start : end].view(self.dtype))
        if self.is_known is None:
            return numbers
        return pl.select(pl.when(self.is_known).then(numbers).alias(self.name)).to_series()
