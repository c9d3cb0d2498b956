"""Ads seen: how clicks change with the number of ads that a user saw."""

from functools import partial

import streamlit as st

from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    heading,
    listed,
    notice,
    part,
    put,
    segment_label,
    words,
)
from segmentry.present.report import cap_table, render_figure
from segmentry.present.tables import Table
from segmentry.results.summary import Summary

_KINDS = {"repeat": "Views of the same ad", "impression": "Ads seen by the user"}


def show_exposure(run: Run) -> None:
    """Draw the exposure curve."""
    heading("Ads seen", "How clicks change with the number of ads, compared within users.")
    _show_curve(run)


@part
def _show_curve(run: Run) -> None:
    """Draw the exposure curve of all users or of a segment."""
    words("Impression, click", "95 % interval, 90 % interval")
    summary, log = run.summary, run.summary.log
    if log is None or log.reason:
        notice(
            "How clicks change with exposure is not known in this run: "
            f"{'it was made before this was measured' if log is None else log.reason}."
        )
        return
    left, right = st.columns(2)
    names = {"0": "All users"} | {str(s.segment_id): segment_label(s) for s in summary.segments}
    with left:
        chosen = int(choose("Which users", names, key="users"))
    with right:
        kind = choose("What is counted", _KINDS, key="counted")
    figure = plots.FIGURES["exposure" if kind == "repeat" else "exposure_impression"]
    caption = figure.caption(summary, segment_id=chosen)
    chart = partial(figure.plot, summary, segment_id=chosen)
    tables = _tables(summary, chosen, kind)
    view = drawn(
        run, "exposure", "Exposure curve", caption, chosen, kind, chart=chart, tables=tables
    )
    put(render_figure(view, run.summary.colours))
    offer("exposure", tables=tables, pictures={"exposure": chart})
    listed(log.notes)


def _tables(summary: Summary, segment_id: int, kind: str) -> list[Table]:
    curve = plots.curve_of(summary, segment_id, kind)
    if curve is None:
        return []
    points = plots.curve_table(summary, curve)
    return [points, cap_table(summary, curve)] if curve.caps else [points]
