"""The pages by their addresses, in the order in which they are offered."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from segmentry.errors import SegmentryError
from segmentry.present.dashboard._look import page_css
from segmentry.present.dashboard._pages._budget import show_budget
from segmentry.present.dashboard._pages._compare import show_compare
from segmentry.present.dashboard._pages._evidence import show_trust, show_why
from segmentry.present.dashboard._pages._export import show_export
from segmentry.present.dashboard._pages._exposure import show_exposure
from segmentry.present.dashboard._pages._map import show_map
from segmentry.present.dashboard._pages._numbers import show_numbers
from segmentry.present.dashboard._pages._overview import show_overview
from segmentry.present.dashboard._pages._parts import show_conversions, show_over_time
from segmentry.present.dashboard._pages._quality import show_quality
from segmentry.present.dashboard._pages._segments import show_segment
from segmentry.present.dashboard._pages._tests import show_tests
from segmentry.present.dashboard._pages._two_runs import show_two_runs
from segmentry.present.dashboard._pages._user import show_user
from segmentry.present.dashboard._runs import (
    Pictures,
    Run,
    basis_of,
    can_be_planned,
    load,
    other_runs,
    svg_of,
)
from segmentry.present.figures import FIGURES
from segmentry.present.report import render_part
from segmentry.results.summary import Summary

__all__ = ["PAGES", "Page", "prepare"]

_N_PREPARED = 4


def _always(run: Run) -> bool:  # noqa: ARG001 - whatever the run
    return True


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the dashboard; the menu offers it where the run has something to show on it."""

    path: str
    """Of its address."""
    title: str
    """As the menu says it; {segments} is how many there are."""
    show: Callable[[Run], None]
    is_there: Callable[[Run], bool] = _always
    is_for_analyst: bool = False

    def title_of(self, summary: Summary) -> str:
        """Return the title for a run."""
        n = len(summary.segments)
        return self.title.format(segments=f"{n} segments" if n > 1 else "one segment")


def _has_pair(run: Run) -> bool:
    return len(run.summary.segments) > 1


def _can_be_divided(run: Run) -> bool:
    return can_be_planned(run) and _has_pair(run)


def _has_curves(run: Run) -> bool:
    log = run.summary.log
    return log is not None and not log.reason


def _has_purchases(run: Run) -> bool:
    return run.summary.conversions is not None


def _has_windows(run: Run) -> bool:
    return run.summary.over_time is not None


def _has_users(run: Run) -> bool:
    return (run.folder / "users.parquet").is_file()


def _has_map(run: Run) -> bool:
    return bool(run.summary.map.centers)


PAGES: Mapping[str, Page] = MappingProxyType(
    {
        page.path: page
        for page in (
            Page("overview", "Overview", show_overview),
            Page("segments", "Segments", show_segment),
            Page("budget", "Budget", show_budget, _can_be_divided),
            Page("test", "Plan a test", show_tests, can_be_planned),
            Page("purchases", "Purchases", show_conversions, _has_purchases),
            Page("what-changed", "What changed", show_two_runs, lambda run: bool(other_runs(run))),
            Page("over-time", "Over time", show_over_time, _has_windows),
            Page("user", "Look up a user", show_user, _has_users),
            Page("download", "Download", show_export),
            Page("why", "Why {segments}", show_why, is_for_analyst=True),
            Page("how-sure", "How sure are we", show_trust, is_for_analyst=True),
            Page("numbers", "Segments in numbers", show_numbers, is_for_analyst=True),
            Page("compare", "Compare two segments", show_compare, _has_pair, is_for_analyst=True),
            Page("map", "Map", show_map, _has_map, is_for_analyst=True),
            Page("exposure", "Ads seen", show_exposure, _has_curves, is_for_analyst=True),
            Page("data", "Data and method", show_quality, is_for_analyst=True),
        )
    }
)


def prepare(folders: Sequence[Path]) -> None:
    """Draw and measure runs before a reader asks; what cannot be read is reported on its page.

    Without it "first page" and "to Plan a test" wait for seconds (benchmarks/dashboard.py).
    """
    page_css(is_dark=False)
    inspect.stack()  # Streamlit looks at it with its first element; it remembers 1,700 modules
    for make in (_open, _draw, _measure):
        for folder in folders[:_N_PREPARED]:
            with suppress(SegmentryError):
                make(load(folder))


def _open(run: Run) -> None:
    render_part("first_screen", run.summary, Pictures(run))


def _measure(run: Run) -> None:
    if can_be_planned(run):
        basis_of(run)
        import_module("scipy.optimize")  # half a second of the first budget


def _draw(run: Run) -> None:
    for name in FIGURES:
        svg_of(run, name)
