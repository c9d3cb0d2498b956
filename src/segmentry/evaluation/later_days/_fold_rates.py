"""Forecast CTRs of two halves of the users, with draws: one half decides, the other judges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.evaluation.later_days._cross_fit import CrossFit, Relabel, cross_fit, day_variance
from segmentry.features.user_days import UserDays
from segmentry.runtime.sampling import hash_shares
from segmentry.schema.arrays import FloatVector

_FOLDS = "budget folds"
_GROUPS_PER_FOLD = 1000
_EDGE = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FoldRates:
    """Forecast CTRs of the segments among one half of the users."""

    ctr: FloatVector
    """Shape (n_segments,). NaN for a segment without a left-out impression."""
    draws: FloatVector
    """Shape (n_draws, n_segments). Of `ctr`, under the common level of the days to come."""
    n_impressions: FloatVector
    n_clicks: FloatVector
    """`n_impressions`, `n_clicks`: Shape (n_segments,). Left-out impressions and clicks behind
    `ctr`."""

    def of(self, places: Sequence[int]) -> "FoldRates":
        """Return those of some segments, by their places."""
        chosen = list(places)
        return FoldRates(
            ctr=self.ctr[chosen],
            draws=self.draws[:, chosen],
            n_impressions=self.n_impressions[chosen],
            n_clicks=self.n_clicks[chosen],
        )


def half_shares(user_ids: pl.Series, *, seed: int = 0) -> FloatVector:
    """Return the hash of each user that says which half of the users it is in."""
    return hash_shares(user_ids, salt=f"{_FOLDS} {seed}")


def fold_rates(
    counts: UserDays,
    relabel: Relabel,
    *,
    days: Sequence[int],
    n_segments: int,
    shares: FloatVector,
    horizon: float,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[FoldRates, FoldRates] | None:
    """Forecast CTRs as `forecast_ctr` does, for each of two random halves of the users.

    Parameters
    ----------
    relabel : callable
        From the days kept to segment ids, such as `Relabelling.labels`.
    days : sequence of int
        Days to cross-fit over, two at least.
    shares : ndarray of float, shape (n_users,)
        Hash of each user in [0, 1): it tells the half and the random group.
    horizon : float
        Length of the time to come; the common level varies less over more days.

    Returns
    -------
    tuple of FoldRates or None
        None where no day can be left out, or none has impressions of labelled users.

    Notes
    -----
    Draws resample users in random groups, 1,000 in each half (Wolter 2007, Introduction to
    Variance Estimation, ch. 2): users are the unit, and a draw costs one row of a matrix product.
    A segment without clicks is drawn from Beta(1/2, n + 1/2) (Jeffreys). All segments share each
    draw's shift of the level in log-odds: Student's t with D - 1 degrees of freedom times the
    standard deviation between days, beyond sampling, times sqrt(1 / D + 1 / horizon).

    Examples
    --------
    >>> import polars as pl
    >>> rows = [(u, day, 10, u % 2) for u in range(40) for day in range(3)]
    >>> frame = pl.DataFrame(rows, orient="row",
    ...                      schema=["user_id", "day", "n_impressions", "n_clicks"])
    >>> counts = UserDays.from_frame(frame, users=pl.Series(range(40)))
    >>> one, other = fold_rates(counts, lambda _: 1 + np.arange(40) % 2, days=range(3),
    ...                         n_segments=2, shares=np.arange(40) / 41, horizon=3)
    >>> one.ctr.round(2).tolist(), other.ctr.round(2).tolist()
    ([0.0, 0.1], [0.0, 0.1])
    """
    if len(days) < 2:
        return None
    fit = cross_fit(counts, relabel, days=days)
    return fold_rates_of(
        fit,
        n_segments=n_segments,
        shares=shares,
        horizon=horizon,
        n_draws=n_draws,
        seed=seed,
    )


def fold_rates_of(
    fit: CrossFit,
    *,
    n_segments: int,
    shares: FloatVector,
    horizon: float,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[FoldRates, FoldRates] | None:
    """Forecast as `fold_rates` does, from days that were left out before."""
    if not (fit.single > 0).any():
        return None
    sums = _sums(fit, shares, n_segments)
    rng = np.random.default_rng(seed)
    between, _ = day_variance(fit)
    spread = (between * (1 / fit.n_days + 1 / horizon)) ** 0.5
    level = spread * rng.standard_t(fit.n_days - 1, size=(n_draws, 1))
    one, other = (_drawn(each, fit.extrapolation, level, rng) for each in sums)
    return one, other


def _sums(fit: CrossFit, shares: FloatVector, n_segments: int) -> FloatVector:
    """Sum n and c by label, and by the labels without two days: (2, n_groups, n_segments, 4)."""
    n_cells = 2 * _GROUPS_PER_FOLD
    cell = np.minimum((shares * n_cells).astype(np.int64), n_cells - 1)[fit.user_index]
    sums = np.zeros((n_cells, n_segments + 1, 4))
    for place, labels in ((0, fit.single), *((2, each) for each in fit.pairs)):
        index = cell * (n_segments + 1) + labels
        for column, values in ((place, fit.n), (place + 1, fit.c)):
            found = np.bincount(index, weights=values, minlength=n_cells * (n_segments + 1))
            sums[:, :, column] += found.reshape(n_cells, n_segments + 1)
    by_fold: FloatVector = sums[:, 1:].reshape(_GROUPS_PER_FOLD, 2, n_segments, 4).swapaxes(0, 1)
    return by_fold


def _drawn(
    sums: FloatVector, extrapolation: float, level: FloatVector, rng: np.random.Generator
) -> FoldRates:
    n_groups, n_segments, _ = sums.shape
    totals = sums.sum(axis=0)
    n_draws = len(level)
    times = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_draws)
    drawn = times.astype(np.float64) @ sums.reshape(n_groups, -1)
    draws = _rates(drawn.reshape(n_draws, n_segments, 4), extrapolation)
    for place in np.flatnonzero((totals[:, 0] > 0) & (totals[:, 1] == 0)):
        draws[:, place] = rng.beta(0.5, totals[place, 0] + 0.5, size=n_draws)
    ctr = _rates(totals, extrapolation)
    # A draw without impressions of a rare segment tells nothing: the segment's own rate stands in.
    draws = np.where(np.isnan(draws), ctr, draws)
    inside = np.clip(draws, _EDGE, 1 - _EDGE)
    moved = 1 / (1 + np.exp(-(np.log(inside / (1 - inside)) + level)))
    return FoldRates(ctr=ctr, draws=moved, n_impressions=totals[:, 0], n_clicks=totals[:, 1])


def _rates(sums: FloatVector, extrapolation: float) -> FloatVector:
    """Pooled rates extrapolated to all days, shape (..., n_segments); NaN without impressions."""
    missing = np.full(sums.shape[:-1], np.nan)
    rate = np.divide(sums[..., 1], sums[..., 0], out=missing.copy(), where=sums[..., 0] > 0)
    earlier = np.divide(sums[..., 3], sums[..., 2], out=missing, where=sums[..., 2] > 0)
    further = (1 + extrapolation) * rate - extrapolation * earlier
    is_shown = np.isfinite(further) & (further > 0) & (further < 1)
    rates: FloatVector = np.where(is_shown, further, rate)
    return rates
