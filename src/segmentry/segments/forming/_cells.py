"""Segments by fixed cut points: recency against frequency and value, in named cells."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from segmentry.errors import SelectionError
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import (
    Clustering,
    DistinctRows,
    SilhouetteScore,
    clustering_of,
    distinct_with,
    fit_clusterings,
)
from segmentry.segments.forming._cell_model import BANDS, LEVELS, CellColumn, CellModel, groups_of
from segmentry.segments.forming._recipes import Recipe
from segmentry.segments.forming._segmentation import Segmentation, segmentation_of
from segmentry.segments.forming._selection import (
    Candidate,
    Selection,
    make_candidate,
    silhouettes_by_number,
)
from segmentry.segments.forming._users import PreparedUsers, prepare_users
from segmentry.segments.preprocessing import ColumnPlan, numeric_values

_N_SCORES = 5
_N_GROUPS = len(LEVELS) * len(BANDS)

_RULE = (
    "Fixed cells: each feature is cut at its quintiles, once, and scored 1 to 5. Recent is a "
    "recency score of 4 or 5, lapsed one of 1; regulars have a mean score of at least 3.5 in "
    "frequency and value. Nothing is optimised: the number of segments is that of the cells with "
    "users."
)


def fit_cells(
    values: FloatMatrix, features: Sequence[str], is_recency: Sequence[bool], weights: FloatVector
) -> CellModel:
    """Cut each column at its quintiles, and number the cells by falling size.

    A cut is the smallest value that at least 20, 40, 60 or 80 % of the users do not exceed. Users
    of one value are never parted: where many share one, cuts fall together and there are fewer
    classes. The score of a class is 1 + the number of fifths below the middle of its users, so that
    five even classes score 1 to 5 and one class of all users scores 3. Of a recency the lowest
    values score 5.

    `values` has shape (n_rows, n_columns), where NaN is unknown and takes no part; `weights`, shape
    (n_rows,), are users per row.

    References
    ----------
    Hughes, A. M. (1994). Strategic Database Marketing: quintiles of recency, frequency and money.
    Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. The American
    Statistician 50, 361-365: definition 1.
    Bross, I. D. J. (1958). How to use ridit analysis. Biometrics 14, 18-38: the middle of a class.

    Examples
    --------
    >>> users = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 1.0], [5.0, 2.0]])
    >>> model = fit_cells(users, ["days", "n_orders"], [True, False], np.ones(5))
    >>> [(column.cuts, column.scores) for column in model.columns]  # orders have heavy zeros
    [((1.0, 2.0, 3.0, 4.0), (5, 4, 3, 2, 1)), ((0.0, 1.0), (2, 4, 5))]
    >>> [model.names[place] for place in model.place(users)][2:]
    ['Slipping occasional users', 'Slipping regulars', 'Lapsed regulars']
    """
    columns = tuple(
        _cut(values[:, i], feature, is_recency=is_first, weights=weights)
        for i, (feature, is_first) in enumerate(zip(features, is_recency, strict=True))
    )
    return _numbered(columns, groups_of(columns, values), weights)


def _cut(
    values: FloatVector, feature: str, *, is_recency: bool, weights: FloatVector
) -> CellColumn:
    is_known = ~np.isnan(values)
    levels, inverse = np.unique(values[is_known], return_inverse=True)
    if not levels.size:
        return CellColumn(feature=feature, is_recency=is_recency, cuts=(), scores=(3,))
    reached = np.cumsum(np.bincount(inverse, weights=weights[is_known]))
    total = reached[-1]
    # In whole fifths, so that a share of exactly 20 % is not lost to rounding.
    ends = sorted(
        {int(np.searchsorted(reached * _N_SCORES, total * i)) for i in range(1, _N_SCORES)}
        - {levels.size - 1}
    )
    tops = np.array([*(reached[end] for end in ends), total])
    middles = (tops + np.array([0.0, *tops[:-1]])) / 2 / total
    if is_recency:
        middles = 1 - middles
    scores = np.clip(np.floor(middles * _N_SCORES + 1e-9) + 1, 1, _N_SCORES)
    return CellColumn(
        feature=feature,
        is_recency=is_recency,
        cuts=tuple(float(levels[end]) for end in ends),
        scores=tuple(int(score) for score in scores),
    )


def find_cells(
    table: pl.DataFrame,
    plans: Sequence[ColumnPlan],
    *,
    recipe: Recipe,
    forced: int | None = None,
    seed: int = 0,
    weights: FloatVector | None = None,
    is_exact: bool = False,
) -> Segmentation:
    """Cut the features, put every user into a cell, and number the cells by falling size.

    Parameters are those of `find_segments`.

    Raises SelectionError if a number of segments is requested, or there is no recency or nothing
    next to it.
    """
    if forced is not None:
        raise SelectionError(
            f"K = {forced}: the cells are fixed, so that their number cannot be requested; leave "
            "out --k, or use another --algorithm"
        )
    users = prepare_users(table, plans, recipe=recipe, weights=weights)
    forming = [plan for plan in plans if plan.feature.name in users.preprocessing.features]
    is_recency = recency_columns(forming)
    members = table.filter(users.is_member)
    names = [plan.feature.name for plan in forming]
    values = np.column_stack([numeric_values(members[name]) for name in names])
    n_users = np.ones(members.height) if weights is None else weights[users.is_member]
    model = fit_cells(values, names, is_recency, n_users)
    return _segmentation(table, users, model, recipe=recipe, seed=seed, is_exact=is_exact)


def recency_columns(plans: Sequence[ColumnPlan]) -> list[bool]:
    """Tell which columns are days since something: the others are frequency and value.

    Raises SelectionError if there is none, nothing else, or one that has no order.
    """
    names = ", ".join(plan.feature.name for plan in plans)
    unordered = [plan.feature.name for plan in plans if plan.is_categorical]
    if unordered:
        raise SelectionError(f"cells: {unordered[0]} has no order to cut; leave it out")
    found = [plan.feature.kind == "duration" for plan in plans]
    if all(found) or not any(found):
        raise SelectionError(
            f"cells: found {names}, expected days since something, such as recency_days, and a "
            "count or an amount next to it; use --recipe rfm"
        )
    return found


def _numbered(
    columns: tuple[CellColumn, ...], groups: IntVector, weights: FloatVector
) -> CellModel:
    """Number the groups that have users by falling size; the others go to the nearest."""
    sizes = np.bincount(groups, weights=weights, minlength=_N_GROUPS)
    order = [int(each) for each in np.argsort(-sizes, kind="stable") if sizes[each] > 0]
    nearest = [
        min((_distance(group, known), known) for known in order) for group in range(_N_GROUPS)
    ]
    return CellModel(
        columns=columns,
        segments=tuple(order.index(known) for _, known in nearest),
        names=tuple(_name(group) for group in order),
    )


def _distance(group: int, other: int) -> int:
    """Measure the distance of two groups: another band counts as two levels."""
    (level, band), (its, other_band) = divmod(group, len(BANDS)), divmod(other, len(BANDS))
    return abs(level - its) + 2 * abs(band - other_band)


def _name(group: int) -> str:
    level, band = divmod(group, len(BANDS))
    return f"{BANDS[band].capitalize()} {LEVELS[level]}"


def place_by_cell(
    model: CellModel, table: pl.DataFrame, *, X: FloatMatrix, centers: FloatMatrix
) -> tuple[IntVector, FloatVector]:
    """Return the place of the segment of each user, and how clearly it lies there in `X`."""
    labels = model.labels(table)
    return labels, _margins(X, centers, labels)


def _margins(X: FloatMatrix, centers: FloatMatrix, labels: IntVector) -> FloatVector:
    """Return 1 at the mean of the own cell, falling to 0 where another's is as near."""
    if len(centers) == 1:
        return np.ones(len(X))
    distances = np.column_stack([np.sqrt(np.square(X - each).sum(axis=1)) for each in centers])
    rows = np.arange(len(X))
    own = distances[rows, labels]
    distances[rows, labels] = np.inf
    other = distances.min(axis=1)
    has_distance = other > 0  # on the centre of another cell nothing is clear
    return np.where(
        has_distance, np.clip(1 - own / np.where(has_distance, other, 1.0), 0.0, 1.0), 0.0
    )


def _segmentation(
    table: pl.DataFrame,
    users: PreparedUsers,
    model: CellModel,
    *,
    recipe: Recipe,
    seed: int,
    is_exact: bool,
) -> Segmentation:
    distinct, labels = _rows(table, users, model)
    k = len(model.names)
    clustering = clustering_of(distinct, labels, n_clusters=k, algorithm="cells")
    (one,) = fit_clusterings(distinct, n_clusters=[1], seed=seed)
    measured = silhouettes_by_number(distinct, (clustering,), seed=seed, is_exact=is_exact)
    tried = [one, clustering] if k > 1 else [clustering]
    selection = Selection(
        rule=_RULE,
        reason=_reason(k),
        n_segments=k,
        is_forced=False,
        knee=None,
        runner_up=None,
        candidates=_candidates(distinct, tried, measured.scores.get(k)),
    )
    return segmentation_of(
        recipe,
        users,
        distinct,
        selection,
        algorithm="cells",
        centers=clustering.centers,
        labels=labels[distinct.inverse],
        margins=_margins(distinct.rows, clustering.centers, labels)[distinct.inverse],
        measured=measured,
        cells=model,
    )


def _rows(
    table: pl.DataFrame, users: PreparedUsers, model: CellModel
) -> tuple[DistinctRows, IntVector]:
    """Find the distinct users by cell and `X`, which is filled and clipped and would join some."""
    labels = model.labels(table.filter(users.is_member))
    inverse = users.distinct.inverse
    n_users = np.bincount(inverse, minlength=len(users.distinct.weights))
    each = (users.distinct.weights / n_users)[inverse]
    distinct, cells = distinct_with(labels[:, np.newaxis], users.distinct.rows[inverse], each)
    return distinct, cells[:, 0].astype(np.int64)


def _candidates(
    distinct: DistinctRows, tried: Sequence[Clustering], score: SilhouetteScore | None
) -> tuple[Candidate, ...]:
    """Score the cells, and one segment next to them."""
    k = len(tried[-1].centers)
    found = [make_candidate(distinct, each, score if each is tried[-1] else None) for each in tried]
    return (*found[:-1], replace(found[-1], is_selected=True, reason=_reason(k)))


def _reason(k: int) -> str:
    return f"{k} of {_N_GROUPS} fixed cells have users."
