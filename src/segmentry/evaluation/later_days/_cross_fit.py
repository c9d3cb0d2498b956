"""Leave days out, label users by the others, pool what was left out by label."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from segmentry.features.user_days import UserDays
from segmentry.runtime.threads import map_in_threads
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector

Labels = npt.NDArray[np.int16]
Relabel = Callable[[Collection[int]], IntVector]
"""Segment ids (n_users,) by the features of some days and frozen centres; 0 for none."""

Rows: TypeAlias = IntVector | BoolVector | slice

_MAX_FOLDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Rows of the feature window, one per user and day, with labels that did not see them."""

    user_index: IntVector
    """Shape (n_rows,)."""
    day: IntVector
    """Shape (n_rows,). Place of the day in the feature window."""
    fold: IntVector
    """Shape (n_rows,). Day, or block of days in a long log, that was left out."""
    n: npt.NDArray[np.number]
    c: npt.NDArray[np.number]
    """`n`, `c`: Shape (n_rows,). Impressions and clicks."""
    single: Labels
    """Shape (n_rows,). Label by all other days."""
    pairs: tuple[Labels, ...]
    """Shape (n_rows,). Labels with the day before, and with the day after, left out as well; empty
    below three."""
    n_days: int
    n_users: int
    extrapolation: float
    """How far to go on from D - 2 and D - 1 days to D, where errors fall as 1 / days."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """The pooled rate of some labels, and the linearised error of it by user."""

    rate: float
    """Extrapolated to all days."""
    n_impressions: float
    """Left-out impressions that were pooled."""
    by_user: FloatVector
    """Shape (n_users,). Part of each user in the error of `rate`."""
    plain_by_user: FloatVector
    """Shape (n_users,). The same without the extrapolation."""
    rows: Rows
    """Rows of `CrossFit` with one of the labels."""
    plain: FloatVector
    """Part of each of these rows in the error without the extrapolation."""


def cross_fit(counts: UserDays, relabel: Relabel, *, days: Sequence[int]) -> CrossFit:
    """Label the users of each day by the other days, and by all but two neighbouring days.

    More than 12 days are left out in 12 blocks of neighbouring days; the last block's neighbour
    is the first.
    """
    folds = np.array_split(np.asarray(days), min(len(days), _MAX_FOLDS))
    n_folds = len(folds)
    has_pairs = n_folds >= 3
    left_out = [[fold] for fold in folds]
    if has_pairs:
        left_out += [[folds[f], folds[(f + 1) % n_folds]] for f in range(n_folds)]
    labels = map_in_threads(
        lambda blocks: relabel(_without(days, blocks)).astype(np.int16), left_out
    )
    by_others, both = labels[:n_folds], labels[n_folds:]
    parts = [
        (rows, place, f)
        for f, fold in enumerate(folds)
        for day in fold.tolist()
        for rows, place in [(each, list(days).index(day)) for each in counts.rows_of([day])]
    ]
    places = [rows for rows, _, _ in parts]
    users = [counts.user_index[rows] for rows in places]
    n_rows = [len(user) for user in users]
    pairs: tuple[Labels, ...] = ()
    if has_pairs:
        pairs = tuple(
            _joined([both[f - shift][user] for user, (_, _, f) in zip(users, parts, strict=True)])
            for shift in (0, 1)
        )
    return CrossFit(
        user_index=np.concatenate([counts.user_index[:0], *users]),
        day=np.repeat(np.array([place for _, place, _ in parts], np.int16), n_rows),
        fold=np.repeat(np.array([f for _, _, f in parts], np.int16), n_rows),
        n=np.concatenate(
            [counts.n_impressions[:0], *(counts.n_impressions[r] for r, _, _ in parts)]
        ),
        c=np.concatenate([counts.n_clicks[:0], *(counts.n_clicks[r] for r, _, _ in parts)]),
        single=_joined([by_others[f][u] for u, (_, _, f) in zip(users, parts, strict=True)]),
        pairs=pairs,
        n_days=len(days),
        n_users=counts.n_users,
        extrapolation=(n_folds - 2) / n_folds if has_pairs else 0.0,
    )


def _without(days: Sequence[int], folds: Sequence[npt.NDArray[np.int64]]) -> list[int]:
    left_out = {int(day) for fold in folds for day in fold}
    return [day for day in days if day not in left_out]


def _joined(parts: Sequence[Labels]) -> Labels:
    return np.concatenate([*parts, np.zeros(0, np.int16)])


def pool(fit: CrossFit, segment_id: int | None) -> Pooled | None:
    """Pool the left-out rows of a segment, of all segments with null; null without impressions."""
    rows: Rows = slice(None)
    if segment_id is not None:
        labels = (fit.single, *fit.pairs)
        rows = np.flatnonzero(np.logical_or.reduce([each == segment_id for each in labels]))
    rate, total, plain = _rate(fit, rows, _is_in(fit.single[rows], segment_id))
    if total == 0:
        return None
    residuals = plain
    if fit.pairs:
        before, after = (_is_in(labels[rows], segment_id) for labels in fit.pairs)
        earlier, n_earlier, of_earlier = _rate(fit, rows, before + after)
        further = (1 + fit.extrapolation) * rate - fit.extrapolation * earlier
        if n_earlier > 0 and 0 < further < 1:
            rate = further
            residuals = (1 + fit.extrapolation) * plain - fit.extrapolation * of_earlier
    of_users, plain_of_users = (by_user(fit, rows, each) for each in (residuals, plain))
    return Pooled(rate, total, of_users, plain_of_users, rows, plain)


def _is_in(labels: Labels, segment_id: int | None) -> FloatVector:
    """Return 1 where a label is that of the segment, of any segment with null, else 0."""
    return np.asarray(labels > 0 if segment_id is None else labels == segment_id, np.float64)


def _rate(fit: CrossFit, rows: Rows, times: FloatVector) -> tuple[float, float, FloatVector]:
    n, c = times * fit.n[rows], times * fit.c[rows]
    total = float(n.sum())
    if total == 0:
        return 0.0, 0.0, np.zeros(len(n))
    rate = float(c.sum()) / total
    return rate, total, (c - rate * n) / total


def by_user(fit: CrossFit, rows: Rows, residuals: FloatVector) -> FloatVector:
    """Sum the residuals of some rows by user, shape (n_users,)."""
    sums = np.bincount(fit.user_index[rows], weights=residuals, minlength=fit.n_users)
    return sums.astype(np.float64, copy=False)


def variance_of(of_users: FloatVector) -> float:
    """Variance of a sum of errors with users as clusters."""
    return float(of_users @ of_users)


def variance_within(fit: CrossFit, of_users: FloatVector, squares: float) -> float:
    """Part of that variance within users, between their days: all but what lasts of a user.

    `squares` is the sum of the squared errors of users and days.
    """
    if fit.n_days == 1:  # what lasts cannot be separated from what does not
        return squares
    within = (squares - variance_of(of_users) / fit.n_days) * fit.n_days / (fit.n_days - 1)
    return max(0.0, within)


def day_variance(fit: CrossFit) -> tuple[float, float]:
    """Variance of the common level between days in log-odds: beyond sampling, and with it.

    Days without clicks or with nothing else tell nothing; below two days it is 0.
    """
    is_in = fit.single > 0
    day, n, c = fit.day[is_in], fit.n[is_in], fit.c[is_in]
    totals = np.bincount(day, weights=n, minlength=fit.n_days)
    clicks = np.bincount(day, weights=c, minlength=fit.n_days)
    useful = (clicks > 0) & (clicks < totals)
    if useful.sum() < 2:
        return 0.0, 0.0
    rates = np.divide(clicks, totals, out=np.zeros(fit.n_days), where=totals > 0)
    squares = np.bincount(day, weights=(c - rates[day] * n) ** 2, minlength=fit.n_days)
    odds = np.log(rates[useful] / (1 - rates[useful]))
    sampling = squares[useful] / (totals[useful] * rates[useful] * (1 - rates[useful])) ** 2
    seen = float(np.var(odds, ddof=1))
    return max(0.0, seen - float(sampling.mean())), seen
