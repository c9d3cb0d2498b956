"""From a row of the user table to its segment: the saved steps of a model, one query each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from sqlglot import exp

from segmentry.activate.sql._cells import cell_steps, placed_by_cell, raw_name
from segmentry.activate.sql._trees import (
    LARGEST,
    Step,
    all_of,
    case,
    column,
    double,
    equal,
    is_null,
    is_plain,
    less,
    minus,
    more,
    named,
    number,
    quotient,
    select,
    smallest,
    text,
    times,
    total,
    whole,
    with_comment,
)
from segmentry.results.scoring import Bundle
from segmentry.segments.clustering import TIE
from segmentry.segments.forming import recipe_named
from segmentry.segments.preprocessing import FittedColumn

_LOGIT_FLOOR = 1e-6
_STEPS = "known scored celled filled transformed clipped scaled distances measured placed compared"
_RESULTS = "user_id is_member cell nearest second segment_id segment_key segment_name margin"
_OWN_NAMES = frozenset(f"{_STEPS} {_RESULTS}".split())


def why_not(bundle: Bundle) -> str:
    """Return why no query can place users as the model does, or nothing."""
    if bundle.latent is not None:
        return (
            "its latent classes take the logarithm of the gamma function, which databases lack or "
            "round each in its own way"
        )
    for each in bundle.preprocessing.fitted:
        if each.scale_by == "quantile":
            return (
                f"{each.feature} is scaled by {len(each.knots)} quantiles, and between them "
                "databases round each in its own way; run with another --scale"
            )
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What the first step reads."""

    table: exp.Expr | str
    """The user table, or the step that makes it."""
    read: Callable[[str], exp.Expr]
    """The column of a feature by its name."""
    types: Mapping[str, pl.DataType]
    """Of the columns of the user table."""


def steps_of(bundle: Bundle, inputs: Inputs) -> list[Step]:
    """Return the steps to the segment; the last has ``user_id, segment_id, nearest, second``."""
    columns = [
        _Column(each, _name(each.feature, place), inputs.types[each.feature])
        for place, each in enumerate(bundle.preprocessing.fitted, start=1)
    ]
    steps = [_known(bundle, columns, inputs)]
    kept = ["user_id", "is_member"]
    if bundle.cells is not None:
        steps += cell_steps(bundle.cells, kept=[*kept, *(each.name for each in columns)])
        kept.append("cell")
    for title, make in _VALUES.items():
        values = [value for each in columns for value in make(each)]
        if any(not isinstance(value, exp.Column) for value in values):
            steps.append((title, select(*map(column, kept), *values, of=steps[-1][0])))
    n_segments = len(bundle.centers)
    steps += [_scaled(columns, kept, of=steps[-1][0]), _distances(bundle, kept)]
    if bundle.cells is None:
        steps += [_nearest(n_segments), _placed(n_segments)]
    else:
        steps.append(placed_by_cell(n_segments))
    return [*steps, _second(n_segments)]


@dataclass(frozen=True, slots=True)
class _Column:
    """A feature on its way through the steps."""

    fitted: FittedColumn
    name: str
    """What it is called between the steps: in no need of quotes."""
    kind: pl.DataType

    @property
    def unknown(self) -> str:
        return f"{self.name}_unknown"

    def level(self, level: str) -> exp.Expr | None:
        """Return a level as a value of the column, or nothing where it can be none of it."""
        if self.kind == pl.Boolean:
            return {"true": exp.true(), "false": exp.false()}.get(level)
        if not self.kind.is_numeric():
            return text(level)
        try:
            return whole(int(level)) if self.kind.is_integer() else number(float(level))
        except ValueError:
            return None


def _name(feature: str, place: int) -> str:
    is_free = feature not in _OWN_NAMES and not feature[1:].isdigit()
    is_free &= not feature.endswith("_unknown")
    return feature if is_free and is_plain(feature) else f"feature_{place}"


def _known(bundle: Bundle, columns: list[_Column], inputs: Inputs) -> Step:
    """Read the columns: numbers as doubles, what is not finite as null, and who is segmented."""
    conditions: list[exp.Expr] = []
    population = recipe_named(bundle.recipe).population
    if population == "shown":
        shown = exp.Coalesce(this=inputs.read("n_impressions"), expressions=[whole(0)])
        conditions.append(more(shown, whole(0)))
    if population == "profiled":
        profiled = inputs.read("is_profiled")
        conditions.append(exp.Coalesce(this=profiled, expressions=[exp.false()]))
    conditions += [
        exp.Not(this=is_null(_read(each, inputs))) for each in columns if each.fitted.fill == "none"
    ]
    query = select(
        named(inputs.read("user_id"), "user_id"),
        named(all_of(conditions), "is_member"),
        *(named(_read(each, inputs), each.name) for each in columns),
        *_raw(bundle, columns, inputs),
        of=inputs.table,
    )
    return "known", with_comment(query, "Null is unknown, and so is what is not finite.")


def _raw(bundle: Bundle, columns: list[_Column], inputs: Inputs) -> list[exp.Expr]:
    """Return what cells are cut by: the values before anything is filled or scaled."""
    if bundle.cells is None:
        return []
    by_feature = {each.fitted.feature: each for each in columns}
    own = [by_feature[each.feature] for each in bundle.cells.columns]
    values = [_number(each, inputs.read(each.fitted.feature)) for each in own]
    return [named(value, raw_name(place)) for place, value in enumerate(values)]


def _read(each: _Column, inputs: Inputs) -> exp.Expr:
    value = _number(each, inputs.read(each.fitted.feature))
    if each.fitted.levels is not None or each.fitted.factor == 1:
        return value
    return times(value, number(each.fitted.factor))


def _number(each: _Column, value: exp.Expr) -> exp.Expr:
    """Return a level as is, and all else as a double; what is not finite as null."""
    if each.kind.is_float():
        is_finite = exp.LTE(this=exp.Abs(this=value), expression=number(LARGEST))
        return case([(is_finite, double(value.copy()))])
    if each.fitted.levels is not None:
        return value
    if each.kind == pl.Boolean:
        return double(case([(value, number(1)), (exp.Not(this=value.copy()), number(0))]))
    return double(value)


def _filled(each: _Column) -> list[exp.Expr]:
    fitted, value = each.fitted, column(each.name)
    fill: exp.Expr | None = None
    if fitted.levels is not None:
        fill = None if fitted.fill_level is None else each.level(fitted.fill_level)
    elif fitted.fill_value is not None:
        fill = number(fitted.fill_value)
    filled = value if fill is None else exp.Coalesce(this=value, expressions=[fill])
    values = [named(filled, each.name)]
    if fitted.marks_missing:
        unknown = double(case([(is_null(value.copy()), number(1))], number(0)))
        values.append(named(unknown, each.unknown))
    return values


def _kept(each: _Column) -> list[exp.Expr]:
    return [column(each.unknown)] if each.fitted.marks_missing else []


def _within(value: exp.Expr, low: float, high: float) -> exp.Expr:
    return case(
        [
            (less(value, number(low)), number(low)),
            (more(value.copy(), number(high)), number(high)),
        ],
        value.copy(),
    )


def _transformed(each: _Column) -> list[exp.Expr]:
    value: exp.Expr = column(each.name)
    if each.fitted.levels is None and each.fitted.transform == "log1p":
        above = case([(less(value, number(0)), number(0))], value.copy())
        value = exp.Ln(this=total([number(1), above]))
    elif each.fitted.levels is None and each.fitted.transform == "logit":
        inside = _within(value, _LOGIT_FLOOR, 1 - _LOGIT_FLOOR)
        value = exp.Ln(this=quotient(inside, minus(number(1), inside.copy())))
    return [named(value, each.name), *_kept(each)]


def _clipped(each: _Column) -> list[exp.Expr]:
    value: exp.Expr = column(each.name)
    low, high = each.fitted.clip_low, each.fitted.clip_high
    if each.fitted.levels is None and low is not None and high is not None:
        value = _within(value, low, high)
    return [named(value, each.name), *_kept(each)]


_VALUES = {"filled": _filled, "transformed": _transformed, "clipped": _clipped}


def _scaled(columns: list[_Column], kept: Sequence[str], *, of: str) -> Step:
    """Return the columns of `X`, in their order."""
    values = [value for each in columns for value in _matrix_of(each)]
    found = (named(value, f"x{i}") for i, value in enumerate(values, start=1))
    query = select(*map(column, kept), *found, of=of)
    return "scaled", query


def _matrix_of(each: _Column) -> list[exp.Expr]:
    fitted, value = each.fitted, column(each.name)
    if fitted.levels is None:
        middled = value if fitted.center == 0 else minus(value, number(fitted.center))
        found = [middled if fitted.scale == 1 else quotient(middled, number(fitted.scale))]
    else:
        found = [_has_level(each, level) for level in fitted.levels]
    if fitted.marks_missing:
        found.append(column(each.unknown))
    return found if fitted.weight == 1 else [times(one, number(fitted.weight)) for one in found]


def _has_level(each: _Column, level: str) -> exp.Expr:
    known = each.level(level)
    if known is None:
        # No value of the column is this level, but an unknown one may stand for it.
        is_filled = level == each.fitted.fill_level
        unknown = [(is_null(column(each.name)), number(1))] if is_filled else []
        return double(case(unknown, number(0)) if unknown else number(0))
    return double(case([(equal(column(each.name), known), number(1))], number(0)))


def _distances(bundle: Bundle, kept: Sequence[str]) -> Step:
    """Squared distances, added up from differences in the order of the columns."""
    found = []
    for segment_id, center in enumerate(bundle.centers, start=1):
        away = [minus(column(f"x{i}"), number(each)) for i, each in enumerate(center, start=1)]
        squares = [times(each, each.copy()) for each in away]
        found.append(named(total(squares), f"d{segment_id}"))
    query = select(*map(column, kept), *found, of="scaled")
    return "distances", with_comment(query, "Squared distance to the centre of each segment.")


def _nearest(n_segments: int) -> Step:
    nearest = smallest([column(f"d{each}") for each in range(1, n_segments + 1)])
    return "measured", select(exp.Star(), named(nearest, "nearest"), of="distances")


def _placed(n_segments: int) -> Step:
    limit = times(column("nearest"), number(1 + TIE))
    is_nearest = [
        (exp.LTE(this=column(f"d{each}"), expression=limit.copy()), whole(each))
        for each in range(1, n_segments + 1)
    ]
    placed = case([(exp.Not(this=column("is_member")), whole(0)), *is_nearest])
    query = select(exp.Star(), named(placed, "segment_id"), of="measured")
    return "placed", with_comment(query, "Of several as near, but for rounding, the first.")


def _second(n_segments: int) -> Step:
    others = [
        case(
            [(equal(column("segment_id"), whole(each)), number(LARGEST))],
            column(f"d{each}"),
        )
        for each in range(1, n_segments + 1)
    ]
    values = [column("user_id"), column("segment_id"), column("nearest")]
    return "compared", select(*values, named(smallest(others), "second"), of="placed")
