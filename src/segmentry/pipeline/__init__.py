"""The only place where the steps meet."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segmentry.pipeline._compare import compare_algorithms, embed_run
    from segmentry.pipeline._folder import RunResult
    from segmentry.pipeline._outputs import redraw_report, rename_segment, rewrite_report
    from segmentry.pipeline._prepare import PreparedData, add_data, forget_data, prepare
    from segmentry.pipeline._refresh import RefreshResult, refresh
    from segmentry.pipeline._run import run
    from segmentry.pipeline._score import ScoreResult, build_user_table, check_data, score
    from segmentry.pipeline._table import fit_segments

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
    "PreparedData": "_prepare",
    "RefreshResult": "_refresh",
    "RunResult": "_folder",
    "ScoreResult": "_score",
    "add_data": "_prepare",
    "build_user_table": "_score",
    "check_data": "_score",
    "compare_algorithms": "_compare",
    "embed_run": "_compare",
    "fit_segments": "_table",
    "forget_data": "_prepare",
    "prepare": "_prepare",
    "redraw_report": "_outputs",
    "refresh": "_refresh",
    "rename_segment": "_outputs",
    "rewrite_report": "_outputs",
    "run": "_run",
    "score": "_score",
}


def __getattr__(name: str) -> Any:
    """Load the module of what is first requested: a run needs nothing of the other commands."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
