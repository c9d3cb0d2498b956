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


def show_segment(run: Run) -> None:
    """Draw the segment that the reader chose, first the one to act on."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="whose"):
        segment = choose_segment(run, "Segment")
        _rename(run, segment)
    put(render_card(segment, run.summary))
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
    with st.popover("✎ Rename", key=f"renaming-{run.stamp}"), st.form("rename", border=False):
        name = st.text_input("Name", segment.name, max_chars=60, key=f"name-{segment.segment_id}")
        is_requested = st.form_submit_button("Save")
    if not is_requested or name.strip() == segment.name:
        return
    try:
        rename(run.folder, segment.segment_id, name)
    except SegmentryError as error:
        notice(f"The segment keeps its name: {error}")
        return
    st.toast("Renamed. The report is being updated.")
    st.rerun()
