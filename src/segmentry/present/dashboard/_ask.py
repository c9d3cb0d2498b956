"""What a page asks of its reader: each answer is kept in the address of the page."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from segmentry.describe.profiles import SegmentProfile
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import recommended, segment_label

slider = partial(st.slider, bind="query-params")


def choose(label: str, options: Mapping[str, str], *, key: str, position: int = 0) -> str:
    """Return the key of the option that the reader chose by what it is called."""
    names = list(options)
    chosen = st.selectbox(
        label,
        names,
        index=min(position, len(names) - 1),
        format_func=options.__getitem__,
        key=key,
        bind="query-params",
    )
    return chosen or names[0]


def choose_segment(run: Run, label: str, *, key: str, position: int = 0) -> SegmentProfile:
    """Return the segment that the reader chose, first the one to act on."""
    if not position:
        ids = [segment.segment_id for segment in run.summary.segments]
        position = ids.index(recommended(run.summary))
    by_number = {str(segment.segment_id): segment for segment in run.summary.segments}
    labels = {number: segment_label(segment) for number, segment in by_number.items()}
    return by_number[choose(label, labels, key=key, position=position)]
