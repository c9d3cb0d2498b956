"""Reactions and curves, of all users and of each segment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segmentry.describe.exposure._curves import make_curve, without_caps
from segmentry.describe.exposure._matched import MatchedSets
from segmentry.describe.exposure._positions import POSITION_BANDS, REPEAT_BANDS, BandCounts
from segmentry.describe.exposure._reaction import Moments, fit_gap_ratio, join_moments
from segmentry.describe.exposure._records import ExposureCurve, Reaction
from segmentry.describe.exposure._sampling import join_sets, n_levels_of
from segmentry.privacy import hidden_bands, hidden_cells, is_small
from segmentry.schema import UNKNOWN, Estimate, Window
from segmentry.schema.arrays import IntVector

_LEVEL = 0.05
_MOST_CLICKED = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """All users, or those of one segment: their id, who is taken, and the share of users."""

    segment_id: int
    is_taken: npt.NDArray[np.bool_]
    user_share: float


def describe_exposure(
    positions: BandCounts,
    showings: BandCounts,
    sets: list[tuple[MatchedSets, IntVector]],
    moments: list[Moments],
    *,
    segment_ids: IntVector,
    n_segments: int,
    is_of_all: npt.NDArray[np.bool_],
    shares: Sequence[float],
    window: Window,
    least_users: int,
) -> tuple[tuple[Reaction, ...], tuple[ExposureCurve, ...]]:
    """Tell for all users and each segment whether exposure reacts, and draw the curves.

    Parameters
    ----------
    positions, showings : BandCounts
        Of all segments.
    sets, moments : list
        Of the sampled users, part by part.
    segment_ids : ndarray of int, shape (n_users,)
    n_segments : int
    is_of_all : ndarray of bool, shape (n_users,)
        The users that the curves of all users are made of.
    shares : sequence of float
        Share of users taken, of all and of each segment.
    window : Window
    least_users : int
        Nothing is shown that is of fewer users, or would give such a figure away.
    """
    if not sets:
        return (), ()
    matched, seen = join_sets(sets), join_moments(moments)
    groups = [_Group(0, is_of_all, shares[0])]
    groups += [
        _Group(segment_id, segment_ids == segment_id, shares[segment_id])
        for segment_id in range(1, n_segments + 1)
    ]
    if n_segments == 1:
        groups = groups[:1]
    reactions = tuple(
        _react(seen, group, window=window, n_tests=max(1, n_segments)) for group in groups
    )
    everybody_reacts = reactions[0].is_found
    told = [
        (kind, counts, hidden_bands(counts.sums[:, :, 0], min_size=least_users))
        for kind, counts in (("impression", positions), ("repeat", showings))
        if counts.sums[:, 1:, 1].any() or kind == "impression"
    ]
    curves = []
    for group, reaction in zip(groups, reactions, strict=True):
        own = [
            _curve(
                kind,
                counts,
                matched,
                group,
                window=window,
                n_shown=int(n_shown[group.segment_id]),
                least_users=least_users,
            )
            for kind, counts, n_shown in told
        ]
        is_reacting = everybody_reacts or reaction.is_found
        curves += [without_caps(curve) if is_reacting else curve for curve in own]
    return _published(reactions, least_users), tuple(curves)


def _published(reactions: tuple[Reaction, ...], least_users: int) -> tuple[Reaction, ...]:
    """Hide figures of few users, and with them the counts that would give theirs away."""
    line = [each.n_users for each in reactions[1:]]
    is_uncounted = [False, *hidden_cells(line, min_size=least_users)]
    found = []
    for reaction, uncounted in zip(reactions, is_uncounted, strict=True):
        kept = replace(reaction, n_users=0, n_clicks=0) if uncounted else reaction
        if is_small(reaction.n_users, min_size=least_users):
            kept = replace(kept, n_users=0, n_clicks=0, gap_ratio=UNKNOWN, is_found=False,
                           reason="too few users with clicks to be shown")  # fmt: skip
        found.append(kept)
    return tuple(found)


def _react(moments: Moments, group: _Group, *, window: Window, n_tests: int) -> Reaction:
    """Test one group; those of the segments are as many tests, and each is as much stricter."""
    from scipy.special import ndtri

    own = _thinned(_moments_of(moments, group.is_taken[moments.user]))
    n_users, n_clicks = int(np.unique(own.user).size), int(own.is_clicked.sum())
    fit = fit_gap_ratio(own, window=window)
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


def _moments_of(moments: Moments, is_taken: npt.NDArray[np.bool_]) -> Moments:
    return Moments(
        user=moments.user[is_taken],
        second=moments.second[is_taken],
        gap=moments.gap[is_taken],
        is_clicked=moments.is_clicked[is_taken],
        n_shown=moments.n_shown[is_taken],
        band=moments.band[is_taken],
    )


def _thinned(moments: Moments) -> Moments:
    """Keep every jth user, so that about 20,000 clicked moments are left."""
    step = int(moments.is_clicked.sum()) // _MOST_CLICKED
    if step < 2:
        return moments
    number = np.cumsum(np.diff(moments.user, prepend=-1) != 0)
    return _moments_of(moments, number % step == 0)


def _curve(
    kind: str,
    counts: BandCounts,
    sets: MatchedSets,
    group: _Group,
    *,
    window: Window,
    n_shown: int,
    least_users: int,
) -> ExposureCurve:
    """Draw one curve; that of the showings is adjusted for the position as well."""
    position, showing, day, hour = n_levels_of(window)
    is_taken = group.is_taken[sets.user]
    codes, is_member = sets.codes[is_taken], sets.is_member[is_taken]
    if kind == "impression":
        order: tuple[int, ...] = (0, 2, 3)
        n_levels: tuple[int, ...] = (position, day, hour)
        bands: tuple[int, ...] = POSITION_BANDS
    else:
        order, n_levels = (1, 0, 2, 3), (showing, position, day, hour)
        bands = REPEAT_BANDS
        # Members whose ad is not known are left out, whatever their click.
        is_member = is_member & (codes[:, :, 1] < len(REPEAT_BANDS))
    own = MatchedSets(sets.user[is_taken], codes[:, :, order], is_member)
    return make_curve(
        _counts_of(counts, group.segment_id),
        own,
        kind=kind,
        segment_id=group.segment_id,
        bands=bands,
        n_levels=n_levels,
        user_share=group.user_share,
        n_shown=n_shown,
        least_users=least_users,
    )


def _counts_of(counts: BandCounts, segment_id: int) -> BandCounts:
    if segment_id == 0:
        return replace(
            counts,
            sums=counts.sums.sum(axis=0, keepdims=True),
            beyond=counts.beyond.sum(axis=0, keepdims=True),
        )
    rows = slice(segment_id - 1, segment_id)
    return replace(counts, sums=counts.sums[rows], beyond=counts.beyond[rows])
