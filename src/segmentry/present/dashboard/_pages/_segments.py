"""The page of a segment: its card, its name, its list to send and a test of it."""

import streamlit as st

from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import SegmentryError
from segmentry.present.dashboard._ask import choose_segment, in_address
from segmentry.present.dashboard._pages._sending import show_sending
from segmentry.present.dashboard._pages._tests import show_test_of
from segmentry.present.dashboard._renaming import can_rename, rename
from segmentry.present.dashboard._runs import Run, can_be_planned
from segmentry.present.dashboard._show import notice, put
from segmentry.present.report import render_card

_ACTS = {"send": "Send this segment", "test": "Test this segment"}


<<<<<<< HEAD
def show_segment(run: Run) -> None:
    """Draw the segment that the reader chose, first the one to act on."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="whose"):
        segment = choose_segment(run, "Segment")
        _rename(run, segment)
    put(render_card(segment, run.summary))
=======
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
>>>>>>> next
    if segment.is_withheld:
        return
    acts = _ACTS if can_be_planned(run) else {"send": _ACTS["send"]}
    keep = in_address("act", list(acts), None)
    act = st.segmented_control(
        "What next",
        list(acts),
        format_func=acts.__getitem__,
        key="act",
        label_visibility="collapsed",
        on_change=keep,
    )
    if act == "send":
        show_sending(run, segment)
    elif act == "test":
        show_test_of(run, segment)
    put(
        f'<p class="note"><a href="/numbers?segment={segment.segment_id}">All numbers of this '
        "segment</a></p>"
    )


def _rename(run: Run, segment: SegmentProfile) -> None:
    """Offer another name; every page shows it at once, and later runs keep it."""
    if not can_rename():
        return
    with st.popover("✎ Rename", key="renaming"), st.form("rename", border=False):
        name = st.text_input("Name", segment.name, max_chars=60, key=f"name-{segment.segment_id}")
        is_asked = st.form_submit_button("Save")
    if not is_asked or name.strip() == segment.name:
        return
    try:
        rename(run.folder, segment.segment_id, name)
    except SegmentryError as error:
        notice(f"The segment keeps its name: {error}")
        return
    st.toast("Renamed. The report is being updated.")
    st.rerun()
