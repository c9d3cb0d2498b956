"""Over time: what left its expectation since the segments were formed, and who moved."""

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, of_report


def show_over_time(run: Run) -> None:
    """Show alarms, shares and rates by window, and the flows of users."""
    heading("Over time")
    of_report(run, "over_time")
