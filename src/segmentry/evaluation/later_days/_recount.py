"""Features of a part of the days, from counts per user and day."""

from collections.abc import Collection

import numpy as np
import polars as pl

from segmentry.features import BetaPrior, shrink
from segmentry.features.user_days import DayCounts, UserDays
from segmentry.schema import MICRO

COUNTED = ("n_impressions", "n_clicks", "ctr", "ctr_shrunk", "n_active_days", "n_click_days")
"""Features that impressions and clicks per user and day give for any part of the days."""

_COUNTED_BEHAVIOURS = ("n_views", "n_purchases")

CLICKS_BEYOND_COUNTS = ("n_repeat_clicks", "mean_log_price_clicked")
"""Features that see clicks and cannot be found again from counts per user and day."""


def counted_features(counts: UserDays) -> tuple[str, ...]:
    """Return the features that counts per user and day give for any part of the days."""
    if counts.outcome.kind != "clicks":
        return COUNTED_EVENTS
    return COUNTED + (() if counts.behaviours is None else _COUNTED_BEHAVIOURS)


def recount(
    counts: UserDays,
    days: Collection[int],
    names: Collection[str],
    *,
    prior: BetaPrior,
    scale: float = 1.0,
) -> dict[str, pl.Series]:
    """Return those of the named features that add up over days, as they are on some days.

    Parameters
    ----------
    prior : BetaPrior
        Of the shrunk CTR.
    scale : float
        Multiplies counts, not ratios. Counts of behaviours hold the days before the ad log too,
        which are never left out, so that they are multiplied by less.

    Examples
    --------
    >>> frame = pl.DataFrame({"user_id": [1, 1], "day": [0, 1], "n_impressions": [3, 4],
    ...                       "n_clicks": [1, 0]})
    >>> counts = UserDays.from_frame(frame, users=pl.Series([1]))
    >>> found = recount(counts, [0], ["n_clicks", "age"], prior=BetaPrior(0.1, 10), scale=2.0)
    >>> found["n_clicks"].to_list(), len(found)
    ([2.0], 1)
    """
    found = features_of(counts.counted(days), names, prior=prior, scale=scale)
    return found | recount_behaviours(counts, days, names, n_all_days=scale * len(days))


def features_of(
    counted: DayCounts, names: Collection[str], *, prior: BetaPrior, scale: float = 1.0
) -> dict[str, pl.Series]:
    """Return those of the named features that counts give, in the order of the users."""
    n, c = counted.n_impressions, counted.n_clicks
    found = {}
    if "n_impressions" in names:
        found["n_impressions"] = pl.Series(n * scale)
    if "n_clicks" in names:
        found["n_clicks"] = pl.Series(c * scale)
    if "ctr" in names:
        found["ctr"] = pl.Series(np.divide(c, n, out=np.full(n.size, np.nan), where=n > 0))
    if "ctr_shrunk" in names:
        found["ctr_shrunk"] = pl.Series(shrink(c, n, prior))
    if "n_active_days" in names:
        found["n_active_days"] = pl.Series(counted.n_active_days * scale)
    if "n_click_days" in names:
        found["n_click_days"] = pl.Series(counted.n_click_days * scale)
    return found


def recount_behaviours(
    counts: UserDays, days: Collection[int], names: Collection[str], *, n_all_days: float
) -> dict[str, pl.Series]:
    """Count views and purchases of the time before the ad log and of some of its days."""
    behaviours = counts.behaviours
    if behaviours is None:
        return {}
    n_before = behaviours.n_before
    scale = (n_before + n_all_days) / (n_before + len(days))
    return {
        name: pl.Series(behaviours.total(name, days, is_before_in=True) * scale)
        for name in _COUNTED_BEHAVIOURS
        if name in names
    }


COUNTED_EVENTS = ("n_impressions", "n_active_days", "recency_days", "value_sum")
"""Features of events that their days give for any part of the days."""


def recount_events(
    counts: UserDays,
    days: Collection[int],
    names: Collection[str],
    *,
    table: pl.DataFrame,
    whole: Collection[int],
) -> dict[str, pl.Series]:
    """Return those of the named features as they were at the end of some first days.

    Nothing is scaled up: who came once came once, however long ago.

    Parameters
    ----------
    table : DataFrame
        Features of the same users over `whole`; the time of day of each user's last event is taken
        from it.
    whole : collection of int
        All forming days.

    Examples
    --------
    >>> frame = pl.DataFrame({"user_id": [1, 1], "day": [0, 5], "n_impressions": [1, 2],
    ...                       "n_clicks": [0, 0], "value": [7_000_000, 1]})
    >>> counts = UserDays.from_frame(frame, users=pl.Series([1]))
    >>> table = pl.DataFrame({"recency_days": [0.5]})  # at noon of day 5
    >>> found = recount_events(counts, range(4), ["recency_days", "value_sum"], table=table,
    ...                        whole=range(6))
    >>> found["recency_days"].to_list(), found["value_sum"].to_list()
    ([3.5], [7.0])
    """
    found = {}
    if "n_impressions" in names:
        found["n_impressions"] = pl.Series(counts.totals(days).n_trials)
    if "n_active_days" in names:
        found["n_active_days"] = pl.Series(counts.active_days(days)[0])
    if "recency_days" in names:
        within_day = table["recency_days"] - counts.days_since(whole)
        found["recency_days"] = counts.days_since(days) + within_day
    if "value_sum" in names and counts.values is not None:
        amounts = np.zeros(counts.n_users, dtype=np.int64)
        is_in = np.isin(counts.day, list(days))
        np.add.at(amounts, counts.user_index[is_in], counts.values[is_in])
        found["value_sum"] = pl.Series(amounts / MICRO)
    return found
