"""Every feature that a log yields, declared once.

Demographic features are not here: they come with the profile table, declared by its source.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import polars as pl

from segmentry.features._ratios import ratio
from segmentry.schema import MICRO, SECONDS_PER_DAY, Family, Feature, Kind, Need, Source, Window

_PER_EVENT = "share of {events}"


def declared(family: Family, *rows: tuple[str, str, str, Kind, str]) -> tuple[Feature, ...]:
    """Return the features of a family, of rows of name, label, unit, kind and description."""
    return tuple(
        Feature(
            name=name,
            family=family,
            label=label,
            unit=unit,
            kind=kind,
            fill="zero" if kind == "count" else "median",
            description=description,
        )
        for name, label, unit, kind, description in rows
    )


_ACTIVITY = declared(
    "activity",
    ("n_impressions", "{events}", "{events}", "count", "{shown} in the window."),
    ("n_active_days", "active days", "days", "count", "Local days with at least one {event}."),
    ("n_bursts", "sessions", "half hours", "count", "Clock half hours with at least one {event}."),
    (
        "impressions_per_burst",
        "{events} per session",
        "{events} per half hour",
        "rate",
        "{Events} / sessions; null without {events}.",
    ),
    (
        "first_seen_at",
        "{first}",
        "epoch seconds",
        "time",
        "Moment of the first {event}; null without {events}.",
    ),
    (
        "last_seen_at",
        "{last}",
        "epoch seconds",
        "time",
        "Moment of the last {event}; null without {events}.",
    ),
    (
        "recency_days",
        "days since {last}",
        "days",
        "duration",
        "From the last {event} to the end of the window; null without {events}.",
    ),
)
_ENGAGEMENT = declared(
    "engagement",
    ("n_clicks", "clicks", "clicks", "count", "Clicked {events} in the window."),
    (
        "ctr",
        "CTR",
        "clicks per {event}",
        "rate",
        "Clicks / {events}; null without {events}. Of few {events} it is mostly luck.",
    ),
    (
        "ctr_shrunk",
        "corrected click rate",
        "clicks per {event}",
        "rate",
        (
            "Empirical-Bayes CTR: (clicks + a) / ({events} + a + b) with the beta prior fitted to "
            "all users by maximum likelihood; the prior mean without {events}."
        ),
    ),
    ("n_click_days", "days with a click", "days", "count", "Local days with at least one click."),
    (
        "n_repeat_impressions",
        "repeats of the same ad",
        "{events}",
        "count",
        "{Events} of an ad that the user had been shown before; ads without id not counted.",
    ),
    (
        "n_repeat_clicks",
        "clicks after a repeat",
        "clicks",
        "count",
        (
            "Clicks on such repeats: clicks on an ad less the one on its first exposure. "
            "Exposures of one second are one moment, and clicked if one of them was."
        ),
    ),
)
_AFFINITY = declared(
    "affinity",
    ("n_ads", "distinct ads", "ads", "count", "Distinct ads shown to the user."),
    (
        "n_categories",
        "distinct categories",
        "categories",
        "count",
        "Distinct known categories of the ads shown.",
    ),
    ("n_brands", "distinct brands", "brands", "count", "Distinct known brands of the ads shown."),
    (
        "n_campaigns",
        "distinct campaigns",
        "campaigns",
        "count",
        "Distinct known campaigns of the ads shown.",
    ),
    (
        "category_entropy",
        "category entropy",
        "nats",
        "entropy",
        "Entropy of the {events} over known categories, ln N - sum(n ln n) / N; null without.",
    ),
    (
        "top_category_share",
        "share of the top category",
        _PER_EVENT,
        "share",
        "Share of the most shown category among {events} of known category; null without.",
    ),
    (
        "mean_log_price_seen",
        "mean log price seen",
        "ln(1 + price)",
        "rate",
        "Mean of ln(1 + price) over {events} of known price; null without.",
    ),
    (
        "mean_log_price_clicked",
        "mean log price clicked",
        "ln(1 + price)",
        "rate",
        "Mean of ln(1 + price) over clicks of known price; null without.",
    ),
    (
        "main_placement_share",
        "share of the main placement",
        _PER_EVENT,
        "share",
        "Share of the log's most frequent placement among {events} of known placement.",
    ),
    *(
        (
            f"{name}_share",
            f"{name} share",
            _PER_EVENT,
            "share",
            f"Share of {{events}} from {first} to {first + 6} o'clock local time.",
        )
        for name, first in (("night", 0), ("morning", 6), ("afternoon", 12), ("evening", 18))
    ),
    (
        "weekend_share",
        "weekend share",
        _PER_EVENT,
        "share",
        "Share of {events} on Saturdays and Sundays, local time.",
    ),
)
_VALUE = declared(
    "value",
    (
        "value_sum",
        "total value",
        "value",
        "money",
        "Sum of the values of the user's {events}; null without a known value.",
    ),
    (
        "value_mean",
        "value per {event}",
        "value",
        "money",
        "Mean value of the {events} whose value is known; null without.",
    ),
    (
        "quantity_sum",
        "total quantity",
        "items",
        "money",
        "Sum of the quantities of the user's {events}; null without a known quantity.",
    ),
)
_TEMPLATES: Mapping[str, Feature] = MappingProxyType(
    {each.name: each for each in (*_ACTIVITY, *_ENGAGEMENT, *_AFFINITY, *_VALUE)}
)


def feature_in_words(name: str, event: str, events: str, *, value_unit: str = "") -> Feature:
    """Return a feature in the words of a log whose rows are called `event` and `events`.

    >>> feature_in_words("recency_days", "ad impression", "ad impressions").description
    'From the last ad impression to the end of the window; null without ad impressions.'
    >>> feature_in_words("last_seen_at", "visit", "visits").label
    'last visit'
    """
    template = _TEMPLATES[name]
    called = events[0].upper() + events[1:]
    words = {"event": event, "events": events, "Events": called}
    if event == "impression":
        words |= {"last": "last seen", "first": "first seen", "shown": "Ads shown to the user"}
    else:
        words |= {
            "last": f"last {event}",
            "first": f"first {event}",
            "shown": f"{called} of the user",
        }
    unit = value_unit if name in {"value_sum", "value_mean"} else ""
    return replace(
        template,
        label=template.label.format_map(words),
        unit=unit or template.unit.format_map(words),
        description=template.description.format_map(words),
    )


EVERY_LOG_FEATURE = tuple(
    feature_in_words(name, "impression", "impressions") for name in _TEMPLATES
)
"""All that a log of any kind yields."""
LOG_FEATURES = EVERY_LOG_FEATURE[: -len(_VALUE)]
"""What a log of impressions yields."""
VALUE_FEATURES = EVERY_LOG_FEATURE[-len(_VALUE) :]
"""What a log of events with a value or a quantity yields next to them."""


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


def worth_saying(
    absent: tuple[tuple[str, str], ...], source: Source
) -> tuple[tuple[str, str], ...]:
    """Leave out of what is absent what no log of impressions has: no value is missing there."""
    if source.impressions is None:
        return ()
    values = {feature.name for feature in VALUE_FEATURES}
    return tuple(each for each in absent if each[0] not in values)


def counts_of(features: Iterable[Feature]) -> frozenset[str]:
    """Return the counts per user that some features are made of.

    >>> from segmentry.features import LOG_FEATURES
    >>> ctr = [feature for feature in LOG_FEATURES if feature.name == "ctr"]
    >>> sorted(counts_of(ctr))
    ['n_clicks', 'n_impressions']
    """
    return frozenset(_ALWAYS).union(*(_counts_of(feature.name) for feature in features))


def log_columns_of(features: Iterable[Feature]) -> frozenset[str]:
    """Return the canonical columns of a log that some features take beyond user, time and click.

    >>> from segmentry.features import LOG_FEATURES
    >>> sorted(log_columns_of(LOG_FEATURES))
    ['ad_id', 'placement']
    """
    needs = (need for each in features for need in _needs_of(each))
    return frozenset(_COLUMN_OF[need] for need in needs if need in _COLUMN_OF)


_AD_COLUMNS: Mapping[Need, str] = MappingProxyType(
    {
        "category": "category_id",
        "brand": "brand_id",
        "campaign": "campaign_id",
        "price": "price",
    }
)


def ad_columns_of(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the canonical columns of the ads that some features take beyond the id.

    >>> from segmentry.features import LOG_FEATURES
    >>> ad_columns_of(LOG_FEATURES)
    ('category_id', 'brand_id', 'campaign_id', 'price')
    """
    needs = {need for each in features for need in _needs_of(each)}
    return tuple(column for need, column in _AD_COLUMNS.items() if need in needs)


def is_tally_enough(features: Iterable[Feature]) -> bool:
    """Return whether all of some features are made of counts of `UserTally`.

    >>> from segmentry.features import LOG_FEATURES
    >>> is_tally_enough(LOG_FEATURES)
    False
    >>> is_tally_enough(each for each in LOG_FEATURES if each.name in ("ctr", "recency_days"))
    True
    """
    return counts_of(features) <= _TALLIED
