"""From the user table to `X`: fit once, apply the same steps ever after, and list them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import SchemaError, SelectionError
from segmentry.schema import Feature, Fill
from segmentry.schema.arrays import FloatMatrix, FloatVector
from segmentry.segments.preprocessing._choices import ColumnPlan
from segmentry.segments.preprocessing._columns import (
    FittedColumn,
    clip_values,
    is_known,
    matrix_of,
    transform_values,
)
from segmentry.segments.preprocessing._values import (
    WeightedValues,
    level_texts,
    numeric_values,
    ordered_levels,
    weigh_values,
)

_MIN_DIVISOR = 1e-290
"""Of values up to 1e17 none becomes infinite."""
_NORMAL_IQR = 1.3489795003921634
_N_KNOTS = 1001
_ROUNDING = 1e-12
# Each level takes a column of `X`: a hundred of them for a million users are 800 MB.
_MAX_LEVELS = 100
# A tenth in log-odds is a tenth of a CTR. Shrunk CTRs that differ less are alike; dividing by their
# own range would undo the shrinkage and make a segment of the lucky: of users with one true CTR of
# 5.2 %, 8,000 in the generator's null data, it made one of 3.1 % and one of 8.6 %.
_MIN_LOGIT_RANGE = 0.1


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """All fitted columns, and the features that were dropped, with the reason."""

    fitted: tuple[FittedColumn, ...]
    dropped: tuple[tuple[str, str], ...]
    """Feature and reason."""

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
                is_complete &= is_known(column, table[column.feature])
        return is_complete

    def transform(self, table: pl.DataFrame) -> FloatMatrix:
        """Return `X`, shape (n_users, n_columns).

        Raises SchemaError if the table lacks a feature, or one of them cannot be read as it was at
        the fit.
        """
        self._require(table)
        blocks = [matrix_of(column, table[column.feature]) for column in self.fitted]
        return np.ascontiguousarray(np.hstack(blocks))

    def multiplied(self, names: Collection[str], factor: float) -> "Preprocessing":
        """Return the same steps for values of some features that are counted in other windows."""
        return replace(
            self,
            fitted=tuple(
                replace(each, factor=each.factor * factor) if each.feature in names else each
                for each in self.fitted
            ),
        )

    def unseen_levels(self, table: pl.DataFrame) -> dict[str, int]:
        """Count the users whose level of a categorical feature was not there at the fit."""
        found = {}
        for column in self.fitted:
            if column.levels is not None:
                known = level_texts(table[column.feature]).drop_nulls()
                found[column.feature] = int((~known.is_in(column.levels)).sum())
        return {name: n_users for name, n_users in found.items() if n_users}

    def count_outside(self, table: pl.DataFrame) -> dict[str, int]:
        """Count the known values outside the clips of the fit, by feature.

        About 2 % of the users that the steps were fitted on are outside. Features that are not
        clipped are absent.
        """
        found = {}
        for column in self.fitted:
            low, high = column.raw_clip_low, column.raw_clip_high
            known = table[column.feature].drop_nulls()
            if low is not None and high is not None and len(known):
                # What one clip equals is not outside by rounding.
                room = 1e-9 * max(abs(low), abs(high))
                outside = ~known.cast(pl.Float64).is_between(low - room, high + room)
                found[column.feature] = int(outside.sum())
        return found

    def _require(self, table: pl.DataFrame) -> None:
        missing = [name for name in self.features if name not in table.columns]
        if missing:
            raise SchemaError(
                f"user table: no column {', '.join(missing)}; found {', '.join(table.columns)}; "
                "expected all features of the segmentation"
            )


def fit_preprocessing(
    table: pl.DataFrame, plans: Sequence[ColumnPlan], *, weights: FloatVector | None = None
) -> Preprocessing:
    """Fit the steps of each feature on a user table, in raw units; null means unknown.

    `weights`, shape (n_users,), say how many users each row stands for, above 0; 1 for each when
    absent. A weight of 2 is the row twice, bit for bit.

    Raises SchemaError if the table lacks a feature, or holds text where a numeric or ordinal one
    needs numbers; SelectionError if no feature is left: all are constant or unknown.

    >>> from segmentry.features import LOG_FEATURES
    >>> from segmentry.segments.preprocessing import plan_column
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
        fit = _fit_levels if plan.is_categorical else _fit_numbers
        found = fit(plan, table[plan.feature.name], weights)
        if isinstance(found, FittedColumn):
            fitted.append(found)
        else:
            dropped.append((plan.feature.name, found))
    if not fitted:
        text = "; ".join(f"{name}: {reason}" for name, reason in dropped)
        raise SelectionError(
            f"no feature is left to form segments ({text}); expected at least one that differs "
            "between users; choose others with --features"
        )
    return Preprocessing(fitted=tuple(fitted), dropped=tuple(dropped))


def _unscaled(plan: ColumnPlan, *, marks_missing: bool) -> FittedColumn:
    """Return steps that change nothing yet."""
    return FittedColumn(
        feature=plan.feature.name,
        weight=plan.weight,
        fill=plan.fill,
        fill_value=None,
        fill_level=None,
        transform="none",
        clip_low=None,
        clip_high=None,
        scale_by="none",
        center=0.0,
        scale=1.0,
        marks_missing=plan.fill == "own level" and marks_missing,
        levels=None,
        knots=(),
        note="",
    )


def _constant(value: str) -> str:
    return f"constant ({value} for all users whose value is known)"


def _fit_levels(
    plan: ColumnPlan, raw: pl.Series, weights: FloatVector | None
) -> FittedColumn | str:
    """Fit a categorical feature, or say why it cannot distinguish users."""
    texts = level_texts(raw)
    column = _unscaled(plan, marks_missing=bool(texts.null_count()))
    known = texts.drop_nulls()
    names = known.unique().to_list()
    if not names:
        return "unknown for all users"
    if len(names) == 1 and not column.marks_missing:
        return _constant(names[0])
    if len(names) > _MAX_LEVELS:
        return f"{len(names)} levels, more than {_MAX_LEVELS}: group them"
    levels = ordered_levels(names) or sorted(names)
    if plan.fill in ("mode", "median"):
        codes = known.replace_strict(levels, range(len(levels)), return_dtype=pl.Float64)
        is_there = texts.is_not_null().to_numpy()
        counted = weigh_values(codes.to_numpy(), None if weights is None else weights[is_there])
        column = replace(column, fill_level=levels[int(counted.mode())])
    return replace(column, levels=tuple(levels))


def _fit_numbers(
    plan: ColumnPlan, raw: pl.Series, weights: FloatVector | None
) -> FittedColumn | str:
    """Fit a numeric or ordinal feature, or say why it cannot distinguish users."""
    values = numeric_values(raw)
    is_there = ~np.isnan(values)
    if not is_there.any():
        return "unknown for all users"
    known = weigh_values(values[is_there], None if weights is None else weights[is_there])
    fill_value = _fill_value(plan.fill, known)
    column = _unscaled(plan, marks_missing=not is_there.all())
    filled = known
    if fill_value is not None and not is_there.all():
        n_missing = float((~is_there).sum() if weights is None else weights[~is_there].sum())
        filled = _with_value(known, fill_value, n_missing)
    if filled.is_constant and not column.marks_missing:
        return _constant(f"{values[is_there][0]:g}")
    note = _transform_note(plan, known)
    column = replace(
        column, fill_value=fill_value, transform=plan.transform, scale_by=plan.scale, note=note
    )
    transformed = replace(filled, values=transform_values(plan.transform, filled.values))
    column = _fit_clip(column, plan, transformed)
    clipped = replace(transformed, values=clip_values(column, transformed.values))
    return _fit_scale(column, plan, clipped)


def _transform_note(plan: ColumnPlan, known: WeightedValues) -> str:
    """Say what a transform does to values that it is not made for."""
    if plan.transform == "none":
        return ""
    is_log = plan.transform == "log1p"
    is_outside = (known.values < 0) | (known.values > (np.inf if is_log else 1))
    if not is_outside.any():
        return ""
    text = "below 0 count as 0" if is_log else "outside 0 to 1 are pulled in"
    return f"values {text} ({known.weights[is_outside].sum():,.0f} users)"


def _with_value(known: WeightedValues, value: float, n_users: float) -> WeightedValues:
    """Add users that have a value."""
    return weigh_values(np.append(known.values, value), np.append(known.weights, n_users))


def _fill_value(fill: Fill, known: WeightedValues) -> float | None:
    if fill == "none":
        return None
    if fill == "zero":
        return 0.0
    return known.mode() if fill == "mode" else known.median()


def _fit_clip(column: FittedColumn, plan: ColumnPlan, transformed: WeightedValues) -> FittedColumn:
    if plan.clip is None:
        return column
    low, high = (float(bound) for bound in transformed.quantiles(np.array(plan.clip)))
    if low == high and transformed.values.min() < transformed.values.max():
        note = f"clipping at {plan.clip[0]:g}/{plan.clip[1]:g} would make it constant: not clipped"
        return _noted(column, note)
    return replace(column, clip_low=low, clip_high=high)


def _fit_scale(column: FittedColumn, plan: ColumnPlan, clipped: WeightedValues) -> FittedColumn:
    if plan.scale == "none":
        return column
    if plan.scale == "quantile":
        knots = clipped.quantiles(np.linspace(0, 1, _N_KNOTS))
        return replace(column, knots=tuple(float(knot) for knot in knots))
    if plan.scale == "standard":
        return replace(column, center=clipped.mean(), scale=_divisor(clipped.deviation()))
    quartiles = clipped.quantiles(np.array([0.25, 0.5, 0.75]))
    lower, center, upper = (float(bound) for bound in quartiles)
    least = max(_ROUNDING * float(clipped.values.max() - clipped.values.min()), _MIN_DIVISOR)
    if upper - lower > least:
        return _with_range(column, center, upper - lower)
    if clipped.is_constant:
        note = "only whether it is known differs: not scaled"
        return _noted(replace(column, center=center), note)
    if plan.if_no_spread == "one":
        scale, text = 1.0, "1"
    else:
        scale = _divisor(clipped.deviation() * _NORMAL_IQR)
        text = f"1.349 standard deviations ({scale:.3g})"
    note = f"inter-quartile range 0: scaled by {text}"
    return _noted(replace(column, center=center, scale=scale), note)


def _divisor(spread: float) -> float:
    """Return a spread, or 1 where it is too small to divide by."""
    return spread if spread > _MIN_DIVISOR else 1.0


def _noted(column: FittedColumn, note: str) -> FittedColumn:
    """Say one thing more of a column."""
    return replace(column, note=f"{column.note}; {note}" if column.note else note)


def _with_range(column: FittedColumn, center: float, spread: float) -> FittedColumn:
    """Divide by the inter-quartile range, log-odds by no less than what is worth distinguishing."""
    if column.transform != "logit" or spread >= _MIN_LOGIT_RANGE:
        return replace(column, center=center, scale=spread)
    note = (
        f"hardly differs between users (inter-quartile range {spread:.2g} in log-odds): "
        f"scaled by {_MIN_LOGIT_RANGE}"
    )
    return _noted(replace(column, center=center, scale=_MIN_LOGIT_RANGE), note)


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature as it was used in this run.

    `weight` is null for a feature that describes segments but did not form them; the fields
    about preprocessing are null with it. `note` says what was decided about it and why ("constant:
    dropped", "inter-quartile range 0: scaled by ...", "excluded by the user"), or is empty.
    """

    name: str
    label: str
    family: str
    unit: str
    kind: str
    description: str
    weight: float | None
    fill: str | None
    transform: str | None
    clip_low: float | None
    clip_high: float | None
    scale: float | None
    note: str


def feature_rows(
    catalogue: Iterable[Feature], preprocessing: Preprocessing, *, excluded: Collection[str]
) -> Iterator[FeatureRow]:
    """Yield every feature with how it entered `X`, or why it did not."""
    fitted = {column.feature: column for column in preprocessing.fitted}
    dropped = dict(preprocessing.dropped)
    for feature in catalogue:
        column = fitted.get(feature.name)
        note = dropped.get(feature.name, "" if column is None else column.note)
        if feature.name in excluded:
            note = "excluded by the user: describes segments only"
        yield FeatureRow(
            name=feature.name,
            label=feature.label,
            family=feature.family,
            unit=feature.unit,
            kind=feature.kind,
            description=feature.description,
            weight=None if column is None else column.weight,
            fill=None if column is None else column.fill,
            transform=None if column is None else column.transform,
            clip_low=None if column is None else column.raw_clip_low,
            clip_high=None if column is None else column.raw_clip_high,
            scale=None if column is None else column.scale,
            note=note,
        )
