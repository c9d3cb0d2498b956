"""Which counts of one window are comparable with those of another once both are per day."""

SCALES_WITH_WINDOW = frozenset(
    {
        "n_impressions",
        "n_active_days",
        "n_bursts",
        "n_clicks",
        "n_click_days",
        "value_sum",
        "quantity_sum",
    }
)
"""Features of the log that grow in proportion to the window for a user who stays as before.

Distinct ads, categories, brands and campaigns grow more slowly, and repeats of them faster.
"""
BEHAVIOURS_SCALE_WITH_WINDOW = frozenset(
    {
        "n_behaviours",
        "n_views",
        "n_carts",
        "n_favourites",
        "n_purchases",
        "n_behaviour_days",
        "n_purchase_days",
    }
)
"""The same of the behaviour log, whose window is its own."""
