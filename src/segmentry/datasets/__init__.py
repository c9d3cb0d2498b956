"""Which log has a known truth to test against?

In: `GeneratorOptions`. Out: files in the Taobao format with the planted truth in one of their own.
Only `demo`, `data generate`, tests and benchmarks use it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from segmentry.datasets.options import GeneratedData, GeneratorOptions

if TYPE_CHECKING:
    from segmentry.datasets.generate import generate_taobao

__all__ = ["GeneratedData", "GeneratorOptions", "generate_taobao"]


def __getattr__(name: str) -> Any:
    """Load the generator when it is first asked for: a run on real files has no use for it."""
    if name == "generate_taobao":
        return importlib.import_module("segmentry.datasets.generate").generate_taobao
    raise AttributeError(f"module 'segmentry.datasets' has no attribute {name!r}")
