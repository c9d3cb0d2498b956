"""The pages by their titles, in the order in which they are offered."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from segmentry.errors import SegmentryError
from segmentry.present.dashboard._pages._budget import prepare_budget
from segmentry.present.dashboard._pages._compare import show_compare
from segmentry.present.dashboard._pages._conversions import show_conversions
from segmentry.present.dashboard._pages._evidence import show_trust, show_why
from segmentry.present.dashboard._pages._export import show_export
from segmentry.present.dashboard._pages._exposure import show_exposure
from segmentry.present.dashboard._pages._map import prepare_map, show_map
from segmentry.present.dashboard._pages._overview import show_overview
from segmentry.present.dashboard._pages._quality import show_quality
from segmentry.present.dashboard._pages._segments import prepare_segments, show_segments
from segmentry.present.dashboard._pages._tests import prepare_tests, show_tests
from segmentry.present.dashboard._pages._two_runs import show_two_runs
from segmentry.present.dashboard._pages._user import prepare_users, show_user
from segmentry.present.dashboard._planning import prepare_bases
from segmentry.present.dashboard._runs import Run, load

__all__ = ["PAGES", "prepare", "prepare_plans"]

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
    """Read what pages wait for the first time; what cannot be read is told on its page."""
    for folder in folders[:1]:
        with suppress(SegmentryError):
            run = load(folder)
            prepare_segments(run)
            prepare_users(run)
            prepare_map(run)


def prepare_plans(folders: Sequence[Path]) -> None:
    """Measure runs and draw what their plans show first; what cannot be is told on its page."""
    prepare_bases(folders)
    for folder in folders[:1]:
        with suppress(SegmentryError):
            run = load(folder)
            prepare_budget(run)
            prepare_tests(run)
