"""What plans are made with: measured once for each run, and kept while it is served."""

from pathlib import Path

import streamlit as st

from segmentry.dashboard._measuring import measuring
from segmentry.dashboard._runs import Run
from segmentry.errors import DataError
from segmentry.profiling.planning import PlanBasis

__all__ = ["basis_of"]


def basis_of(run: Run) -> PlanBasis:
    """Return what plans are made with, measured once for each run.

    Raises
    ------
    SegmentryError
        If the run has nothing to plan with.
    """
    return _basis(str(run.folder), run.stamp)


@st.cache_resource(
    max_entries=8, show_spinner="Measuring days and segments once, for all questions …"
)
def _basis(folder: str, stamp: int) -> PlanBasis:
    del stamp  # a key of the cache
    measure = measuring()
    if measure is None:
        raise DataError("this dashboard was opened without what measures a run for plans")
    return measure(Path(folder))
