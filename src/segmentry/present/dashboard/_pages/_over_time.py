"""Over time: what left its expectation since the segments were formed, and who moved."""

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, notice, of_report


def show_over_time(run: Run) -> None:
    """Show alarms, shares and rates by window, and the flows of users."""
    heading("Over time")
    if run.summary.over_time is None:
        notice("This run refreshes no earlier one: segmentry refresh makes one that does.")
        return
    of_report(run, "over_time")
