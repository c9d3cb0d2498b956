"""Impressions, users and click noise per day: what the length of a test rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentry.evaluation.later_days._cross_fit import (
    CrossFit,
    Relabel,
    by_user,
    cross_fit,
    variance_of,
)
from segmentry.features.user_days import UserDays
from segmentry.schema.arrays import IntVector


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What a segment brings per day on days that did not label its users."""

    n_users: int
    """Users of the segment."""
    ctr: float | None
    impressions_per_day: float
    users_per_day: float
    users_per_two: float
    """`users_per_day`, `users_per_two`: users shown an ad in one unit of time, and in two next to
    each other."""
    unit_days: float
    """That unit; a day, or a block of days in a long log."""
    within: float
    between: float
    """`within`, `between`: variance of clicks minus ctr * impressions, summed over users: the part
    that is new each day, and the part that a user keeps. Over T days: T * within + T**2 *
    between."""
    kept_lift: float = 1.0
    """Part of a lift of what users do that the rate shows, where it counts up to a limit only."""

    def users_reached(self, n_days: float) -> float:
        """Users shown an ad within some days.

        Notes
        -----
        Each user's chance per unit is drawn from a beta distribution (beta-binomial occupancy) that
        meets what was seen in one unit and in two.

        Examples
        --------
        A hundred users, 50 a day; 60 on two days: the same ones come again and again.

        >>> traffic = Traffic(n_users=100, ctr=0.1, impressions_per_day=9, users_per_day=50,
        ...                   users_per_two=60, unit_days=1, within=1, between=0)
        >>> [round(traffic.users_reached(n_days)) for n_days in (1, 2, 8)]
        [50, 60, 75]
        """
        from scipy.special import gammaln

        if not self.n_users:
            return 0.0
        units = n_days / self.unit_days
        missed = 1 - self.users_per_day / self.n_users
        again = (1 - self.users_per_two / self.n_users) / missed if missed > 0 else 0.0
        if missed <= 0:
            return float(self.n_users)
        if not missed < again < 1:
            return float(self.n_users * (1 - missed**units))
        total = (1 - again) / (again - missed)
        b = missed * total
        log = gammaln(b + units) - gammaln(b) - gammaln(total + units) + gammaln(total)
        return float(self.n_users * (1 - np.exp(log)))


def daily_traffic(
    counts: UserDays,
    relabel: Relabel,
    *,
    days: Sequence[int],
    segment_ids: IntVector,
    groups: Sequence[Sequence[int]],
) -> list[Traffic]:
    """Measure traffic of groups of segments, users of each day being labelled by the other days.

    Parameters
    ----------
    relabel : callable
        From the days kept to segment ids, such as `Relabelling.labels`.
    days : sequence of int
        Two at least.
    segment_ids : ndarray of int, shape (n_users,)
        By all days.
    groups : sequence of sequence of int
        Segments to take together.

    Notes
    -----
    Labels that saw a day make its traffic look steadier than days to come are: users are in
    "Heavily shown" for their good days.

    Examples
    --------
    >>> import polars as pl
    >>> rows = [(u, day, 10, 1) for u in range(40) for day in range(3) if (u + day) % 2]
    >>> frame = pl.DataFrame(rows, orient="row",
    ...                      schema=["user_id", "day", "n_impressions", "n_clicks"])
    >>> counts = UserDays.from_frame(frame, users=pl.Series(range(40)))
    >>> ones = np.ones(40, dtype=int)
    >>> (found,) = daily_traffic(counts, lambda _: ones, days=range(3), segment_ids=ones,
    ...                          groups=[[1]])
    >>> found.ctr, found.impressions_per_day, found.users_per_day, found.users_per_two
    (0.1, 200.0, 20.0, 33.333333333333336)
    """
    fit = cross_fit(counts, relabel, days=days)
    return [_traffic(fit, group, segment_ids) for group in groups]


def _traffic(fit: CrossFit, group: Sequence[int], segment_ids: IntVector) -> Traffic:
    wanted = np.asarray(group, dtype=np.int64)
    is_in = np.isin(fit.single, wanted)
    n, c = fit.n[is_in], fit.c[is_in]
    shown = float(n.sum())
    ctr = float(c.sum()) / shown if shown else None
    total, squares = 0.0, 0.0
    if ctr is not None:
        residuals = np.asarray(c - ctr * n, np.float64)
        total = variance_of(by_user(fit, is_in, residuals))
        squares = float(residuals @ residuals)
    days = fit.n_days
    between = max(0.0, (total - squares) / (days * (days - 1)))
    n_units = min(days, int(fit.fold.max()) + 1) if fit.fold.size else days
    return Traffic(
        n_users=int(np.isin(segment_ids, wanted).sum()),
        ctr=ctr,
        impressions_per_day=shown / days,
        users_per_day=_users(fit, is_in, n_units),
        users_per_two=_users_of_two(fit, wanted, n_units),
        unit_days=days / n_units,
        within=max(0.0, squares / days - between),
        between=between,
    )


def _users(fit: CrossFit, is_in: npt.NDArray[np.bool_], n_units: int) -> float:
    is_there = np.zeros((n_units, fit.n_users), dtype=np.bool_)
    is_there[fit.fold[is_in], fit.user_index[is_in]] = True
    return float(is_there.sum()) / n_units


def _users_of_two(fit: CrossFit, wanted: IntVector, n_units: int) -> float:
    """Mean number of users shown an ad in two units next to each other, labelled by the others."""
    if not fit.pairs:
        is_in = np.isin(fit.single, wanted)
        return float(np.unique(fit.user_index[is_in]).size)
    is_there = np.zeros((n_units, fit.n_users), dtype=np.bool_)
    for shift, labels in enumerate(fit.pairs):
        is_in = np.isin(labels, wanted)
        is_there[(fit.fold[is_in] - shift) % n_units, fit.user_index[is_in]] = True
    return float(is_there.sum()) / n_units
