"""What every algorithm is given and what it returns: distinct weighted rows, and a partition."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import ConfigError, SchemaError
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows, distinct_with
from segmentry.segments.forming import (
    Recipe,
    latent_matrix,
    latent_parts,
    membership,
    population_of,
)
from segmentry.segments.latent import Part
from segmentry.segments.preprocessing import ColumnPlan, fit_preprocessing


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Distinct users of a user table."""

    distinct: DistinctRows
    """Rows of `X`; `inverse` has one entry per member."""
    is_member: npt.NDArray[np.bool_]
    """Shape (n_users,). Users that the recipe segments."""
    matrix: npt.NDArray[np.int64]
    """Shape (n_distinct, n_columns). What latent classes take of each row; no column where they
    cannot be fitted."""
    parts: tuple[Part, ...]
    without_parts: str
    """Why latent classes cannot be fitted, or empty."""
    plans: tuple[ColumnPlan, ...] = ()
    """The features that form the columns."""
    is_unknown: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    """Shape (n_distinct, n_plans). Values that are not known, which `distinct` has filled."""

    def segment_ids(self, labels: IntVector) -> IntVector:
        """Return the ids of all users, shape (n_users,): label + 1, 0 where unassigned."""
        ids = np.full(self.is_member.size, UNASSIGNED, dtype=np.int64)
        ids[self.is_member] = labels[self.distinct.inverse] + 1
        return ids


def prepare_rows(table: pl.DataFrame, plans: Sequence[ColumnPlan], *, recipe: Recipe) -> Rows:
    """Preprocess the users that a recipe segments and find their distinct rows.

    >>> from segmentry.features import LOG_FEATURES
    >>> from segmentry.segments.forming import plan_features, recipe_named
    >>> recipe = recipe_named("default")
    >>> table = pl.DataFrame({"n_impressions": [0, 3, 3, 9], "n_clicks": [0, 0, 0, 2]})
    >>> plans = plan_features(recipe, LOG_FEATURES, features=["n_impressions"])
    >>> rows = prepare_rows(table, plans, recipe=recipe)
    >>> rows.distinct.weights, rows.segment_ids(np.array([0, 1]))
    (array([2., 1.]), array([0, 1, 1, 2]))
    """
    is_requested, _ = population_of(recipe, table)
    steps = fit_preprocessing(table.filter(is_requested), plans)
    is_member, _ = membership(recipe, steps, table)
    members = table.filter(is_member)
    X = steps.transform(members)
    forming = [plan for plan in plans if plan.feature.name in steps.features]
    without_parts, parts = "", tuple[Part, ...]()
    matrix = np.zeros((members.height, 0), dtype=np.int64)
    try:
        parts = latent_parts(forming, members)
        matrix = latent_matrix(parts, members)
    except (ConfigError, SchemaError) as error:
        without_parts = str(error)
    is_unknown = np.column_stack([members[p.feature.name].is_null().to_numpy() for p in forming])
    # `X` is clipped and filled: it would join users that latent classes or cells distinguish.
    distinct, extra = distinct_with(np.hstack([matrix, is_unknown]), X)
    n_columns = matrix.shape[1]
    return Rows(
        distinct=distinct,
        is_member=is_member,
        matrix=extra[:, :n_columns].astype(np.int64),
        parts=parts,
        without_parts=without_parts,
        plans=tuple(forming),
        is_unknown=extra[:, n_columns:] > 0,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A division of the rows."""

    labels: IntVector
    """Shape (n_distinct,). From 0; -1 belongs to no segment."""
    rule: str
    """How the number of segments came about."""
    how: str
    """Which users were looked at, and how the others were placed."""


def drawn_users(
    rows: Rows, weights: FloatVector, *, n_users: int, seed: int
) -> tuple[FloatMatrix, int]:
    """Draw users without replacement, one row of `X` each, and count those there are.

    Memory is bounded by `n_users`, whatever the number of users.

    >>> from segmentry.segments.clustering import distinct_rows
    >>> users = distinct_rows([[1.0], [1.0], [5.0]])
    >>> rows = Rows(users, np.ones(3, bool), np.zeros((2, 0), np.int64), (), "")
    >>> drawn_users(rows, users.weights, n_users=9, seed=0)
    (array([[1.],
           [1.],
           [5.]]), 3)
    """
    counts = np.rint(weights).astype(np.int64)
    n_all = int(counts.sum())
    if n_all > n_users:
        rng = np.random.default_rng(seed)
        counts = rng.multivariate_hypergeometric(counts, n_users, method="marginals")
    return np.repeat(rows.distinct.rows, counts, axis=0), n_all
