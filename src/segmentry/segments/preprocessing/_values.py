"""Read columns of a user table: as numbers, or as levels written in one way."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from segmentry.errors import SchemaError
from segmentry.schema.arrays import FloatVector

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_LARGEST_EXACT = 2.0**53


def numeric_values(column: pl.Series) -> FloatVector:
    """Return the values of a numeric or ordinal feature, shape (n_users,).

    Takes numbers, booleans, or text that is nothing but numbers; what is unknown or not finite
    is NaN.

    Raises SchemaError if it holds text that is no number, or is of another type.

    Examples
    --------
    >>> numeric_values(pl.Series("age", [31, None, 47]))
    array([31., nan, 47.])
    >>> numeric_values(pl.Series("education", ["PhD", "Basic", None]))
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: user table: feature 'education' holds 'PhD' (2 of 2 known values \
    no numbers); expected numbers for a numeric or ordinal feature; declare it categorical
    """
    if column.dtype in _TEXTS:
        numbers = column.cast(pl.String).cast(pl.Float64, strict=False)
        is_text = column.is_not_null() & numbers.is_null()
        if is_text.any():
            raise SchemaError(
                f"user table: feature {column.name!r} holds {column.filter(is_text)[0]!r} "
                f"({is_text.sum()} of {column.len() - column.null_count()} known values are no "
                "numbers); expected numbers for a numeric or ordinal feature; declare it "
                "categorical"
            )
    elif column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        numbers = column.cast(pl.Float64)
    else:
        raise _not_readable(column, "numbers")
    values = numbers.to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def level_texts(column: pl.Series) -> pl.Series:
    """Return the levels of a categorical feature as text; null where unknown or not finite.

    Of text, numbers or booleans: 1 and 1.0 are "1", true is "true". Text stays as it is.

    Raises SchemaError if the column is of another type.

    Examples
    --------
    >>> level_texts(pl.Series("city_tier", [4.0, None, 2.5])).to_list()
    ['4', None, '2.5']
    >>> level_texts(pl.Series("country", ["de", "1.0"])).to_list()
    ['de', '1.0']
    """
    if column.dtype in (*_TEXTS, pl.Boolean, pl.Null) or column.dtype.is_integer():
        return column.cast(pl.String)
    if not column.dtype.is_numeric():
        raise _not_readable(column, "levels")
    value = pl.col("value")
    is_whole = (value == value.floor()) & (value.abs() < _LARGEST_EXACT)
    whole = pl.when(is_whole).then(value).cast(pl.Int64).cast(pl.String)
    written = pl.when(is_whole).then(whole).when(value.is_finite()).then(value.cast(pl.String))
    numbers = column if column.dtype.is_float() else column.cast(pl.Float64)
    return numbers.alias("value").to_frame().select(written).to_series().alias(column.name)


def ordered_levels(levels: Iterable[str]) -> list[str] | None:
    """Sort levels by their number, or return nothing where one of them is not a number.

    Examples
    --------
    >>> ordered_levels({"10", "9", "-1.5"})
    ['-1.5', '9', '10']
    >>> ordered_levels(["10", "nine"]) is None
    True
    """
    try:
        pairs = sorted((float(level), level) for level in levels)
    except ValueError:
        return None
    return [level for _, level in pairs] if np.isfinite([n for n, _ in pairs]).all() else None


def _not_readable(column: pl.Series, expected: str) -> SchemaError:
    return SchemaError(
        f"user table: feature {column.name!r} is of type {column.dtype}, which cannot be read as "
        f"{expected}; convert it, or leave it out"
    )
