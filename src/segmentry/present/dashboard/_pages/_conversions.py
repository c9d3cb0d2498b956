"""Conversions: from impression to purchase, and what behaviours add to foretelling."""

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import heading, notice, of_report, words


def show_conversions(run: Run) -> None:
    """Draw what users did after they were shown ads, or say how to measure it."""
    heading("From impression to purchase")
    if run.summary.conversions is None:
        notice(
            "This run did not read what users view, put in the cart and buy. Where the data hold "
            "it: segmentry run DATA_DIR --with behaviours --out RUN_DIR"
        )
        return
    words("Impression, click", "95 % interval, 90 % interval")
    of_report(run, "purchases")
