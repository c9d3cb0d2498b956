"""From the user table to `X`: fit once, apply the same steps ever after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import SchemaError, SelectionError
from segmentry.preprocessing._plan import ColumnPlan, Scale, Transform
from segmentry.schema import Fill

__all__ = ["FittedColumn", "Preprocessing", "fit_preprocessing"]

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

_NORMAL_IQR = 1.3489795003921634
_LOGIT_FLOOR = 1e-6
_N_KNOTS = 1001
_ROUNDING = 1e-12
# A tenth in log-odds is a tenth of a CTR. Shrunk CTRs that differ less are alike; dividing by their
# own range would undo the shrinkage and make a segment of the lucky: of users with one true CTR of
# 5.2 %, 8,000 in the generator's null data, it made one of 3.1 % and one of 8.6 %.
_LEAST_LOGIT_RANGE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedColumn:
    """The saved steps of one feature; plain numbers, so that it is saved as JSON.

    `center` and `scale` are of the transformed values, `clip_low` and `clip_high` too. `levels`
    are those of a categorical feature, one column each; `knots` those of a quantile scale.
    `note` says what was decided about the feature and why, or is empty.
    """

    feature: str
    weight: float
    fill: Fill
    fill_value: float | None
    transform: Transform
    clip_low: float | None
    clip_high: float | None
    scale_by: Scale
    center: float
    scale: float
    marks_missing: bool
    levels: tuple[int, ...] | None
    knots: tuple[float, ...]
    note: str

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
        return None if self.clip_low is None else _untransform(self.transform, self.clip_low)

    @property
    def raw_clip_high(self) -> float | None:
        """The upper clip in raw units."""
        return None if self.clip_high is None else _untransform(self.transform, self.clip_high)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """All fitted columns, and the features that were dropped, with the reason.

    Parameters
    ----------
    fitted : tuple of FittedColumn
    dropped : tuple of (str, str)
        Feature and reason.
    """

    fitted: tuple[FittedColumn, ...]
    dropped: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `X`."""
        return tuple(name for column in self.fitted for name in column.columns)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that form segments."""
        return tuple(column.feature for column in self.fitted)

    def complete(self, table: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Which users can be placed, shape (n_users,): none of their values is unfillable."""
        self._require(table)
        is_complete = np.ones(table.height, dtype=bool)
        for column in self.fitted:
            if column.fill == "none":
                is_complete &= ~np.isnan(_values(table, column.feature))
        return is_complete

    def transform(self, table: pl.DataFrame) -> Matrix:
        """Return `X`, shape (n_users, n_columns).

        Raises
        ------
        SchemaError
            If the table lacks a feature.
        """
        self._require(table)
        blocks = [_apply(column, _values(table, column.feature)) for column in self.fitted]
        return np.ascontiguousarray(np.hstack(blocks))

    def unseen_levels(self, table: pl.DataFrame) -> dict[str, int]:
        """Count the users whose level of a categorical feature was not there at the fit."""
        found = {}
        for column in self.fitted:
            if column.levels is not None:
                values = _values(table, column.feature)
                known = np.isnan(values) | np.isin(values, np.array(column.levels, np.float64))
                found[column.feature] = int((~known).sum())
        return {name: n_users for name, n_users in found.items() if n_users}

    def _require(self, table: pl.DataFrame) -> None:
        missing = [name for name in self.features if name not in table.columns]
        if missing:
            raise SchemaError(
                f"user table: no column {', '.join(missing)}; found {', '.join(table.columns)}; "
                "expected all features of the segmentation"
            )


def fit_preprocessing(table: pl.DataFrame, plans: Sequence[ColumnPlan]) -> Preprocessing:
    """Fit the steps of each feature on a user table.

    Parameters
    ----------
    table : DataFrame, (n_users, ...)
        Features in raw units; null means unknown.
    plans : sequence of ColumnPlan

    Raises
    ------
    SchemaError
        If the table lacks a feature.
    SelectionError
        If no feature is left: all are constant or unknown.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> from segmentry.preprocessing import plan_column
    >>> table = pl.DataFrame({"n_impressions": [0, 1, 3, 7, 15]})
    >>> steps = fit_preprocessing(table, [plan_column(LOG_FEATURES[0])])
    >>> steps.transform(table).round(2).ravel().tolist()
    [-0.98, -0.5, 0.0, 0.5, 0.98]
    """
    absent = [plan.feature.name for plan in plans if plan.feature.name not in table.columns]
    if absent:
        raise SchemaError(
            f"user table: no column {', '.join(absent)}; found {', '.join(table.columns)}"
        )
    fitted, dropped = [], []
    for plan in plans:
        values = _values(table, plan.feature.name)
        reason = _useless(plan, values)
        if reason:
            dropped.append((plan.feature.name, reason))
        else:
            fitted.append(_fit_levels(plan, values) if plan.is_categorical else _fit(plan, values))
    if not fitted:
        told = "; ".join(f"{name}: {reason}" for name, reason in dropped)
        raise SelectionError(
            f"no feature is left to form segments ({told}); expected at least one that differs "
            "between users; choose others with --features"
        )
    return Preprocessing(fitted=tuple(fitted), dropped=tuple(dropped))


def _values(table: pl.DataFrame, name: str) -> Vector:
    """Return a column as float64, unknown and non-finite values as NaN."""
    values = table[name].cast(pl.Float64).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def _useless(plan: ColumnPlan, values: Vector) -> str:
    """Return why a feature cannot tell users apart, or nothing."""
    is_known = ~np.isnan(values)
    known = values[is_known]
    if known.size == 0:
        return "unknown for all users: dropped"
    if known.size < values.size and plan.fill == "own level":
        return ""
    fill_value = None if plan.is_categorical else _fill_value(plan.fill, known)
    filled = known if fill_value is None else np.where(is_known, values, fill_value)
    if _is_constant(filled):
        return f"constant ({known[0]:g} for all users whose value is known): dropped"
    return ""


def _is_constant(values: Vector) -> bool:
    """Whether values differ by no more than rounding: a shrunk CTR of 0.1 is 0.1 ± 1e-17."""
    low, high = float(values.min()), float(values.max())
    return high - low <= _ROUNDING * max(abs(low), abs(high))


def _fit_levels(plan: ColumnPlan, values: Vector) -> FittedColumn:
    known = values[~np.isnan(values)]
    levels, counts = np.unique(known, return_counts=True)
    fill_value = float(levels[np.argmax(counts)]) if plan.fill in ("mode", "median") else None
    return FittedColumn(
        feature=plan.feature.name,
        weight=plan.weight,
        fill=plan.fill,
        fill_value=fill_value,
        transform="none",
        clip_low=None,
        clip_high=None,
        scale_by="none",
        center=0.0,
        scale=1.0,
        marks_missing=plan.fill == "own level" and known.size < values.size,
        levels=tuple(int(level) for level in levels),
        knots=(),
        note="",
    )


def _fit(plan: ColumnPlan, values: Vector) -> FittedColumn:
    known = values[~np.isnan(values)]
    fill_value = _fill_value(plan.fill, known)
    filled = known if fill_value is None else np.where(np.isnan(values), fill_value, values)
    transformed = _transform(plan.transform, filled)
    column = FittedColumn(
        feature=plan.feature.name,
        weight=plan.weight,
        fill=plan.fill,
        fill_value=fill_value,
        transform=plan.transform,
        clip_low=None,
        clip_high=None,
        scale_by=plan.scale,
        center=0.0,
        scale=1.0,
        marks_missing=plan.fill == "own level" and known.size < values.size,
        levels=None,
        knots=(),
        note="",
    )
    column = _fit_clip(column, plan, transformed)
    return _fit_scale(column, plan, _clip(column, transformed))


def _fill_value(fill: Fill, known: Vector) -> float | None:
    if fill == "none":
        return None
    if fill == "zero":
        return 0.0
    if fill == "mode":
        levels, counts = np.unique(known, return_counts=True)
        return float(levels[np.argmax(counts)])
    return float(np.median(known))


def _fit_clip(column: FittedColumn, plan: ColumnPlan, transformed: Vector) -> FittedColumn:
    if plan.clip is None:
        return column
    low, high = (float(bound) for bound in np.quantile(transformed, plan.clip))
    if low == high and transformed.min() < transformed.max():
        note = f"clipping at {plan.clip[0]:g}/{plan.clip[1]:g} would make it constant: not clipped"
        return replace(column, note=note)
    return replace(column, clip_low=low, clip_high=high)


def _fit_scale(column: FittedColumn, plan: ColumnPlan, clipped: Vector) -> FittedColumn:
    if plan.scale == "none":
        return column
    if plan.scale == "quantile":
        knots = np.quantile(clipped, np.linspace(0, 1, _N_KNOTS))
        return replace(column, knots=tuple(float(knot) for knot in knots))
    if plan.scale == "standard":
        return replace(column, center=float(clipped.mean()), scale=float(clipped.std()) or 1.0)
    lower, center, upper = (float(bound) for bound in np.quantile(clipped, (0.25, 0.5, 0.75)))
    if upper - lower > _ROUNDING * float(clipped.max() - clipped.min()):
        return _with_range(column, center, upper - lower)
    if _is_constant(clipped):
        return replace(column, center=center, note="only whether it is known differs: not scaled")
    if plan.if_no_spread == "one":
        scale, told = 1.0, "1"
    else:
        scale = float(clipped.std()) * _NORMAL_IQR or 1.0
        told = f"1.349 standard deviations ({scale:.3g})"
    note = f"inter-quartile range 0: scaled by {told}"
    joined = f"{column.note}; {note}" if column.note else note
    return replace(column, center=center, scale=scale, note=joined)


def _with_range(column: FittedColumn, center: float, spread: float) -> FittedColumn:
    """Divide by the inter-quartile range, log-odds by no less than what is worth telling apart."""
    if column.transform != "logit" or spread >= _LEAST_LOGIT_RANGE:
        return replace(column, center=center, scale=spread)
    note = (
        f"hardly differs between users (inter-quartile range {spread:.2g} in log-odds): "
        f"scaled by {_LEAST_LOGIT_RANGE}"
    )
    return replace(column, center=center, scale=_LEAST_LOGIT_RANGE, note=note)


def _transform(transform: Transform, values: Vector) -> Vector:
    if transform == "log1p":
        return np.log1p(np.maximum(values, 0.0))
    if transform == "logit":
        inside = np.clip(values, _LOGIT_FLOOR, 1 - _LOGIT_FLOOR)
        return np.log(inside / (1 - inside))
    return values


def _untransform(transform: Transform, value: float) -> float:
    if transform == "log1p":
        return float(np.expm1(value))
    if transform == "logit":
        return float(1 / (1 + np.exp(-value)))
    return value


def _clip(column: FittedColumn, values: Vector) -> Vector:
    if column.clip_low is None or column.clip_high is None:
        return values
    return np.clip(values, column.clip_low, column.clip_high)


def _ranks(values: Vector, knots: Vector) -> Vector:
    """Place values among quantiles, from -0.5 to 0.5; tied values at the middle of their ranks."""
    grid = np.linspace(-0.5, 0.5, knots.size)
    from_below = np.interp(values, knots, grid)
    from_above = -np.interp(-values, -knots[::-1], grid)
    middle: Vector = (from_below + from_above) / 2
    return middle


def _apply(column: FittedColumn, values: Vector) -> Matrix:
    is_missing = np.isnan(values)
    if column.fill_value is not None:
        values = np.where(is_missing, column.fill_value, values)
    if column.levels is not None:
        blocks = [(values == level).astype(np.float64) for level in column.levels]
    else:
        scaled = _clip(column, _transform(column.transform, values))
        if column.scale_by == "quantile":
            scaled = _ranks(scaled, np.asarray(column.knots))
        blocks = [(scaled - column.center) / column.scale]
    if column.marks_missing:
        blocks.append(is_missing.astype(np.float64))
    return np.column_stack(blocks) * column.weight
