"""The oracle: every feature of the log in slow, plain Python, one user at a time.

It follows the descriptions in the feature catalogue and shares no code with the package, so that
a value on which both agree was computed twice. Where a formula has two forms, this is the
textbook's: entropy is ``-sum p ln p``, days and hours come from `datetime`.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple, TypeAlias

from segmentry.schema import Window

UserId: TypeAlias = int | str
AdId: TypeAlias = int | str
Code: TypeAlias = int | str
ImpressionRow: TypeAlias = tuple[UserId, int, AdId | None, str | None, int | bool]
"""``(user_id, shown_at, ad_id, placement, is_click)``."""
AdRow: TypeAlias = tuple[Code | None, Code | None, Code | None, float | None]
"""``(category_id, campaign_id, brand_id, price)``."""
Value: TypeAlias = int | float | None

LOWEST_PRECISION = 1e-3
HIGHEST_PRECISION = 1e6
"""`reference_fit` looks for ``a + b`` between these two."""

_UNKNOWN_AD: AdRow = (None, None, None, None)
_GOLDEN = (math.sqrt(5) - 1) / 2


class _Exposure(NamedTuple):
    """One impression of one user, beside the ad's attributes and the local clock."""

    shown_at: int
    local: datetime
    ad_id: AdId | None
    placement: str | None
    clicks: int
    category: Code | None
    campaign: Code | None
    brand: Code | None
    price: float | None


def reference_user_table(
    impressions: Iterable[ImpressionRow],
    ads: Mapping[AdId, AdRow],
    *,
    window: Window,
    main_placement: str | None,
    profiled: Collection[UserId] = (),
) -> dict[UserId, dict[str, Value]]:
    """Return every log feature but `ctr_shrunk` of every user, in the order of the user ids.

    Users are those with an impression in the window and those in `profiled`. An ad that is not
    in `ads` has no known attribute. Without a main placement its share is unknown.
    """
    exposures: dict[UserId, list[_Exposure]] = {user_id: [] for user_id in profiled}
    clock = timezone(timedelta(hours=window.utc_offset_hours))
    for user_id, shown_at, ad_id, placement, is_click in impressions:
        if not window.start <= shown_at < window.end:
            continue
        ad = _UNKNOWN_AD if ad_id is None else ads.get(ad_id, _UNKNOWN_AD)
        local = datetime.fromtimestamp(shown_at, tz=clock)
        exposure = _Exposure(shown_at, local, ad_id, placement, int(is_click), *ad)
        exposures.setdefault(user_id, []).append(exposure)
    return {
        user_id: {
            **_activity(exposures[user_id], window=window),
            **_engagement(exposures[user_id]),
            **_affinity(exposures[user_id]),
            "main_placement_share": _placement_share(exposures[user_id], main_placement),
            **_local_time_shares(exposures[user_id]),
        }
        for user_id in sorted(exposures)
    }


def _activity(shown: list[_Exposure], *, window: Window) -> dict[str, Value]:
    moments = [exposure.shown_at for exposure in shown]
    bursts = {moment // 1800 for moment in moments}
    return {
        "n_impressions": len(shown),
        "n_active_days": len({exposure.local.date() for exposure in shown}),
        "n_bursts": len(bursts),
        "impressions_per_burst": _ratio(len(shown), len(bursts)),
        "first_seen_at": min(moments) if moments else None,
        "last_seen_at": max(moments) if moments else None,
        "recency_days": (window.end - max(moments)) / 86_400 if moments else None,
    }


def _engagement(shown: list[_Exposure]) -> dict[str, Value]:
    n_clicks = sum(exposure.clicks for exposure in shown)
    n_repeat_impressions = 0
    n_repeat_clicks = 0
    for ad_id in _known(exposure.ad_id for exposure in shown):
        of_ad = [exposure for exposure in shown if exposure.ad_id == ad_id]
        first_moment = min(exposure.shown_at for exposure in of_ad)
        clicked_first = any(
            exposure.clicks for exposure in of_ad if exposure.shown_at == first_moment
        )
        n_repeat_impressions += len(of_ad) - 1
        n_repeat_clicks += sum(exposure.clicks for exposure in of_ad) - int(clicked_first)
    return {
        "n_clicks": n_clicks,
        "ctr": _ratio(n_clicks, len(shown)),
        "n_click_days": len({exposure.local.date() for exposure in shown if exposure.clicks}),
        "n_repeat_impressions": n_repeat_impressions,
        "n_repeat_clicks": n_repeat_clicks,
    }


def _affinity(shown: list[_Exposure]) -> dict[str, Value]:
    categories = _known(exposure.category for exposure in shown)
    return {
        "n_ads": len(_known(exposure.ad_id for exposure in shown)),
        "n_categories": len(categories),
        "n_brands": len(_known(exposure.brand for exposure in shown)),
        "n_campaigns": len(_known(exposure.campaign for exposure in shown)),
        "category_entropy": _entropy(categories),
        "top_category_share": _ratio(max(categories.values(), default=0), categories.total()),
        "mean_log_price_seen": _mean_log_price(shown),
        "mean_log_price_clicked": _mean_log_price(
            [exposure for exposure in shown if exposure.clicks]
        ),
    }


def _placement_share(shown: list[_Exposure], main_placement: str | None) -> float | None:
    if main_placement is None:
        return None
    placements = _known(exposure.placement for exposure in shown)
    return _ratio(placements[main_placement], placements.total())


def _local_time_shares(shown: list[_Exposure]) -> dict[str, Value]:
    quarters = Counter(exposure.local.hour // 6 for exposure in shown)
    n_weekend = sum(exposure.local.isoweekday() in {6, 7} for exposure in shown)
    return {
        "night_share": _ratio(quarters[0], len(shown)),
        "morning_share": _ratio(quarters[1], len(shown)),
        "afternoon_share": _ratio(quarters[2], len(shown)),
        "evening_share": _ratio(quarters[3], len(shown)),
        "weekend_share": _ratio(n_weekend, len(shown)),
    }


def _known(codes: Iterable[Code | None]) -> Counter[Code]:
    return Counter(code for code in codes if code is not None)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _entropy(counts: Counter[Code]) -> float | None:
    if not counts:
        return None
    shares = [n / counts.total() for n in counts.values()]
    return sum(-share * math.log(share) for share in shares)


def _mean_log_price(shown: list[_Exposure]) -> float | None:
    logs = [math.log1p(exposure.price) for exposure in shown if exposure.price is not None]
    return math.fsum(logs) / len(logs) if logs else None


def reference_main_placement(impressions: Iterable[ImpressionRow], window: Window) -> str | None:
    """Return the most frequent known placement in the window; the smallest text of equals."""
    counts = Counter(
        placement
        for _, shown_at, _, placement, _ in impressions
        if window.start <= shown_at < window.end and placement is not None
    )
    return min(counts, key=lambda placement: (-counts[placement], placement), default=None)


def reference_beta_binomial_loglik(a: float, b: float, pairs: Iterable[tuple[int, int]]) -> float:
    """Return the log-likelihood of ``(clicks, impressions)`` pairs, one per user.

    The binomial coefficient is left out: it does not depend on `a` and `b`.
    """
    return math.fsum(
        n_users * (_log_beta(a + n_clicks, b + n_impressions - n_clicks) - _log_beta(a, b))
        for (n_clicks, n_impressions), n_users in Counter(pairs).items()
    )


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def reference_fit(pairs: Iterable[tuple[int, int]]) -> tuple[float, float]:
    """Return ``(a, b)`` of greatest likelihood, right to four digits where `a + b` is below 1000.

    Above, the likelihood is nearly flat and rounding in `lgamma` shows: compare likelihoods there.

    For a given precision ``a + b`` the likelihood is concave in the mean ``a / (a + b)``, so that
    golden section finds the best mean. The precision is sought on a grid of its logarithm first,
    then by golden section between the neighbours of the best grid point. Users who differ less
    than chance makes them have no finite best precision and end at `HIGHEST_PRECISION`; users
    who click always or never end at `LOWEST_PRECISION`. If no user has two impressions, every
    precision is as good as another.

    Raises
    ------
    ValueError
        If nobody clicked or every impression was clicked: the mean has no best value inside 0..1.
    """
    users = list(pairs)
    n_clicks = sum(clicks for clicks, _ in users)
    n_impressions = sum(impressions for _, impressions in users)
    if not 0 < n_clicks < n_impressions:
        raise ValueError(f"no maximum: {n_clicks} clicks on {n_impressions} impressions")

    def loglik(mean: float, precision: float) -> float:
        return reference_beta_binomial_loglik(mean * precision, (1 - mean) * precision, users)

    def best_mean(precision: float) -> float:
        return _golden_section(lambda mean: loglik(mean, precision), low=1e-9, high=1 - 1e-9)

    def profile_loglik(log_precision: float) -> float:
        precision = math.exp(log_precision)
        return loglik(best_mean(precision), precision)

    low, high = math.log(LOWEST_PRECISION), math.log(HIGHEST_PRECISION)
    n_steps = 40
    grid = [low + (high - low) * step / n_steps for step in range(n_steps + 1)]
    values = [profile_loglik(log_precision) for log_precision in grid]
    best = values.index(max(values))
    log_precision = _golden_section(
        profile_loglik, low=grid[max(best - 1, 0)], high=grid[min(best + 1, n_steps)]
    )
    precision = math.exp(log_precision)
    mean = best_mean(precision)
    return mean * precision, (1 - mean) * precision


def _golden_section(function: Callable[[float], float], *, low: float, high: float) -> float:
    """Return where a function with a single peak between `low` and `high` is greatest."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > 1e-9:
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
