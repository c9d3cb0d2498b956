"""The oracle of the behaviour log: every count in slow, plain Python, one user at a time."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from segmentry.schema import Window

VIEW, CART, FAVOURITE, PURCHASE = range(4)
DAY = 86_400


class Behaviour(NamedTuple):
    user_id: int | str
    happened_at: int
    action: int
    category_id: int | None
    brand_id: int | None


class Impression(NamedTuple):
    user_id: int | str
    shown_at: int
    ad_id: int | None
    is_click: int


def reference_behaviours(
    rows: Iterable[Behaviour], *, window: Window, ads_since: int
) -> dict[int | str, dict[str, float | None]]:
    """Return the counts of every user with a behaviour in the window."""
    inside = [row for row in rows if window.start <= row.happened_at < window.end]
    users = sorted({row.user_id for row in inside})
    own = {user: [row for row in inside if row.user_id == user] for user in users}
    return {user: _of(rows, window, ads_since) for user, rows in own.items()}


def _of(rows: list[Behaviour], window: Window, ads_since: int) -> dict[str, float | None]:
    zone = timezone(timedelta(hours=window.utc_offset_hours))
    local = [datetime.fromtimestamp(row.happened_at, tz=zone) for row in rows]
    bought = [row for row in rows if row.action == PURCHASE]
    views = [row for row in rows if row.action == VIEW]
    last_week, week_before = window.end - 7 * DAY, window.end - 14 * DAY
    brands = Counter(row.brand_id for row in views if row.brand_id is not None)
    return {
        "n_behaviours": len(rows),
        "n_views": len(views),
        "n_carts": sum(row.action == CART for row in rows),
        "n_favourites": sum(row.action == FAVOURITE for row in rows),
        "n_purchases": len(bought),
        "n_ad_log_purchases": sum(row.happened_at >= ads_since for row in bought),
        "last_purchase_at": max((row.happened_at for row in bought), default=None),
        "n_last_week": sum(row.happened_at >= last_week for row in rows),
        "n_week_before": sum(week_before <= row.happened_at < last_week for row in rows),
        "n_browsing_weekend": sum(moment.weekday() >= 5 for moment in local),
        "n_browsing_night": sum(moment.hour < 6 for moment in local),
        "n_browsing_morning": sum(6 <= moment.hour < 12 for moment in local),
        "n_browsing_afternoon": sum(12 <= moment.hour < 18 for moment in local),
        "n_browsing_evening": sum(moment.hour >= 18 for moment in local),
        "n_behaviour_days": len({moment.date() for moment in local}),
        "n_purchase_days": len(
            {
                moment.date()
                for moment, row in zip(local, rows, strict=True)
                if row.action == PURCHASE
            }
        ),
        "n_viewed_brands": len(brands),
        "n_branded_views": sum(brands.values()),
        "n_brand_pairs": sum(n * (n - 1) for n in brands.values()),
        "n_top_brand": max(brands.values(), default=0),
        **_categories(rows, zone),
    }


def _categories(rows: list[Behaviour], zone: timezone) -> dict[str, float]:
    found = dict.fromkeys(
        (
            "n_met_categories",
            "n_viewed_categories",
            "n_categorised_views",
            "n_top_viewed",
            "n_log_n_views",
            "n_category_pairs",
            "n_carted_categories",
            "n_kept_carts",
            "n_bought_categories",
            "n_rebought_categories",
            "n_first_purchases",
            "seconds_to_purchase",
        ),
        0.0,
    )
    for category in {row.category_id for row in rows} - {None}:
        mine = [row for row in rows if row.category_id == category]
        views = [row.happened_at for row in mine if row.action == VIEW]
        carts = [row.happened_at for row in mine if row.action == CART]
        bought = [row.happened_at for row in mine if row.action == PURCHASE]
        days = {datetime.fromtimestamp(at, tz=zone).date() for at in bought}
        found["n_met_categories"] += 1
        found["n_viewed_categories"] += bool(views)
        found["n_categorised_views"] += len(views)
        found["n_top_viewed"] = max(found["n_top_viewed"], len(views))
        found["n_log_n_views"] += len(views) * math.log(len(views)) if views else 0
        found["n_category_pairs"] += len(views) * (len(views) - 1)
        found["n_carted_categories"] += bool(carts)
        found["n_kept_carts"] += bool(carts) and any(at >= min(carts) for at in bought)
        found["n_bought_categories"] += bool(bought)
        found["n_rebought_categories"] += len(days) > 1
        later = [at for at in bought if views and at > min(views)]
        if later:
            found["n_first_purchases"] += 1
            found["seconds_to_purchase"] += min(later) - min(views)
    return found


def reference_attributions(
    rows: Iterable[Behaviour],
    impressions: Iterable[Impression],
    categories: Mapping[int, int | None],
    *,
    window: Window,
) -> dict[int | str, dict[str, int]]:
    """Return the counts of every user with an advertised category."""
    inside = [row for row in rows if window.start <= row.happened_at < window.end]
    shown = [
        (each, categories[each.ad_id])
        for each in impressions
        if window.start <= each.shown_at < window.end
        and each.ad_id is not None
        and categories.get(each.ad_id) is not None
    ]
    answer = {}
    for user in sorted({each.user_id for each, _ in shown}):
        mine = [(each, category) for each, category in shown if each.user_id == user]
        done = [row for row in inside if row.user_id == user and row.category_id is not None]
        advertised = {category for _, category in mine}
        viewed = {row.category_id for row in done if row.action == VIEW}
        counts = {
            "n_advertised_categories": len(advertised),
            "n_shared_categories": len(advertised & viewed),
        }
        bought = [row for row in done if row.action == PURCHASE]
        for days in (1, 3, 7):
            counts |= _followed(mine, bought, days)
        answer[user] = counts
    return answer


def _followed(
    shown: list[tuple[Impression, int | None]], bought: list[Behaviour], days: int
) -> dict[str, int]:
    def follows(each: Impression, category: int | None, row: Behaviour) -> bool:
        wait = row.happened_at - each.shown_at
        return category == row.category_id and 0 < wait <= days * DAY

    clicked = [(each, category) for each, category in shown if each.is_click]
    return {
        f"n_view_through_{days}d": sum(any(follows(*one, row) for one in shown) for row in bought),
        f"n_click_through_{days}d": sum(
            any(follows(*one, row) for one in clicked) for row in bought
        ),
        f"n_converted_clicks_{days}d": sum(
            any(follows(*one, row) for row in bought) for one in clicked
        ),
    }
