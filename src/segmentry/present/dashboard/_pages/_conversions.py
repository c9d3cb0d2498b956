"""Purchases: from an ad to a purchase, and what behaviours add to forecasts."""

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, notice, of_report


def show_conversions(run: Run) -> None:
    """Draw what users did after they were shown ads, or say how to measure it."""
    heading("From impression to purchase")
    if run.summary.conversions is None:
        notice("This run did not read what users view, put in the cart and buy.")
        return
    of_report(run, "purchases")
