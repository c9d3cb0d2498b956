"""Every feature that a log yields, declared once.

Demographic features are not here: they come with the profile table, declared by its source.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from segmentry.schema import Family, Feature, Kind

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
    ("n_bursts", "bursts", "half hours", "count", "Clock half hours with at least one {event}."),
    (
        "impressions_per_burst",
        "{events} per burst",
        "{events} per half hour",
        "rate",
        "{Events} / bursts; null without {events}.",
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
        "shrunk CTR",
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
