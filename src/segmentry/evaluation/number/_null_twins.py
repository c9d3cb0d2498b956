"""Null twins: the same run on data from which what is looked for has been taken away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentry.evaluation.number._groups import sample_users, small_kmeans, usable_numbers
from segmentry.features.user_days import UserDays
from segmentry.runtime.progress import counted
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatMatrix
from segmentry.segments.clustering import DistinctRows, distinct_rows


@dataclass(frozen=True, slots=True)
class NullTwins:
    """A statistic of the data among those of its twins.

    Parameters
    ----------
    twins : tuple of float
        Of the twins that gave one.
    n_twins, n_failed : int
        A twin whose run failed counts as if it had reached the observed value.
    p_value : float or None
        (1 + twins that reach the observed value) / (1 + twins).
    """

    observed: float | None
    twins: tuple[float, ...]
    n_twins: int
    n_failed: int
    p_value: float | None


def null_twins(
    observed: float | None,
    statistic: Callable[[int], float | None],
    *,
    n_twins: int = 19,
    seed: int = 0,
    on_twin: Callable[[int, int], None] | None = None,
) -> NullTwins:
    """Run the whole procedure on twins and say how often chance does as well as the data.

    Notes
    -----
    Monte Carlo test, exact where data and twins are exchangeable (Barnard 1963; Phipson and Smyth
    2010, Stat. Appl. Genet. Mol. Biol. 9, 39): the observed value counts among the twins.
    """
    seeds = np.random.default_rng([seed, n_twins]).integers(2**31, size=n_twins)

    found = map_in_threads(statistic, seeds.tolist(), on_done=counted(on_twin, n_twins))
    return _compared(observed, found)


def _compared(observed: float | None, found: Sequence[float | None]) -> NullTwins:
    """Place the statistic of the data among those of its twins."""
    known = tuple(float(each) for each in found if each is not None)
    n_failed = len(found) - len(known)
    p_value = None
    if observed is not None:
        n_reach = n_failed + sum(each >= observed for each in known)
        p_value = (1 + n_reach) / (len(found) + 1)
    return NullTwins(
        observed=observed, twins=known, n_twins=len(found), n_failed=n_failed, p_value=p_value
    )


def permuted_columns(X: FloatMatrix, *, seed: int) -> FloatMatrix:
    """Return the matrix with each column permuted on its own: same margins, no dependence.

    Examples
    --------
    >>> twin = permuted_columns(np.arange(6.0).reshape(3, 2), seed=0)
    >>> np.sort(twin, axis=0).tolist()
    [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    """
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.permutation(column) for column in X.T])


def redrawn_clicks(counts: UserDays, *, rate: float, seed: int) -> UserDays:
    """Return the log with the clicks of each user and day drawn anew at one rate for all.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"user_id": [1], "day": [0], "n_impressions": [9], "n_clicks": [2]})
    >>> counts = UserDays.from_frame(frame, users=pl.Series([1]))
    >>> redrawn_clicks(counts, rate=1.0, seed=0).n_clicks.tolist()
    [9]
    """
    rng = np.random.default_rng(seed)
    return replace(counts, n_clicks=rng.binomial(counts.n_impressions, rate).astype(np.int64))


def column_twins(
    distinct: DistinctRows, *, k: int, n_twins: int = 59, n_users: int = 1000, seed: int = 0
) -> NullTwins:
    """Compare what k clusters explain with what they explain when columns are permuted.

    The statistic is ln(W_1 / W_k), W the within-cluster sum of squares. It shows dependence
    between columns, which groups need but which is not groups: it can speak against them only.
    Groups in one single column cannot be told from its distribution and are not seen.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(200)
    >>> column_twins(distinct_rows(np.column_stack([x, x])), k=2, n_twins=19).p_value
    0.05
    """
    import sklearn.cluster  # noqa: F401  # loaded before the threads, so that it can be limited

    sample = sample_users(distinct, n_users=n_users, seed=seed)
    users = np.repeat(sample.rows, sample.weights.astype(np.int64), axis=0)
    if k not in usable_numbers(sample, k) or k < 2:
        return _compared(None, ())
    seeds = np.random.default_rng([seed, k]).integers(2**31, size=n_twins)
    matrices = [users, *(permuted_columns(users, seed=int(each)) for each in seeds)]
    observed, *twins = map_in_threads(lambda X: _explained(X, k, seed=seed), matrices)
    return _compared(observed, twins)


def explained_by_groups(distinct: DistinctRows, k: int, *, seed: int = 0) -> float | None:
    """Return ln(W_1 / W_k) of a sample of the users; null where they allow no k groups.

    Examples
    --------
    >>> users = distinct_rows(np.array([[0.0], [1.0], [10.0], [11.0]]))
    >>> round(explained_by_groups(users, 2), 3)  # 101 against 1
    4.615
    """
    return _of_rows(sample_users(distinct, n_users=2000, seed=seed), k, seed=seed)


def _explained(X: FloatMatrix, k: int, *, seed: int) -> float | None:
    # Rows in one order for all: a permutation then changes nothing in a single column.
    return _of_rows(distinct_rows(X), k, seed=seed)


def _of_rows(rows: DistinctRows, k: int, *, seed: int) -> float | None:
    if len(rows.rows) <= k:
        return None
    total = float(
        rows.weights
        @ np.sum((rows.rows - rows.weights @ rows.rows / rows.weights.sum()) ** 2, axis=1)
    )
    within = small_kmeans(rows.rows, rows.weights, k=k, seed=seed).inertia
    return float(np.log(total / within))
