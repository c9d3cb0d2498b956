"""Whether exposure reacts to clicks: the next one comes sooner, or later, after a click."""

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.exposure._positions import POSITION_BANDS, Timeline, band_of
from segmentry.features.events import MAX_SECONDS, midnight_of
from segmentry.features.packing import run_starts
from segmentry.schema import SECONDS_PER_DAY, Window
from segmentry.schema.arrays import FloatVector, IntVector

_HOURS = 4
_MAX_GAP = SECONDS_PER_DAY
_MIN_CLICKED = 50


def find_moments(
    line: Timeline, users: IntVector, is_sampled: npt.NDArray[np.bool_], *, window: Window
) -> pl.DataFrame:
    """Find the seconds in which sampled users were shown something, with time left after them.

    Left is a day, or a quarter of the log. The gap is cut at that length, so that it is known
    whether or not the user came again. Only users with both clicked and other moments are kept:
    others say nothing of the difference.

    One row per moment, by user and time, in small types, as there are millions: ``user`` the place
    in the user table, ``second`` as of `Events`, ``gap`` seconds to the user's next exposure, up to
    a day, ``is_clicked`` 1 if anything was clicked, ``n_shown`` impressions of the second, ``band``
    of the position.
    """
    longest, end = min(_MAX_GAP, (window.end - window.start) // 4), window.end - midnight_of(window)
    is_taken = is_sampled[line.user]
    user, second, click = (each[is_taken] for each in (line.user, line.second, line.is_click))
    starts = run_starts(user, second)
    ends = np.append(starts[1:], user.size)[: starts.size]
    clicked = np.add.reduceat(click, starts) > 0 if starts.size else starts > 0
    who, when = user[starts], second[starts]
    gap = np.full(who.size, longest, dtype=np.int64)
    is_same = np.diff(who) == 0
    gap[:-1][is_same] = np.minimum(np.diff(when)[is_same], longest)
    is_seen = when < end - longest
    n_clicked = np.bincount(who[is_seen & clicked], minlength=users.size)
    n_seen = np.bincount(who[is_seen], minlength=users.size)
    is_seen &= ((n_clicked > 0) & (n_clicked < n_seen))[who]
    position = line.position[is_taken][starts]
    return pl.DataFrame(
        {
            "user": users[who[is_seen]].astype(np.int32),
            "second": when[is_seen].astype(np.int32 if end < MAX_SECONDS else np.int64),
            "gap": gap[is_seen].astype(np.int32),
            "is_clicked": clicked[is_seen].astype(np.int8),
            "n_shown": (ends - starts)[is_seen].astype(np.int32),
            "band": band_of(position, POSITION_BANDS)[is_seen].astype(np.int8),
        }
    )


def fit_gap_ratio(moments: pl.DataFrame) -> tuple[float, float] | None:
    """Estimate the logarithm of the gap after a click against that without one, within users.

    The coefficient and its standard error with the user as the unit; none with fewer than 50
    clicked moments.

    Notes
    -----
    Least squares with an intercept for each user (the within estimator), adjusted for the band of
    the position, the local day, the time of day in quarters of four hours and the number of
    impressions of the moment; variance clustered by user (Arellano 1987, Oxford Bulletin of
    Economics and Statistics 49, 431-434).
    """
    if int(moments["is_clicked"].sum()) < _MIN_CLICKED:
        return None
    starts = run_starts(moments["user"].to_numpy())
    sizes = np.diff(starts, append=moments.height)
    second = moments["second"].to_numpy().astype(np.int64)
    factors = (
        moments["band"].to_numpy(),
        second // SECONDS_PER_DAY,
        second % SECONDS_PER_DAY // (3600 * _HOURS),
    )
    dummies = [(factor, level) for factor in factors for level in np.unique(factor)[1:]]
    # Filled and weighted in place: there may be a million rows of two dozen columns.
    X = np.empty((moments.height, 2 + len(dummies)))
    X[:, 0] = _within(moments["is_clicked"].to_numpy().astype(np.float64), starts, sizes)
    X[:, 1] = _within(np.log(moments["n_shown"].to_numpy().astype(np.float64)), starts, sizes)
    for place, (factor, level) in enumerate(dummies, start=2):
        X[:, place] = _within((factor == level).astype(np.float64), starts, sizes)
    y = _within(np.log(moments["gap"].to_numpy().astype(np.float64)), starts, sizes)
    bread = np.linalg.pinv(X.T @ X, hermitian=True)
    beta = bread @ (X.T @ y)
    X *= (y - X @ beta)[:, None]
    scores = np.add.reduceat(X, starts, axis=0)
    covariance = bread @ (scores.T @ scores) @ bread * (starts.size / max(1, starts.size - 1))
    return float(beta[0]), float(covariance[0, 0] ** 0.5)


def _within(column: FloatVector, starts: IntVector, sizes: IntVector) -> FloatVector:
    """Take each user's mean away."""
    means = np.add.reduceat(column, starts) / sizes
    centred: FloatVector = column - np.repeat(means, sizes)
    return centred
