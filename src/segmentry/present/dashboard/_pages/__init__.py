"""The pages by their titles, in the order in which they are offered."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from segmentry.errors import SegmentryError
from segmentry.present.dashboard._pages._compare import show_compare
from segmentry.present.dashboard._pages._conversions import show_conversions
from segmentry.present.dashboard._pages._evidence import show_trust, show_why
from segmentry.present.dashboard._pages._export import show_export
from segmentry.present.dashboard._pages._exposure import show_exposure
from segmentry.present.dashboard._pages._map import show_map
from segmentry.present.dashboard._pages._overview import show_overview
from segmentry.present.dashboard._pages._quality import show_quality
from segmentry.present.dashboard._pages._segments import show_segments
from segmentry.present.dashboard._pages._tests import show_tests
from segmentry.present.dashboard._pages._two_runs import show_two_runs
from segmentry.present.dashboard._pages._user import show_user
from segmentry.present.dashboard._runs import Run, basis_of, load, svg_of
from segmentry.present.figures import FIGURES

__all__ = ["PAGES", "prepare"]

_N_PREPARED = 4

PAGES: Mapping[str, Callable[[Run], None]] = MappingProxyType(
    {
        "Overview": show_overview,
        "Segments": show_segments,
        "Compare two segments": show_compare,
        "Why this K": show_why,
        "Can I trust it": show_trust,
        "Map": show_map,
        "Exposure and budget": show_exposure,
        "Test planner": show_tests,
        "Conversions": show_conversions,
        "Look up a user": show_user,
        "Two runs": show_two_runs,
        "Data quality": show_quality,
        "Export": show_export,
    }
)


def prepare(folders: Sequence[Path]) -> None:
    """Draw and measure runs before a reader asks; what cannot be read is told on its page.

    Without it "first page" and "to Test planner" wait for seconds (benchmarks/dashboard.py).
    """
    for make in (_draw, basis_of):
        for folder in folders[:_N_PREPARED]:
            with suppress(SegmentryError):
                make(load(folder))


def _draw(run: Run) -> None:
    for name in FIGURES:
        svg_of(run, name)
