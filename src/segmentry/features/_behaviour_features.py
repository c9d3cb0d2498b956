"""Features of the behaviour log: declared once, worked out of counts."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import polars.selectors as cs

from segmentry.features._behaviour_counts import ATTRIBUTION_DAYS
from segmentry.features._ratio import ratio
from segmentry.features._shrinkage import BetaPrior, fit_beta_prior, shrink
from segmentry.schema import MICRO, SECONDS_PER_DAY, Feature, Kind, Window

_PER_BEHAVIOUR = "share of behaviours"
_QUARTERS = {
    "night": "from 0 to 6",
    "morning": "from 6 to 12",
    "afternoon": "from 12 to 18",
    "evening": "from 18 to 24",
}


@dataclass(frozen=True, slots=True)
class _Rate:
    """A share of a user's categories that is shrunk: `successes` of `trials`."""

    successes: str
    trials: str


_RATES: Mapping[str, _Rate] = {
    "cart_rate": _Rate("n_carted_categories", "n_met_categories"),
    "purchase_rate": _Rate("n_bought_categories", "n_met_categories"),
    "cart_to_purchase_rate": _Rate("n_kept_carts", "n_carted_categories"),
}


def _feature(name: str, label: str, unit: str, kind: Kind, description: str) -> Feature:
    return Feature(
        name=name,
        family="behaviour",
        label=label,
        unit=unit,
        kind=kind,
        fill="zero" if kind == "count" else "median",
        description=description,
    )


def _count(name: str, label: str, unit: str, description: str) -> Feature:
    return _feature(name, label, unit, "count", description)


def _share(name: str, label: str, unit: str, description: str) -> Feature:
    return _feature(name, label, unit, "share", description)


_COUNTS = (
    _count("n_behaviours", "actions in the shop", "actions", "Rows of the behaviour log."),
    _count("n_views", "page views", "views", "Views of a product page (pv)."),
    _count("n_carts", "put in the cart", "actions", "Products put in the cart (cart)."),
    _count("n_favourites", "marked", "actions", "Products marked as a favourite (fav)."),
    _count("n_purchases", "purchases", "purchases", "Purchases (buy)."),
    _count(
        "n_behaviour_days",
        "days in the shop",
        "days",
        "Local days with at least one row of the behaviour log.",
    ),
    _count("n_purchase_days", "days with a purchase", "days", "Local days with a purchase."),
    _feature(
        "days_since_purchase",
        "days since last purchase",
        "days",
        "duration",
        "From the last purchase to the end of the window; null without a purchase.",
    ),
)
_RANGE = (
    _count(
        "n_viewed_categories",
        "categories viewed",
        "categories",
        "Distinct known categories of the views.",
    ),
    _count("n_viewed_brands", "brands viewed", "brands", "Distinct known brands of the views."),
    _feature(
        "viewing_entropy",
        "entropy of views",
        "nats",
        "entropy",
        "Entropy of the views over known categories, ln N - sum(n ln n) / N; null without.",
    ),
    _share(
        "top_brand_view_share",
        "share of the top brand",
        "share of views",
        "Share of the most viewed brand among views of known brand; null without.",
    ),
)
_WAY_TO_PURCHASE = (
    _share(
        "cart_rate_shrunk",
        "categories put in the cart",
        "share of categories",
        "Categories with a product in the cart / categories met, shrunk to the mean of all users "
        "by empirical Bayes.",
    ),
    _share(
        "purchase_rate_shrunk",
        "categories bought",
        "share of categories",
        "Categories with a purchase / categories met, shrunk to the mean of all users by "
        "empirical Bayes.",
    ),
    _share(
        "cart_to_purchase_rate_shrunk",
        "carts that were bought",
        "share of categories",
        "Categories with a purchase at or after the first product in the cart / categories with "
        "a product in the cart, shrunk to the mean of all users by empirical Bayes.",
    ),
    _share(
        "cart_abandonment",
        "carts abandoned",
        "share of categories",
        "1 - the same share, not shrunk; null without a cart. Of few carts it is mostly luck, "
        "and a purchase after the window is not known.",
    ),
    _feature(
        "days_to_purchase",
        "days from view to purchase",
        "days",
        "duration",
        "Mean over categories, from the first view to the first purchase after it; null without.",
    ),
    _share(
        "repeat_purchase_share",
        "categories bought again",
        "share of categories",
        "Categories bought on two local days or more / categories bought; null without.",
    ),
)
_TIME = (
    *(
        _share(
            f"browsing_{name}_share",
            f"in the shop at {name}" if name == "night" else f"in the shop in the {name}",
            _PER_BEHAVIOUR,
            f"Share of behaviours {hours} o'clock local time.",
        )
        for name, hours in _QUARTERS.items()
    ),
    _share(
        "browsing_weekend_share",
        "in the shop at the weekend",
        _PER_BEHAVIOUR,
        "Share of behaviours on Saturdays and Sundays, local time.",
    ),
    _feature(
        "browsing_trend",
        "trend of actions",
        "doublings a week",
        "number",
        "log2 of (actions in the last 7 days + 1) / (actions in the 7 days before + 1).",
    ),
)
_ADVERTISED = (
    _share(
        "advertised_overlap",
        "advertised categories viewed",
        "share of categories",
        "Categories of the ads shown that the user viewed in the shop too / categories of the "
        "ads shown; null without.",
    ),
    *(
        _share(
            f"{name}_through_{days}d_share",
            f"purchases within {days} d of {what}",
            "share of purchases",
            f"Purchases within {days} days after {what} of the same category / purchases since "
            "the ad log begins; null without. An association: what is shown follows what is "
            "browsed.",
        )
        for name, what in (("view", "an impression"), ("click", "a click"))
        for days in ATTRIBUTION_DAYS
    ),
)
BEHAVIOUR_FEATURES: tuple[Feature, ...] = _COUNTS + _RANGE + _WAY_TO_PURCHASE + _TIME + _ADVERTISED


def derive_behaviours(
    counts: pl.DataFrame,
    *,
    window: Window,
    priors: Mapping[str, BetaPrior] | None = None,
) -> tuple[pl.DataFrame, dict[str, BetaPrior]]:
    """Work out the features of the behaviour log, in raw units.

    Parameters
    ----------
    counts : DataFrame
        From `count_behaviours`, joined with `count_attributions`, in integers of any width; one
        row per user. Without the latter's columns the features that need the ads are null.
    window : Window
        The window of the counts.
    priors : mapping of str to BetaPrior, optional
        Saved priors by shrunk rate; fitted to these users by default.

    Returns
    -------
    table : DataFrame
        ``user_id`` and `BEHAVIOUR_FEATURES`, in the order of `counts`.
    priors : dict of str to BetaPrior
        Those that were used.

    Examples
    --------
    >>> from segmentry.features import count_behaviours
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
    for name, rate in _RATES.items():
        successes, trials = users[rate.successes].to_numpy(), users[rate.trials].to_numpy()
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
