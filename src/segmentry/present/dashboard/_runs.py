"""The runs that are shown: read once, read again when their summary changes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import RLock

import streamlit as st

from segmentry.errors import SegmentryError
from segmentry.present import figures as plots
from segmentry.results.run_folder import Manifest, read_bundle, read_manifest
from segmentry.results.scoring import Bundle
from segmentry.results.summary import Summary, read_summary

_N_WARM = 4
_ONE_AT_A_TIME = RLock()  # a reader who comes while a figure is drawn waits for it


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder and what it says; `stamp` changes when the summary is written anew."""

    folder: Path
    stamp: int
    summary: Summary

    @property
    def name(self) -> str:
        """What the run is called: its folder, and the one around it."""
        return f"{self.folder.parent.name}/{self.folder.name}"


def run_folders() -> tuple[Path, ...]:
    """Return the folders that are served."""
    return tuple(Path(each) for each in st.secrets["segmentry"]["runs"])


def read_only() -> bool:
    """Return whether nothing may be written."""
    return bool(st.secrets["segmentry"]["is_read_only"])


def load(folder: Path) -> Run:
    """Return a run, from memory where its summary has not changed.

    Raises
    ------
    BundleError
        If its summary is gone or of another version.
    """
    try:
        stamp = (folder / "summary.json").stat().st_mtime_ns
    except OSError:
        stamp = 0
    with _ONE_AT_A_TIME:
        return _load(str(folder), stamp)


@lru_cache(maxsize=8)
def _load(folder: str, stamp: int) -> Run:
    summary = read_summary(Path(folder))
    return Run(Path(folder), stamp, summary)


def svg_of(run: Run, name: str) -> str:
    """Return a figure of the run as SVG without its drawn title."""
    with _ONE_AT_A_TIME:
        return _svg(str(run.folder), run.stamp, name)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The figures of a run by name, each drawn when it is asked for."""

    run: Run

    def get(self, name: str, default: str, /) -> str:  # noqa: ARG002 - all can be drawn
        """Return a figure as SVG without its drawn title."""
        return svg_of(self.run, name)


def warm(folders: Sequence[Path]) -> None:
    """Draw the figures of runs before they are asked for, the first page's first.

    What cannot be read is left to the page, which says so.
    """
    for folder in folders[:_N_WARM]:
        with suppress(SegmentryError):
            run = load(folder)
            for name, figure in plots.FIGURES.items():
                if figure.needs(run.summary):
                    svg_of(run, name)


@lru_cache(maxsize=128)
def _svg(folder: str, stamp: int, name: str) -> str:
    summary = _load(folder, stamp).summary
    caption = plots.FIGURES[name].caption(summary)
    # The libraries that draw take 1.2 s to load and 7 s for all figures of a million users.
    saved = plots.saved_svg(Path(folder) / "figures", name, caption=caption)
    if saved is not None:
        return saved
    return plots.render_svg(plots.FIGURES[name].plot(summary), is_titled=False)


def bundle_of(run: Run) -> Bundle:
    """Return the saved model of a run.

    Raises
    ------
    BundleError
        If there is none.
    """
    return _bundle(str(run.folder), run.stamp)


@lru_cache(maxsize=8)
def _bundle(folder: str, stamp: int) -> Bundle:
    del stamp  # a key of the cache
    return read_bundle(Path(folder))


def manifest_of(run: Run) -> Manifest:
    """Return how the run came about.

    Raises
    ------
    BundleError
        If there is no manifest.
    """
    return read_manifest(run.folder)
