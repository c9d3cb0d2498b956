"""What each feature is made of, so that no more is read and counted than is asked for."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import polars as pl

from segmentry.features._catalogue import EVERY_LOG_FEATURE, feature_in_words
from segmentry.features._ratios import ratio
from segmentry.schema import MICRO, SECONDS_PER_DAY, Feature, Need, Source, Window

_QUARTERS = ("night", "morning", "afternoon", "evening")

# How many users clicked, and when, is needed by the account of every run.
_ALWAYS = ("n_impressions", "n_clicks")
# Counts of `UserTally`: one grouping by user, while the log is read.
_TALLIED = frozenset({*_ALWAYS, "first_seen_at", "last_seen_at"})
_COLUMN_OF: Mapping[Need, str] = MappingProxyType(
    {
        "value": "value",
        "quantity": "quantity",
        "placement": "placement",
        **dict.fromkeys(("ad", "category", "campaign", "brand", "price"), "ad_id"),
    }
)
_NEEDS_OF_COUNTS: Mapping[str, tuple[Need, ...]] = MappingProxyType(
    {
        "n_impressions": ("log",),
        "n_active_days": ("time",),
        "n_bursts": ("hour",),
        "first_seen_at": ("time",),
        "last_seen_at": ("time",),
        "n_weekend": ("time",),
        **{f"n_{quarter}": ("hour",) for quarter in _QUARTERS},
        "n_clicks": ("click",),
        "n_click_days": ("time", "click"),
        "n_ads": ("ad",),
        "n_repeat_impressions": ("ad",),
        "n_repeat_clicks": ("ad", "click", "time"),
        "n_categories": ("category",),
        "n_categorised": ("category",),
        "n_brands": ("brand",),
        "n_campaigns": ("campaign",),
        "n_priced": ("price",),
        "n_priced_clicks": ("price", "click"),
        "n_placed": ("placement",),
        "n_valued": ("value",),
        "n_quantified": ("quantity",),
    }
)
_WHAT: Mapping[Need, str] = MappingProxyType(
    {
        "log": "a log",
        "time": "times",
        "hour": "times of the day",
        "click": "clicks",
        "ad": "ad ids",
        "placement": "placements",
        "category": "categories of the ads",
        "campaign": "campaigns of the ads",
        "brand": "brands of the ads",
        "price": "prices of the ads",
        "value": "a value of the events",
        "quantity": "a quantity of the events",
    }
)


def derived_features(window: Window) -> dict[str, pl.Expr]:
    """Return how features follow of counts, by name; all others are counts of their own name."""
    categorised = pl.col("n_categorised")
    mean_n_log_n = pl.col("n_log_n") / MICRO / categorised
    # Rounding in fixed point can leave -0.0000001 where there is one category.
    entropy = pl.when(categorised > 0).then(
        (categorised.log() - mean_n_log_n).clip(lower_bound=0.0)
    )
    return {
        "impressions_per_burst": ratio("n_impressions", "n_bursts"),
        "recency_days": (window.end - pl.col("last_seen_at")) / SECONDS_PER_DAY,
        "ctr": ratio("n_clicks", "n_impressions"),
        "category_entropy": entropy,
        "top_category_share": ratio("n_top_category", "n_categorised"),
        "mean_log_price_seen": ratio("log_price_seen", "n_priced") / MICRO,
        "mean_log_price_clicked": ratio("log_price_clicked", "n_priced_clicks") / MICRO,
        "main_placement_share": ratio("n_main_placement", "n_placed"),
        "weekend_share": ratio("n_weekend", "n_impressions"),
        "value_sum": pl.when(pl.col("n_valued") > 0).then(pl.col("value") / MICRO),
        "value_mean": ratio("value", "n_valued") / MICRO,
        "quantity_sum": pl.when(pl.col("n_quantified") > 0).then(pl.col("quantity") / MICRO),
        **{f"{each}_share": ratio(f"n_{each}", "n_impressions") for each in _QUARTERS},
    }


def _counts_of(name: str) -> tuple[str, ...]:
    """Return the counts that a feature is made of, besides the number of impressions."""
    if name == "ctr_shrunk":
        return ("n_clicks",)
    if name not in _DERIVED:
        return (name,)
    return tuple(each for each in _DERIVED[name].meta.root_names() if each != "n_impressions")


_DERIVED = MappingProxyType(derived_features(Window.around(0, 0, utc_offset_hours=0)))


def _needs_of(feature: Feature) -> tuple[Need, ...]:
    """Return what data must have for a feature of the log."""
    found = (need for count in _counts_of(feature.name) for need in _NEEDS_OF_COUNTS.get(count, ()))
    return tuple(dict.fromkeys(found))


def available_features(
    source: Source,
) -> tuple[tuple[Feature, ...], tuple[tuple[str, str], ...]]:
    """Return the features of the log that data allow, in the data's own words.

    Of the others, the name and what the data lack.
    """
    provides = source.provides
    available: list[Feature] = []
    absent: list[tuple[str, str]] = []
    for feature in EVERY_LOG_FEATURE:
        lacking = [need for need in _needs_of(feature) if need not in provides]
        if lacking:
            named = " and no ".join(_WHAT[need].removeprefix("a ") for need in lacking)
            absent.append((feature.name, f"the data have no {named}"))
        else:
            available.append(
                feature_in_words(
                    feature.name, source.event, source.events, value_unit=source.value_unit
                )
            )
    return tuple(available), tuple(absent)


def counts_of(features: Iterable[Feature]) -> frozenset[str]:
    """Return the counts per user that some features are made of.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> ctr = [feature for feature in LOG_FEATURES if feature.name == "ctr"]
    >>> sorted(counts_of(ctr))
    ['n_clicks', 'n_impressions']
    """
    return frozenset(_ALWAYS).union(*(_counts_of(feature.name) for feature in features))


def log_columns_of(features: Iterable[Feature]) -> frozenset[str]:
    """Return the canonical columns of a log that some features take beyond user, time and click.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> sorted(log_columns_of(LOG_FEATURES))
    ['ad_id', 'placement']
    """
    needs = (need for each in features for need in _needs_of(each))
    return frozenset(_COLUMN_OF[need] for need in needs if need in _COLUMN_OF)


def is_tally_enough(features: Iterable[Feature]) -> bool:
    """Return whether all of some features are made of counts of `UserTally`.

    >>> from segmentry.features import LOG_FEATURES
    >>> is_tally_enough(LOG_FEATURES)
    False
    >>> is_tally_enough(each for each in LOG_FEATURES if each.name in ("ctr", "recency_days"))
    True
    """
    return counts_of(features) <= _TALLIED
