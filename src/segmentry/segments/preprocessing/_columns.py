"""The saved steps of one feature, and what they make of its values."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.schema.arrays import FloatMatrix, FloatVector
from segmentry.segments.preprocessing._values import level_texts, numeric_values
from segmentry.settings import Fill, Scale, Transform

_LOGIT_FLOOR = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedColumn:
    """The saved steps of one feature; plain numbers and text, so that it is saved as JSON.

    `center` and `scale` are of the transformed values, `clip_low` and `clip_high` too. `levels`
    are those of a categorical feature as text, one column each, and `fill_level` the one that
    stands in for a missing value; `knots` those of a quantile scale. `note` says what was decided
    about the feature and why, or is empty. Known values are multiplied by `factor` first: counts of
    a shorter window count for more.
    """

    feature: str
    weight: float
    fill: Fill
    fill_value: float | None
    fill_level: str | None
    transform: Transform
    clip_low: float | None
    clip_high: float | None
    scale_by: Scale
    center: float
    scale: float
    marks_missing: bool
    levels: tuple[str, ...] | None
    knots: tuple[float, ...]
    note: str
    factor: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns in `X`."""
        if self.levels is not None:
            names = tuple(f"{self.feature}={level}" for level in self.levels)
        else:
            names = (self.feature,)
        return (*names, f"{self.feature}=unknown") if self.marks_missing else names

    @property
    def raw_clip_low(self) -> float | None:
        """The lower clip in raw units."""
        return self._raw(self.clip_low)

    @property
    def raw_clip_high(self) -> float | None:
        """The upper clip in raw units."""
        return self._raw(self.clip_high)

    def _raw(self, clip: float | None) -> float | None:
        return None if clip is None else _untransform(self.transform, clip) / self.factor


def matrix_of(column: FittedColumn, raw: pl.Series) -> FloatMatrix:
    """Return the columns of `X` that a feature takes, shape (n_users, n_columns)."""
    if column.levels is not None:
        levels = level_texts(raw)
        is_missing = levels.is_null().to_numpy()
        if column.fill_level is not None:
            levels = levels.fill_null(column.fill_level)
        block = _indicators(levels, column.levels)
    else:
        values = numeric_values(raw) * column.factor
        is_missing = np.isnan(values)
        if column.fill_value is not None:
            values = np.where(is_missing, column.fill_value, values)
        scaled = clip_values(column, transform_values(column.transform, values))
        if column.scale_by == "quantile":
            scaled = _ranks(scaled, np.asarray(column.knots))
        block = ((scaled - column.center) / column.scale)[:, np.newaxis]
    if column.marks_missing:
        block = np.column_stack([block, is_missing.astype(np.float64)])
    return block * column.weight


def is_known(column: FittedColumn, raw: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell for which users the value is known, shape (n_users,)."""
    if column.levels is not None:
        return level_texts(raw).is_not_null().to_numpy()
    return ~np.isnan(numeric_values(raw))


def transform_values(transform: Transform, values: FloatVector) -> FloatVector:
    """Take the logarithm or the log-odds; neither ever falls where values rise."""
    if transform == "log1p":
        return np.log1p(np.maximum(values, 0.0))
    if transform == "logit":
        inside = np.clip(values, _LOGIT_FLOOR, 1 - _LOGIT_FLOOR)
        return np.log(inside / (1 - inside))
    return values


def clip_values(column: FittedColumn, values: FloatVector) -> FloatVector:
    """Pull transformed values in to the fitted bounds."""
    if column.clip_low is None or column.clip_high is None:
        return values
    return np.clip(values, column.clip_low, column.clip_high)


def _untransform(transform: Transform, value: float) -> float:
    if transform == "log1p":
        return float(np.expm1(value))
    if transform == "logit":
        return float(1 / (1 + np.exp(-value)))
    return value


def _indicators(texts: pl.Series, levels: tuple[str, ...]) -> FloatMatrix:
    """Return one column per level: 1 where a user has it, shape (n_users, n_levels)."""
    codes = texts.replace_strict(levels, range(len(levels)), default=-1, return_dtype=pl.Int64)
    found = codes.to_numpy()
    rows = np.flatnonzero(found >= 0)
    block = np.zeros((found.size, len(levels)))
    block[rows, found[rows]] = 1.0
    return block


def _ranks(values: FloatVector, knots: FloatVector) -> FloatVector:
    """Place values among quantiles, from -0.5 to 0.5; tied values at the middle of their ranks."""
    grid = np.linspace(-0.5, 0.5, knots.size)
    from_below = np.interp(values, knots, grid)
    from_above = -np.interp(-values, -knots[::-1], grid)
    middle: FloatVector = (from_below + from_above) / 2
    return middle
