"""Every feature that a log yields, declared once.

Demographic features are not here: they come with the profile table, declared by its source.
"""

from segmentry.schema import Family, Feature, Fill, Kind

_PER_IMPRESSION = "share of impressions"


def _feature(  # noqa: PLR0917  # a row of a table
    family: Family,
    name: str,
    label: str,
    unit: str,
    kind: Kind,
    description: str,
) -> Feature:
    fill: Fill = "zero" if kind == "count" else "median"
    return Feature(
        name=name,
        family=family,
        label=label,
        unit=unit,
        kind=kind,
        fill=fill,
        description=description,
    )


_ACTIVITY = (
    _feature(
        "activity",
        "n_impressions",
        "impressions",
        "impressions",
        "count",
        "Ads shown to the user in the window.",
    ),
    _feature(
        "activity",
        "n_active_days",
        "active days",
        "days",
        "count",
        "Local days with at least one impression.",
    ),
    _feature(
        "activity",
        "n_bursts",
        "bursts",
        "half hours",
        "count",
        "Clock half hours with at least one impression.",
    ),
    _feature(
        "activity",
        "impressions_per_burst",
        "impressions per burst",
        "impressions per half hour",
        "rate",
        "Impressions / bursts; null without impressions.",
    ),
    _feature(
        "activity",
        "first_seen_at",
        "first seen",
        "epoch seconds",
        "time",
        "Moment of the first impression; null without impressions.",
    ),
    _feature(
        "activity",
        "last_seen_at",
        "last seen",
        "epoch seconds",
        "time",
        "Moment of the last impression; null without impressions.",
    ),
    _feature(
        "activity",
        "recency_days",
        "days since last seen",
        "days",
        "duration",
        "From the last impression to the end of the window; null without impressions.",
    ),
)
_ENGAGEMENT = (
    _feature(
        "engagement", "n_clicks", "clicks", "clicks", "count", "Clicked impressions in the window."
    ),
    _feature(
        "engagement",
        "ctr",
        "CTR",
        "clicks per impression",
        "rate",
        "Clicks / impressions; null without impressions. Of few impressions it is mostly luck.",
    ),
    _feature(
        "engagement",
        "ctr_shrunk",
        "shrunk CTR",
        "clicks per impression",
        "rate",
        "Empirical-Bayes CTR: (clicks + a) / (impressions + a + b) with the beta prior fitted to "
        "all users by maximum likelihood; the prior mean without impressions.",
    ),
    _feature(
        "engagement",
        "n_click_days",
        "days with a click",
        "days",
        "count",
        "Local days with at least one click.",
    ),
    _feature(
        "engagement",
        "n_repeat_impressions",
        "repeats of the same ad",
        "impressions",
        "count",
        "Impressions of an ad that the user had been shown before; ads without id not counted.",
    ),
    _feature(
        "engagement",
        "n_repeat_clicks",
        "clicks after a repeat",
        "clicks",
        "count",
        "Clicks on such repeats: clicks on an ad less the one on its first exposure. Exposures "
        "of one second are one moment, and clicked if one of them was.",
    ),
)
_AFFINITY = (
    _feature(
        "affinity", "n_ads", "distinct ads", "ads", "count", "Distinct ads shown to the user."
    ),
    _feature(
        "affinity",
        "n_categories",
        "distinct categories",
        "categories",
        "count",
        "Distinct known categories of the ads shown.",
    ),
    _feature(
        "affinity",
        "n_brands",
        "distinct brands",
        "brands",
        "count",
        "Distinct known brands of the ads shown.",
    ),
    _feature(
        "affinity",
        "n_campaigns",
        "distinct campaigns",
        "campaigns",
        "count",
        "Distinct known campaigns of the ads shown.",
    ),
    _feature(
        "affinity",
        "category_entropy",
        "category entropy",
        "nats",
        "entropy",
        "Entropy of the impressions over known categories, ln N - sum(n ln n) / N; null without.",
    ),
    _feature(
        "affinity",
        "top_category_share",
        "share of the top category",
        _PER_IMPRESSION,
        "share",
        "Share of the most shown category among impressions of known category; null without.",
    ),
    _feature(
        "affinity",
        "mean_log_price_seen",
        "mean log price seen",
        "ln(1 + price)",
        "rate",
        "Mean of ln(1 + price) over impressions of known price; null without.",
    ),
    _feature(
        "affinity",
        "mean_log_price_clicked",
        "mean log price clicked",
        "ln(1 + price)",
        "rate",
        "Mean of ln(1 + price) over clicks of known price; null without.",
    ),
    _feature(
        "affinity",
        "main_placement_share",
        "share of the main placement",
        _PER_IMPRESSION,
        "share",
        "Share of the log's most frequent placement among impressions of known placement.",
    ),
    _feature(
        "affinity",
        "night_share",
        "night share",
        _PER_IMPRESSION,
        "share",
        "Share of impressions from 0 to 6 o'clock local time.",
    ),
    _feature(
        "affinity",
        "morning_share",
        "morning share",
        _PER_IMPRESSION,
        "share",
        "Share of impressions from 6 to 12 o'clock local time.",
    ),
    _feature(
        "affinity",
        "afternoon_share",
        "afternoon share",
        _PER_IMPRESSION,
        "share",
        "Share of impressions from 12 to 18 o'clock local time.",
    ),
    _feature(
        "affinity",
        "evening_share",
        "evening share",
        _PER_IMPRESSION,
        "share",
        "Share of impressions from 18 to 24 o'clock local time.",
    ),
    _feature(
        "affinity",
        "weekend_share",
        "weekend share",
        _PER_IMPRESSION,
        "share",
        "Share of impressions on Saturdays and Sundays, local time.",
    ),
)

LOG_FEATURES: tuple[Feature, ...] = _ACTIVITY + _ENGAGEMENT + _AFFINITY
"""What a log of impressions yields."""
VALUE_FEATURES: tuple[Feature, ...] = (
    _feature(
        "value",
        "value_sum",
        "total value",
        "value",
        "money",
        "Sum of the values of the user's impressions; null without a known value.",
    ),
    _feature(
        "value",
        "value_mean",
        "value per impression",
        "value",
        "money",
        "Mean value of the impressions whose value is known; null without.",
    ),
    _feature(
        "value",
        "quantity_sum",
        "total quantity",
        "items",
        "money",
        "Sum of the quantities of the user's impressions; null without a known quantity.",
    ),
)
"""What a log of events with a value or a quantity yields beside them."""
