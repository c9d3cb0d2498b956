"""The runs that are shown: read once, read again when their summary changes."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import RLock

import streamlit as st

from segmentry.advise.basis import PlanBasis, measure_plans_in_worker
from segmentry.present import figures as plots
from segmentry.results.run_folder import read_bundle
from segmentry.results.scoring import Bundle
from segmentry.results.summary import Summary, read_summary

_MAX_OTHERS = 50
_DRAWING, _MEASURING = RLock(), RLock()  # a reader who comes meanwhile waits for what is made


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder and what it says; `stamp` changes when the summary is written again.

    Both are the key of whatever is kept of a run.
    """

    folder: Path
    stamp: int
    summary: Summary = field(compare=False)


def run_folders() -> tuple[Path, ...]:
    """Return the folders that are served."""
    return tuple(Path(each) for each in st.secrets["segmentry"]["runs"])


def other_runs(run: Run) -> tuple[Path, ...]:
    """Return runs to compare with, the newest first: those served, and those in the same folder.

    Neighbours that nobody named are left out where others than this machine can come in.
    """
    found = {folder for folder in run_folders() if folder != run.folder}
    if st.secrets["segmentry"].get("has_neighbours", False):
        found |= {file.parent for file in run.folder.parent.glob("*/summary.json")}
    found.discard(run.folder)
    return tuple(sorted(found, key=lambda folder: (-_stamp(folder), folder)))[:_MAX_OTHERS]


def made_on(folder: Path) -> str:
    """Return the day on which a run was made, as people read it."""
    stamp = _stamp(folder, "manifest.json") or _stamp(folder)
    return f"{datetime.fromtimestamp(stamp / 1e9, tz=UTC):%-d %B %Y, %H:%M} UTC"


def _stamp(folder: Path, name: str = "summary.json") -> int:
    try:
        return (folder / name).stat().st_mtime_ns
    except OSError:
        return 0


def read_only() -> bool:
    """Return whether nothing may be written."""
    return bool(st.secrets["segmentry"]["is_read_only"])


def load(folder: Path) -> Run:
    """Return a run, from memory where its summary has not changed.

    Raises BundleError if its summary is gone or of another version.
    """
    with _DRAWING:
        return _load(folder, _stamp(folder))


@lru_cache(maxsize=8)
def _load(folder: Path, stamp: int) -> Run:
    return Run(folder, stamp, read_summary(folder))


def svg_of(run: Run, name: str) -> str:
    """Return a figure of the run as SVG without its drawn title."""
    with _DRAWING:
        return _svg(run, name)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The figures of a run by name, each drawn when it is requested."""

    run: Run

    def get(self, name: str, default: str, /) -> str:  # noqa: ARG002 - all can be drawn
        """Return a figure as SVG without its drawn title."""
        return svg_of(self.run, name)


@lru_cache(maxsize=128)
def _svg(run: Run, name: str) -> str:
    caption = plots.FIGURES[name].caption(run.summary)
    # The libraries that draw take 1.2 s to load and 7 s for all figures of a million users.
    saved = plots.saved_svg(run.folder / "figures", name, caption=caption)
    if saved is not None:
        return saved
    return plots.render_svg(plots.FIGURES[name].plot(run.summary), is_titled=False)


def why_not_planned(run: Run) -> str:
    """Return why budgets and tests cannot be planned, in plain words; empty where they can."""
    if not run.summary.is_clicked:
        return "This log has no clicks, so no budget and no test of clicks can be planned."
    if not (run.folder / "validation").is_dir():
        return (
            "This run was not checked on later days, so the clicks to come are not known. It takes "
            "a log of three days or more, and the recipe default."
        )
    return ""


def can_be_planned(run: Run) -> bool:
    """Return whether budgets and tests can be planned."""
    return not why_not_planned(run)


def basis_of(run: Run) -> PlanBasis:
    """Return what plans are made with, measured once for each run, for all questions.

    Raises SegmentryError if the run has nothing to plan with.
    """
    with _MEASURING:  # another name of a segment changes no number
        basis = _basis(run.folder, _stamp(run.folder, "manifest.json"))
    names: dict[int | None, str] = {s.segment_id: s.name for s in run.summary.segments}
    return replace(
        basis,
        segments=tuple(replace(each, name=names[each.segment_id]) for each in basis.segments),
        traffic=tuple((i, names.get(i, name), days, part) for i, name, days, part in basis.traffic),
    )


@lru_cache(maxsize=8)
def _basis(folder: Path, stamp: int) -> PlanBasis:
    del stamp  # a key of the cache
    return measure_plans_in_worker(folder)


@lru_cache(maxsize=8)
def bundle_of(run: Run) -> Bundle:
    """Return the saved model of a run.

    Raises BundleError if there is none.
    """
    return read_bundle(run.folder)
