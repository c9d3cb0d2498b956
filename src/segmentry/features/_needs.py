"""What each feature is made of, so that no more is read and counted than is asked for."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from segmentry.schema import Feature

__all__ = ["counts_of", "is_tally_enough", "log_columns_of"]

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
        **{f"{quarter}_share": (f"n_{quarter}",) for quarter in _QUARTERS},
    }
)
# How many users clicked, and when, is needed by the account of every run.
_ALWAYS = ("n_impressions", "n_clicks")
# Counts of `UserTally`: one grouping by user, while the log is read.
_TALLIED = frozenset({*_ALWAYS, "first_seen_at", "last_seen_at"})
_COLUMN_OF: Mapping[str, str] = MappingProxyType(
    {
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
