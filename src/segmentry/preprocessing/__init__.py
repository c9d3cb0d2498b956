"""Preprocessing: fill, transform, clip, scale and weigh features, the same way ever after."""

from segmentry.preprocessing._columns import FittedColumn
from segmentry.preprocessing._fit import Preprocessing, fit_preprocessing
from segmentry.preprocessing._plan import ColumnPlan, Scale, plan_column
from segmentry.preprocessing._values import level_texts, numeric_values, ordered_levels

__all__ = [
    "ColumnPlan",
    "FittedColumn",
    "Preprocessing",
    "Scale",
    "fit_preprocessing",
    "level_texts",
    "numeric_values",
    "ordered_levels",
    "plan_column",
]
