"""Stability: whether other users of the same kind would have given the same segments."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segmentry.errors import SelectionError
from segmentry.evaluation.stability._agreement import adjusted_rand, contingency, jaccards
from segmentry.runtime.progress import counted
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import FloatVector, IntVector
from segmentry.segments.clustering import DistinctRows

Refit = Callable[[FloatVector, int], IntVector | None]
"""From weights (n_distinct,), zeros included, and a seed to labels of all distinct rows.

Labels count from 0, -1 is unassigned; null, or a SelectionError, says that no fit was found.
"""

STABLE = 0.75
"""Mean Jaccard from which a segment counts as stable (Hennig 2007)."""


@dataclass(frozen=True, slots=True)
class SegmentStability:
    """How often one segment comes back."""

    segment_id: int
    jaccard: float
    """Mean over all runs; a run without the segment counts 0."""
    n_lost: int
    """Runs in which it was lost or nothing could be fitted."""
    is_stable: bool
    """Whether `jaccard` is at least 0.75."""


@dataclass(frozen=True, slots=True)
class Stability:
    """How the whole division comes back."""

    segments: tuple[SegmentStability, ...]
    adjusted_rand: float
    """Mean over all runs; a failed run counts 0."""
    n_runs: int
    n_failed: int

    @property
    def is_stable(self) -> bool:
        """Whether every segment is."""
        return all(each.is_stable for each in self.segments)


def stability(
    distinct: DistinctRows,
    labels: IntVector,
    fit: Refit,
    *,
    n_runs: int = 50,
    seed: int = 0,
    is_threaded: bool = False,
    on_run: Callable[[int, int], None] | None = None,
) -> Stability:
    """Repeat a procedure on resampled users and compare the segments.

    Users are resampled as weights of the distinct rows, which is exact and costs no more than a
    fit. Each run labels all users, and both divisions are compared on the users as they are.

    Parameters
    ----------
    distinct : DistinctRows
        All users; weights are numbers of users.
    labels : ndarray of int, shape (n_distinct,)
        The division to be judged: segment `i` has label `i - 1`, -1 is unassigned.
    fit : callable
        The procedure; takes weights and a seed.
    is_threaded : bool
        Call `fit` from several threads at once, each with one thread of arithmetic.
    on_run : callable, optional
        Called with (runs done, runs in all).

    Notes
    -----
    Cluster-wise bootstrap stability (Hennig 2007, Comput. Stat. Data Anal. 52, 258-271). Stricter
    than there: a cluster of a run stands for one segment only, the one that it resembles most; a
    segment that must share its best cluster is lost and counts 0, as do failed runs and runs that
    find one segment where there are more.

    Examples
    --------
    >>> from segmentry.segments.clustering import distinct_rows
    >>> users = distinct_rows([[0.0], [0.1], [9.0], [9.1]])
    >>> halves = stability(users, np.array([0, 0, 1, 1]), lambda weights, seed:
    ...                    (users.rows[:, 0] > 5).astype(int), n_runs=5)
    >>> halves.adjusted_rand, halves.segments[0]
    (1.0, SegmentStability(segment_id=1, jaccard=1.0, n_lost=0, is_stable=True))
    """
    n_segments = int(labels.max()) + 1
    n_users = round(float(distinct.weights.sum()))
    shares = distinct.weights / distinct.weights.sum()

    def repeat(run: int) -> _Run | None:
        rng = np.random.default_rng([seed, run])
        drawn = rng.multinomial(n_users, shares).astype(np.float64)
        again = _fitted(fit, drawn, int(rng.integers(2**31)))
        if again is None:
            return None
        table = contingency(labels + 1, again + 1, weights=distinct.weights)
        return _Run(_claimed(jaccards(table)[1:, 1:]), adjusted_rand(table))

    count = counted(on_run, n_runs)
    if is_threaded:
        runs = map_in_threads(repeat, range(n_runs), on_done=count)
    else:
        runs = []
        for run in range(n_runs):
            runs.append(repeat(run))
            count(run)
    found = np.array([np.zeros(n_segments) if run is None else run.jaccards for run in runs])
    agreement = np.array([0.0 if run is None else run.adjusted_rand for run in runs])
    means, lost = found.mean(axis=0), (found == 0).sum(axis=0)
    return Stability(
        segments=tuple(
            SegmentStability(i + 1, float(means[i]), int(lost[i]), bool(means[i] >= STABLE))
            for i in range(n_segments)
        ),
        adjusted_rand=float(agreement.mean()),
        n_runs=n_runs,
        n_failed=sum(run is None for run in runs),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """What one repetition found."""

    jaccards: FloatVector
    adjusted_rand: float


def _fitted(fit: Refit, weights: FloatVector, seed: int) -> IntVector | None:
    """Labels of one run; null where the procedure says that it cannot."""
    try:
        return fit(weights, seed)
    except SelectionError:
        return None


def _claimed(table: FloatVector) -> FloatVector:
    """Best Jaccard of each segment; 0 where another resembles the same cluster more."""
    n_segments, n_clusters = table.shape
    if n_clusters == 0 or (n_clusters == 1 and n_segments > 1):
        return np.zeros(n_segments)
    best = table.argmax(axis=1)
    value = table[np.arange(n_segments), best]
    owner = np.array([int(np.argmax(np.where(best == j, value, -1.0))) for j in range(n_clusters)])
    return np.where(owner[best] == np.arange(n_segments), value, 0.0)
