"""The users that are segmented: who belongs, and their distinct rows of `X`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentry.errors import EmptyDataError, SchemaError, SelectionError
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows, distinct_rows
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.preprocessing import ColumnPlan, Preprocessing, fit_preprocessing

_MANY_USERS = 50_000
"""So many users are looked at to tell whether many are alike."""
_USERS = "users of a row"


def population_of(recipe: Recipe, table: pl.DataFrame) -> tuple[BoolVector, str]:
    """Tell which users a recipe segments, shape (n_users,), and why the others are left out."""
    if recipe.population == "all":
        return np.ones(table.height, dtype=bool), "no row"
    is_by_profile = recipe.population == "profiled"
    name = "is_profiled" if is_by_profile else "n_impressions"
    if name not in table.columns:
        raise SchemaError(
            f"user table: no column {name}; found {', '.join(table.columns)}; "
            f"recipe {recipe.name!r} needs it to know which users to segment"
        )
    column = table[name]
    if column.null_count():  # else a query of its own would take most of the time of one user
        column = column.fill_null(value=False) if is_by_profile else column.fill_null(0)
    if is_by_profile:
        return column.to_numpy(), "no profile"
    return (column > 0).to_numpy(), "no impression in the window"


def membership(
    recipe: Recipe, preprocessing: Preprocessing, table: pl.DataFrame
) -> tuple[BoolVector, tuple[tuple[str, int], ...]]:
    """Tell which users can be placed, shape (n_users,), and count the others by reason."""
    is_requested, reason = population_of(recipe, table)
    is_complete = preprocessing.complete(table)
    reasons = {reason: ~is_requested, "a feature is unknown": is_requested & ~is_complete}
    counts = tuple((text, int(is_out.sum())) for text, is_out in reasons.items() if is_out.any())
    return is_requested & is_complete, counts


@dataclass(frozen=True, slots=True, eq=False)
class PreparedUsers:
    """The users that a recipe segments, as rows of `X`."""

    preprocessing: Preprocessing
    is_member: BoolVector
    """Shape (n_users,)."""
    unassigned: tuple[tuple[str, int], ...]
    """Reason and number of the others."""
    distinct: DistinctRows
    """Of the members."""


def prepare_users(
    table: pl.DataFrame,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    weights: FloatVector | None = None,
    is_forced: bool = False,
) -> PreparedUsers:
    """Fit the preprocessing on the users that a recipe segments, and find their distinct rows."""
    if not is_forced and weights is not None and not _are_whole(weights):
        raise SelectionError(
            "weights: found fractions, expected whole numbers of users to choose K; "
            "ask for a number of segments"
        )
    is_requested, reason = population_of(recipe, table)
    if not is_requested.any():
        raise EmptyDataError(
            f"no user is left to segment: {table.height} users, all with {reason}; check the "
            "window and the files"
        )
    requested = table if is_requested.all() else table.filter(is_requested)
    alike = _alike(requested, plans, None if weights is None else weights[is_requested])
    preprocessing = fit_preprocessing(alike.rows, plans, weights=alike.weights)
    is_member, unassigned = membership(recipe, preprocessing, table)
    if not is_member.any():
        raise EmptyDataError("no user is left to segment: each has an unknown feature")
    return PreparedUsers(preprocessing, is_member, unassigned, _distinct_of(alike, preprocessing))


@dataclass(frozen=True, slots=True, eq=False)
class _Alike:
    """Users that are equal in all features that form segments, as one row."""

    rows: pl.DataFrame
    weights: FloatVector | None
    """Shape (n_rows,): how many users each stands for; 1 for each when absent."""
    place: IntVector | None
    """Shape (n_users,): the row of each user; users are the rows when absent."""


def _alike(table: pl.DataFrame, plans: Sequence[ColumnPlan], weights: FloatVector | None) -> _Alike:
    """Put users together before anything is worked out for each, where that makes much less of it.

    It is the same to the last bit: a weight of 2 is the row twice.
    """
    names = list(dict.fromkeys(plan.feature.name for plan in plans))
    is_known = {*names} <= {*table.columns} - {_USERS}
    is_tried = weights is None and table.height >= _MANY_USERS and is_known
    if not is_tried or table.select(names).head(_MANY_USERS).n_unique() > _MANY_USERS // 2:
        return _Alike(table, weights, None)
    users = pl.int_range(pl.len(), dtype=pl.Int64).alias(_USERS)
    found = table.select(*names, users).group_by(names).agg(_USERS)
    counts = found[_USERS].list.len().to_numpy()
    place = np.empty(table.height, dtype=np.int64)
    place[found[_USERS].explode().to_numpy()] = np.repeat(np.arange(found.height), counts)
    return _Alike(found.select(names), counts.astype(np.float64), place)


def _distinct_of(alike: _Alike, preprocessing: Preprocessing) -> DistinctRows:
    """Preprocess the rows that can be placed, and find the distinct ones."""
    is_in = preprocessing.complete(alike.rows)
    weights = None if alike.weights is None else alike.weights[is_in]
    rows = alike.rows if is_in.all() else alike.rows.filter(is_in)
    distinct = distinct_rows(preprocessing.transform(rows), weights=weights)
    if alike.place is None:
        return distinct
    places_in = (np.cumsum(is_in) - 1)[alike.place[is_in[alike.place]]]
    return replace(distinct, inverse=distinct.inverse[places_in])


def _are_whole(weights: FloatVector) -> bool:
    return bool(np.array_equal(weights, np.floor(weights)))


def numbers_to_try(
    distinct: DistinctRows, n_segments: Sequence[int], forced: int | None
) -> list[int]:
    """Return one segment, the requested numbers that the users allow, and the forced one."""
    n_distinct = len(distinct.rows)
    requested = sorted({*n_segments} if forced is None else {*n_segments, forced})
    if not requested:
        raise SelectionError("no number of segments to try; expected at least one, such as 2:10")
    if any(k < 1 for k in requested):
        raise SelectionError(f"K = {requested[0]}: expected at least one segment")
    least = min(requested) if forced is None else forced
    if least > n_distinct:
        raise SelectionError(
            f"K = {least}: found {n_distinct} distinct users among "
            f"{int(distinct.weights.sum())}, expected at least {least}; ask for fewer segments "
            "or use more features"
        )
    return sorted({1, *(k for k in requested if k <= n_distinct)})
