"""From the tables of the parts to one table, without holding it twice."""

from collections.abc import Sequence

import polars as pl


def compact(table: pl.DataFrame, *, keys: Sequence[str] = ("user_id",)) -> pl.DataFrame:
    """Hold each column of integers but the keys in the smallest type that it fits into.

    Most counts of a user take one or two bytes instead of eight. Whoever calculates with them
    widens them first.

    >>> table = pl.DataFrame({"user_id": [1, 2], "n_views": [3, 700], "cents": [None, 2**40]})
    >>> compact(table).schema
    Schema([('user_id', Int64), ('n_views', Int16), ('cents', Int64)])
    """
    return table.with_columns(
        column.shrink_dtype()
        for column in table
        if column.dtype.is_integer() and column.name not in keys
    )


def assemble(tables: list[pl.DataFrame], *by: str) -> pl.DataFrame:
    """Put tables together, sorted, column by column: each leaves `tables` on the way.

    Together and sorted as a whole, they would be in memory twice. A column that a table lacks is
    null in its rows, and one of several widths has the largest.

    >>> parts = [pl.DataFrame({"user_id": [2]}), pl.DataFrame({"user_id": [1], "n": [5]})]
    >>> assemble(parts, "user_id").rows(), parts[1].columns
    ([(1, 5), (2, None)], [])
    """
    if not tables:
        return pl.DataFrame()
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    heights = [table.height for table in tables]
    order = pl.concat([table.select(by) for table in tables]).select(pl.arg_sort_by(by)).to_series()
    columns = []
    for name in names:
        pieces = [
            table.select(name)
            if name in table.columns
            else pl.select(pl.repeat(None, height).alias(name))
            for table, height in zip(tables, heights, strict=True)
        ]
        column = pl.concat(pieces, how="vertical_relaxed").to_series()
        columns.append(column.gather(order))
        tables[:] = [table.drop(name, strict=False) for table in tables]
    return pl.DataFrame(columns)
