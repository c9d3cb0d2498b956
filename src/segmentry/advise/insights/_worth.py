"""What acting on a finding is worth: clicks or impressions, with a 90 % interval."""

from collections.abc import Callable

from segmentry.advise.insights._findings import Facts, Worth
from segmentry.describe.exposure import Cell
from segmentry.describe.profiles import SegmentProfile
from segmentry.formats import count
from segmentry.schema import UNKNOWN, Estimate

PER = 10_000
"""Impressions that an effect is given for."""
MOVED = (
    "The impressions go to, or come from, users who click as all users do.",
    "Users who are shown more click as they did: the rate does not fall with exposure.",
)
_TO_90 = 1.6448536269514722 / 1.959963984540054  # half of a 90 % interval / of a 95 % one


def exactly(value: float) -> Estimate:
    """Return a number without an interval."""
    return Estimate(value=float(value), low=None, high=None)


def moved_here(facts: Facts, index: Estimate) -> Worth:
    """Return what it is worth to show more to a segment."""
    effect = f"clicks gained per {count(PER)} impressions moved here"
    return Worth(effect, clicks_gained(facts, index, sign=1), MOVED)


def moved_away(facts: Facts, index: Estimate, *more: str) -> Worth:
    """Return what it is worth to show less to a segment; `more` is assumed next to the usual."""
    effect = f"clicks gained per {count(PER)} impressions moved from here to all users"
    return Worth(effect, clicks_gained(facts, index, sign=-1), (*more, *MOVED))


def as_it_is(profile: SegmentProfile) -> Worth:
    """Return what is at stake where acting is not a move of impressions: the clicks they bring."""
    expected = clicks_expected(profile)
    if expected.value is None:
        return Worth()
    effect = f"clicks to be expected per {count(PER)} impressions shown to them, as things are"
    return Worth(effect, expected, ("They are shown ads as they were.",))


def clicks_gained(facts: Facts, index: Estimate, *, sign: int) -> Estimate:
    """Return clicks gained by moving 10,000 impressions, from the index free of the common level.

    Taken at the forecast level of all users: where it is uncertain, as where days differ much, so
    is how many clicks a ratio of two rates amounts to.
    """
    if index.value is None or index.low is None or index.high is None:
        return UNKNOWN
    part, *ends = (sign * PER * (each / 100 - 1) for each in (index.value, index.low, index.high))
    return _product(facts.level_estimate, Estimate(value=part, low=min(ends), high=max(ends)))


def clicks_of_difference(difference: Estimate) -> Estimate:
    """Return by how many clicks per 10,000 impressions a segment differs, whichever way."""
    if difference.value is None or difference.low is None or difference.high is None:
        return UNKNOWN
    sign = -PER if difference.value < 0 else PER
    low, high = sorted((sign * difference.low, sign * difference.high))
    return Estimate(value=sign * difference.value, low=low, high=high)


def clicks_expected(profile: SegmentProfile) -> Estimate:
    """Return the clicks of 10,000 impressions by the forecast; without one, by what is seen.

    Without a click in n impressions the upper end is the exact binomial one, 1 - 0.05 ** (1 / n).
    """
    if not profile.expected_rate.is_known and profile.n_impressions and not profile.n_clicks:
        return Estimate(value=0.0, low=0.0, high=PER * (1 - 0.05 ** (1 / profile.n_impressions)))
    return _scaled(profile.expected_rate, lambda rate: PER * rate)


def impressions_lacking(level: Estimate, *, shown: float, clicks: float) -> Estimate:
    """Return the impressions until so many clicks are to be expected at a click rate."""
    return _scaled(level, lambda rate: clicks / rate - shown)


def clicks_gained_within(segment: SegmentProfile, *, to: Cell, of: Cell | None = None) -> Estimate:
    """Return clicks gained by moving 10,000 impressions of a segment to a value it clicks more.

    Without `of` they come from everywhere in proportion.

    Notes
    -----
    The CTR of a cell relative to the segment's own CTR of the same days, taken at the segment's
    forecast: what luck formed the segment is in both and drops out. Interval of a difference from
    those of its parts: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702.
    """
    seen = segment.ctr_seen.value
    if not seen:
        return UNKNOWN
    more = _in_90(to.ctr)
    less = exactly(seen) if of is None else _in_90(of.ctr)
    if more.value is None or less.value is None or more.low is None or more.high is None:
        return UNKNOWN
    below = less.value - (less.value if less.low is None else less.low)
    above = (less.value if less.high is None else less.high) - less.value
    value = more.value - less.value
    low = value - ((more.value - more.low) ** 2 + above**2) ** 0.5
    high = value + ((more.high - more.value) ** 2 + below**2) ** 0.5
    part = Estimate(*(PER * each / seen for each in (value, low, high)))
    return _product(segment.expected_rate, part)


def difference_per_thousand(found: Estimate, level: float, *, sign: int = 1) -> Estimate:
    """Return 1,000 times what a share, with a 95 % interval, lies above a known one.

    >>> found = difference_per_thousand(Estimate(0.3, 0.2, 0.4), 0.1)
    >>> found.value, round(found.low, 1), round(found.high, 1)
    (200.0, 116.1, 283.9)
    """
    if found.value is None or found.low is None or found.high is None:
        return UNKNOWN
    ends = [found.value + _TO_90 * (end - found.value) for end in (found.low, found.high)]
    value, *moved = (round(sign * 1000 * (each - level), 6) for each in (found.value, *ends))
    return Estimate(value=value, low=min(moved), high=max(moved))


def _in_90(estimate: Estimate) -> Estimate:
    """Turn a 95 % interval that is even on the scale of logarithms into one of 90 %."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if not value or not low or not high:
        return estimate
    return Estimate(value, value * (low / value) ** _TO_90, value * (high / value) ** _TO_90)


def _product(rate: Estimate, part: Estimate) -> Estimate:
    """Multiply a rate by what it is a part of, such as clicks per unit of rate; null if unknown.

    Notes
    -----
    Each end leaves the product by the square root of the summed squares of what either factor alone
    would take it there (Donner and Zou 2012, Statistical Methods in Medical Research 21, 347-359).

    Examples
    --------
    >>> _product(Estimate(0.05, 0.04, 0.07), Estimate(-100.0, -112.0, -90.0))
    Estimate(value=-5.0, low=-7.088061, high=-3.881966)
    """
    if rate.value is None or part.value is None or part.low is None or part.high is None:
        return UNKNOWN
    value = rate.value * part.value
    rates = (
        rate.value if rate.low is None else rate.low,
        rate.value if rate.high is None else rate.high,
    )
    by_rate = sorted(each * part.value - value for each in rates)
    by_part = sorted(rate.value * each - value for each in (part.low, part.high))
    low, high = (
        value + side * (one**2 + other**2) ** 0.5
        for side, one, other in zip((-1, 1), by_rate, by_part, strict=True)
    )
    return Estimate(value=round(value, 6), low=round(low, 6), high=round(high, 6))


def _scaled(rate: Estimate, function: Callable[[float], float]) -> Estimate:
    """Apply a monotone function to a rate and to the ends of its interval."""
    if not rate.value:
        return UNKNOWN
    if not rate.low or not rate.high:
        return exactly(round(function(rate.value), 6))
    ends = [round(function(rate.low), 6), round(function(rate.high), 6)]
    return Estimate(value=round(function(rate.value), 6), low=min(ends), high=max(ends))
