"""Click rates day by day, of all users and of segments, and whether they move more than chance."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from segmentry.evaluation.later_days._cross_fit import CrossFit
from segmentry.evaluation.later_days._intervals import TAIL, normal_quantile
from segmentry.features.user_days import UserDays
from segmentry.schema import Estimate
from segmentry.schema.arrays import FloatVector

_ALPHA = 0.01
_MIN_SD = 0.05  # in log-odds: about 5 % of a small rate


@dataclass(frozen=True, slots=True)
class DayLevel:
    """All users on one local day."""

    day: int
    """Counted from 1970-01-01."""
    n_users: int | None
    """Users that were shown an ad; null where too few to be shown."""
    ctr: Estimate
    """Clicks per impression, with its 90 % interval; the ends are null where no user clicked or
    none did anything else, all where too few users were there to be shown."""


@dataclass(frozen=True, slots=True)
class DayLevels:
    """The common click rate by day."""

    days: tuple[DayLevel, ...]
    """Days with impressions, rising."""
    sd: float | None
    """Standard deviation of the level between days, in log-odds, beyond what sampling explains;
    null below two days that tell something."""
    p_value: float | None
    """Of one level on all days."""

    @property
    def has_moved(self) -> bool:
        """Whether the level moves by more than chance (1 %) and enough to matter (5 %)."""
        if self.sd is None or self.p_value is None:
            return False
        return self.p_value < _ALPHA and self.sd >= _MIN_SD


@dataclass(frozen=True, slots=True)
class SegmentDays:
    """The days of one segment."""

    segment_id: int
    levels: DayLevels


def day_levels(counts: UserDays, days: Collection[int]) -> DayLevels:
    """Return the click rate of all users on each day, and test that it is one and the same.

    Notes
    -----
    Cochran's Q (1954, Biometrics 10, 101-129) on log-odds, weighted by 1 / variance with users as
    clusters, against chi squared; the standard deviation is that of DerSimonian and Laird (1986,
    Controlled Clinical Trials 7, 177-188). What lasts of a user is on several days and makes them
    alike, which errs on the side of less.

    Examples
    --------
    A thousand users of ten impressions a day; on the second day twice as many click.

    >>> import polars as pl
    >>> rows = [(user, day, 10, int(user % 10 < day)) for user in range(1000) for day in (1, 2)]
    >>> frame = pl.DataFrame(rows, orient="row",
    ...                      schema=["user_id", "day", "n_impressions", "n_clicks"])
    >>> found = day_levels(UserDays.from_frame(frame, users=pl.Series(range(1000))), (1, 2))
    >>> [each.ctr.value for each in found.days], round(found.sd, 2), found.p_value < 0.001
    ([0.01, 0.02], 0.49, True)
    """
    requested = [day for day in counts.days if day in set(days)]
    return levels_of(
        (
            day,
            counts.n_impressions[rows].astype(np.float64),
            counts.n_clicks[rows].astype(np.float64),
        )
        for day, rows in zip(requested, counts.rows_of(requested), strict=True)
    )


def segment_levels(fit: CrossFit, days: Sequence[int], *, n_segments: int) -> tuple[DayLevels, ...]:
    """Return the click rate of each segment on each day, shape (n_segments,).

    On each day the users are in the segment that the other days put them into: a day that helped to
    form a segment would flatter it. `days` are those that `fit` left out in turn.

    Examples
    --------
    Users are put into segment 2 by a click on another day, which says nothing where all are alike:
    both segments have the common rate, though not one user without a click is in segment 2.

    >>> import polars as pl
    >>> from segmentry.evaluation.later_days._cross_fit import cross_fit
    >>> draws = np.random.default_rng(1).binomial(10, 0.05, size=(2000, 4))
    >>> rows = [(i, day, 10, int(draws[i, day])) for i in range(2000) for day in range(4)]
    >>> frame = pl.DataFrame(rows, orient="row",
    ...                      schema=["user_id", "day", "n_impressions", "n_clicks"])
    >>> counts = UserDays.from_frame(frame, users=pl.Series(range(2000)))
    >>> fit = cross_fit(counts, lambda days: 1 + (draws[:, list(days)].sum(axis=1) > 1),
    ...                 days=range(4))
    >>> found = segment_levels(fit, range(4), n_segments=2)
    >>> [round(each.days[0].ctr.value, 2) for each in found]
    [0.05, 0.05]
    """
    ends = np.searchsorted(fit.day, np.arange(len(days) + 1))  # rows stand day by day

    def rows_of(segment_id: int) -> Iterable[tuple[int, FloatVector, FloatVector]]:
        for day, start, end in zip(days, ends, ends[1:], strict=False):
            is_in = fit.single[start:end] == segment_id
            yield day, fit.n[start:end][is_in], fit.c[start:end][is_in]

    return tuple(levels_of(rows_of(segment_id)) for segment_id in range(1, n_segments + 1))


def levels_of(cells: Iterable[tuple[int, FloatVector, FloatVector]]) -> DayLevels:
    """Return the levels of days, each given by its number and the users' trials and successes."""
    found, odds, variances = [], [], []
    for day, n, c in cells:
        if not n.any():
            continue
        rate = float(c.sum() / n.sum())
        low = high = None
        if 0 < rate < 1:
            variance = float(np.sum((c - rate * n) ** 2)) / (n.sum() * rate * (1 - rate)) ** 2
            odds.append(np.log(rate / (1 - rate)))
            variances.append(variance)
            half = normal_quantile(1 - TAIL) * variance**0.5
            low, high = (float(1 / (1 + np.exp(half * side - odds[-1]))) for side in (1, -1))
        found.append(DayLevel(day, int((n > 0).sum()), Estimate(rate, low, high)))
    sd, p_value = _spread(np.array(odds), np.array(variances))
    return DayLevels(tuple(found), sd, p_value)


def _spread(
    odds: np.typing.NDArray[np.float64], variances: np.typing.NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Standard deviation beyond sampling, and the p-value of none."""
    from scipy.special import chdtrc

    if odds.size < 2 or not (variances > 0).all():
        return None, None
    weights = 1 / variances
    mean = weights @ odds / weights.sum()
    q, df = float(weights @ (odds - mean) ** 2), odds.size - 1
    scale = float(weights.sum() - weights @ weights / weights.sum())
    return max(0.0, (q - df) / scale) ** 0.5, float(chdtrc(df, q))
