"""Read any user table, and declare its features by looking at its columns."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import ConfigError, SchemaError
from segmentry.schema import Family, Feature, Fill, Kind
from segmentry.schema.arrays import FloatVector


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


def table_of_array(X: Any, names: Iterable[str]) -> pl.DataFrame:
    """Return a matrix, dense or sparse, as Polars, (n_users, n_columns), with these names.

    Raises ValueError if a column holds values of several types.
    """
    columns = zip(names, _columns_of(X), strict=True)
    return pl.DataFrame([_series_of_values(name, values) for name, values in columns])


def _columns_of(X: Any) -> Iterator[npt.NDArray[np.generic]]:
    """Yield the columns of a matrix; those of a sparse one are made dense one by one."""
    for place in range(X.shape[1]):
        column = X[:, [place]]
        yield (column if isinstance(column, np.ndarray) else column.toarray())[:, 0]


def _series_of(column: nw.Series[nw.typing.IntoSeries]) -> pl.Series:
    native = column.to_native()
    if type(getattr(native, "dtype", None)).__name__ == "SparseDtype":
        return _series_of_values(column.name, np.asarray(native))
    if column.dtype == nw.Object:
        return _series_of_values(column.name, column.to_numpy())
    if column.dtype in (nw.Categorical, nw.Enum):
        column = column.cast(nw.String)
    try:
        return column.to_polars()
    except ImportError:  # text of pandas where pyarrow is not installed
        found = _series_of_values(column.name, column.to_numpy())
        return found.fill_nan(None) if found.dtype.is_float() else found


def _series_of_values(name: str, values: npt.NDArray[np.generic]) -> pl.Series:
    if values.dtype.kind not in "OUS":
        return pl.Series(name, np.ascontiguousarray(values))
    # Python objects can be compared one by one only.
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


_MAX_LEVELS = 50
# Numbers that are drawn at random from a range twice their number, 20 of them, are all different
# once in 150 times; more of them, less often.
_MIN_IDS = 20
_MIN_DENSITY = 0.5
_MAX_CODES = 2
_SKEWED = 1.0
_ID_NAME = re.compile(
    r"(?:^|[_\s.\-])(?:id|uid|uuid|guid)$|^(?:user|customer|client|member|visitor)id$",
    re.IGNORECASE,
)
_ID_NAME_IN_CAMELS = re.compile(r"[a-z](?:Id|ID|Uuid|UUID)$")
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y")
_N_DATE_CHARACTERS = 10
_MOMENT = "a date or time: turn it into days before some day"
_FAMILIES: Mapping[Kind, Family] = {"count": "activity", "money": "affinity"}
_UNITS: Mapping[Kind, str] = {"count": "count", "money": "amount", "rate": "value"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that cannot form segments or describe them, and why."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class InferredFeatures:
    """What the columns of a user table are taken for."""

    features: tuple[Feature, ...]
    """In the order of the columns."""
    left_out: tuple[LeftOut, ...]
    """All other columns, in their order."""


def infer_features(
    table: pl.DataFrame,
    *,
    ordinal: Collection[str] = (),
    categorical: Collection[str] = (),
    ignore: Collection[str] = (),
    weights: FloatVector | None = None,
) -> InferredFeatures:
    """Declare the features of a user table: what each column is, and which are left out.

    Text, booleans and whole numbers of at most two values are categorical. Other numbers are counts
    (whole, not negative, with a long tail), money (not whole, not negative, with a long tail) or
    rates; the long tail of the first two is logged. Left out are constant and unknown columns,
    dates, ids, and text of more than 50 different values.

    The table has one row per user; null means unknown. Columns named `ordinal` or `categorical` are
    taken as these whatever they look like, unless they are constant. `weights`, shape (n_users,),
    say how many users each row stands for, above 0; 1 for each when absent. A weight of 2 is the
    row twice: its values are then shared by two users.

    Raises SchemaError if a named column is not there; ConfigError if a column is to be both ordinal
    and categorical.

    The order of the rows does not matter. A column is an id if its name says so ("id", "user_id",
    "customerID") and no two users share a value or it has more than 50; if it is text and no two
    users share a value; or if it holds at least 20 whole numbers that no two users share, more
    than half of those from the least to the greatest. A tail is long if the skewness is above 1
    and the logarithm lowers it.

    >>> table = pl.DataFrame(
    ...     {
    ...         "user_id": ["a", "b", "c", "d"],
    ...         "country": ["de", "fr", "de", None],
    ...         "n_orders": [0, 1, 2, 90],
    ...         "age": [31, 44, 58, 40],
    ...     }
    ... )
    >>> inferred = infer_features(table)
    >>> [(feature.name, feature.kind) for feature in inferred.features]
    [('country', 'categorical'), ('n_orders', 'count'), ('age', 'rate')]
    >>> inferred.left_out
    (LeftOut(column='user_id', reason='an id: no two users share a value'),)
    >>> infer_features(table, ordinal=["ages"])
    Traceback (most recent call last):
    ...
    segmentry.errors.SchemaError: user table: no column 'ages'; did you mean 'age'? Found age, \
country, n_orders, user_id
    """
    _check_names(table, ordinal, categorical, ignore)
    features, left_out = [], []
    for column in table.get_columns():
        name = column.name
        if name in ignore:
            left_out.append(LeftOut(name, "requested"))
            continue
        if name in ordinal or name in categorical:
            reason = _without_information(column)
            kind: Kind = "ordinal" if name in ordinal else "categorical"
        else:
            reason, kind = _look_at(column, np.ones(table.height) if weights is None else weights)
        if reason:
            left_out.append(LeftOut(name, reason))
        else:
            features.append(_feature(name, kind))
    return InferredFeatures(features=tuple(features), left_out=tuple(left_out))


def _check_names(
    table: pl.DataFrame,
    ordinal: Collection[str],
    categorical: Collection[str],
    ignore: Collection[str],
) -> None:
    for name in (*ordinal, *categorical, *ignore):
        if name not in table.columns:
            near = difflib.get_close_matches(name, table.columns, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise SchemaError(
                f"user table: no column {name!r}; {hint}Found {', '.join(sorted(table.columns))}"
            )
    both = sorted({*ordinal} & {*categorical})
    if both:
        raise ConfigError(f"column {both[0]!r} is named both ordinal and categorical; choose one")


def _feature(name: str, kind: Kind) -> Feature:
    fill: Fill = "own level" if kind == "categorical" else "median"
    return Feature(
        name=name,
        family=_FAMILIES.get(kind, "demographics"),
        label=name.replace("_", " "),
        unit=_UNITS.get(kind, "level"),
        kind=kind,
        fill=fill,
        description=f"Column {name} of the user table; null if unknown.",
    )


def _without_information(column: pl.Series) -> str:
    """Return why a column says nothing about any user, or nothing."""
    known = _known(column)
    if not known.len():
        return "unknown for all users"
    if known.len() == column.len() and known.n_unique() == 1:
        return f"constant: {known[0]} for all users"
    return ""


def _known(column: pl.Series) -> pl.Series:
    return column.filter(pl.Series(_is_known(column)))


def _is_known(column: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell which values are known; numbers that are not finite are not."""
    is_there = column.is_not_null()
    if column.dtype.is_float():
        is_there &= column.is_finite().fill_null(value=False)
    return is_there.to_numpy()


def _look_at(column: pl.Series, weights: FloatVector) -> tuple[str, Kind]:
    """Return why a column is left out, or nothing, and its kind."""
    dtype = column.dtype
    if dtype.is_temporal():
        return _MOMENT, "time"
    if dtype not in (*_TEXTS, pl.Boolean, pl.Null) and not dtype.is_numeric():
        return f"of type {dtype}", "categorical"
    reason = _without_information(column)
    if reason or dtype == pl.Boolean:
        return reason, "categorical"
    known, of_known = _known(column), weights[_is_known(column)]
    if dtype in _TEXTS:
        return _why_not_levels(known.cast(pl.String), of_known), "categorical"
    return _look_at_numbers(column.name, known.cast(pl.Float64).to_numpy(), of_known)


def _why_not_levels(known: pl.Series, weights: FloatVector) -> str:
    n_levels = known.n_unique()
    if _are_unshared(n_levels, weights):
        return "an id: no two users share a value"
    if _is_date(known):
        return _MOMENT
    if n_levels > _MAX_LEVELS:
        return f"{n_levels} different texts, more than {_MAX_LEVELS}: group them"
    return ""


def _are_unshared(n_values: int, weights: FloatVector) -> bool:
    """Whether no two users share a value."""
    return n_values == weights.size and bool((weights <= 1).all())


def _is_date(known: pl.Series) -> bool:
    """Whether every text begins with a day, all written alike."""
    days = known.unique().str.slice(0, _N_DATE_CHARACTERS)
    return any(not days.str.to_date(written, strict=False).has_nulls() for written in _DATES)


def _look_at_numbers(name: str, values: FloatVector, weights: FloatVector) -> tuple[str, Kind]:
    """Judge numbers by their values: a column of floats may hold whole numbers and gaps."""
    levels, codes = np.unique(values, return_inverse=True)
    if not (levels == np.floor(levels)).all():
        return "", _kind_of_numbers(levels, _summed(codes, weights), if_skewed="money")
    if levels.size <= _MAX_CODES:
        return "", "categorical"
    is_unshared = _are_unshared(levels.size, weights)
    if _ID_NAME.search(name) or _ID_NAME_IN_CAMELS.search(name):
        is_id = is_unshared or levels.size > _MAX_LEVELS
        return "an id by its name" if is_id else "", "categorical"
    density = levels.size / (levels[-1] - levels[0] + 1)
    if is_unshared and levels.size >= _MIN_IDS and density > _MIN_DENSITY:
        return "an id: whole numbers with hardly a gap, no two users share one", "categorical"
    return "", _kind_of_numbers(levels, _summed(codes, weights), if_skewed="count")


def _summed(codes: npt.NDArray[np.int64], weights: FloatVector) -> FloatVector:
    """Sum the weights of each value; the order of the users leaves no trace."""
    order = np.lexsort((weights, codes))
    return np.bincount(codes[order], weights=weights[order]).astype(np.float64, copy=False)


def _kind_of_numbers(levels: FloatVector, weights: FloatVector, *, if_skewed: Kind) -> Kind:
    if levels[0] < 0:
        return "rate"
    skewness = _skewness(levels, weights)
    has_long_tail = skewness > _SKEWED and abs(_skewness(np.log1p(levels), weights)) < skewness
    return if_skewed if has_long_tail else "rate"


def _skewness(levels: FloatVector, weights: FloatVector) -> float:
    """Return the third standardised moment; 0 where values do not differ."""
    shares = weights / weights.sum()
    off = levels - float((levels * shares).sum())
    spread = float(np.abs(off).max())
    if spread == 0:
        return 0.0
    off /= spread
    return float((off**3 * shares).sum() / (off**2 * shares).sum() ** 1.5)
