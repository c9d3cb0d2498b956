"""What each feature is made of, so that no more is read and counted than is asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

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
_COLUMN_OF: Mapping[str, str] = MappingProxyType(
    {
        "n_valued": "value",
        "value": "value",
        "n_quantified": "quantity",
        "quantity": "quantity",
        "n_placed": "placement",
        "n_main_placement": "placement",
        **dict.fromkeys(
            (
                "n_ads",
                "n_repeat_impressions",
                "n_repeat_clicks",
                "n_priced",
                "n_priced_clicks",
                "log_price_seen",
                "log_price_clicked",
                "n_categories",
                "n_categorised",
                "n_top_category",
                "n_log_n",
                "n_brands",
                "n_campaigns",
            ),
            "ad_id",
        ),
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


_OF_VALUE = ("value_sum", "value_mean")


def available_features(
    features: Iterable[Feature], source: Source
) -> tuple[tuple[Feature, ...], tuple[tuple[str, str], ...]]:
    """Tell the features that data allow, in the data's own words, from the others.

    Parameters
    ----------
    features : iterable of Feature
        Of the log.
    source : Source

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
    for feature in features:
        lacking = [need for need in needs_of(feature) if need not in provides]
        if lacking:
            told = " and no ".join(_WHAT[need].removeprefix("a ") for need in lacking)
            absent.append((feature.name, f"the data have no {told}"))
        else:
            available.append(_in_words_of(feature, source))
    return tuple(available), tuple(absent)


def _in_words_of(feature: Feature, source: Source) -> Feature:
    """Call an event by its name and a value by its unit."""
    unit = source.value_unit if feature.name in _OF_VALUE else ""
    named = replace(feature, unit=unit or feature.unit)
    if source.event == "impression":
        return named
    return replace(
        named,
        label=_called(named.label, source),
        unit=_called(named.unit, source),
        description=_called(named.description, source),
    )


def _called(text: str, source: Source) -> str:
    words = {
        "last seen": f"last {source.event}",
        "first seen": f"first {source.event}",
        "Ads shown to the user": source.events[0].upper() + source.events[1:] + " of the user",
        "impressions": source.events,
        "Impressions": source.events[0].upper() + source.events[1:],
        "impression": source.event,
    }
    for word, called in words.items():
        text = text.replace(word, called)
    return text


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
    return frozenset(_COLUMN_OF[count] for count in counts_of(features) if count in _COLUMN_OF)


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
