"""Who the users are: the share of each segment, the values of features, what is missing."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from segmentry.lifecycle.alarms.facts import FeatureFacts, PeriodFacts
from segmentry.lifecycle.alarms.readings import MANY, Look, Reading

SHARE_MARGIN = 0.10
"""A segment's share within a tenth of itself never rings: users move, windows differ in length."""
INDEX_MARGIN = 0.10
"""Population stability index up to which a feature counts as the same, as is usual."""
MISSING_MARGIN = 0.02
"""Share of users that may lose or gain a value without an alarm."""


def read_mix(
    reference: PeriodFacts, current: PeriodFacts, *, period: int, look: int
) -> Iterator[Reading]:
    """Judge each segment's share of the users against that in the forming window."""
    if not reference.n_users or not current.n_users:
        return
    at = Look("mix_changed", period, look, len(reference.segments))
    before = {segment.key: segment.n_users for segment in reference.segments}
    for segment in current.segments:
        if segment.key not in before:
            continue
        then = (before[segment.key] + 0.5) / (reference.n_users + 1)
        # Where the level moved, the share without the move is somewhere in the range.
        low, high = (
            (n + 0.5) / (current.n_users + 1)
            for n in segment.n_users_range or (segment.n_users, segment.n_users)
        )
        logs = [math.log(now / then) for now in (low, high)]
        widths = [
            at.half_width(
                [
                    (_log_variance(then, reference.n_users), MANY),
                    (_log_variance(now, current.n_users), MANY),
                ]
            )
            for now in (low, high)
        ]
        yield Reading(
            code=at.code,
            name=segment.key,
            period=period,
            expected=before[segment.key] / reference.n_users,
            observed=segment.n_users / current.n_users,
            low=low * math.exp(-widths[0]),
            high=min(1.0, high * math.exp(widths[1])),
            is_expected=logs[0] - widths[0] <= SHARE_MARGIN
            and logs[1] + widths[1] >= -SHARE_MARGIN,
        )


def _log_variance(share: float, n: int) -> float:
    return max(1 - share, 0.0) / (share * (n + 1))


def read_features(
    reference: PeriodFacts, current: PeriodFacts, *, period: int, look: int
) -> Iterator[Reading]:
    """Judge the distribution, the missing values and the unseen levels of each feature."""
    before = {feature.name: feature for feature in reference.features}
    shift = Look("feature_shifted", period, look, max(1, len(before)))
    missing = Look("missing_values_changed", period, look, max(1, 2 * len(before)))
    unseen = replace(missing, code="unseen_levels")
    for feature in current.features:
        then = before.get(feature.name)
        if then is None or not then.n_users or not feature.n_users:
            continue
        if sum(then.bins) and sum(feature.bins) and len(then.bins) == len(feature.bins):
            yield _stability(then, feature, shift)
        yield _share_of_users(then, feature, missing)
        yield _share_of_users(then, feature, unseen)


def stability_index(then: tuple[int, ...], now: tuple[int, ...]) -> tuple[float, float]:
    """Population stability index without its noise, and its standard error.

    Sum of (p - q) log(p / q) over bins, less what two samples of the same users would show,
    (B - 1)(1 / n + 1 / m) (Yurdakul 2018). The error joins that of no change, a chi-squared, and
    that of a change, by linearisation.

    >>> index, error = stability_index((500, 500), (600, 400))
    >>> round(index, 4), round(error, 4)
    (0.0385, 0.0182)
    """
    q, n_then = _smoothed(then)
    p, n_now = _smoothed(now)
    plain = float(np.sum((p - q) * np.log(p / q)))
    scale = 1 / n_now + 1 / n_then
    freedom = len(then) - 1
    slope_p, slope_q = np.log(p / q) + 1 - q / p, np.log(q / p) + 1 - p / q
    variance = 2 * freedom * scale**2
    for share, slope, n in ((p, slope_p, n_now), (q, slope_q, n_then)):
        variance += float(share @ slope**2 - (share @ slope) ** 2) / n
    return plain - freedom * scale, math.sqrt(variance)


def _smoothed(counts: tuple[int, ...]) -> tuple[np.ndarray, float]:
    values = np.asarray(counts, dtype=np.float64) + 0.5
    total = float(values.sum())
    return values / total, total


def _stability(then: FeatureFacts, now: FeatureFacts, at: Look) -> Reading:
    index, error = stability_index(then.bins, now.bins)
    width = at.half_width([(error**2, MANY)])
    return Reading(
        code=at.code,
        name=now.name,
        period=at.period,
        expected=0.0,
        observed=max(0.0, index),
        low=max(0.0, index - width),
        high=max(0.0, index + width),
        is_expected=index - width <= INDEX_MARGIN,
    )


def _share_of_users(then: FeatureFacts, now: FeatureFacts, at: Look) -> Reading:
    counts = [
        f.n_missing if at.code == "missing_values_changed" else f.n_unseen for f in (then, now)
    ]
    sizes = [then.n_users, now.n_users]
    before, after = (count / size for count, size in zip(counts, sizes, strict=True))
    smooth = [(count + 0.5) / (size + 1) for count, size in zip(counts, sizes, strict=True)]
    variance = sum(share * (1 - share) / size for share, size in zip(smooth, sizes, strict=True))
    width = at.half_width([(variance, MANY)])
    return Reading(
        code=at.code,
        name=now.name,
        period=at.period,
        expected=before,
        observed=after,
        low=max(0.0, after - width),
        high=min(1.0, after + width),
        is_expected=abs(after - before) - width <= MISSING_MARGIN,
    )
