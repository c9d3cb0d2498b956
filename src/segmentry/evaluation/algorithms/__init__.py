"""Which algorithm serves these users best?

In: a matrix of users and the methods to try. Out: an `AlgorithmComparison`: what each finds and
costs.
"""

from segmentry.evaluation.algorithms._compare import (
    AlgorithmComparison,
    MethodResult,
    UserLabels,
    compare_methods,
)
from segmentry.evaluation.algorithms._inner_days import counted_again, inner_days, notes_of
from segmentry.evaluation.algorithms._methods import METHODS, Method, method_named
from segmentry.evaluation.algorithms._rows import Rows, prepare_rows

__all__ = [
    "METHODS",
    "AlgorithmComparison",
    "Method",
    "MethodResult",
    "Rows",
    "UserLabels",
    "compare_methods",
    "counted_again",
    "inner_days",
    "method_named",
    "notes_of",
    "prepare_rows",
]
