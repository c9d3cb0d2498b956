"""Ratios of counts."""

import polars as pl


def ratio(numerator: str, denominator: str) -> pl.Expr:
    """Divide two columns; null, not 0 or NaN, where there is nothing to divide by.

    Examples
    --------
    >>> pl.DataFrame({"c": [1, 0], "n": [4, 0]}).select(ratio("c", "n")).to_series().to_list()
    [0.25, None]
    """
    return pl.when(pl.col(denominator) > 0).then(pl.col(numerator) / pl.col(denominator))
