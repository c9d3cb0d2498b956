"""The oracle of what followed an impression: slow, plain Python, one click at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone

from tests.reference_behaviours import CART, DAY, PURCHASE, VIEW, Behaviour, Impression

from segmentry.schema import Window

EPOCH = datetime(1970, 1, 1).date()


def placed(shown: Iterable[Impression], categories: Mapping[int, int | None], window: Window):
    return [
        (each, categories[each.ad_id])
        for each in shown
        if window.start <= each.shown_at < window.end
        and each.ad_id is not None
        and categories.get(each.ad_id) is not None
    ]


def reference_journeys(
    rows: Iterable[Behaviour],
    shown: Iterable[Impression],
    categories: Mapping[int, int | None],
    cents: Mapping[int, int],
    *,
    window: Window,
) -> dict[int, dict[str, int]]:
    """Return the counts of every user with an impression of known category."""
    inside = [row for row in rows if window.start <= row.happened_at < window.end]
    answer: dict[int, Counter[str]] = {}
    for each, category in placed(shown, categories, window):
        found = answer.setdefault(each.user_id, Counter())
        found["n_placed_impressions"] += 1
        if not each.is_click:
            continue
        found["n_placed_clicks"] += 1
        own = [
            row
            for row in inside
            if row.user_id == each.user_id
            and row.category_id == category
            and each.shown_at < row.happened_at <= each.shown_at + 7 * DAY
        ]
        chains = _longest([(row.happened_at, row.action) for row in own])
        found["n_viewed_clicks"] += chains >= 1
        found["n_carted_clicks"] += chains >= 2
        found["n_bought_clicks"] += chains >= 3
        if any(row.action == PURCHASE for row in own):
            found["n_converted_clicks"] += 1
            found["n_priced_clicks"] += each.ad_id in cents
            found["cents"] += cents.get(each.ad_id, 0)
    return {user: dict(found) for user, found in answer.items()}


def _longest(moments: list[tuple[int, int]]) -> int:
    """Return how far a view, a cart and a purchase follow each other, by trying all of them."""
    reached = 0
    for viewed, first in moments:
        if first != VIEW:
            continue
        reached = max(reached, 1)
        for carted, second in moments:
            if second == CART and carted > viewed:
                reached = max(reached, 2)
                if any(third == PURCHASE and at > carted for at, third in moments):
                    reached = 3
    return reached


def reference_credits(
    rows: Iterable[Behaviour],
    shown: Iterable[Impression],
    categories: Mapping[int, int | None],
    *,
    window: Window,
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return view and click credits by user and day of the purchase."""
    known = placed(shown, categories, window)
    credited: dict[str, dict[tuple[int, int, int], int]] = {"view": {}, "click": {}}
    for row in rows:
        if row.action != PURCHASE or not window.start <= row.happened_at < window.end:
            continue
        for kind, found in credited.items():
            before = [
                each.shown_at
                for each, category in known
                if each.user_id == row.user_id
                and category == row.category_id
                and 0 < row.happened_at - each.shown_at <= 7 * DAY
                and (kind == "view" or each.is_click)
            ]
            if before:
                key = (row.user_id, row.category_id, max(before))
                found[key] = min(row.happened_at, found.get(key, row.happened_at))
    answer: dict[tuple[int, int], list[int]] = {}
    for place, found in enumerate(credited.values()):
        for (user, _, _), at in found.items():
            answer.setdefault((user, day_of(at, window)), [0, 0])[place] += 1
    return {key: (view, click) for key, (view, click) in answer.items()}


def reference_days(
    rows: Iterable[Behaviour], *, history: Window, window: Window
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return views and purchases by user and day; what is before the window is one day."""
    before = day_of(window.start, window) - 1
    answer: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        if history.start <= row.happened_at < history.end and row.action in (VIEW, PURCHASE):
            day = max(before, day_of(row.happened_at, window))
            answer.setdefault((row.user_id, day), [0, 0])[row.action == PURCHASE] += 1
    return {key: (views, bought) for key, (views, bought) in answer.items()}


def day_of(at: int, window: Window) -> int:
    zone = timezone(timedelta(hours=window.utc_offset_hours))
    return (datetime.fromtimestamp(at, tz=zone).date() - EPOCH).days
