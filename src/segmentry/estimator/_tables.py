"""Read pandas, polars, pyarrow and numpy as one user table."""

from collections.abc import Iterable
from typing import TypeGuard

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl


def is_frame(X: object) -> TypeGuard[nw.typing.IntoDataFrame]:
    """Whether `X` is an eager data frame whose columns all have text as names.

    Others are read by position, as scikit-learn does it.

    Raises TypeError if it is lazy.

    >>> is_frame(pl.DataFrame({"age": [31]})), is_frame([[31]])
    (True, False)
    """
    if isinstance(X, pl.LazyFrame):
        raise TypeError("found a lazy frame, expected one that is there; collect() it first")
    if not nw.dependencies.is_into_dataframe(X):
        return False
    columns = getattr(X, "columns", ())
    # A pyarrow table keeps its data in `columns` and its names in `column_names`.
    return all(isinstance(name, str) for name in getattr(X, "column_names", columns))


def check_height(table: pl.DataFrame, *, minimum: int) -> None:
    """Refuse a table of too few rows by a ValueError, in the words of scikit-learn."""
    if table.height < minimum:
        raise ValueError(
            f"Found {table.height} sample(s) (shape={table.shape}) while a minimum of {minimum} is "
            "required by UserSegmenter."
        )


def table_of_frame(X: nw.typing.IntoDataFrame) -> pl.DataFrame:
    """Return a data frame as Polars, (n_users, n_columns).

    Categories stay levels, also those that are numbers.

    Raises ValueError if a column holds values of several types.
    """
    frame = nw.from_native(X, eager_only=True)
    return pl.DataFrame([_series_of(frame[name]) for name in frame.columns])


def table_of_array(X: npt.NDArray[np.generic], names: Iterable[str]) -> pl.DataFrame:
    """Return a matrix as Polars, (n_users, n_columns), with these names of its columns.

    Raises ValueError if a column holds values of several types.
    """
    columns = zip(names, X.T, strict=True)
    return pl.DataFrame([_series_of_values(name, values) for name, values in columns])


def _series_of(column: nw.Series[nw.typing.IntoSeries]) -> pl.Series:
    if column.dtype == nw.Object:
        return _series_of_values(column.name, column.to_numpy())
    if column.dtype in (nw.Categorical, nw.Enum):
        return column.cast(nw.String).to_polars()
    return column.to_polars()


def _series_of_values(name: str, values: npt.NDArray[np.generic]) -> pl.Series:
    if values.dtype.kind not in "OUS":
        return pl.Series(name, np.ascontiguousarray(values))
    # Python objects can be told apart one by one only.
    known = [None if _is_missing(value) else value for value in values.tolist()]
    for dtype in (None, pl.Float64):
        try:
            return pl.Series(name, known, dtype=dtype)
        except (TypeError, OverflowError):
            continue
    types = ", ".join(sorted({type(value).__name__ for value in known if value is not None}))
    raise ValueError(
        f"column {name!r} holds values of several types ({types}); expected numbers, text or "
        "booleans throughout"
    )


def _is_missing(value: object) -> bool:
    is_nan = isinstance(value, float) and value != value  # noqa: PLR0124  # NaN alone is not itself
    return value is None or is_nan or type(value).__name__ in {"NAType", "NaTType"}
