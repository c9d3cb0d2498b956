"""What a page asks of its reader: each answer is kept in the address of the page."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from segmentry.describe.profiles import SegmentProfile
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import recommended, segment_label

_WIDTH = 420
"""Pixels: names are short."""
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


def choose_segment(
    run: Run, label: str, *, key: str = "segment", first: int | None = None
) -> SegmentProfile:
    """Return the segment that the reader chose, or a link to the page: at first the one to act on.

    `first` is another one to begin with.
    """
    by_number = {str(segment.segment_id): segment for segment in run.summary.segments}
    keep = in_address(key, list(by_number), str(first or recommended(run.summary)))
    chosen = st.selectbox(
        label,
        list(by_number),
        format_func=lambda number: segment_label(by_number[number]),
        key=key,
        on_change=keep,
        width=_WIDTH,
    )
    return by_number[chosen]


def in_address(key: str, options: Sequence[str], default: str | None) -> Callable[[], None]:
    """Give a choice the value that the address of the page has; return what keeps it there.

    Streamlit's own binding writes labels into addresses, and names of segments change.
    """
    requested = st.query_params.get(key)
    st.session_state[key] = requested if requested in options else default

    def keep() -> None:
        if st.session_state[key] is None:
            st.query_params.pop(key, None)
        else:
            st.query_params[key] = st.session_state[key]

    return keep
