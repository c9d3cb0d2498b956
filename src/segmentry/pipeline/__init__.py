"""The only place where the steps meet."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segmentry.pipeline._compare import compare_algorithms, embed_run
    from segmentry.pipeline._folder import RunResult
    from segmentry.pipeline._prepare import PreparedData, add_data, forget_data, prepare
    from segmentry.pipeline._refresh import RefreshResult, refresh
    from segmentry.pipeline._run import run
    from segmentry.pipeline._score import ScoreResult, build_user_table, check_data, score
    from segmentry.pipeline._table import fit_segments
    from segmentry.present.pages_of_run import redraw_report, rename_segment, rewrite_report

__all__ = [
    "PreparedData",
    "RefreshResult",
    "RunResult",
    "ScoreResult",
    "add_data",
    "build_user_table",
    "check_data",
    "compare_algorithms",
    "embed_run",
    "fit_segments",
    "forget_data",
    "prepare",
    "redraw_report",
    "refresh",
    "rename_segment",
    "rewrite_report",
    "run",
    "score",
]

_HOMES = {
    "PreparedData": "segmentry.pipeline._prepare",
    "RefreshResult": "segmentry.pipeline._refresh",
    "RunResult": "segmentry.pipeline._folder",
    "ScoreResult": "segmentry.pipeline._score",
    "add_data": "segmentry.pipeline._prepare",
    "build_user_table": "segmentry.pipeline._score",
    "check_data": "segmentry.pipeline._score",
    "compare_algorithms": "segmentry.pipeline._compare",
    "embed_run": "segmentry.pipeline._compare",
    "fit_segments": "segmentry.pipeline._table",
    "forget_data": "segmentry.pipeline._prepare",
    "prepare": "segmentry.pipeline._prepare",
    "redraw_report": "segmentry.present.pages_of_run",
    "refresh": "segmentry.pipeline._refresh",
    "rename_segment": "segmentry.present.pages_of_run",
    "rewrite_report": "segmentry.present.pages_of_run",
    "run": "segmentry.pipeline._run",
    "score": "segmentry.pipeline._score",
}


def __getattr__(name: str) -> Any:
    """Load the module of what is first requested: a run needs nothing of the other commands."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
