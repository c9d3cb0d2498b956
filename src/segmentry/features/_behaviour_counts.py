"""What is counted per user of the behaviour log, as Narwhals expressions.

As in the ad log, everything is an integer, worked out on two levels: by user and day (category,
brand), then by user. Purchases are one row in eighty, so what needs their order in time is joined
to them alone.
"""

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from segmentry.schema import BEHAVIOUR_ACTIONS, MICRO, SECONDS_PER_DAY, Window

VIEW, CART, FAVOURITE, PURCHASE = range(len(BEHAVIOUR_ACTIONS))
"""Codes of `BEHAVIOUR_ACTIONS`."""
ATTRIBUTION_DAYS = (1, 3, 7)
_WEEK = 7 * SECONDS_PER_DAY
_QUARTERS = ("night", "morning", "afternoon", "evening")
_KEY = ("user_id", "category_id")


def within(window: Window, *, at: str = "shown_at") -> nw.Expr:
    """Whether an event lies in the window."""
    return (nw.col(at) >= window.start) & (nw.col(at) < window.end)


def total_of(expression: nw.Expr) -> nw.Expr:
    """Sum in one declared type: DuckDB's sum of integers is Int128, which Parquet has not."""
    return expression.cast(nw.Int64).sum().cast(nw.Int64)


def number_of(condition: nw.Expr) -> nw.Expr:
    """How many rows meet a condition; null counts as no."""
    return total_of(nw.when(condition).then(1).otherwise(0))


def day_of(window: Window) -> nw.Expr:
    """Local day of a behaviour, counted from 1970-01-01."""
    offset = round(window.utc_offset_hours * 3600)
    return ((nw.col("happened_at") + offset) // SECONDS_PER_DAY).cast(nw.Int64).alias("day")


def _second_of_day(window: Window) -> nw.Expr:
    """Seconds of a behaviour since local midnight."""
    offset = round(window.utc_offset_hours * 3600)
    return (
        ((nw.col("happened_at") + offset) % SECONDS_PER_DAY).cast(nw.Int64).alias("second_of_day")
    )


def _is(action: int) -> nw.Expr:
    return nw.col("action") == action


def _moment_of(action: int) -> nw.Expr:
    """The moment of rows of one kind, null for others."""
    return nw.when(_is(action)).then(nw.col("happened_at"))


def count_behaviours(
    behaviours: nw.LazyFrame[Any], *, window: Window, ads_since: int | None = None
) -> nw.LazyFrame[Any]:
    """Count per user, in integers, what the features of the behaviour log are made of.

    The canonical behaviours hold all rows of each of their users; those outside the window are not
    counted. `ads_since` is the first moment of the ad log, which may begin later; the window's by
    default. No ad is known that a purchase before it could have followed.
    """
    done = behaviours.filter(within(window, at="happened_at")).with_columns(
        day_of(window), _second_of_day(window)
    )
    table = _per_user(done, window, window.start if ads_since is None else ads_since)
    for counts in (_days_of(done), _categories_of(done), _brands_of(done), _first_purchases(done)):
        table = table.join(counts, on="user_id", how="left")
    return table


def _per_user(done: nw.LazyFrame[Any], window: Window, ads_since: int) -> nw.LazyFrame[Any]:
    at, second = nw.col("happened_at"), nw.col("second_of_day")
    monday_is_zero = (nw.col("day") + 3) % 7  # day 0 of the epoch was a Thursday
    expressions = {
        "n_behaviours": nw.len().cast(nw.Int64),
        "n_views": number_of(_is(VIEW)),
        "n_carts": number_of(_is(CART)),
        "n_favourites": number_of(_is(FAVOURITE)),
        "n_purchases": number_of(_is(PURCHASE)),
        "n_ad_log_purchases": number_of(_is(PURCHASE) & (at >= ads_since)),
        "last_purchase_at": _moment_of(PURCHASE).max().cast(nw.Int64),
        "n_last_week": number_of(at >= window.end - _WEEK),
        "n_week_before": number_of((at < window.end - _WEEK) & (at >= window.end - 2 * _WEEK)),
        "n_browsing_weekend": number_of(monday_is_zero >= 5),
    }
    quarter = SECONDS_PER_DAY // 4
    for place, name in enumerate(_QUARTERS):
        is_inside = (second >= place * quarter) & (second < (place + 1) * quarter)
        expressions[f"n_browsing_{name}"] = number_of(is_inside)
    return done.group_by("user_id").agg(
        *(expression.alias(name) for name, expression in expressions.items())
    )


def _days_of(done: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    days = done.group_by("user_id", "day").agg(number_of(_is(PURCHASE)).alias("n_purchases"))
    return days.group_by("user_id").agg(
        nw.len().cast(nw.Int64).alias("n_behaviour_days"),
        number_of(nw.col("n_purchases") > 0).alias("n_purchase_days"),
    )


def _categories_of(done: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Per user: categories viewed and how evenly, put in the cart, bought, bought again."""
    purchase_day = nw.when(_is(PURCHASE)).then(nw.col("day"))
    pairs = (
        done.filter(~nw.col("category_id").is_null())
        .group_by(*_KEY)
        .agg(
            number_of(_is(VIEW)).alias("n"),
            _moment_of(CART).min().cast(nw.Int64).alias("first_cart"),
            _moment_of(PURCHASE).max().cast(nw.Int64).alias("last_purchase"),
            purchase_day.min().cast(nw.Int64).alias("first_day"),
            purchase_day.max().cast(nw.Int64).alias("last_day"),
        )
    )
    viewed = nw.when(nw.col("n") > 0).then(nw.col("n")).otherwise(1).cast(nw.Float64)
    n_log_n = (viewed * viewed.log() * MICRO).round(0).cast(nw.Int64)
    is_carted = ~nw.col("first_cart").is_null()
    is_bought = ~nw.col("last_purchase").is_null()
    is_kept = is_bought & (nw.col("last_purchase") >= nw.col("first_cart"))
    return pairs.group_by("user_id").agg(
        nw.len().cast(nw.Int64).alias("n_met_categories"),
        number_of(nw.col("n") > 0).alias("n_viewed_categories"),
        total_of(nw.col("n")).alias("n_categorised_views"),
        nw.col("n").max().cast(nw.Int64).alias("n_top_viewed"),
        total_of(n_log_n).alias("n_log_n_views"),
        total_of(nw.col("n") * (nw.col("n") - 1)).alias("n_category_pairs"),
        number_of(is_carted).alias("n_carted_categories"),
        number_of(is_carted & is_kept).alias("n_kept_carts"),
        number_of(is_bought).alias("n_bought_categories"),
        number_of(nw.col("last_day") > nw.col("first_day")).alias("n_rebought_categories"),
    )


def _brands_of(done: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    pairs = (
        done.filter(_is(VIEW) & ~nw.col("brand_id").is_null())
        .group_by("user_id", "brand_id")
        .agg(nw.len().cast(nw.Int64).alias("n"))
    )
    return pairs.group_by("user_id").agg(
        nw.len().cast(nw.Int64).alias("n_viewed_brands"),
        total_of(nw.col("n")).alias("n_branded_views"),
        total_of(nw.col("n") * (nw.col("n") - 1)).alias("n_brand_pairs"),
        nw.col("n").max().cast(nw.Int64).alias("n_top_brand"),
    )


def _first_purchases(done: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Per user: seconds from the first view of a category to the first purchase after it."""
    known = done.filter(~nw.col("category_id").is_null())
    bought = known.filter(_is(PURCHASE)).select(*_KEY, "happened_at")
    # Purchases are few: looking for their categories is cheaper than grouping all views.
    views = (
        known.filter(_is(VIEW))
        .join(bought.select(*_KEY), on=list(_KEY), how="semi")
        .group_by(*_KEY)
        .agg(nw.col("happened_at").min().alias("viewed"))
    )
    waits = (
        bought.join(views, on=list(_KEY), how="inner")
        .with_columns((nw.col("happened_at") - nw.col("viewed")).alias("wait"))
        .filter(nw.col("wait") > 0)
        .group_by(*_KEY)
        .agg(nw.col("wait").min().alias("wait"))
    )
    return waits.group_by("user_id").agg(
        nw.len().cast(nw.Int64).alias("n_first_purchases"),
        total_of(nw.col("wait")).alias("seconds_to_purchase"),
    )


def count_attributions(
    behaviours: nw.LazyFrame[Any],
    impressions: nw.LazyFrame[Any],
    ads: nw.LazyFrame[Any],
    *,
    window: Window,
    days: Sequence[int] = ATTRIBUTION_DAYS,
) -> nw.LazyFrame[Any]:
    """Count per user what links advertised categories to those viewed and bought.

    A purchase is *view-through* if an ad of its category was shown to the user in the days before
    it, *click-through* if such an ad was clicked; a purchase in the very second of the impression,
    or before it, is none of it. These are associations: what is shown follows what is browsed.

    Both logs are canonical and hold all rows of each of the same users; what lies outside the
    window is not counted. The ads are ``ad_id, category_id``, one row each; `days` are lengths of
    the look-back. There is one row of integers per user with an advertised category.
    """
    done = behaviours.filter(within(window, at="happened_at") & ~nw.col("category_id").is_null())
    shown = (
        impressions.filter(within(window))
        .join(ads.select("ad_id", "category_id"), on="ad_id", how="inner")
        .filter(~nw.col("category_id").is_null())
    )
    advertised = shown.select(*_KEY).unique()
    viewed = done.filter(_is(VIEW)).select(*_KEY).unique().with_columns(viewed=nw.lit(1))
    table = (
        advertised.join(viewed, on=list(_KEY), how="left")
        .group_by("user_id")
        .agg(
            nw.len().cast(nw.Int64).alias("n_advertised_categories"),
            number_of(~nw.col("viewed").is_null()).alias("n_shared_categories"),
        )
    )
    followed = _followed(done, shown)
    for counts in (_purchases_of(followed, days), _conversions_of(followed, days)):
        table = table.join(counts, on="user_id", how="left")
    return table


def _followed(done: nw.LazyFrame[Any], shown: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Pairs of an impression and a later purchase of its category, with their numbers of rows."""
    bought = (
        done.filter(_is(PURCHASE))
        .group_by(*_KEY, "happened_at")
        .agg(nw.len().cast(nw.Int64).alias("n_bought"))
    )
    exposures = shown.group_by(*_KEY, "shown_at", "is_click").agg(
        nw.len().cast(nw.Int64).alias("n_shown")
    )
    wait = nw.col("happened_at") - nw.col("shown_at")
    return (
        exposures.join(bought, on=list(_KEY), how="inner")
        .with_columns(wait.alias("wait"))
        .filter(nw.col("wait") > 0)
    )


def _purchases_of(followed: nw.LazyFrame[Any], days: Sequence[int]) -> nw.LazyFrame[Any]:
    """Per user: purchases that followed an impression, and a click, of their category."""
    nearest = followed.group_by(*_KEY, "happened_at", "n_bought").agg(
        nw.col("wait").min().alias("seen"),
        nw.when(nw.col("is_click") == 1).then(nw.col("wait")).min().alias("clicked"),
    )
    totals = {
        f"n_{name}_through_{n}d": nw.when(nw.col(column) <= n * SECONDS_PER_DAY)
        .then(nw.col("n_bought"))
        .otherwise(0)
        for name, column in (("view", "seen"), ("click", "clicked"))
        for n in days
    }
    return nearest.group_by("user_id").agg(
        *(total_of(total).alias(name) for name, total in totals.items())
    )


def _conversions_of(followed: nw.LazyFrame[Any], days: Sequence[int]) -> nw.LazyFrame[Any]:
    """Per user: clicks on ads that were followed by a purchase of their category."""
    clicked = (
        followed.filter(nw.col("is_click") == 1)
        .group_by(*_KEY, "shown_at", "n_shown")
        .agg(nw.col("wait").min().alias("wait"))
    )
    return clicked.group_by("user_id").agg(
        *(
            total_of(
                nw.when(nw.col("wait") <= n * SECONDS_PER_DAY).then(nw.col("n_shown")).otherwise(0)
            ).alias(f"n_converted_clicks_{n}d")
            for n in days
        )
    )


FOLLOW_DAYS = 7
"""How long after an impression something counts as having followed it."""
_FOLLOW_SECONDS = FOLLOW_DAYS * SECONDS_PER_DAY
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
