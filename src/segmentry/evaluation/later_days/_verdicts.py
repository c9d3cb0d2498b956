"""Verdicts: whether later days show the difference that the forming days forecast."""

from dataclasses import dataclass, replace

import numpy as np

from segmentry.evaluation.later_days._differences import (
    ALPHA,
    Difference,
    Verdict,
    forecast_differences,
    judged,
    share_kept,
)
from segmentry.evaluation.later_days._forecast import Forecasts
from segmentry.evaluation.later_days._intervals import holm, normal_quantile, t_quantile
from segmentry.features.user_days import UserCounts
from segmentry.formats import percent
from segmentry.schema import UNASSIGNED, UNKNOWN, Estimate, Outcome
from segmentry.schema.arrays import BoolVector, FloatVector, IntVector

_POWER = 0.8  # of the minimal detectable difference
_MIN_EXPECTED_CLICKS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeWords:
    """What is counted, in the words of the reasons of verdicts."""

    rate: str
    trial: str
    success: str
    successes: str
    was_there: str = "was shown an ad"
    per: float = 100.0
    """Differences are written times this, in `unit`."""
    unit: str = "points"
    is_share: bool = True
    """Whether a rate lies between 0 and 1."""


def words_of(outcome: Outcome) -> OutcomeWords:
    """Return the words for events or their value."""
    what, _, unit = outcome.unit.partition(" per ")
    return OutcomeWords(
        rate=what,
        trial="day",
        success=outcome.event,
        successes=outcome.events,
        was_there="was known before",
        per=outcome.n_days,
        unit=f"per {unit}",
        is_share=outcome.kind == "events",
    )


OF_CLICKS = OutcomeWords(rate="CTR", trial="impression", success="click", successes="clicks")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentVerdict:
    """What later days show of one segment; intervals are of 90 %."""

    segment_id: int
    verdict: Verdict = "not checked"
    reason: str = ""
    """The verdict in one sentence with its numbers."""
    n_users: int
    n_users_later: int = 0
    """`n_users`, `n_users_later`: members, and members who were shown ads again: the verdict
    concerns these."""
    n_impressions_later: int = 0
    expected_clicks: float | None = None
    """Clicks in the outcome window, were the segment like all users."""
    ctr_outcome: Estimate = UNKNOWN
    forecast_difference: Estimate = UNKNOWN
    outcome_difference: Estimate = UNKNOWN
    """`forecast_difference`, `outcome_difference`: rate of the segment minus that of all other
    segments together: forecast from the feature window alone, and in the outcome window, day for
    day."""
    survival: Estimate = UNKNOWN
    """Outcome difference / forecast difference; null where no difference was forecast."""
    p_value: float | None = None
    p_holm: float | None = None
    """`p_value`, `p_holm`: of no outcome difference: alone, and adjusted for the number of
    segments."""
    minimal_detectable_difference: float | None = None
    """Outcome difference that would have been found with a chance of 80 %; null where none would
    have been, however large."""
    largest_user_share: float | None = None
    """Share of the segment's outcome impressions that one user has."""


@dataclass(frozen=True, slots=True)
class _Later:
    """A later difference with its error, and with that of no difference (degrees of freedom)."""

    difference: Difference
    null_error: float
    null_df: float


@dataclass(frozen=True, slots=True)
class _Side:
    """The users of a segment, or all others with one."""

    trials: FloatVector
    successes: FloatVector

    @property
    def total(self) -> float:
        return float(self.trials.sum())

    @property
    def rate(self) -> float:
        return float(self.successes.sum()) / self.total


def verdicts(
    segment_ids: IntVector,
    *,
    forecast: Forecasts,
    later: UserCounts | None,
    by_days: FloatVector | None = None,
    words: OutcomeWords = OF_CLICKS,
) -> tuple[SegmentVerdict, ...]:
    """Judge each segment of the feature window by the outcome window.

    - confirmed: differs from the rest as forecast, and at least half of the forecast difference
      is there (lower bound);
    - weaker: differs in the same direction, but that much cannot be said;
    - reversed: differs in the other direction;
    - no difference: does not differ by more than chance allows, or no difference was forecast;
    - not checked: no forecast, or fewer than 20 clicks to be expected in the segment or in the
      rest.

    Parameters
    ----------
    segment_ids : ndarray of int, shape (n_users,)
        Formed without the outcome window; 0 for users that belong to none.
    forecast : Forecasts
        Of these segments, from the feature window alone.
    later : UserCounts or None
        In the outcome window; null where there is none.
    by_days : ndarray of float, shape (n_users,), optional
        Clicks that the common CTR of each outcome day leads to expect of each user
        (`UserDays.clicks_by_days`): what days alone explain is then no difference of the segment,
        such as of users who come at weekends, when all click more.
    words : OutcomeWords
        What trials and successes are called in the reasons.

    Notes
    -----
    Score test of equal CTRs with users as clusters: residuals c - g n with the pooled CTR g, so
    that one user with half of all impressions widens the interval instead of deciding it. Where
    clicks are few, too few of them make their own variance look small, so the variance of each side
    is no less than that of independent impressions, g (1 - g) n. The reference is Student's t with
    (sum u)^2 / sum u^2 degrees of freedom, u the squared contributions of the users: as many users
    as in effect decide (Satterthwaite 1946, Biometrics Bull. 2, 110-114). Holm's (1979, Scand. J.
    Statist. 6, 65-70) step-down across the segments that can be judged. How much of the forecast
    difference is there: `share_kept`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ids = np.where(np.arange(4000) < 1000, 1, 2)
    >>> n = np.full(4000, 50)
    >>> later = UserCounts(n, rng.binomial(n, np.where(ids == 1, 0.1, 0.05)))
    >>> rates = (Estimate(0.099, None, None), Estimate(0.051, None, None))
    >>> forecast = Forecasts(ctr=rates, index=rates, n_days=6, n_outcome_days=2, caveats=(),
    ...                      covariance=np.diag([4e-6, 1e-6]))
    >>> [each.verdict for each in verdicts(ids, forecast=forecast, later=later)]
    ['confirmed', 'confirmed']
    >>> verdicts(ids, forecast=forecast, later=None)[0].reason
    'no outcome window: the log has no later day'
    """
    n_segments = len(forecast.ctr)
    sizes = np.bincount(segment_ids, minlength=n_segments + 1)
    blank = [SegmentVerdict(segment_id=i, n_users=int(sizes[i])) for i in range(1, n_segments + 1)]
    if later is None:
        return tuple(
            replace(e, reason="no outcome window: the log has no later day") for e in blank
        )
    on_days = later.n_successes.astype(np.float64)
    if by_days is not None:
        on_days -= by_days - later.n_trials * _level(later, segment_ids != UNASSIGNED)
    trials = np.bincount(segment_ids, weights=later.n_trials, minlength=n_segments + 1)
    expected = forecast_differences(forecast, trials[1:].astype(np.float64))
    found = [
        _with_later(each, segment_ids, later, on_days, words=words, is_forecast=f is not None)
        for each, f in zip(blank, expected, strict=True)
    ]
    adjusted = holm([each.p_value for each, _ in found])
    # Level at which each was tested: all that were not rejected share the last step.
    level = ALPHA / max(1, sum(p is not None and p > ALPHA for p in adjusted))
    return tuple(
        _judged(each, after, f, p_holm=p_holm, level=level, words=words)
        for (each, after), f, p_holm in zip(found, expected, adjusted, strict=True)
    )


def _level(counts: UserCounts, is_in: BoolVector) -> float:
    n = int(counts.n_trials[is_in].sum())
    return int(counts.n_successes[is_in].sum()) / n if n else 0.0


def _with_later(
    blank: SegmentVerdict,
    segment_ids: IntVector,
    later: UserCounts,
    on_days: FloatVector,
    *,
    words: OutcomeWords,
    is_forecast: bool,
) -> tuple[SegmentVerdict, _Later | None]:
    """Fill in the numbers of the outcome window; a p-value only where it can be judged."""
    is_in = segment_ids == blank.segment_id
    is_rest = (segment_ids != UNASSIGNED) & ~is_in
    n = later.n_trials[is_in]
    total, n_rest = int(n.sum()), int(later.n_trials[is_rest].sum())
    level = _level(later.counted, segment_ids != UNASSIGNED)
    found = replace(
        blank,
        n_users_later=int((n > 0).sum()),
        n_impressions_later=total,
        expected_clicks=level * total,
        largest_user_share=int(n.max()) / total if total else None,
        ctr_outcome=outcome_rate(later, is_in),
    )
    after = None
    if total and n_rest:
        trials = later.n_trials.astype(np.float64)
        after = _later_difference(
            *(_Side(trials[group], on_days[group]) for group in (is_in, is_rest))
        )
        found = replace(found, outcome_difference=after.difference.estimate)
    reason = _not_judged(total, n_rest, level, words)
    if not reason and after is not None and after.null_error == 0:
        reason = f"the users' {words.successes} do not vary"
    if not reason and not is_forecast:
        reason = "the feature window gives no forecast to compare with"
    if reason or after is None:
        return replace(found, reason=reason), after
    p_value = _p_value(after.difference.value / after.null_error, df=after.null_df)
    return replace(found, p_value=p_value), after


def _not_judged(n: int, n_rest: int, level: float, words: OutcomeWords) -> str:
    """Say why a segment cannot be judged, or nothing."""
    if n == 0:
        return f"no member {words.was_there} in the outcome window"
    if n_rest == 0:
        return f"no other segment {words.was_there} in the outcome window: nothing to compare with"
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


def _later_difference(segment: _Side, rest: _Side) -> _Later:
    sides = (segment, rest)
    pooled = sum(float(each.successes.sum()) for each in sides) / sum(each.total for each in sides)
    own, null, parts = [], [], []
    for each in sides:
        n, c, total = each.trials, each.successes, each.total
        own.append(float(np.sum((c - each.rate * n) ** 2)) / total**2)
        squares = (c - pooled * n) ** 2 / total**2
        null.append(max(float(squares.sum()), pooled * (1 - pooled) / total))
        parts += [float(squares.sum()), float(squares @ squares)]
    return _Later(
        Difference(segment.rate - rest.rate, sum(own) ** 0.5),
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
    error = float(np.sum((c - rate * n) ** 2)) ** 0.5 / float(n.sum())
    around = Difference(rate, error).estimate
    low, high = max(0.0, around.low or 0.0), around.high or 0.0
    if later.n_events is None:
        high = min(1.0, high)
    return Estimate(value=rate, low=low, high=high)


def _p_value(t: float, *, df: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))


def _judged(
    found: SegmentVerdict,
    after: _Later | None,
    expected: Difference | None,
    *,
    p_holm: float | None,
    level: float,
    words: OutcomeWords,
) -> SegmentVerdict:
    """Add the forecast difference, and the verdict where there is a p-value."""
    if expected is not None:
        found = replace(found, forecast_difference=expected.estimate)
    if p_holm is None or after is None or expected is None:
        return found
    quantiles = t_quantile(1 - level / 2, degrees=after.null_df) + normal_quantile(_POWER)
    reach = quantiles * after.null_error
    found = replace(
        found,
        verdict=judged(after.difference, expected, p_value=p_holm),
        p_holm=p_holm,
        survival=share_kept(after.difference, expected),
        minimal_detectable_difference=reach if reach < 1 or not words.is_share else None,
    )
    return replace(found, reason=_reason(found, after.difference, expected, words))


def _points(difference: float, words: OutcomeWords) -> str:
    return f"{abs(words.per * difference):.2f} {words.unit}"


def _against(difference: float, words: OutcomeWords) -> str:
    return f"{_points(difference, words)} {'below' if difference < 0 else 'above'}"


def _reason(
    found: SegmentVerdict, after: Difference, expected: Difference, words: OutcomeWords
) -> str:
    numbers = (
        f"{words.rate} forecast {_against(expected.value, words)} that of all others, "
        f"{_against(after.value, words)} it later, day for day"
    )
    if found.verdict == "no difference":
        if not expected.is_forecast:
            around = _points(normal_quantile(0.95) * expected.error, words)
            return f"{numbers}; the forecast, give or take {around}, is of no difference"
        reach = found.minimal_detectable_difference
        return f"{numbers}; " + (
            "no difference, however large, would have been found: too few users decide"
            if reach is None
            else f"{_points(reach, words)} would have been found with a chance of 80 %"
        )
    kept = found.survival
    if found.verdict == "reversed" or kept.value is None or kept.low is None:
        return numbers
    share = f"{numbers}: {percent(kept.value, digits=0)} of the forecast difference is there"
    return (
        f"{share}, at least {percent(kept.low, digits=0)}"
        if found.verdict == "confirmed"
        else share
    )
