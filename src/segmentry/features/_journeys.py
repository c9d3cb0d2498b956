"""What followed an impression, per user and by day: integers, as all counts are.

Order is respected everywhere: what happens in the very second of an impression, or before it,
did not follow it. All of it is association: what is shown follows what is browsed.
"""

from typing import Any

import narwhals.stable.v2 as nw

from segmentry.features._behaviour_counts import (
    CART,
    PURCHASE,
    VIEW,
    day_of,
    number_of,
    total_of,
    within,
)
from segmentry.schema import SECONDS_PER_DAY, Window

FOLLOW_DAYS = 7
"""How long after an impression something counts as having followed it."""
_FOLLOW_SECONDS = FOLLOW_DAYS * SECONDS_PER_DAY
_KEY = ("user_id", "category_id")
_CLICK = (*_KEY, "shown_at", "n", "cents", "n_priced")


def count_journeys(
    behaviours: nw.LazyFrame[Any],
    impressions: nw.LazyFrame[Any],
    ads: nw.LazyFrame[Any],
    *,
    window: Window,
) -> nw.LazyFrame[Any]:
    """Count per user the clicks that were followed by a view, a cart and a purchase, in order.

    Both logs are canonical and hold all rows of each of the same users; what lies outside the
    window is not counted. The ads are ``ad_id, category_id, cents``: the price in hundredths, null
    where it is not known.

    There is one row of integers per user with an impression of known category:
    ``n_placed_impressions`` of known category and ``n_placed_clicks`` of them; ``n_viewed_clicks``
    that were followed by a view of the category within 7 days, ``n_carted_clicks`` of these by a
    cart after the view, ``n_bought_clicks`` of these by a purchase after the cart;
    ``n_converted_clicks`` by a purchase, whatever came between, ``n_priced_clicks`` of these with a
    price, and ``cents`` the sum of those prices.
    """
    shown = _placed(impressions, ads, window)
    clicks = _clicks_of(shown)
    done = behaviours.filter(within(window, at="happened_at") & ~nw.col("category_id").is_null())
    viewed = _next(clicks, done, VIEW, after="shown_at")
    carted = _next(viewed, done, CART, after="at")
    bought = _next(carted, done, PURCHASE, after="at")
    converted = _next(clicks, done, PURCHASE, after="shown_at")
    table = shown.group_by("user_id").agg(
        nw.len().cast(nw.Int64).alias("n_placed_impressions"),
        number_of(nw.col("is_click") == 1).alias("n_placed_clicks"),
    )
    for name, reached in (
        ("n_viewed_clicks", viewed),
        ("n_carted_clicks", carted),
        ("n_bought_clicks", bought),
    ):
        counts = reached.group_by("user_id").agg(total_of(nw.col("n")).alias(name))
        table = table.join(counts, on="user_id", how="left")
    values = converted.group_by("user_id").agg(
        total_of(nw.col("n")).alias("n_converted_clicks"),
        total_of(nw.col("n_priced")).alias("n_priced_clicks"),
        total_of(nw.col("cents")).alias("cents"),
    )
    return table.join(values, on="user_id", how="left")


def _placed(
    impressions: nw.LazyFrame[Any], ads: nw.LazyFrame[Any], window: Window
) -> nw.LazyFrame[Any]:
    """Return the impressions of known category in the window."""
    return (
        impressions.filter(within(window))
        .join(ads, on="ad_id", how="inner")
        .filter(~nw.col("category_id").is_null())
    )


def _clicks_of(shown: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Group clicks of one user, category and second: they are followed by the same."""
    is_priced = ~nw.col("cents").is_null()
    return (
        shown.filter(nw.col("is_click") == 1)
        .group_by(*_KEY, "shown_at")
        .agg(
            nw.len().cast(nw.Int64).alias("n"),
            total_of(nw.when(is_priced).then(nw.col("cents")).otherwise(0)).alias("cents"),
            number_of(is_priced).alias("n_priced"),
        )
    )


def _next(
    clicks: nw.LazyFrame[Any], done: nw.LazyFrame[Any], action: int, *, after: str
) -> nw.LazyFrame[Any]:
    """Return the clicks that an action followed, with its first moment after another as ``at``."""
    what = done.filter(nw.col("action") == action).select(*_KEY, "happened_at")
    found = clicks.join(what, on=list(_KEY), how="inner").filter(
        (nw.col("happened_at") > nw.col(after))
        & (nw.col("happened_at") - nw.col("shown_at") <= _FOLLOW_SECONDS)
    )
    return found.group_by(*_CLICK).agg(nw.col("happened_at").min().cast(nw.Int64).alias("at"))


def count_credits(
    behaviours: nw.LazyFrame[Any],
    impressions: nw.LazyFrame[Any],
    ads: nw.LazyFrame[Any],
    *,
    window: Window,
) -> nw.LazyFrame[Any]:
    """Count per user and local day the purchases that are credited to an impression.

    A purchase is credited to the last impression of its category before it (view-through), and to
    the last clicked one (click-through), of the 7 days before it. An impression is credited once,
    with the first of the purchases that it is the last one before.

    Takes what `count_journeys` takes. Returned are ``user_id, day, n_view_credits,
    n_click_credits``, one row per user and day with a credit; the day is that of the purchase, so
    that who is judged by some days is not labelled by purchases of these.
    """
    bought = (
        behaviours.filter(
            within(window, at="happened_at")
            & ~nw.col("category_id").is_null()
            & (nw.col("action") == PURCHASE)
        )
        .select(*_KEY, "happened_at")
        .unique()
    )
    exposures = _placed(impressions, ads, window).select(*_KEY, "shown_at", "is_click").unique()
    wait = nw.col("happened_at") - nw.col("shown_at")
    last = (
        exposures.join(bought, on=list(_KEY), how="inner")
        .filter((wait > 0) & (wait <= _FOLLOW_SECONDS))
        .group_by(*_KEY, "happened_at")
        .agg(
            nw.col("shown_at").max().cast(nw.Int64).alias("seen"),
            nw.when(nw.col("is_click") == 1)
            .then(nw.col("shown_at"))
            .max()
            .cast(nw.Int64)
            .alias("clicked"),
        )
    )
    credited = nw.concat(
        [
            last.filter(~nw.col(name).is_null())
            .group_by(*_KEY, name)
            .agg(nw.col("happened_at").min().cast(nw.Int64).alias("happened_at"))
            .select("user_id", "happened_at")
            .with_columns(is_click=nw.lit(is_click))
            for name, is_click in (("seen", 0), ("clicked", 1))
        ]
    )
    return (
        credited.with_columns(day_of(window))
        .group_by("user_id", "day")
        .agg(
            number_of(nw.col("is_click") == 0).alias("n_view_credits"),
            number_of(nw.col("is_click") == 1).alias("n_click_credits"),
        )
    )


def count_behaviour_days(
    behaviours: nw.LazyFrame[Any], *, history: Window, window: Window
) -> nw.LazyFrame[Any]:
    """Count views and purchases per user and local day; all days before the window are one.

    `history` is the window of the behaviours, `window` that of the ad log: the days before it
    count as the day before its first. Returned are ``user_id, day, n_views, n_purchases``, one row
    per user and day with either.
    """
    first = (window.start + window.utc_offset_hours * 3600) // SECONDS_PER_DAY
    action = nw.col("action")
    done = behaviours.filter(
        within(history, at="happened_at") & ((action == VIEW) | (action == PURCHASE))
    ).with_columns(day_of(history))
    day = nw.when(nw.col("day") < first).then(first - 1).otherwise(nw.col("day"))
    return (
        done.with_columns(day.cast(nw.Int64).alias("day"))
        .group_by("user_id", "day")
        .agg(
            number_of(action == VIEW).alias("n_views"),
            number_of(action == PURCHASE).alias("n_purchases"),
        )
    )
