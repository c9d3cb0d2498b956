"""From raw ad logs to user segments that a marketer can act on and a statistician can defend.

>>> import segmentry
>>> sorted(segmentry.__all__)
['build_user_table', 'fit_segments', 'run', 'score']
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segmentry.pipeline import build_user_table, fit_segments, run, score

__version__ = "0.1.0"
__all__ = ["build_user_table", "fit_segments", "run", "score"]


def __getattr__(name: str) -> Any:
    """Load the pipeline when it is first asked for: it costs half a second, `--help` must not."""
    if name in __all__:
        return getattr(importlib.import_module("segmentry.pipeline"), name)
    raise AttributeError(f"module 'segmentry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
