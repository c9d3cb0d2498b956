"""Exposure curves with their intervals, the naive ones beside them, and what caps remove."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segmentry.describe.exposure._matched import MatchedFit, MatchedSets, fit_matched
from segmentry.describe.exposure._positions import BandCounts
from segmentry.describe.exposure._records import Cap, CurvePoint, ExposureCurve
from segmentry.schema import MICRO, UNKNOWN, Estimate
from segmentry.schema.arrays import IntVector

NORMAL_90 = 1.6448536269514722
NORMAL_95 = 1.959963984540054
_TOO_FEW = (
    "too few users have both clicks and other impressions at the first position and later ones"
)


def make_curve(
    counts: BandCounts,
    sets: MatchedSets,
    *,
    kind: str,
    segment_id: int,
    bands: Sequence[int],
    n_levels: Sequence[int],
    user_share: float,
    n_shown: int,
    least_users: int,
) -> ExposureCurve:
    """Put one curve together.

    Parameters
    ----------
    counts : BandCounts
        Of one segment: ``sums`` of shape (1, n_bands, 7).
    sets : MatchedSets
        The factor of interest comes first.
    kind : {"impression", "repeat"}
    segment_id : int
    bands : sequence of int
        First position of each band.
    n_levels : sequence of int
        Of each factor.
    user_share : float
    n_shown : int
        Bands that may be shown; a cap tells what lies after the bands before it.
    least_users : int
        Nothing is told that fewer users inform.
    """
    sums, beyond = counts.sums[0], counts.beyond[0]
    fit = fit_matched(sets, n_levels=n_levels)
    if fit is not None and fit.n_users < least_users:
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
        segment_id=segment_id,
        kind=kind,
        points=points,
        per_doubling=_per_doubling(fit, sums) if is_known else UNKNOWN,
        n_users=0 if fit is None else fit.n_users,
        n_clicks=0 if fit is None else fit.n_sets,
        user_share=user_share,
        reason="" if is_known else _TOO_FEW,
        is_identified=True,
        caps=_caps(beyond[: n_shown + 1], bands, least_users),
    )


def without_caps(curve: ExposureCurve) -> ExposureCurve:
    """Return the curve as one that exposure reacts to: no cap is drawn from it."""
    return replace(curve, is_identified=False, caps=())


def _naive(sums: IntVector) -> Estimate:
    """Return the ratio estimator over users, as `segmentry.profiling.pooled_rate`, from sums."""
    n_users, n, c, nn, nc, cc = (float(each) for each in sums[:6])
    rate = c / n
    if n_users < 2 or rate in (0.0, 1.0):
        return Estimate(value=rate, low=None, high=None)
    variance = max(0.0, cc - 2 * rate * nc + rate**2 * nn) / n**2 * n_users / (n_users - 1)
    half = NORMAL_95 * variance**0.5
    return Estimate(value=rate, low=max(0.0, rate - half), high=min(1.0, rate + half))


def _odds_ratios(fit: MatchedFit | None, n_bands: int) -> list[Estimate]:
    if fit is None:
        return [UNKNOWN] * n_bands
    found = [Estimate(value=1.0, low=None, high=None)]
    for place in range(1, n_bands):
        value = float(fit.log_odds[place])
        if np.isnan(value):
            found.append(UNKNOWN)
            continue
        half = NORMAL_90 * float(fit.covariance[place, place]) ** 0.5
        ends = np.exp([value, value - half, value + half])
        found.append(Estimate(*(float(each) for each in ends)))
    return found


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
    half = NORMAL_90 * information**-0.5
    ends = np.exp([slope, slope - half, slope + half])
    return Estimate(*(float(each) for each in ends))


def _caps(beyond: IntVector, bands: Sequence[int], least_users: int) -> tuple[Cap, ...]:
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
        if place and own[0] >= max(1, least_users)
    )


def _share(part: IntVector, whole: IntVector, n_users: int) -> Estimate:
    """Return a share of a total with its 90 % interval, users being the unit (Cochran, eq. 6.13).

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
    half = NORMAL_90 * variance**0.5
    return Estimate(value=share, low=max(0.0, share - half), high=min(1.0, share + half))
