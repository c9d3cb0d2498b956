"""Pages that show one part of the report: purchases, and what changed over time."""

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, notice, of_report


def show_conversions(run: Run) -> None:
    """Draw what users did after they were shown ads, or say how to measure it."""
    heading("From impression to purchase")
    if run.summary.conversions is None:
        notice("This run did not read what users view, put in the cart and buy.")
        return
    of_report(run, "purchases")


def show_over_time(run: Run) -> None:
    """Show alarms, shares and rates by window, and the flows of users."""
    heading("Over time")
    if run.summary.over_time is None:
        notice("This run refreshes no earlier one: segmentry refresh makes one that does.")
        return
    of_report(run, "over_time")
