"""Renaming segments: a name is saved at once, the report is drawn again in the background.

Nothing here needs Streamlit: that it is not installed is said before it is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from segmentry.errors import SegmentryError
from segmentry.runtime.processes import call_in_worker


@dataclass(frozen=True, slots=True)
class Renaming:
    """What the server allows: `save` writes all that holds names, `redraw` figures and report."""

    save: Callable[[Path, int, str], None]
    redraw: Callable[[Path], None]


_ALLOWED: list[Renaming] = []
_SAVING, _STATE = Lock(), Lock()
_WAITING: dict[Path, int] = {}
"""Renames whose report is still to be drawn, by run."""
_FAULTS: dict[Path, str] = {}


def allow_renaming(renaming: Renaming | None) -> None:
    """Let pages rename segments, or not.

    Streamlit runs the pages again for every visitor and hands them nothing but text.
    """
    _ALLOWED[:] = [] if renaming is None else [renaming]


def can_rename() -> bool:
    """Return whether names may be written."""
    return bool(_ALLOWED)


def rename(folder: Path, segment_id: int, name: str) -> None:
    """Save a name, one at a time, and have the report drawn again; each page shows it at once.

    Raises SegmentryError if the name cannot be used, or not be written.
    """
    renaming = _ALLOWED[0]
    with _SAVING:
        renaming.save(folder, segment_id, name)
    with _STATE:
        is_drawing = _WAITING.get(folder, 0) > 0
        _WAITING[folder] = _WAITING.get(folder, 0) + 1
    if not is_drawing:
        Thread(target=_redraw, args=(folder, renaming.redraw), daemon=True).start()


def _redraw(folder: Path, redraw: Callable[[Path], None]) -> None:
    """Draw the report in a process of its own until it holds the last name."""
    n_drawn = 0
    while True:
        with _STATE:
            if _WAITING[folder] == n_drawn:
                _WAITING[folder] = 0
                return
            n_drawn = _WAITING[folder]
        fault = ""
        try:
            call_in_worker(redraw, folder)
        except (SegmentryError, RuntimeError) as error:
            fault = str(error)
        with _STATE:
            _FAULTS[folder] = fault


def is_redrawn(folder: Path) -> bool:
    """Return whether no report of a run is still to be drawn."""
    with _STATE:
        return not _WAITING.get(folder)


def fault_of(folder: Path) -> str:
    """Return why the report could not be drawn with the last names, or nothing."""
    with _STATE:
        return _FAULTS.get(folder, "")
