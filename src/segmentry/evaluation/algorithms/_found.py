"""What an algorithm found, and the sample that some of them need."""

from dataclasses import dataclass

import numpy as np

from segmentry.evaluation.algorithms._rows import Rows
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A division of the rows.

    Parameters
    ----------
    labels : ndarray of int, shape (n_distinct,)
        From 0; -1 belongs to no segment.
    rule : str
        How the number of segments came about.
    how : str
        Which users were looked at, and how the others were placed.
    """

    labels: IntVector
    rule: str
    how: str


def drawn_users(
    rows: Rows, weights: FloatVector, *, n_users: int, seed: int
) -> tuple[FloatMatrix, int]:
    """Draw users without replacement, one row of `X` each, and count those there are.

    Memory is bounded by `n_users`, whatever the number of users.

    Examples
    --------
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
