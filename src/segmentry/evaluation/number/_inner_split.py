"""The feature window with each third held out in turn: which number of segments predicts it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.errors import SelectionError
from segmentry.evaluation.later_days import (
    CLICKS_BEYOND_COUNTS,
    counted_features,
    recount,
    recount_events,
)
from segmentry.evaluation.number._inner_gain import UserGains, judge_by_later
from segmentry.features import fit_beta_prior, shrink
from segmentry.features.user_days import UserDays
from segmentry.schema import UNASSIGNED
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector
from segmentry.segments.clustering import (
    NEAR_BEST,
    DistinctRows,
    assign,
    distinct_rows,
    fit_clusterings,
)
from segmentry.segments.preprocessing import ColumnPlan, Preprocessing, fit_preprocessing

# Many small fits: with these the inertia of each is within 2 % of that of 60 starts.
_N_STARTS, _N_POLISHED = 4, 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InnerSplit:
    """Users of the feature window, by which the number of segments is chosen."""

    table: pl.DataFrame
    """Their features in the whole feature window."""
    counts: UserDays
    """Of the same users in the same order."""
    days: tuple[int, ...]
    """The feature window."""
    held_out: tuple[tuple[int, ...], ...]
    """Blocks of these days, each of which judges in turn the segments that the other days form.
    Without any nothing can be gained, and only groups can be looked for."""
    plans: tuple[ColumnPlan, ...]
    algorithm: str = "kmeans"
    needs_impressions: bool = True
    """Whether users without impressions belong to no segment."""

    @property
    def n_users(self) -> int:
        """Users in the sample."""
        return self.table.height

    @property
    def has_later(self) -> bool:
        """Whether there are other days to ask."""
        return bool(self.held_out)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the split cannot do, in whole sentences."""
        names = [plan.feature.name for plan in self.plans]
        seeing = [name for name in names if name in CLICKS_BEYOND_COUNTS]
        counted = (*counted_features(self.counts), *CLICKS_BEYOND_COUNTS)
        others = [name for name in names if name not in counted]
        parts = []
        if seeing:
            parts.append(
                f"{', '.join(seeing)} saw the clicks of the days on which the number of segments "
                "was chosen: the gain is flattered."
            )
        if others:
            parts.append(
                f"{', '.join(others)} were taken as they are in the whole feature window when the "
                "number of segments was chosen."
            )
        return tuple(parts)


def thirds(days: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Cut days into three blocks of neighbours, as equal as can be.

    Two days are two blocks; one day is none, as nothing is left to form segments.

    >>> thirds(range(6)), thirds(range(5)), thirds([7, 8]), thirds([7])
    (((0, 1), (2, 3), (4, 5)), ((0, 1), (2, 3), (4,)), ((7,), (8,)), ())
    """
    if len(days) < 2:
        return ()
    parts = np.array_split(np.array(days, dtype=np.int64), min(3, len(days)))
    return tuple(tuple(part.tolist()) for part in parts)


def last_blocks(days: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Cut the second half of the days into three blocks of neighbours, as equal as can be.

    Of events a block judges what the days before it form: who came later was not known then.

    >>> last_blocks(range(6)), last_blocks([7, 8]), last_blocks([7])
    (((3,), (4,), (5,)), ((8,),), ())
    """
    held = list(days)[(len(days) + 1) // 2 :]
    parts = np.array_split(np.array(held, dtype=np.int64), min(3, len(held)) or 1)
    return tuple(tuple(part.tolist()) for part in parts if part.size)


def inner_gains(split: InnerSplit, numbers: Sequence[int], *, seed: int) -> UserGains | None:
    """Hold out each block of days in turn, form segments on the others, and add up the gains.

    Prior, preprocessing and clusterings are fitted again in each. A number counts if it can be
    formed whichever block is held out. Null where no block tells anything.
    """
    found = []
    for block in split.held_out:
        gains = _gains_of(split, numbers, block, seed=seed)
        if gains is not None:
            found.append(gains)
    if not found:
        return None
    known = sorted(set.intersection(*(set(each.numbers) for each in found)))
    return UserGains(
        numbers=tuple(known),
        nats=sum(
            (each.nats[:, [each.numbers.index(k) for k in known]] for each in found),
            start=np.zeros((split.n_users, len(known))),
        ),
        n_trials=sum((each.n_trials for each in found), start=np.zeros(split.n_users)),
    )


def _gains_of(
    split: InnerSplit, numbers: Sequence[int], block: tuple[int, ...], *, seed: int
) -> UserGains | None:
    """Return what users gain on one block; null where nothing is formed or nothing is clicked."""
    later = split.counts.outcomes(block)
    others = tuple(day for day in split.days if day not in block)
    kind = split.counts.outcome.kind
    if kind != "clicks":
        others = tuple(day for day in split.days if day < block[0])
        later = later.of_known(split.counts.first_days() < block[0])
    judge = judge_by_later(later, seed=seed, kind=kind)
    if judge is None:
        return None
    table, is_in = _recounted(split, others)
    try:
        steps, is_in = _prepared(split, table, is_in, None)
    except SelectionError:
        return None
    if not is_in.any():
        return None
    distinct = distinct_rows(steps.transform(table.filter(is_in)))
    usable = [k for k in sorted(set(numbers)) if 1 < k <= len(distinct.rows)]
    nats = []
    for fitted in fit_clusterings(
        distinct,
        n_clusters=usable,
        algorithm=split.algorithm,
        seed=seed,
        n_starts=_N_STARTS,
        n_polished=_N_POLISHED,
        near=NEAR_BEST,
    ):
        ids = np.full(split.n_users, UNASSIGNED, dtype=np.int64)
        ids[is_in] = fitted.labels[distinct.inverse] + 1
        nats.append(judge(ids))
    return UserGains(
        numbers=tuple(usable),
        nats=np.array(nats).reshape(len(usable), split.n_users).T,
        n_trials=later.n_trials.astype(np.float64),
    )


@dataclass(frozen=True, slots=True, eq=False)
class DrawnUsers:
    """A bootstrap of the users of the feature window, preprocessed by steps of its own."""

    rows: DistinctRows
    """The drawn users."""
    X: npt.NDArray[np.float64]
    """Shape (n_members, n_columns). All users that can be placed, drawn or not."""
    is_member: BoolVector
    """Shape (n_users,). Who they are."""


def draw_users(split: InnerSplit, weights: FloatVector) -> DrawnUsers:
    """Preprocess a bootstrap of the users, on the whole feature window."""
    is_in = np.ones(split.n_users, dtype=bool)
    if split.needs_impressions:
        is_in &= (split.table["n_impressions"].fill_null(0) > 0).to_numpy()
    steps, is_member = _prepared(split, split.table, is_in, weights)
    X, copies = steps.transform(split.table.filter(is_member)), weights[is_member]
    if not (copies > 0).any():
        raise SelectionError("no user that was drawn can be placed")
    rows = distinct_rows(X[copies > 0], weights=copies[copies > 0])
    return DrawnUsers(rows=rows, X=X, is_member=is_member)


def form_again(drawn: DrawnUsers, k: int, *, algorithm: str, seed: int) -> IntVector:
    """Form k segments from the drawn users and place all users, shape (n_users,); -1 for none."""
    (fitted,) = fit_clusterings(
        drawn.rows,
        n_clusters=[k],
        algorithm=algorithm,
        seed=seed,
        n_starts=_N_STARTS,
        n_polished=_N_POLISHED,
        near=NEAR_BEST,
    )
    labels = np.full(drawn.is_member.size, -1, dtype=np.int64)
    labels[drawn.is_member] = assign(drawn.X, fitted.centers)[0]
    return labels


def rows_of_spread_clicks(
    split: InnerSplit, *, seed: int
) -> tuple[DistinctRows, DistinctRows] | None:
    """Preprocess all users with the clicks of each spread by half a click before the CTR is made.

    Few clicks are few whole numbers: users without one, with one and with two lie apart, whatever
    their true CTRs. The second rows are without the CTR. Null where it forms no segments, or no
    day was counted.
    """
    if not split.days or all(plan.feature.name != "ctr_shrunk" for plan in split.plans):
        return None
    table, is_in = _recounted(split, split.days)
    totals = split.counts.totals(split.days)
    prior = fit_beta_prior(totals.n_successes, totals.n_trials)
    moved = np.random.default_rng([seed, split.n_users]).uniform(-0.5, 0.5, split.n_users)
    clicks = np.maximum(totals.n_successes + moved, -prior.mean * prior.precision / 2)
    table = table.with_columns(ctr_shrunk=pl.Series(shrink(clicks, totals.n_trials, prior)))
    try:
        steps, is_in = _prepared(split, table, is_in, None)
    except SelectionError:
        return None
    X = steps.transform(table.filter(is_in))
    others = [name != "ctr_shrunk" for name in steps.columns]
    return distinct_rows(X), distinct_rows(X[:, others] if any(others) else 0 * X)


def _recounted(split: InnerSplit, days: tuple[int, ...]) -> tuple[pl.DataFrame, BoolVector]:
    """Return the features of some days, and who has some."""
    totals = split.counts.totals(days)
    prior = fit_beta_prior(totals.n_successes, totals.n_trials)
    names = [plan.feature.name for plan in split.plans]
    if split.counts.outcome.kind == "clicks":
        found = recount(split.counts, days, names, prior=prior)
    else:
        found = recount_events(split.counts, days, names, table=split.table, whole=split.days)
    is_in = np.ones(split.n_users, dtype=bool)
    if split.needs_impressions:
        is_in = totals.n_trials > 0
    return split.table.with_columns(**found), is_in


def _prepared(
    split: InnerSplit, table: pl.DataFrame, is_in: BoolVector, weights: FloatVector | None
) -> tuple[Preprocessing, BoolVector]:
    """Fit the steps on the drawn users, and tell who can be placed."""
    is_drawn = is_in if weights is None else is_in & (weights > 0)
    if not is_drawn.any():
        raise SelectionError("no user is left to form segments")
    steps = fit_preprocessing(
        table.filter(is_drawn), split.plans, weights=None if weights is None else weights[is_drawn]
    )
    return steps, is_in & steps.complete(table)
