"""Renaming segments: what the server allows, known to every page of its process."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Rename: TypeAlias = Callable[[Path, int, str], None]
_ALLOWED: list[Rename] = []


def allow_renaming(rename: Rename | None) -> None:
    """Let pages rename segments by this function, or by none.

    Streamlit runs the pages anew for every visitor and hands them nothing but text.
    """
    _ALLOWED[:] = [] if rename is None else [rename]


def renaming() -> Rename | None:
    """Return how to rename a segment, or None where nothing may be written."""
    return _ALLOWED[0] if _ALLOWED else None
