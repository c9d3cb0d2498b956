"""Features of the behaviour log: declared once, what they need, and how they follow of counts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

import polars as pl
import polars.selectors as cs

from segmentry.features._behaviour_counts import ATTRIBUTION_DAYS, CART, FAVOURITE, PURCHASE, VIEW
from segmentry.features._catalogue import declared
from segmentry.features._ratios import BetaPrior, fit_beta_prior, ratio, shrink
from segmentry.schema import MICRO, SECONDS_PER_DAY, Feature, Source, Window

_PER_BEHAVIOUR = "share of behaviours"
_PER_CATEGORY = "share of categories"
_QUARTERS = {"night": 0, "morning": 6, "afternoon": 12, "evening": 18}
# Shares of a user's categories that are shrunk: what is counted, and of what.
_RATES = MappingProxyType(
    {
        "cart_rate": ("n_carted_categories", "n_met_categories"),
        "purchase_rate": ("n_bought_categories", "n_met_categories"),
        "cart_to_purchase_rate": ("n_kept_carts", "n_carted_categories"),
    }
)
BEHAVIOUR_FEATURES: tuple[Feature, ...] = declared(
    "behaviour",
    ("n_behaviours", "actions in the shop", "actions", "count", "Rows of the behaviour log."),
    ("n_views", "page views", "views", "count", "Views of a product page (pv)."),
    ("n_carts", "put in the cart", "actions", "count", "Products put in the cart (cart)."),
    ("n_favourites", "marked", "actions", "count", "Products marked as a favourite (fav)."),
    ("n_purchases", "purchases", "purchases", "count", "Purchases (buy)."),
    (
        "n_behaviour_days",
        "days in the shop",
        "days",
        "count",
        "Local days with at least one row of the behaviour log.",
    ),
    ("n_purchase_days", "days with a purchase", "days", "count", "Local days with a purchase."),
    (
        "days_since_purchase",
        "days since last purchase",
        "days",
        "duration",
        "From the last purchase to the end of the window; null without a purchase.",
    ),
    (
        "n_viewed_categories",
        "categories viewed",
        "categories",
        "count",
        "Distinct known categories of the views.",
    ),
    ("n_viewed_brands", "brands viewed", "brands", "count", "Distinct known brands of the views."),
    (
        "viewing_entropy",
        "entropy of views",
        "nats",
        "entropy",
        "Entropy of the views over known categories, ln N - sum(n ln n) / N; null without.",
    ),
    (
        "top_brand_view_share",
        "share of the top brand",
        "share of views",
        "share",
        "Share of the most viewed brand among views of known brand; null without.",
    ),
    (
        "cart_rate_shrunk",
        "categories put in the cart",
        _PER_CATEGORY,
        "share",
        (
            "Categories with a product in the cart / categories met, shrunk to the mean of all "
            "users by empirical Bayes."
        ),
    ),
    (
        "purchase_rate_shrunk",
        "categories bought",
        _PER_CATEGORY,
        "share",
        (
            "Categories with a purchase / categories met, shrunk to the mean of all users by "
            "empirical Bayes."
        ),
    ),
    (
        "cart_to_purchase_rate_shrunk",
        "carts that were bought",
        _PER_CATEGORY,
        "share",
        (
            "Categories with a purchase at or after the first product in the cart / categories "
            "with a product in the cart, shrunk to the mean of all users by empirical Bayes."
        ),
    ),
    (
        "cart_abandonment",
        "carts abandoned",
        _PER_CATEGORY,
        "share",
        (
            "1 - the same share, not shrunk; null without a cart. Of few carts it is mostly luck, "
            "and a purchase after the window is not known."
        ),
    ),
    (
        "days_to_purchase",
        "days from view to purchase",
        "days",
        "duration",
        "Mean over categories, from the first view to the first purchase after it; null without.",
    ),
    (
        "repeat_purchase_share",
        "categories bought again",
        _PER_CATEGORY,
        "share",
        "Categories bought on two local days or more / categories bought; null without.",
    ),
    *(
        (
            f"browsing_{name}_share",
            f"in the shop at {name}" if name == "night" else f"in the shop in the {name}",
            _PER_BEHAVIOUR,
            "share",
            f"Share of behaviours from {first} to {first + 6} o'clock local time.",
        )
        for name, first in _QUARTERS.items()
    ),
    (
        "browsing_weekend_share",
        "in the shop at the weekend",
        _PER_BEHAVIOUR,
        "share",
        "Share of behaviours on Saturdays and Sundays, local time.",
    ),
    (
        "browsing_trend",
        "trend of actions",
        "doublings a week",
        "number",
        "log2 of (actions in the last 7 days + 1) / (actions in the 7 days before + 1).",
    ),
    (
        "advertised_overlap",
        "advertised categories viewed",
        _PER_CATEGORY,
        "share",
        (
            "Categories of the ads shown that the user viewed in the shop too / categories of the "
            "ads shown; null without."
        ),
    ),
    *(
        (
            f"{name}_through_{days}d_share",
            f"purchases within {days} d of {what}",
            "share of purchases",
            "share",
            (
                f"Purchases within {days} days after {what} of the same category / purchases since "
                "the ad log begins; null without. An association: what is shown follows what is "
                "browsed."
            ),
        )
        for name, what in (("view", "an impression"), ("click", "a click"))
        for days in ATTRIBUTION_DAYS
    ),
)
BEHAVIOUR_NAMES = frozenset(feature.name for feature in BEHAVIOUR_FEATURES)

_Need = Literal[
    "times", "views", "carts", "favourites", "purchases", "categories", "brands", "ads", "clicks"
]

_WHAT: Mapping[_Need, str] = MappingProxyType(
    {need: f"the behaviour log has no {need}" for need in get_args(_Need)}
    | {"ads": "the ads have no categories", "clicks": "the ad log has no clicks"}
)
_ACTIONS: Mapping[_Need, int] = MappingProxyType(
    {"views": VIEW, "carts": CART, "favourites": FAVOURITE, "purchases": PURCHASE}
)
_THROUGH: Mapping[str, tuple[_Need, ...]] = MappingProxyType({"view": (), "click": ("clicks",)})
_NEEDS: Mapping[str, tuple[_Need, ...]] = MappingProxyType(
    {
        "n_behaviours": (),
        "n_views": ("views",),
        "n_carts": ("carts",),
        "n_favourites": ("favourites",),
        "n_purchases": ("purchases",),
        "n_behaviour_days": ("times",),
        "n_purchase_days": ("purchases", "times"),
        "days_since_purchase": ("purchases", "times"),
        "n_viewed_categories": ("views", "categories"),
        "n_viewed_brands": ("views", "brands"),
        "viewing_entropy": ("views", "categories"),
        "top_brand_view_share": ("views", "brands"),
        "cart_rate_shrunk": ("carts", "categories"),
        "purchase_rate_shrunk": ("purchases", "categories"),
        "cart_to_purchase_rate_shrunk": ("carts", "purchases", "categories", "times"),
        "cart_abandonment": ("carts", "purchases", "categories", "times"),
        "days_to_purchase": ("views", "purchases", "categories", "times"),
        "repeat_purchase_share": ("purchases", "categories", "times"),
        "advertised_overlap": ("views", "categories", "ads"),
        **{
            f"{name}_through_{days}d_share": ("purchases", "categories", "ads", "times", *more)
            for name, more in _THROUGH.items()
            for days in ATTRIBUTION_DAYS
        },
    }
)
# What is not here is computed from the times of day.
_OF_TIME: tuple[_Need, ...] = ("times",)


def behaviour_provides(source: Source) -> frozenset[_Need]:
    """Return what the behaviour log of a source has; nothing where there is none."""
    log = source.behaviours
    if log is None:
        return frozenset()
    action = log.columns.get("action")
    codes = set() if action is None else {code for _, code in action.codes}
    had: dict[_Need, bool] = {
        "times": "happened_at" in log.columns and "time" in source.provides,
        **{need: code in codes for need, code in _ACTIONS.items()},
        "categories": "category_id" in log.columns,
        "brands": "brand_id" in log.columns,
        "ads": "category" in source.provides,
        "clicks": "click" in source.provides,
    }
    return frozenset(need for need, is_there in had.items() if is_there)


def available_behaviours(
    source: Source,
) -> tuple[tuple[Feature, ...], tuple[tuple[str, str], ...]]:
    """Return the features that a behaviour log allows; of the others, the name and what lacks.

    >>> from segmentry.schema import ColumnSource, TableSource
    >>> action = ColumnSource("btag", "code", codes=(("1", 0), ("3", 1)))
    >>> log = TableSource("behaviours", (), {"action": action, "user_id": action})
    >>> source = Source("shop", None, None, None, (), 0, behaviours=log)
    >>> available, absent = available_behaviours(source)
    >>> [feature.name for feature in available]
    ['n_behaviours', 'n_views', 'n_carts']
    >>> dict(absent)["n_purchases"]
    'the behaviour log has no purchases'
    """
    provides = behaviour_provides(source)
    available: list[Feature] = []
    absent: list[tuple[str, str]] = []
    for feature in BEHAVIOUR_FEATURES:
        lacking = [n for n in _NEEDS.get(feature.name, _OF_TIME) if n not in provides]
        if lacking:
            absent.append((feature.name, " and ".join(_WHAT[need] for need in lacking)))
        else:
            available.append(feature)
    return tuple(available), tuple(absent)


def derive_behaviours(
    counts: pl.DataFrame,
    *,
    window: Window,
    priors: Mapping[str, BetaPrior] | None = None,
) -> tuple[pl.DataFrame, dict[str, BetaPrior]]:
    """Work out the features of the behaviour log, in raw units, and the priors of shrunk rates.

    The counts are those of `count_behaviours`, joined with `count_attributions`, in integers of any
    width; one row per user. Without the latter's columns the features that need the ads are null.
    Saved `priors` are by shrunk rate; by default they are fitted to these users.

    >>> from segmentry.features._behaviour_counts import count_behaviours
    >>> import narwhals.stable.v2 as nw
    >>> rows = {"user_id": [1, 1], "happened_at": [10, 86410], "action": [0, 3]}
    >>> rows |= {"category_id": [5, 5], "brand_id": [None, None]}
    >>> frame = pl.DataFrame(rows, schema_overrides={"brand_id": pl.Int64})
    >>> window = Window(start=0, end=14 * 86400, utc_offset_hours=0)
    >>> counted = nw.to_native(count_behaviours(nw.from_native(frame.lazy()), window=window))
    >>> table, _ = derive_behaviours(counted.collect(), window=window)
    >>> table.select("n_views", "n_purchases", "days_to_purchase").rows()
    [(1, 1, 1.0)]
    """
    absent = [name for name in _ADVERTISED_COUNTS if name not in counts.columns]
    users = counts.with_columns(pl.lit(None, dtype=pl.Int64).alias(name) for name in absent)
    zero_if_counted = [
        name for name in users.columns if name not in {"user_id", "last_purchase_at", *absent}
    ]
    # What is held in one byte is calculated with in eight.
    users = users.with_columns(cs.integer().cast(pl.Int64))
    users = users.with_columns(pl.col(zero_if_counted).fill_null(0))
    users = users.with_columns(
        expression.alias(name) for name, expression in _derived(window).items()
    )
    used: dict[str, BetaPrior] = {}
    for name, of in _RATES.items():
        successes, trials = (users[each].to_numpy() for each in of)
        used[name] = fit_beta_prior(successes, trials) if priors is None else priors[name]
        shrunk = pl.Series(f"{name}_shrunk", shrink(successes, trials, used[name]))
        users = users.with_columns(shrunk)
    return users.select("user_id", *(feature.name for feature in BEHAVIOUR_FEATURES)), used


_ADVERTISED_COUNTS = (
    "n_advertised_categories",
    "n_shared_categories",
    *(f"n_{name}_through_{days}d" for name in ("view", "click") for days in ATTRIBUTION_DAYS),
)


def _derived(window: Window) -> dict[str, pl.Expr]:
    views = pl.col("n_categorised_views")
    entropy = (views.log() - pl.col("n_log_n_views") / MICRO / views).clip(lower_bound=0.0)
    weeks = (pl.col("n_last_week") + 1) / (pl.col("n_week_before") + 1)
    return {
        "days_since_purchase": (window.end - pl.col("last_purchase_at")) / SECONDS_PER_DAY,
        "viewing_entropy": pl.when(views > 0).then(entropy),
        "top_brand_view_share": ratio("n_top_brand", "n_branded_views"),
        "cart_abandonment": 1 - ratio("n_kept_carts", "n_carted_categories"),
        "days_to_purchase": ratio("seconds_to_purchase", "n_first_purchases") / SECONDS_PER_DAY,
        "repeat_purchase_share": ratio("n_rebought_categories", "n_bought_categories"),
        **{
            f"browsing_{name}_share": ratio(f"n_browsing_{name}", "n_behaviours")
            for name in (*_QUARTERS, "weekend")
        },
        "browsing_trend": weeks.log(2),
        "advertised_overlap": ratio("n_shared_categories", "n_advertised_categories"),
        **{
            f"{name}_through_{days}d_share": ratio(
                f"n_{name}_through_{days}d", "n_ad_log_purchases"
            )
            for name in ("view", "click")
            for days in ATTRIBUTION_DAYS
        },
    }
