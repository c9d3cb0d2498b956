"""Preprocessing: fill, transform, clip, scale and weigh features, the same way ever after."""

from segmentry.preprocessing._fit import FittedColumn, Preprocessing, fit_preprocessing
from segmentry.preprocessing._plan import ColumnPlan, plan_column

__all__ = [
    "ColumnPlan",
    "FittedColumn",
    "Preprocessing",
    "fit_preprocessing",
    "plan_column",
]
