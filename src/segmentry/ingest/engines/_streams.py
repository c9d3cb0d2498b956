"""Rows between DuckDB and Polars by Arrow's own interface: pyarrow is 170 MB, and 50 in memory."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Readable:
    """Rows of one library as the other reads them.

    Of a Polars frame DuckDB would want pyarrow. Polars would remember the type of DuckDB's own
    object, which then complains at exit.
    """

    rows: "pl.DataFrame | duckdb.DuckDBPyRelation"

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


def rows_of(found: "duckdb.DuckDBPyRelation") -> pl.DataFrame:
    """Run a query of DuckDB and return its rows, which are never in memory twice.

    Raises duckdb.Error also where Polars meets the error while it takes the rows.
    """
    import duckdb

    try:
        return pl.DataFrame(Readable(found))
    except pl.exceptions.ComputeError as error:
        raise duckdb.Error(str(error).removeprefix("got external error: ")) from error
