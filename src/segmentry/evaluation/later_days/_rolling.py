"""Forecast events from the past alone: label users early in the forming days, count the rest."""

from collections.abc import Sequence

import numpy as np

from segmentry.evaluation.later_days._cross_fit import CrossFit, Relabel
from segmentry.evaluation.later_days._own_history import OwnHistory
from segmentry.features.user_days import UserDays
from segmentry.schema.arrays import FloatVector


def hold_out_last(
    counts: UserDays,
    relabel: Relabel,
    *,
    periods: Sequence[range],
    horizon: int,
    history: OwnHistory | None = None,
) -> CrossFit:
    """Label users by the first periods of the forming days, and count them in the last ones.

    As many periods are held out as are to come, at most half of them, so that the check on the
    later days is rehearsed one step earlier. Users take part who were known before. Unlike
    cross-fitting over days nothing later than a label is in it: that a user is there at all would
    be an event of the later days.

    Parameters
    ----------
    periods : sequence of range
        Neighbouring periods of the forming days, two at least.
    horizon : int
        Periods to come, of the length of the last one.
    history : OwnHistory, optional
        Users age: of those who came half a year ago more have left for good than of those who came
        last week. Exposure is then what their own histories predict for the held-out period, in
        days at the rate that they predict for the segment to come: the pooled rate is that rate
        times observed / predicted.

    Examples
    --------
    >>> import polars as pl
    >>> from segmentry.schema import Outcome
    >>> rows = [(user, day) for user in range(2) for day in range(8) if day % (1 + user) == 0]
    >>> frame = pl.DataFrame(rows, orient="row", schema=["user_id", "day"]).with_columns(
    ...     n_impressions=1, n_clicks=0)
    >>> counts = UserDays.from_frame(frame, users=pl.Series([0, 1]), outcome=Outcome(kind="events"))
    >>> fit = hold_out_last(counts, lambda days: np.array([1, 2]), horizon=2,
    ...                     periods=[range(day, day + 2) for day in range(0, 8, 2)])
    >>> fit.single.tolist(), fit.day.tolist(), (fit.c / fit.n).tolist()
    ([1, 2, 1, 2], [0, 0, 1, 1], [1.0, 0.5, 1.0, 0.5])
    """
    n_held = max(1, min(horizon, len(periods) // 2))
    held = periods[-n_held:]
    past = range(periods[0].start, held[0].start)
    whole = range(periods[0].start, periods[-1].stop)
    ids, now = relabel(past), relabel(whole)
    sizes = np.bincount(now, minlength=int(max(ids.max(initial=0), now.max(initial=0))) + 1)
    users = np.flatnonzero((ids > 0) & (counts.first_days() < past.stop))
    n_days = horizon * len(periods[-1])
    n, c = [], []
    for period in held:
        later = counts.outcomes(period)
        n.append(later.n_trials[users].astype(np.float64))
        c.append(later.n_successes[users].astype(np.float64))
    if history is not None:
        to_come = history.predict(counts, whole, horizon=n_days)
        totals = np.bincount(now, weights=to_come, minlength=sizes.size)
        rates = (totals / np.maximum(sizes * n_days, 1)).astype(np.float64)
        until = [
            history.predict(counts, past, horizon=each.stop - past.stop)[users] for each in held
        ]
        n = _in_days(until, rates[ids[users]])
    return _fit(
        np.tile(users, n_held),
        np.repeat(np.arange(n_held), users.size),
        np.tile(ids[users], n_held),
        np.concatenate(n),
        np.concatenate(c),
        to_come=sizes * n_days,
        n_users=counts.n_users,
    )


def _in_days(until: Sequence[FloatVector], rates: FloatVector) -> list[FloatVector]:
    """Turn what is predicted up to the end of each period into days at the rate of the segment."""
    found = np.diff(np.stack([np.zeros(rates.size), *until]), axis=0)
    return list(np.divide(found, rates, out=np.zeros_like(found), where=rates > 0))


def _fit(
    user_index: np.typing.NDArray[np.int64],
    place: np.typing.NDArray[np.int64],
    ids: np.typing.NDArray[np.int64],
    n: FloatVector,
    c: FloatVector,
    *,
    to_come: np.typing.NDArray[np.int64],
    n_users: int,
) -> CrossFit:
    """Weigh segments by their users at the end: for so much they count on the days to come."""
    held = np.bincount(ids, weights=n, minlength=to_come.size)
    weight = np.divide(to_come, held, out=np.zeros(to_come.size), where=held > 0)[ids]
    return CrossFit(
        user_index=user_index,
        day=place,
        fold=place,
        n=n * weight,
        c=c * weight,
        single=ids.astype(np.int16),
        pairs=(),
        n_days=int(place.max(initial=0)) + 1,
        n_users=n_users,
        extrapolation=0.0,
    )
