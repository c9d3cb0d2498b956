"""Overview: what was found, and how sure it is."""

from html import escape

import streamlit as st

from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import beside, facts, heading, listed, put, words

_DESCRIBES = (
    "All of this describes. Whether a campaign would change anything takes a randomised test."
)


def show_overview(run: Run) -> None:
    """Draw the first page."""
    headline = run.page.headline
    kicker, text = escape(headline.kicker), escape(headline.text)
    put(f'<p class="kicker">{kicker}</p><h1>{text}</h1>{_bar(run)}')
    facts(headline.facts)
    words("Segment", "Click rate (CTR)", "Forecast, expected", "95 % interval, 90 % interval")
    left, right = st.columns(2, gap="large")
    with left:
        heading("What is certain", level=2)
        listed(headline.certain)
    with right:
        heading("What to know before using it", level=2)
        listed((*headline.warnings, _DESCRIBES))
    beside(run, run.page.overview)


def _bar(run: Run) -> str:
    """Return all users as one bar, divided by segment, and its key."""
    pieces = run.page.headline.pieces
    told = "; ".join(f"{p.segment_id} {p.name} {p.share}" for p in pieces)
    bars = "".join(
        f'<svg x="{p.left}" width="{p.width}" height="34"><rect width="100%" height="34" '
        f'fill="{p.colour}"></rect>'
        + (f'<text x="9" y="22" fill="{p.ink}">{p.segment_id}</text>' if p.is_wide else "")
        + "</svg>"
        for p in pieces
    )
    key = "".join(
        f'<li><svg class="disc" width="12" height="12" aria-hidden="true"><circle cx="6" cy="6" '
        f'r="6" fill="{p.colour}"></circle></svg> {p.segment_id} {escape(p.name)} '
        f"<b>{escape(p.share)}</b></li>"
        for p in pieces
    )
    return (
        f'<div class="whole" role="img" aria-label="All users, divided: {escape(told)}">'
        f'<svg width="100%" height="34" aria-hidden="true">{bars}</svg></div>'
        f'<ol class="key">{key}</ol>'
    )
