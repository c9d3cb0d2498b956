"""Segments: a card for each, then one of them in full."""

from functools import partial

import streamlit as st

from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import SegmentryError
from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose, choose_segment
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._renaming import renaming
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    figure,
    heading,
    listed,
    notice,
    of_report,
    part,
    put,
    segment_label,
    table,
    together,
    words,
)
from segmentry.present.report import (
    exemplar_table,
    level_tables,
    numeric_table,
    render_card,
    render_figure,
    segment_cells,
)
from segmentry.present.tables import Table

_MOST_CARDS = 12


def show_segments(run: Run) -> None:
    """Draw the cards and the segment that the reader chose."""
    with together():
        heading("The segments")
        of_report(run, "rates")
        words(
            "Index", "Standardised difference", "Survival", "Confirmed", "Weaker",
            "No difference",
        )  # fmt: skip
    cards = run.summary.segments
    if len(cards) > _MOST_CARDS:
        last = -(-len(cards) // _MOST_CARDS)
        part = int(
            st.number_input("Part of the cards", 1, last, 1, key="part", bind="query-params")
        )
        cards = cards[(part - 1) * _MOST_CARDS : part * _MOST_CARDS]
    with together():
        put(
            '<div class="cards">'
            + "".join(render_card(each, run.summary) for each in cards)
            + "</div>"
        )
        figure(run, "profile_heatmap")
        heading("One segment", level=2)
    _details(run)


@part
def _details(run: Run) -> None:
    """Draw one segment in full."""
    segment = choose_segment(run, "Segment", key="segment")
    _rename(run, segment)
    with together():
        heading(segment_label(segment), _verdict(segment), level=2)
        _decisions(run, segment)
        table(numeric_table(segment, run.summary), *_own_tables(run, segment))
    _spread(run)
    table(*level_tables(run.summary))


def _own_tables(run: Run, segment: SegmentProfile) -> list[Table]:
    """Return what a segment is shown and clicks more than all, and real users of it."""
    if segment.is_withheld:
        return []
    found = (
        segment_cells(run.summary, segment.segment_id),
        exemplar_table(segment, run.summary),
    )
    return [view for view in found if view.rows]


def _decisions(run: Run, segment: SegmentProfile) -> None:
    """Say what can be done with a segment and by which rules its users are found."""
    decisions = run.summary.decisions
    if decisions is None:
        return
    found = [each for each in decisions.insights if each.segment_id == segment.segment_id]
    if found:
        heading("What stands out, and what to do", level=3)
        listed(
            f"{each.title} ({each.code}, {each.severity}). {each.text}"
            + ("" if each.action is None else f" To do: {each.action.text}")
            for each in found
        )
    rules = () if decisions.rules is None else decisions.rules.segments
    own = next((each for each in rules if each.segment_id == segment.segment_id), None)
    if own is not None and own.texts:
        heading("Rules that find its users without the model", level=3)
        listed(own.texts)


def _rename(run: Run, segment: SegmentProfile) -> None:
    """Offer another name; it is kept in the run folder, in its report and in later runs."""
    rename = renaming()
    if rename is None:
        return
    # A form that nobody opened would cost the page 15 ms.
    opened = st.expander("Rename this segment", key="renaming", on_change="rerun")
    if not opened.open:
        return
    with opened, st.form(f"rename-{segment.segment_id}", border=False):
        name = st.text_input("Name", segment.name, max_chars=60)
        is_asked = st.form_submit_button("Rename and keep it")
    if not is_asked or name.strip() == segment.name:
        return
    try:
        with st.spinner("Writing names, figures and report …"):
            rename(run.folder, segment.segment_id, name)
    except SegmentryError as error:
        notice(f"The segment keeps its name: {error}")
        return
    st.rerun()


@part
def _spread(run: Run) -> None:
    names = plots.distribution_names(run.summary)
    if not names:
        notice("This run did not keep how values spread; run it again to see it.")
        return
    labels = {row.name: row.label for row in run.summary.features}
    feature = choose("Feature", {name: labels.get(name, name) for name in names}, key="feature")
    caption = plots.FIGURES["distributions"].caption(run.summary, features=[feature])
    chart = partial(plots.FIGURES["distributions"].plot, run.summary, features=[feature])
    spread = drawn(run, "distributions", "How the values spread", caption, feature, chart=chart)
    view = plots.quartile_table(run.summary, [feature])
    with together():
        put(render_figure(spread))
        table(view)
    offer(f"spread-of-{feature}", tables=(view,), pictures={"distributions": chart})


def _verdict(segment: SegmentProfile) -> str:
    reason = segment.verdict_reason
    return f"{segment.verdict.capitalize()}{': ' + reason if reason else ''}."
