"""Which counts of one window are comparable with those of another once both are per day."""

import polars as pl

from segmentry.schema import Window

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


def scale_to_window(table: pl.DataFrame, *, formed: Window, now: Window) -> pl.DataFrame:
    """Return a user table of the window `now` with its counts as of the days of `formed`.

    With windows of equal length nothing changes.

    >>> day = 86_400
    >>> table = pl.DataFrame({"n_impressions": [14, 0], "ctr_shrunk": [0.05, 0.05]})
    >>> scale_to_window(table, formed=Window(0, 30 * day), now=Window(0, 28 * day)).rows()
    [(15.0, 0.05), (0.0, 0.05)]
    """
    if formed.n_days == now.n_days:
        return table
    scaled = [name for name in table.columns if name in SCALES_WITH_WINDOW]
    return table.with_columns(pl.col(scaled) * (formed.n_days / now.n_days))
