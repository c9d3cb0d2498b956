"""Conversions: from impression to purchase, and what behaviours add to foretelling."""

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import figure, heading, listed, notice, table, words


def show_conversions(run: Run) -> None:
    """Draw what users did after they were shown ads, or say how to measure it."""
    view = run.page.conversions
    heading("From impression to purchase", "" if view is None else view.lead)
    if view is None:
        notice(
            "This run did not read what users view, put in the cart and buy. Where the data hold "
            "it: segmentry run DATA_DIR --with behaviours --out RUN_DIR"
        )
        return
    words("Impression, click", "95 % interval, 90 % interval")
    heading("What the behaviours add", level=2)
    listed(view.added)
    if view.added_table is not None:
        table(view.added_table)
    if view.purchases is not None:
        heading("Do they buy on later days as they did before?", level=2)
        table(view.purchases)
    if view.funnel is not None:
        figure(run, view.funnel)
    table(*view.attribution)
    if view.shop is not None:
        heading("In the shop", level=2)
        table(view.shop)
    listed(view.notes)
