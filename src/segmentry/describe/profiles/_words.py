"""Words for low and high values of a feature."""

from segmentry.schema import Feature

ORDINARY = "average exposure"

CLICK_FEATURES = frozenset(
    {
        "n_clicks",
        "ctr",
        "ctr_shrunk",
        "n_click_days",
        "n_repeat_clicks",
        "mean_log_price_clicked",
    }
)
"""Features that are made of clicks: on the days that formed the segments they are mostly luck."""

_WORDS = {
    "n_impressions": ("rarely shown", "heavily shown"),
    "n_active_days": ("few active days", "many active days"),
    "n_bursts": ("few sittings", "many sittings"),
    "impressions_per_burst": ("few ads at a time", "many ads at a time"),
    "recency_days": ("seen lately", "not seen lately"),
    "n_repeat_impressions": ("few repeats", "many repeats"),
    "n_ads": ("few ads", "many ads"),
    "n_categories": ("few categories", "many categories"),
    "n_brands": ("few brands", "many brands"),
    "n_campaigns": ("few campaigns", "many campaigns"),
    "category_entropy": ("narrow range of ads", "wide range of ads"),
    "top_category_share": ("spread over categories", "one main category"),
    "mean_log_price_seen": ("shown cheap goods", "shown dear goods"),
    "main_placement_share": ("mixed placements", "one main placement"),
    "night_share": ("seldom at night", "often at night"),
    "morning_share": ("seldom in the morning", "often in the morning"),
    "afternoon_share": ("seldom in the afternoon", "often in the afternoon"),
    "evening_share": ("seldom in the evening", "often in the evening"),
    "weekend_share": ("mostly on weekdays", "mostly at weekends"),
    "age_level": ("younger", "older"),
    "consumption_level": ("low spenders", "high spenders"),
    "shopping_depth": ("shallow shoppers", "deep shoppers"),
    "city_tier": ("low city tier number", "high city tier number"),
}


def words_for(feature: Feature) -> tuple[str, str]:
    """Return what a low and a high value of a feature is called.

    Examples
    --------
    >>> from segmentry.features import LOG_FEATURES
    >>> words_for(LOG_FEATURES[0])
    ('rarely shown', 'heavily shown')
    """
    # Of other events than impressions: by what they are.
    if feature.name == "n_impressions" and feature.label != "impressions":
        return f"few {feature.label}", f"many {feature.label}"
    if feature.name == "recency_days" and feature.label != "days since last seen":
        event = feature.label.removeprefix("days since last ")
        return f"recent {event}", f"no recent {event}"
    return _WORDS.get(feature.name, (f"low {feature.label}", f"high {feature.label}"))
