"""What plans are made with: measured once for each run, and kept while it is served."""

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import RLock

import streamlit as st

from segmentry.advise.basis import PlanBasis
from segmentry.errors import DataError, SegmentryError
from segmentry.present.dashboard._measuring import measuring
from segmentry.present.dashboard._runs import Run, load

_N_PREPARED = 4
_ONE_AT_A_TIME = RLock()  # a reader who comes while a run is measured waits for it


def basis_of(run: Run) -> PlanBasis:
    """Return what plans are made with, measured once for each run.

    Raises
    ------
    SegmentryError
        If the run has nothing to plan with.
    """
    with st.spinner("Measuring days and segments once, for all questions …"):
        return measured(run)


def measured(run: Run) -> PlanBasis:
    """Return the same without a word to a reader, beside whom it may be called.

    Raises
    ------
    SegmentryError
        If the run has nothing to plan with.
    """
    with _ONE_AT_A_TIME:
        return _basis(str(run.folder), run.stamp)


def prepare_bases(folders: Sequence[Path]) -> None:
    """Measure runs before a reader asks; what cannot be measured is told on its page."""
    for folder in folders[:_N_PREPARED]:
        with suppress(SegmentryError):
            measured(load(folder))


def forget() -> None:
    """Measure every run anew when it is asked for next."""
    _basis.cache_clear()


@lru_cache(maxsize=8)
def _basis(folder: str, stamp: int) -> PlanBasis:
    del stamp  # a key of the cache
    measure = measuring()
    if measure is None:
        raise DataError("this dashboard was opened without what measures a run for plans")
    return measure(Path(folder))
