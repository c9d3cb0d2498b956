"""From raw ad logs to user segments that a marketer can act on and a statistician can defend.

>>> import segmentry
>>> sorted(segmentry.__all__)
['SparkEngine', 'UserSegmenter', 'build_user_table', 'fit_segments', 'refresh', 'run', 'score']
"""

import importlib
from typing import TYPE_CHECKING, Any

from segmentry.runtime.version import __version__ as __version__

if TYPE_CHECKING:
    from segmentry.estimator import UserSegmenter
    from segmentry.pipeline import build_user_table, fit_segments, refresh, run, score
    from segmentry.settings import SparkEngine

__all__ = [
    "SparkEngine",
    "UserSegmenter",
    "build_user_table",
    "fit_segments",
    "refresh",
    "run",
    "score",
]
_HOMES = {"SparkEngine": "segmentry.settings", "UserSegmenter": "segmentry.estimator"}


def __getattr__(name: str) -> Any:
    """Load what is first requested: the pipeline costs half a second, `--help` must not."""
    if name in __all__:
        home = _HOMES.get(name, "segmentry.pipeline")
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'segmentry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
