"""Measure every algorithm by the same yardsticks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.errors import SegmentryError, SelectionError
from segmentry.evaluation.algorithms._methods import Method
from segmentry.evaluation.algorithms._process import Timed, fit_alone, fit_here
from segmentry.evaluation.algorithms._rows import Partition, Rows
from segmentry.evaluation.number import inner_gain
from segmentry.evaluation.stability import adjusted_rand, contingency, stability
from segmentry.features.user_days import UserCounts
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate
from segmentry.schema.arrays import IntVector
from segmentry.segments.clustering import reweighted, sampled_silhouette


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """One algorithm by every yardstick."""

    name: str
    label: str
    is_chosen: bool = False
    """Whether the run's segments came from it, which was settled before."""
    n_segments: int = 0
    number_rule: str = ""
    """How the number came about."""
    sizes: tuple[int, ...] = ()
    """Users of the segments, falling."""
    n_unassigned: int = 0
    """Users that it should place and put nowhere."""
    silhouette: Estimate = UNKNOWN
    """Euclidean, of sampled assigned users against all assigned users, 95 % interval."""
    inner_gain: Estimate = UNKNOWN
    """Nats per impression over one CTR for all on later days inside the feature window, for a
    division formed before them; 90 % interval."""
    outcome_gain: Estimate = UNKNOWN
    """The same in the outcome window by the published forecast: of the chosen one only."""
    stability: float | None = None
    """Mean adjusted Rand index of fits to resampled users with this one; failures count 0."""
    n_runs: int = 0
    n_failed: int = 0
    """`n_runs`, `n_failed`: of those fits."""
    agreement: float | None = None
    """Adjusted Rand index with the run's segments, over users that both should place."""
    seconds: float = 0.0
    """Of one fit."""
    peak_memory_mb: float | None = None
    """Of a process that does nothing but load the libraries and fit; null where not measured."""
    how: str = ""
    """Which users were looked at and how the others were placed."""
    new_users: str
    problem: str
    """Why it found no segments, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmComparison:
    """Algorithms side by side."""

    chosen: str
    """The algorithm of the run."""
    n_users: int
    """Users that the run's recipe segments, on the days that were used."""
    n_segments: int
    """The run's number, for the methods that take one."""
    features: tuple[str, ...]
    """What forms segments; the classic recipe takes its own."""
    notes: tuple[str, ...]
    """What a careful reader must know; whole sentences."""
    results: tuple[MethodResult, ...]


@dataclass(frozen=True, slots=True, eq=False)
class UserLabels:
    """The run's own segments, and what only they are checked on."""

    name: str
    """The algorithm that was chosen."""
    segment_ids: IntVector
    """Shape (n_users,)."""
    outcome_gain: Estimate


def compare_methods(
    methods: Sequence[Method],
    rows_of: Callable[[Method], Rows],
    inner_rows_of: Callable[[Method], Rows] | None,
    *,
    chosen: UserLabels,
    n_segments: int,
    later: UserCounts | None = None,
    n_runs: int = 10,
    seed: int = 0,
    is_alone: bool = True,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[MethodResult, ...]:
    """Fit every method to the same users and measure what it found."""
    results = []
    for place, method in enumerate(methods):
        try:
            rows = rows_of(method)
        except SegmentryError as error:  # a recipe of its own that these data do not allow
            results.append(
                MethodResult(
                    name=method.name,
                    label=method.label,
                    new_users=method.new_users,
                    problem=str(error),
                )
            )
            continue
        fit = fit_alone if is_alone else fit_here
        timed = fit(method.name, rows, n_segments, seed)
        gain = UNKNOWN
        if inner_rows_of is not None and later is not None and timed.found is not None:
            gain = _gain(method, inner_rows_of(method), later, n_segments, seed)
        results.append(
            _measured(
                method,
                rows,
                timed,
                gain=gain,
                chosen=chosen,
                k=n_segments,
                n_runs=n_runs,
                seed=seed,
            )
        )
        if on_step is not None:
            on_step(place + 1, len(methods))
    return tuple(results)


def _gain(method: Method, rows: Rows, later: UserCounts, k: int, seed: int) -> Estimate:
    """Gain on later days of the division that the first days alone give."""
    try:
        found = method.fit(rows, rows.distinct.weights, k, seed)
    except SelectionError:
        return UNKNOWN
    if not (found.labels >= 0).any():
        return UNKNOWN
    return inner_gain(rows.segment_ids(found.labels), later=later, seed=seed).gain


def _measured(
    method: Method,
    rows: Rows,
    timed: Timed,
    *,
    gain: Estimate,
    chosen: UserLabels,
    k: int,
    n_runs: int,
    seed: int,
) -> MethodResult:
    found = timed.found
    labels = np.full(len(rows.distinct.rows), -1, dtype=np.int64)
    if found is not None:
        labels = _by_size(found.labels, rows)
    sizes = np.bincount(labels[labels >= 0], weights=rows.distinct.weights[labels >= 0])
    is_chosen = method.name == chosen.name
    stable = None
    if found is not None and sizes.size > 1 and n_runs:
        stable = stability(
            rows.distinct,
            labels,
            lambda weights, again: method.fit(rows, weights, k, again).labels,
            n_runs=n_runs,
            seed=seed,
        )
    return MethodResult(
        name=method.name,
        label=method.label,
        is_chosen=is_chosen,
        n_segments=sizes.size,
        number_rule="" if found is None else found.rule,
        sizes=tuple(int(size) for size in sizes),
        n_unassigned=int(rows.distinct.weights[labels < 0].sum()),
        silhouette=_silhouette(rows, labels, seed=seed),
        inner_gain=gain,
        outcome_gain=chosen.outcome_gain if is_chosen else UNKNOWN,
        stability=None if stable is None else stable.adjusted_rand,
        n_runs=0 if stable is None else stable.n_runs,
        n_failed=0 if stable is None else stable.n_failed,
        agreement=_agreement(rows, labels, chosen) if found is not None else None,
        seconds=timed.seconds,
        peak_memory_mb=timed.peak_memory_mb,
        how="" if found is None else found.how,
        new_users=method.new_users,
        problem=_problem(timed, found, sizes.size),
    )


def _problem(timed: Timed, found: Partition | None, n_segments: int) -> str:
    if found is None:
        return timed.problem
    if n_segments == 0:
        return "only noise: every user is unassigned"
    return "one cluster: no division" if n_segments == 1 else ""


def _by_size(labels: IntVector, rows: Rows) -> IntVector:
    """Number the clusters by falling number of users, without gaps."""
    is_in = labels >= 0
    sizes = np.bincount(labels[is_in], weights=rows.distinct.weights[is_in])
    rank = np.full(sizes.size, -1, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    rank[order] = np.arange(sizes.size)
    rank[sizes == 0] = -1
    numbered = np.full(labels.size, -1, dtype=np.int64)
    numbered[is_in] = rank[labels[is_in]]
    return numbered


def _silhouette(rows: Rows, labels: IntVector, *, seed: int) -> Estimate:
    """Silhouette of the assigned users among themselves."""
    is_in = labels >= 0
    if np.unique(labels[is_in]).size < 2:
        return UNKNOWN
    users = reweighted(rows.distinct, np.where(is_in, rows.distinct.weights, 0.0))
    (score,) = sampled_silhouette(users, [labels[is_in]], seed=seed)
    return Estimate(*score.mean)


def _agreement(rows: Rows, labels: IntVector, chosen: UserLabels) -> float | None:
    is_both = rows.is_member & (chosen.segment_ids != UNASSIGNED)
    if not is_both.any():
        return None
    ids = rows.segment_ids(labels)
    return adjusted_rand(contingency(chosen.segment_ids[is_both], ids[is_both]))
