"""Which log has a known truth to test against?

In: `GeneratorOptions`. Out: files in the Taobao format with the planted truth in one of their own.
Only `demo`, `data generate`, tests and benchmarks use it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from segmentry.datasets.options import GeneratedData, GeneratedMonths, GeneratorOptions

if TYPE_CHECKING:
    from segmentry.datasets.generate import generate_months, generate_taobao

__all__ = [
    "GeneratedData",
    "GeneratedMonths",
    "GeneratorOptions",
    "generate_months",
    "generate_taobao",
]


def __getattr__(name: str) -> Any:
    """Load the generator when it is first requested: a run on real files has no use for it."""
    if name in ("generate_months", "generate_taobao"):
        return getattr(importlib.import_module("segmentry.datasets.generate"), name)
    raise AttributeError(f"module 'segmentry.datasets' has no attribute {name!r}")
