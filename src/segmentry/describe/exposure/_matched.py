"""Conditional logit on matched sets: a click against impressions of the same user without one.

Which users and impressions the sets are drawn from, and the fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.exposure._positions import POSITION_BANDS, REPEAT_BANDS, Timeline, band_of
from segmentry.features.packing import run_firsts, run_starts
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import SECONDS_PER_DAY, Window
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector

_CLICKS_PER_CURVE = 60_000
_N_CONTROLS = 5
_MAX_DAYS = 31
_HOURS = 4
_BITS_OF_A_USERS_CLICKS = 20
_MIN_CASES = 20
_MAX_STEPS = 40
_TOLERANCE = 1e-14
_ROUNDING = 1e-13
_MAX_CONDITION = 1e10


@dataclass(frozen=True, slots=True, eq=False)
class MatchedSets:
    """Clicks, each with some impressions of the same user that were not clicked."""

    user: IntVector
    """Shape (n_sets,): rising."""
    codes: npt.NDArray[np.int16]
    """Shape (n_sets, n_members, n_factors): level of each factor; member 0 is the click."""
    is_member: BoolVector
    """Shape (n_sets, n_members): false where a set has fewer members."""


def user_shares(n_clicks: IntVector) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the share of users to take for everybody's curve and for each segment's.

    `n_clicks` has shape (n_segments,).

    >>> everybody, segments = user_shares(np.array([240_000, 30_000]))
    >>> round(everybody, 3), segments.tolist()
    (0.222, [0.25, 1.0])
    """
    total = max(1, int(n_clicks.sum()))
    shares = np.minimum(1.0, _CLICKS_PER_CURVE / np.maximum(1, n_clicks))
    return min(1.0, _CLICKS_PER_CURVE / total), shares


def n_levels_of(window: Window) -> tuple[int, ...]:
    """Return how many levels the position, the showing, the local day and the time of day have."""
    n_days = -(-(window.end - window.start) // (SECONDS_PER_DAY * _days_per_level(window))) + 1
    return (len(POSITION_BANDS), len(REPEAT_BANDS) + 1, int(n_days), 24 // _HOURS)


def _days_per_level(window: Window) -> int:
    """Return 1 for up to a month, else so many that there is a month of levels."""
    return max(1, int(-(-window.n_days // _MAX_DAYS)))


def draw_sets(
    line: Timeline,
    users: IntVector,
    is_sampled: npt.NDArray[np.bool_],
    *,
    window: Window,
    seed: int,
) -> tuple[MatchedSets, IntVector]:
    """Match each click of the sampled users with impressions of the same user without a click.

    Up to 5 of them; those drawn twice count once, which leaves each as likely as any other.
    `users`, shape (n_part_users,), holds places in the user table, by which the sets name their
    user. The second array, shape (n_sets,), numbers the clicks of each user: it orders the sets.
    """
    is_taken = is_sampled[line.user]
    case = np.flatnonzero(is_taken & (line.is_click == 1))
    other = np.flatnonzero(is_taken & (line.is_click == 0))
    n_others = np.bincount(line.user[other], minlength=users.size)
    case = case[n_others[line.user[case]] > 0]
    of_case = line.user[case]
    first_other = np.cumsum(n_others) - n_others
    click = np.arange(of_case.size) - run_firsts(of_case)
    # Places may be of four bytes, which 2,048 users would overflow.
    keys = (users[of_case].astype(np.int64) << _BITS_OF_A_USERS_CLICKS) + click
    room = n_others[of_case]
    picks = np.empty((case.size, _N_CONTROLS), dtype=np.int64)
    for member in range(_N_CONTROLS):
        drawn = hash_shares(pl.Series(keys), salt=f"segmentry control {member} of seed {seed}")
        picks[:, member] = np.where(room > _N_CONTROLS, (drawn * room).astype(np.int64), member)
    is_new = picks < room[:, None]
    for member in range(1, _N_CONTROLS):
        is_new[:, member] &= (picks[:, :member] != picks[:, member : member + 1]).all(axis=1)
    picks = np.minimum(picks, room[:, None] - 1) + first_other[of_case][:, None]
    rows = np.concatenate([case[:, None], other[picks] if other.size else picks], axis=1)
    is_member = np.concatenate([np.ones((case.size, 1), dtype=np.bool_), is_new], axis=1)
    codes = np.stack([factor[rows] for factor in _factors(line, window)], axis=2)
    return MatchedSets(users[of_case], codes.astype(np.int16), is_member), click


def _factors(line: Timeline, window: Window) -> tuple[IntVector, ...]:
    return (
        band_of(line.position, POSITION_BANDS),
        band_of(line.showing, REPEAT_BANDS) % (len(REPEAT_BANDS) + 1),
        line.second // SECONDS_PER_DAY // _days_per_level(window),
        line.second % SECONDS_PER_DAY // (3600 * _HOURS),
    )


def join_sets(drawn: list[tuple[MatchedSets, IntVector]]) -> MatchedSets:
    """Put the sets of all parts together, in the order of users and their clicks."""
    user = np.concatenate([sets.user for sets, _ in drawn])
    order = np.lexsort((np.concatenate([click for _, click in drawn]), user))
    return MatchedSets(
        user[order],
        np.concatenate([sets.codes for sets, _ in drawn])[order],
        np.concatenate([sets.is_member for sets, _ in drawn])[order],
    )


@dataclass(frozen=True, slots=True, eq=False)
class MatchedFit:
    """Log odds ratios of the levels of the first factor against its level 0."""

    log_odds: FloatVector
    """Shape (n_levels,): 0 for level 0; NaN where a level has too few clicks or others."""
    covariance: FloatVector
    """Shape (n_levels, n_levels): with the user as the unit."""
    n_sets: int
    n_users: int
    """`n_sets`, `n_users`: sets and users that inform it."""


def fit_matched(sets: MatchedSets, *, n_levels: Sequence[int]) -> MatchedFit | None:
    """Fit a conditional logit with matched sets as strata and users as clusters.

    The first factor of `n_levels` is the one of interest, the others are adjusted for. Nothing is
    returned where its level 0 has too few clicks or there is no other level.

    Given that one impression of a set was clicked, the chance that it was this one does not depend
    on the user's own level (Chamberlain 1980, Review of Economic Studies 47, 225-238); members are
    sampled as in a nested case-control study (Prentice and Breslow 1978, Biometrika 65, 153-158),
    and sets of one user count as one in the sandwich variance (Liang 1987, Biometrics 43,
    289-299). Levels with fewer than 20 clicks or 20 others are left out of the sets, which leaves
    the likelihood of the rest as it is.

    40 users with a click at level 0 and one impression at level 1, and 20 the other way round.

    >>> codes = np.array([[[0], [1]]] * 40 + [[[1], [0]]] * 20, dtype=np.int16)
    >>> sets = MatchedSets(np.arange(60), codes, np.ones((60, 2), dtype=bool))
    >>> fit = fit_matched(sets, n_levels=(2,))
    >>> round(float(np.exp(fit.log_odds[1])), 6), fit.n_users
    (0.5, 60)
    """
    sets = _without_rare(sets, n_levels)
    columns = _columns(sets, n_levels)
    n_columns = int(columns[0].max()) + 1 if sets.user.size else 0
    if n_columns == 0 or not np.any(sets.codes[:, 0, 0] == 0):
        return None
    n_columns = max(int(each.max()) for each in columns) + 1
    design = _design(sets, columns, n_columns)
    top = _maximise(design, n_columns)
    if top is None:
        return None
    return _fit_of(*top, design, sets, first=columns[0])


def _without_rare(sets: MatchedSets, n_levels: Sequence[int]) -> MatchedSets:
    """Leave out members of rare levels, then sets without a click or without others."""
    while sets.user.size:
        is_member = sets.is_member.copy()
        for factor, n in enumerate(n_levels):
            codes = sets.codes[:, :, factor]
            cases = np.bincount(codes[:, 0], minlength=n)
            others = np.bincount(codes[:, 1:][sets.is_member[:, 1:]], minlength=n)
            is_rare = (cases < _MIN_CASES) | (others < _MIN_CASES)
            is_member &= ~is_rare[codes]
        is_sound = is_member[:, 0] & is_member[:, 1:].any(axis=1)
        if is_sound.all() and np.array_equal(is_member, sets.is_member):
            break
        sets = MatchedSets(sets.user[is_sound], sets.codes[is_sound], is_member[is_sound])
    return sets


def _columns(sets: MatchedSets, n_levels: Sequence[int]) -> list[npt.NDArray[np.int64]]:
    """Number the levels that are there, for each factor; -1 for the first of them and the rest."""
    found, n_columns = [], 0
    for factor, n in enumerate(n_levels):
        is_there = np.bincount(sets.codes[:, :, factor][sets.is_member], minlength=n) > 0
        places = np.flatnonzero(is_there)[1:]
        table = np.full(n, -1, dtype=np.int64)
        table[places] = n_columns + np.arange(places.size)
        n_columns += places.size
        found.append(table)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """What every coefficient vector is held against: worked out once, not at each step."""

    # Members have few different combinations of levels: effects and products are worked out for
    # each combination, not for each member.
    kinds: IntVector  # (n_sets, n_members): combination of each member
    columns: IntVector  # (n_factors, n_kinds): column of each combination; n_columns for none
    is_member: BoolVector  # (n_sets, n_members)
    cases: IntVector  # (n_columns + 1,): clicks by column; the last takes those of no column
    cells: IntVector  # place of each member in a table of sets and columns, factor by factor
    # Place of each combination in a table of columns and columns, for each two factors: those of
    # two factors meet in cells of their own, and the table is symmetric.
    pairs: list[IntVector]


def _design(sets: MatchedSets, tables: Sequence[IntVector], n: int) -> _Design:
    shape = tuple(table.size for table in tables)
    kinds = np.ravel_multi_index(tuple(np.moveaxis(sets.codes, 2, 0)), shape)
    levels = np.indices(shape).reshape(len(shape), -1)
    columns = np.stack(
        [np.where(table < 0, n, table)[own] for table, own in zip(tables, levels, strict=True)]
    )
    row = np.arange(len(kinds))[:, None] * (n + 1)
    return _Design(
        kinds=kinds,
        columns=columns,
        is_member=sets.is_member,
        cases=np.bincount(columns[:, kinds[:, 0]].ravel(), minlength=n + 1),
        cells=(row + columns[:, kinds]).ravel(),
        pairs=[
            columns[one] * (n + 1) + columns[two]
            for one in range(len(columns))
            for two in range(one, len(columns))
        ],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Of one coefficient vector: log-likelihood, gradient, information, expectation by set."""

    value: float
    gradient: FloatVector
    information: FloatVector
    expected: FloatVector


def _moments(beta: FloatVector, design: _Design) -> _Moments:
    n_factors, n_kinds = design.columns.shape
    n_sets, n = len(design.kinds), beta.size
    effects = reduce(np.add, np.append(beta, 0.0)[design.columns])
    eta = np.where(design.is_member, effects[design.kinds], -np.inf)
    # Column by column: numpy is three times slower in rows of six.
    top = reduce(np.maximum, eta.T)[:, None]
    weights = np.exp(eta - top)
    total = reduce(np.add, weights.T)[:, None]
    p = (weights / total).ravel()
    value = float((eta[:, 0] - top[:, 0] - np.log(total[:, 0])).sum())
    expected = np.bincount(design.cells, weights=np.tile(p, n_factors), minlength=n_sets * (n + 1))
    of_kind = np.bincount(design.kinds.ravel(), weights=p, minlength=n_kinds)
    upper = np.zeros((n + 1) ** 2)
    for pair in design.pairs:
        upper += np.bincount(pair, weights=of_kind, minlength=upper.size)
    by_set = expected.astype(np.float64, copy=False).reshape(n_sets, n + 1)[:, :n]
    triangle = np.triu(upper.reshape(n + 1, n + 1)[:n, :n])
    square = triangle + np.triu(triangle, 1).T
    information = square - by_set.T @ by_set
    return _Moments(value, design.cases[:n] - by_set.sum(axis=0), information, by_set)


def _maximise(design: _Design, n_columns: int) -> tuple[FloatVector, _Moments] | None:
    """Climb by Newton's steps, halved where they go too far; none where the top is not unique."""
    beta = np.zeros(n_columns)
    found = _moments(beta, design)
    for _ in range(_MAX_STEPS):
        if np.linalg.cond(found.information) > _MAX_CONDITION:
            return None
        step = np.linalg.solve(found.information, found.gradient)
        if float(found.gradient @ step) < _TOLERANCE:
            break
        for halving in range(_MAX_STEPS):
            tried = beta + step / 2**halving
            further = _moments(tried, design)
            # At the top values differ by rounding alone, which no halving ends.
            if further.value >= found.value - _ROUNDING * abs(found.value):
                break
        beta, found = tried, further
    return beta, found


def _fit_of(
    beta: FloatVector,
    found: _Moments,
    design: _Design,
    sets: MatchedSets,
    *,
    first: IntVector,
) -> MatchedFit:
    """Put the levels of the first factor together with their sandwich variance."""
    scores = -found.expected
    for case in design.columns[:, design.kinds[:, 0]]:
        rows = np.flatnonzero(case < beta.size)
        scores[rows, case[rows]] += 1
    starts = run_starts(sets.user)
    by_user = np.add.reduceat(scores, starts, axis=0)
    n_users = starts.size
    bread = np.linalg.inv(found.information)
    covariance = bread @ (by_user.T @ by_user) @ bread * (n_users / max(1, n_users - 1))
    log_odds = np.where(first >= 0, beta[first], np.nan)
    log_odds[0] = 0.0
    own = np.zeros((first.size, first.size))
    places = np.flatnonzero(first >= 0)
    own[np.ix_(places, places)] = covariance[np.ix_(first[places], first[places])]
    return MatchedFit(log_odds, own, n_sets=sets.user.size, n_users=n_users)
