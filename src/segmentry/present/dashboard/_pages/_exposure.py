"""Exposure and budget: clicks by the nth impression, and another division of a budget."""

from functools import partial

import streamlit as st

from segmentry.formats import count, decimal, interval, percent, rate
from segmentry.present import figures as plots
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._pages._budget import show_budget
from segmentry.present.dashboard._runs import Run, svg_of
from segmentry.present.dashboard._show import (
    heading,
    listed,
    notice,
    part,
    put,
    segment_label,
    words,
)
from segmentry.present.report import Figure, Row, Table, render_figure

_FIGURES = {"repeat": "exposure", "impression": "exposure_impression"}
"""Of all users, as the run drew them."""
_KINDS = {"repeat": "Showings of the same ad", "impression": "Impressions of the user"}


def show_exposure(run: Run) -> None:
    """Draw the exposure curve and let the reader divide a budget."""
    heading("Exposure and budget", "How clicks change with exposure, and what a budget brings.")
    _show_curve(run)
    show_budget(run)


@part
def _show_curve(run: Run) -> None:
    """Draw the exposure curve of all users or of a segment."""
    told = "Compared within the same users; descriptive, until a test tells more."
    heading("Exposure", told, level=2)
    words("Impression, click", "95 % interval, 90 % interval")
    log = run.summary.log
    if log is None or log.reason:
        notice(
            "How clicks change with exposure is not known in this run: "
            f"{'it was made before this was measured' if log is None else log.reason}."
        )
        return
    left, right = st.columns(2)
    names = {"0": "All users"} | {str(s.segment_id): segment_label(s) for s in run.summary.segments}
    with left:
        whom = st.selectbox("Whom", list(names), format_func=names.__getitem__, key="whom",
                            bind="query-params")  # fmt: skip
    with right:
        kind = st.selectbox("What is counted", list(_KINDS), format_func=_KINDS.__getitem__,
                            key="counted", bind="query-params")  # fmt: skip
    chosen, what = int(whom or "0"), kind or "repeat"
    caption = plots.FIGURES[_FIGURES[what]].caption(run.summary, segment_id=chosen)
    tables = _tables(run, chosen, what)
    view = Figure("exposure", "Exposure curve", caption, _svg(run, chosen, what), tables)
    put(render_figure(view))
    picture = partial(plots.FIGURES[_FIGURES[what]].plot, run.summary, segment_id=chosen)
    offer("exposure", tables=tables, pictures={"exposure": picture})
    listed(log.notes)


def _svg(run: Run, segment_id: int, kind: str) -> str:
    if segment_id == 0:
        return svg_of(run, _FIGURES[kind])
    return drawn(
        run,
        "exposure",
        segment_id,
        kind,
        chart=lambda: plots.FIGURES[_FIGURES[kind]].plot(run.summary, segment_id=segment_id),
    )


def _tables(run: Run, segment_id: int, kind: str) -> tuple[Table, ...]:
    log = run.summary.log
    curves = () if log is None else log.curves
    curve = next((c for c in curves if c.segment_id == segment_id and c.kind == kind), None)
    if curve is None:
        return ()
    points = tuple(
        Row(
            f"{p.first}+" if p.last is None else f"{p.first}–{p.last}",
            (
                count(p.n_users),
                count(p.n_impressions),
                rate(p.naive_ctr.value),
                decimal(p.odds_ratio.value),
                interval(p.odds_ratio),
            ),
        )
        for p in curve.points
    )
    heads = (
        "position",
        "users",
        "impressions",
        "click rate of who got there",
        "odds ratio",
        "90 %",
    )
    tables = [Table("The curve", heads, points)]
    if curve.caps:
        caps = tuple(
            Row(str(c.cap), (percent(c.impressions_share), percent(c.clicks_share)))
            for c in curve.caps
        )
        tables.append(
            Table(
                "A cap and what lies above it",
                ("cap", "impressions above it", "clicks above it"),
                caps,
            )
        )
    return tuple(tables)
