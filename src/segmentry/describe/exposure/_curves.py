"""Reactions and curves of exposure, of all users and of each segment, and what caps remove."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentry.describe.exposure._cells import NORMAL_95
from segmentry.describe.exposure._matched import (
    MatchedFit,
    MatchedSets,
    fit_matched,
    join_sets,
    n_levels_of,
)
from segmentry.describe.exposure._positions import POSITION_BANDS, REPEAT_BANDS, Timeline, band_of
from segmentry.describe.exposure._records import Cap, CurvePoint, ExposureCurve, Reaction
from segmentry.features.events import MAX_SECONDS, midnight_of
from segmentry.features.packing import run_starts
from segmentry.privacy import hidden_bands, hidden_cells, is_small
from segmentry.schema import MICRO, SECONDS_PER_DAY, UNKNOWN, Estimate, Window
from segmentry.schema.arrays import FloatVector, IntVector

NORMAL_90 = 1.6448536269514722
_TOO_FEW = (
    "too few users have both clicks and other impressions at the first position and later ones"
)
_LEVEL = 0.05
_MAX_CLICKED = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """All users, or those of one segment: their id, who is taken, and the share of users."""

    segment_id: int
    is_taken: npt.NDArray[np.bool_]
    user_share: float


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a curve follows, and the factors of its sets, the one of interest first."""

    name: str
    bands: tuple[int, ...]
    factors: tuple[int, ...]


_IMPRESSION = _Kind("impression", POSITION_BANDS, (0, 2, 3))
# Adjusted for the position as well.
_REPEAT = _Kind("repeat", REPEAT_BANDS, (1, 0, 2, 3))


def describe_exposure(
    positions: IntVector,
    showings: IntVector,
    sets: list[tuple[MatchedSets, IntVector]],
    moments: list[pl.DataFrame],
    *,
    segment_ids: IntVector,
    n_segments: int,
    is_of_all: npt.NDArray[np.bool_],
    shares: Sequence[float],
    window: Window,
    min_users: int,
) -> tuple[tuple[Reaction, ...], tuple[ExposureCurve, ...]]:
    """Test for all users and each segment whether exposure reacts to clicks, and draw the curves.

    `positions` and `showings` are of all segments, from `count_bands`; `sets` and `moments` of the
    sampled users, part by part. `is_of_all`, shape (n_users,), marks the users that the curves of
    all users are made of; `shares` are those of the users taken, of all and of each segment. What
    is of fewer than `min_users` users is hidden, and what would give such a figure away.
    """
    if not sets:
        return (), ()
    matched, seen = join_sets(sets), pl.concat(moments).sort("user", "second")
    groups = [_Group(0, is_of_all, shares[0])]
    groups += [
        _Group(segment_id, segment_ids == segment_id, shares[segment_id])
        for segment_id in range(1, n_segments + 1)
    ]
    if n_segments == 1:
        groups = groups[:1]
    reactions = tuple(_react(seen, group, n_tests=max(1, n_segments)) for group in groups)
    everybody_reacts = reactions[0].is_found
    shown = [
        (kind, counts, hidden_bands(counts[0, :, :, 0], min_size=min_users))
        for kind, counts in ((_IMPRESSION, positions), (_REPEAT, showings))
        if counts[0, :, 1:, 1].any() or kind is _IMPRESSION
    ]
    curves = []
    for group, reaction in zip(groups, reactions, strict=True):
        place = group.segment_id
        own = [
            _curve(
                kind,
                counts[:, place - 1] if place else counts.sum(axis=1),
                matched,
                group,
                n_levels=n_levels_of(window),
                n_shown=int(n_shown[place]),
                min_users=min_users,
            )
            for kind, counts, n_shown in shown
        ]
        is_reacting = everybody_reacts or reaction.is_found
        if is_reacting:
            own = [replace(curve, is_identified=False, caps=()) for curve in own]
        curves += own
    return _published(reactions, min_users), tuple(curves)


def _published(reactions: tuple[Reaction, ...], min_users: int) -> tuple[Reaction, ...]:
    """Hide figures of few users, and with them the counts that would give theirs away."""
    line = [each.n_users for each in reactions[1:]]
    is_uncounted = [False, *hidden_cells(line, min_size=min_users)]
    found = []
    for reaction, uncounted in zip(reactions, is_uncounted, strict=True):
        kept = replace(reaction, n_users=0, n_clicks=0) if uncounted else reaction
        if is_small(reaction.n_users, min_size=min_users):
            kept = replace(kept, n_users=0, n_clicks=0, gap_ratio=UNKNOWN, is_found=False,
                           reason="too few users with clicks to be shown")  # fmt: skip
        found.append(kept)
    return tuple(found)


def _react(moments: pl.DataFrame, group: _Group, *, n_tests: int) -> Reaction:
    """Test one group; those of the segments are as many tests, and each is as much stricter."""
    from scipy.special import ndtri

    own = _thinned(moments.filter(pl.Series(group.is_taken[moments["user"].to_numpy()])))
    n_users, n_clicks = own["user"].n_unique(), int(own["is_clicked"].sum())
    fit = fit_gap_ratio(own)
    if fit is None:
        reason = "too few clicks with a day after them to tell"
        return Reaction(group.segment_id, UNKNOWN, n_users, n_clicks, False, reason)
    value, error = fit
    level = _LEVEL if group.segment_id == 0 else _LEVEL / n_tests
    half = float(ndtri(1 - level / 2)) * error
    low, high = value - half, value + half
    return Reaction(
        segment_id=group.segment_id,
        gap_ratio=Estimate(math.exp(value), math.exp(low), math.exp(high)),
        n_users=n_users,
        n_clicks=n_clicks,
        is_found=low > 0 or high < 0,
        reason="",
    )


def _thinned(moments: pl.DataFrame) -> pl.DataFrame:
    """Keep every jth user, so that about 20,000 clicked moments are left."""
    step = int(moments["is_clicked"].sum()) // _MAX_CLICKED
    if step < 2:
        return moments
    number = np.cumsum(np.diff(moments["user"].to_numpy(), prepend=-1) != 0)
    return moments.filter(pl.Series(number % step == 0))


def _curve(
    kind: _Kind,
    counts: IntVector,
    sets: MatchedSets,
    group: _Group,
    *,
    n_levels: Sequence[int],
    n_shown: int,
    min_users: int,
) -> ExposureCurve:
    """Draw one curve of the counts of one group, of which the first bands may be shown."""
    bands, (sums, beyond) = kind.bands, counts
    is_taken = group.is_taken[sets.user]
    codes, is_member = sets.codes[is_taken], sets.is_member[is_taken]
    if kind is _REPEAT:
        # Members whose ad is not known are left out, whatever their click.
        is_member &= codes[:, :, 1] < len(REPEAT_BANDS)
    own = MatchedSets(sets.user[is_taken], codes[:, :, kind.factors], is_member)
    fit = fit_matched(own, n_levels=[n_levels[factor] for factor in kind.factors])
    if fit is not None and fit.n_users < min_users:
        fit = None
    ratios = _odds_ratios(fit, len(bands))
    points = tuple(
        CurvePoint(
            first=bands[place],
            last=bands[place + 1] - 1 if place + 1 < len(bands) else None,
            n_users=int(sums[place, 0]),
            n_impressions=int(sums[place, 1]),
            n_clicks=int(sums[place, 2]),
            naive_ctr=_naive(sums[place]),
            odds_ratio=ratios[place],
        )
        for place in range(n_shown)
        if sums[place, 0]
    )
    is_known = any(point.odds_ratio.is_known for point in points[1:])
    return ExposureCurve(
        segment_id=group.segment_id,
        kind=kind.name,
        points=points,
        per_doubling=_per_doubling(fit, sums) if is_known else UNKNOWN,
        n_users=0 if fit is None else fit.n_users,
        n_clicks=0 if fit is None else fit.n_sets,
        user_share=group.user_share,
        reason="" if is_known else _TOO_FEW,
        is_identified=True,
        caps=_caps(beyond[: n_shown + 1], bands, min_users),
    )


def _naive(sums: IntVector) -> Estimate:
    """Return the ratio estimator over users, as `pooled_rate` of the profiles, from sums."""
    rate = _share(sums[[2, 5, 4]], sums[[1, 3]], int(sums[0]), width=NORMAL_95)
    return replace(rate, low=None, high=None) if rate.value in {0.0, 1.0} else rate


def _odds_ratios(fit: MatchedFit | None, n_bands: int) -> list[Estimate]:
    if fit is None:
        return [UNKNOWN] * n_bands
    found = [Estimate(value=1.0, low=None, high=None)]
    for place in range(1, n_bands):
        value = float(fit.log_odds[place])
        if np.isnan(value):
            found.append(UNKNOWN)
            continue
        found.append(_odds(value, NORMAL_90 * float(fit.covariance[place, place]) ** 0.5))
    return found


def _odds(value: float, half: float) -> Estimate:
    """Return odds of their logarithm and half the width of its interval."""
    ends = np.exp([value, value - half, value + half])
    return Estimate(*(float(each) for each in ends))


def _per_doubling(fit: MatchedFit | None, sums: IntVector) -> Estimate:
    """Lay a line through the logarithms of the odds ratios, by generalised least squares."""
    if fit is None:
        return UNKNOWN
    positions = sums[:, 6] / (MICRO * np.maximum(1, sums[:, 1]))
    places = np.flatnonzero(~np.isnan(fit.log_odds[: positions.size]))[1:]
    x = positions[places] - positions[0]
    weights = np.linalg.pinv(fit.covariance[np.ix_(places, places)], hermitian=True)
    information = float(x @ weights @ x)
    if not information > 0:
        return UNKNOWN
    slope = float(x @ weights @ fit.log_odds[places]) / information
    return _odds(slope, NORMAL_90 * information**-0.5)


def _caps(beyond: IntVector, bands: Sequence[int], min_users: int) -> tuple[Cap, ...]:
    """Return what a cap at the end of each band but the last removes, where it is of some users."""
    n_users, n, c = (int(each) for each in beyond[0, :3])
    return tuple(
        Cap(
            cap=bands[place] - 1,
            n_impressions=int(own[1]),
            impressions_share=int(own[1]) / n,
            n_clicks=int(own[2]),
            clicks_share=int(own[2]) / c if c else 0.0,
            n_users=int(own[0]),
            saved=_share(own[[1, 3, 4]], beyond[0, [1, 3]], n_users),
            lost=_share(own[[2, 5, 6]], beyond[0, [2, 5]], n_users),
        )
        for place, own in enumerate(beyond)
        if place and own[0] >= max(1, min_users)
    )


def _share(
    part: IntVector, whole: IntVector, n_users: int, *, width: float = NORMAL_90
) -> Estimate:
    """Return a share of a total with its interval, users being the unit (Cochran, eq. 6.13).

    `part` holds the sums of p, p p and p w over users, `whole` those of w and w w.
    """
    p, pp, pw = (float(each) for each in part)
    w, ww = (float(each) for each in whole)
    if not w:
        return UNKNOWN
    share = p / w
    if n_users < 2:
        return Estimate(value=share, low=None, high=None)
    variance = max(0.0, pp - 2 * share * pw + share**2 * ww) / w**2 * n_users / (n_users - 1)
    half = width * variance**0.5
    return Estimate(value=share, low=max(0.0, share - half), high=min(1.0, share + half))


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
