"""Algorithms side by side on the same users: what each finds, what it costs, what holds."""

from segmentry.evaluation.algorithms._compare import (
    Comparison,
    MethodResult,
    UserLabels,
    compare_methods,
)
from segmentry.evaluation.algorithms._methods import METHODS, Found, Method, method_named
from segmentry.evaluation.algorithms._rows import Rows, prepare_rows

__all__ = [
    "METHODS",
    "Comparison",
    "Found",
    "Method",
    "MethodResult",
    "Rows",
    "UserLabels",
    "compare_methods",
    "method_named",
    "prepare_rows",
]
