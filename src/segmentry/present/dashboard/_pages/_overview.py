"""Overview: what was found, and how sure it is."""

import streamlit as st

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import beside, heading, of_report, words


def show_overview(run: Run) -> None:
    """Draw the first page."""
    of_report(run, "first_screen")
    of_report(run, "totals")
    words("Segment", "Click rate (CTR)", "Forecast, expected", "95 % interval, 90 % interval")
    left, right = st.columns(2, gap="large")
    with left:
        heading("What is certain", level=2)
        of_report(run, "certain")
    with right:
        heading("What to know before using it", level=2)
        of_report(run, "doubts")
    beside(run, ("sizes", "ctr_by_segment"))
