"""Verdicts: whether a segment's CTR is, later, what it was when the segment was formed."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from segmentry.evaluation.later_days._intervals import (
    TAIL,
    holm,
    normal_quantile,
    percentile_interval,
    resampled_sums,
    t_quantile,
)
from segmentry.features.user_days import UserCounts
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector

Verdict = Literal["confirmed", "weaker", "reversed", "indistinguishable", "not validated"]

# Chance that any difference is found where there is none, over all segments together.
_ALPHA = 0.05
_POWER = 0.8  # of the minimal detectable difference
_MIN_EXPECTED_CLICKS = 20.0
_MIN_SEEN_ERRORS = 2.0
_MIN_SURVIVAL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeWords:
    """What is counted, in the words of the reasons of verdicts."""

    rate: str
    trial: str
    success: str
    successes: str


OF_CLICKS = OutcomeWords(rate="CTR", trial="impression", success="click", successes="clicks")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentVerdict:
    """What later days say of one segment; intervals are of 90 %.

    Parameters
    ----------
    reason : str
        The verdict in one sentence with its numbers.
    n_users, n_users_later : int
        Members, and members who were shown ads again: the verdict concerns these.
    expected_clicks : float or None
        Clicks in the outcome window, were the segment like all users.
    ctr_seen : float or None
        CTR in the feature window, on the clicks that formed the segment.
    seen_difference, outcome_difference : Estimate
        CTR of the segment minus that of all other segments together; the outcome one day for day.
    survival : Estimate
        Outcome difference / seen difference; null where the seen one is below 2 standard errors.
    p_value, p_holm : float or None
        Of no outcome difference: alone, and adjusted for the number of segments.
    minimal_detectable_difference : float or None
        Outcome difference that would have been found with a chance of 80 %; null where none would
        have been, however large.
    largest_user_share : float or None
        Share of the segment's outcome impressions that one user has.
    """

    segment_id: int
    verdict: Verdict = "not validated"
    reason: str = ""
    n_users: int
    n_users_later: int = 0
    n_impressions_later: int = 0
    expected_clicks: float | None = None
    ctr_seen: float | None
    ctr_outcome: Estimate = UNKNOWN
    seen_difference: Estimate = UNKNOWN
    outcome_difference: Estimate = UNKNOWN
    survival: Estimate = UNKNOWN
    p_value: float | None = None
    p_holm: float | None = None
    minimal_detectable_difference: float | None = None
    largest_user_share: float | None = None


@dataclass(frozen=True, slots=True)
class _Difference:
    """CTR of some users minus that of others, with standard errors by users.

    `null_error` and its degrees of freedom are of no difference.
    """

    value: float
    error: float
    null_error: float
    null_df: float


def verdicts(
    segment_ids: IntVector,
    *,
    seen: UserCounts,
    later: UserCounts | None,
    n_segments: int,
    by_days: FloatVector | None = None,
    words: OutcomeWords = OF_CLICKS,
    n_draws: int = 200,
    seed: int = 0,
) -> tuple[SegmentVerdict, ...]:
    """Judge each segment of the feature window by the clicks of the outcome window.

    - confirmed: differs from the rest as it did before, and at least half of the difference
      survives (lower bound);
    - weaker: differs in the same direction, but that much cannot be said;
    - reversed: differs in the other direction;
    - indistinguishable: does not differ by more than chance allows;
    - not validated: fewer than 20 clicks to be expected in the segment or in the rest.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
        Formed without the outcome window; 0 for users that belong to none.
    seen : UserCounts
        In the feature window.
    later : UserCounts or None
        In the outcome window; null where there is none.
    by_days : ndarray of float, shape (n_users,), optional
        Clicks that the common CTR of each outcome day leads to expect of each user
        (`UserDays.clicks_by_days`): what days alone explain is then no difference of the segment,
        such as of users who come at weekends, when all click more.
    words : OutcomeWords
        What trials and successes are called in the reasons.
    n_draws, seed : int
        Of the bootstrap of users for survival.

    Notes
    -----
    Score test of equal CTRs with users as clusters: residuals c - g n with the pooled CTR g, so
    that one user with half of all impressions widens the interval instead of deciding it. Where
    clicks are few, too few of them make their own variance look small, so the variance of each side
    is no less than that of independent impressions, g (1 - g) n. The reference is Student's t with
    (sum u)^2 / sum u^2 degrees of freedom, u the squared contributions of the users: as many users
    as in effect decide (Satterthwaite 1946, Biometrics Bull. 2, 110-114). Holm's (1979, Scand. J.
    Statist. 6, 65-70) step-down across the segments that can be judged.

    Examples
    --------
    >>> n = np.full(4000, 50)
    >>> rng = np.random.default_rng(0)
    >>> rate = np.where(np.arange(4000) < 1000, 0.1, 0.05)
    >>> seen, later = (UserCounts(n, rng.binomial(n, rate)) for _ in range(2))
    >>> ids = np.where(np.arange(4000) < 1000, 1, 2)
    >>> [each.verdict for each in verdicts(ids, seen=seen, later=later, n_segments=2)]
    ['confirmed', 'confirmed']
    >>> verdicts(ids, seen=seen, later=None, n_segments=2)[0].reason
    'no outcome window: the log has no later day'
    """
    blank = [_blank(segment_ids, seen, segment) for segment in range(1, n_segments + 1)]
    if later is None:
        return tuple(
            replace(e, reason="no outcome window: the log has no later day") for e in blank
        )
    shift = np.zeros(segment_ids.size)
    if by_days is not None:
        shift = by_days - later.n_trials * _level(later, segment_ids != UNASSIGNED)
    on_days = later.n_successes - shift
    told = [_with_later(each, segment_ids, seen, later, on_days, words=words) for each in blank]
    adjusted = holm([each.p_value for each in told])
    # Level at which each was tested: all that were not rejected share the last step.
    level = _ALPHA / max(1, sum(p is not None and p > _ALPHA for p in adjusted))
    survivals = _survivals(
        segment_ids, seen, later, shift, n_segments=n_segments, n_draws=n_draws, seed=seed
    )
    results = []
    for each, p_holm in zip(told, adjusted, strict=True):
        found = replace(each, p_holm=p_holm)
        if p_holm is not None:
            found = _with_survival(found, survivals[:, each.segment_id - 1])
            found = _with_detectable(found, segment_ids, later.n_trials, on_days, level=level)
            found = _judged(found, words)
        results.append(found)
    return tuple(results)


def _level(counts: UserCounts, is_in: BoolVector) -> float:
    n = int(counts.n_trials[is_in].sum())
    return int(counts.n_successes[is_in].sum()) / n if n else 0.0


def _blank(segment_ids: IntVector, seen: UserCounts, segment: int) -> SegmentVerdict:
    is_in = segment_ids == segment
    n = int(seen.n_trials[is_in].sum())
    return SegmentVerdict(
        segment_id=segment,
        n_users=int(is_in.sum()),
        ctr_seen=int(seen.n_successes[is_in].sum()) / n if n else None,
    )


def _with_later(
    blank: SegmentVerdict,
    segment_ids: IntVector,
    seen: UserCounts,
    later: UserCounts,
    on_days: FloatVector,
    *,
    words: OutcomeWords,
) -> SegmentVerdict:
    """Fill in the numbers of the outcome window; a p-value only where it can be judged."""
    is_in = segment_ids == blank.segment_id
    is_rest = (segment_ids != UNASSIGNED) & ~is_in
    n = later.n_trials[is_in]
    total, n_rest = int(n.sum()), int(later.n_trials[is_rest].sum())
    level = _level(later, segment_ids != UNASSIGNED)
    told = replace(
        blank,
        n_users_later=int((n > 0).sum()),
        n_impressions_later=total,
        expected_clicks=level * total,
        largest_user_share=int(n.max()) / total if total else None,
    )
    before = _difference(seen.n_trials, seen.n_successes, is_in, is_rest)
    if before is not None:
        told = replace(told, seen_difference=_normal(before.value, before.error))
    after = _difference(later.n_trials, on_days, is_in, is_rest)
    if total:
        told = replace(told, ctr_outcome=outcome_rate(later, is_in))
    if after is not None:
        told = replace(told, outcome_difference=_normal(after.value, after.error))
    reason = _not_judged(total, n_rest, level, words)
    if reason or after is None or after.null_error == 0:
        return replace(told, reason=reason or f"the users' {words.successes} do not vary")
    return replace(told, p_value=_p_value(after.value / after.null_error, df=after.null_df))


def _not_judged(n: int, n_rest: int, level: float, words: OutcomeWords) -> str:
    """Say why a segment cannot be judged, or nothing."""
    if n == 0:
        return "no member was shown an ad in the outcome window"
    if n_rest == 0:
        return "no other segment was shown an ad in the outcome window: nothing to compare with"
    if level == 0:
        return f"the outcome window has no {words.success}"
    least = _MIN_EXPECTED_CLICKS
    if level * n < least:
        expected = f"{level * n:.1f} {words.successes} to be expected in the outcome window"
        return f"{expected}, fewer than {least:g}"
    if level * n_rest < least:
        expected = f"{level * n_rest:.1f} {words.successes} to be expected in the rest"
        return f"{expected}, fewer than {least:g}"
    return ""


def _difference(
    trials: IntVector, successes: IntVector | FloatVector, is_in: BoolVector, is_rest: BoolVector
) -> _Difference | None:
    n, c = trials.astype(np.float64), successes.astype(np.float64)
    totals = [float(n[group].sum()) for group in (is_in, is_rest)]
    if min(totals) == 0:
        return None
    clicks = [float(c[group].sum()) for group in (is_in, is_rest)]
    rates = [click / total for click, total in zip(clicks, totals, strict=True)]
    pooled = sum(clicks) / sum(totals)
    own, null, parts = [], [], []
    for group, total, rate in zip((is_in, is_rest), totals, rates, strict=True):
        own.append(float(np.sum((c[group] - rate * n[group]) ** 2)) / total**2)
        squares = (c[group] - pooled * n[group]) ** 2 / total**2
        null.append(max(float(squares.sum()), pooled * (1 - pooled) / total))
        parts += [float(squares.sum()), float(squares @ squares)]
    return _Difference(
        value=rates[0] - rates[1],
        error=sum(own) ** 0.5,
        null_error=sum(null) ** 0.5,
        null_df=(parts[0] + parts[2]) ** 2 / (parts[1] + parts[3]) if any(parts) else 1.0,
    )


def outcome_rate(later: UserCounts, is_in: BoolVector) -> Estimate:
    """Return the CTR of some users on the later days with its 90 % interval; null without ads.

    Parameters
    ----------
    is_in : ndarray of bool, shape (n_users,)

    Notes
    -----
    Variance of a ratio with users as clusters (Cochran 1977, eq. 6.13).

    Examples
    --------
    >>> later = UserCounts(np.array([10, 10, 0]), np.array([1, 3, 0]))
    >>> outcome_rate(later, np.array([True, True, False])).value
    0.2
    >>> outcome_rate(later, np.array([False, False, True])).value is None
    True
    """
    if not later.n_trials[is_in].sum():
        return UNKNOWN
    n, c = (counts[is_in].astype(np.float64) for counts in (later.n_trials, later.n_successes))
    rate = float(c.sum() / n.sum())
    told = _normal(rate, float(np.sum((c - rate * n) ** 2)) ** 0.5 / float(n.sum()))
    low, high = max(0.0, told.low or 0.0), min(1.0, told.high or 0.0)
    return Estimate(value=rate, low=low, high=high)


def _normal(value: float, error: float) -> Estimate:
    half = normal_quantile(1 - TAIL) * error
    return Estimate(value=value, low=value - half, high=value + half)


def _p_value(t: float, *, df: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))


def _survivals(
    segment_ids: IntVector,
    seen: UserCounts,
    later: UserCounts,
    shift: FloatVector,
    *,
    n_segments: int,
    n_draws: int,
    seed: int,
) -> FloatVector:
    """Draw survivals, shape (n_draws, n_segments); infinite where nothing was seen.

    What is owed to the days is not drawn anew: whole clicks leave few distinct users to draw.
    """
    is_in = segment_ids != UNASSIGNED
    values = np.column_stack([seen.n_trials, seen.n_successes, later.n_trials, later.n_successes])
    sums = resampled_sums(
        segment_ids[is_in] - 1, values[is_in], n_groups=n_segments, n_draws=n_draws, seed=seed
    )
    rest = sums.sum(axis=1, keepdims=True) - sums
    n, owed = (
        np.bincount(segment_ids[is_in] - 1, weights=each[is_in], minlength=n_segments)
        for each in (later.n_trials, shift)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        before = sums[:, :, 1] / sums[:, :, 0] - rest[:, :, 1] / rest[:, :, 0]
        after = sums[:, :, 3] / sums[:, :, 2] - rest[:, :, 3] / rest[:, :, 2]
        of_days = owed / n - (owed.sum() - owed) / (n.sum() - n)
        ratio = (after - of_days) / before
    # A draw without the segment says nothing for it: the lower end goes down, not up.
    return np.where(np.isnan(ratio), -np.inf, ratio)


def _with_survival(told: SegmentVerdict, draws: FloatVector) -> SegmentVerdict:
    before, after = told.seen_difference, told.outcome_difference
    if before.value is None or before.low is None or after.value is None:
        return told
    error = (before.value - before.low) / normal_quantile(1 - TAIL)
    if abs(before.value) < _MIN_SEEN_ERRORS * error or before.value == 0:
        return told
    return replace(told, survival=percentile_interval(after.value / before.value, draws))


def _with_detectable(
    told: SegmentVerdict,
    segment_ids: IntVector,
    trials: IntVector,
    on_days: FloatVector,
    *,
    level: float,
) -> SegmentVerdict:
    is_in = segment_ids == told.segment_id
    after = _difference(trials, on_days, is_in, (segment_ids != UNASSIGNED) & ~is_in)
    if after is None:
        return told
    quantiles = t_quantile(1 - level / 2, degrees=after.null_df) + normal_quantile(_POWER)
    reach = quantiles * after.null_error
    return replace(told, minimal_detectable_difference=reach if reach < 1 else None)


def _apart(difference: float) -> str:
    return f"{abs(100 * difference):.2f} points {'below' if difference < 0 else 'above'}"


def _judged(told: SegmentVerdict, words: OutcomeWords) -> SegmentVerdict:
    before, after = told.seen_difference.value, told.outcome_difference.value
    if told.p_holm is None or before is None or after is None:
        return replace(told, reason=f"no {words.trial} in the feature window to compare with")
    numbers = (
        f"{words.rate} {_apart(before)} that of all others when formed, {_apart(after)} it later, "
        "day for day"
    )
    if told.p_holm > _ALPHA:
        reach = told.minimal_detectable_difference
        found = (
            "no difference, however large, would have been found: too few users decide"
            if reach is None
            else f"{100 * reach:.2f} points would have been found with a chance of 80 %"
        )
        return replace(told, verdict="indistinguishable", reason=f"{numbers}; {found}")
    if before * after < 0:
        return replace(told, verdict="reversed", reason=numbers)
    low = told.survival.low
    if told.survival.value is None:
        return replace(
            told, verdict="weaker", reason=f"{numbers}; too little was seen to say what survives"
        )
    kept = f"{numbers}: {told.survival.value:.0%} survives"
    if low is not None and low >= _MIN_SURVIVAL:
        return replace(told, verdict="confirmed", reason=f"{kept}, at least {low:.0%}")
    return replace(told, verdict="weaker", reason=kept)
