"""What each feature is made of, so that no more is read and counted than is asked for."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from segmentry.features._catalogue import EVERY_LOG_FEATURE, feature_in_words
from segmentry.schema import Feature, Need, Source

_QUARTERS = ("night", "morning", "afternoon", "evening")

# Features that are not here are counts of their own name.
_MADE_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "impressions_per_burst": ("n_bursts",),
        "recency_days": ("last_seen_at",),
        "ctr": ("n_clicks",),
        "ctr_shrunk": ("n_clicks",),
        "category_entropy": ("n_categorised", "n_log_n"),
        "top_category_share": ("n_categorised", "n_top_category"),
        "mean_log_price_seen": ("n_priced", "log_price_seen"),
        "mean_log_price_clicked": ("n_priced_clicks", "log_price_clicked"),
        "main_placement_share": ("n_placed", "n_main_placement"),
        "weekend_share": ("n_weekend",),
        "value_sum": ("n_valued", "value"),
        "value_mean": ("n_valued", "value"),
        "quantity_sum": ("n_quantified", "quantity"),
        **{f"{quarter}_share": (f"n_{quarter}",) for quarter in _QUARTERS},
    }
)
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


def needs_of(feature: Feature) -> tuple[Need, ...]:
    """Return what data must have for a feature of the log.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> {each.name: needs_of(each) for each in LOG_FEATURES}["mean_log_price_clicked"]
    ('price', 'click')
    """
    counts = _MADE_OF.get(feature.name, (feature.name,))
    found = (need for count in counts for need in _NEEDS_OF_COUNTS.get(count, ()))
    return tuple(dict.fromkeys(found))


def available_features(
    source: Source,
) -> tuple[tuple[Feature, ...], tuple[tuple[str, str], ...]]:
    """Return the features of the log that data allow, in the data's own words, and the others.

    Returns
    -------
    available : tuple of Feature
        Those that can be made; an impression is called what the data call it.
    absent : tuple of (str, str)
        Name of each other feature, and what the data lack.
    """
    provides = source.provides
    available: list[Feature] = []
    absent: list[tuple[str, str]] = []
    for feature in EVERY_LOG_FEATURE:
        lacking = [need for need in needs_of(feature) if need not in provides]
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
    made_of = (_MADE_OF.get(feature.name, (feature.name,)) for feature in features)
    return frozenset(_ALWAYS).union(*made_of)


def log_columns_of(features: Iterable[Feature]) -> frozenset[str]:
    """Return the canonical columns of a log that some features take beyond user, time and click.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> sorted(log_columns_of(LOG_FEATURES))
    ['ad_id', 'placement']
    """
    needs = (need for each in features for need in needs_of(each))
    return frozenset(_COLUMN_OF[need] for need in needs if need in _COLUMN_OF)


def is_tally_enough(features: Iterable[Feature]) -> bool:
    """Tell whether all of some features are made of counts of `UserTally`.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> is_tally_enough(LOG_FEATURES)
    False
    >>> is_tally_enough(each for each in LOG_FEATURES if each.name in ("ctr", "recency_days"))
    True
    """
    return counts_of(features) <= _TALLIED
