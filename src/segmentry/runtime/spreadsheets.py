"""CSV that a spreadsheet opens without running any of it."""

import re

import polars as pl

FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
"""How a text begins that spreadsheets run as a formula (OWASP, "CSV injection")."""


def without_formulas(frame: pl.DataFrame, *, ids: str = "user_id") -> pl.DataFrame:
    """Put an apostrophe before texts, and names of columns, that a spreadsheet would run.

    Ids stay as they are: one that is changed would be nobody's.

    >>> frame = pl.DataFrame({"user_id": ["-7"], "name": ["=1+1"], "plain": ["1-1"]})
    >>> without_formulas(frame).row(0)
    ('-7', "'=1+1", '1-1')
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String and name != ids]
    odd = (pl.col(name).str.contains(FORMULA) for name in texts)
    made = frame.with_columns(
        pl.when(is_odd).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name, is_odd in zip(texts, odd, strict=True)
    )
    return made.rename(lambda name: f"'{name}" if re.match(FORMULA, name) else name)
