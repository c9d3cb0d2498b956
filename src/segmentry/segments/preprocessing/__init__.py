"""How do features enter the distance?

In: a user table and column plans. Out: `X`, and the fitted steps that repeat it on new users.
"""

from segmentry.segments.preprocessing._choices import (
    Choices,
    ColumnPlan,
    apply_choices,
    plan_column,
    read_choice,
    read_choices,
)
from segmentry.segments.preprocessing._columns import FittedColumn
from segmentry.segments.preprocessing._differences import OddCounts, count_odd, differences
from segmentry.segments.preprocessing._fit import (
    FeatureRow,
    Preprocessing,
    feature_rows,
    fit_preprocessing,
)
from segmentry.segments.preprocessing._values import level_texts, numeric_values, ordered_levels
from segmentry.settings import Clip, Scale, Transform

__all__ = [
    "Choices",
    "Clip",
    "ColumnPlan",
    "FeatureRow",
    "FittedColumn",
    "OddCounts",
    "Preprocessing",
    "Scale",
    "Transform",
    "apply_choices",
    "count_odd",
    "differences",
    "feature_rows",
    "fit_preprocessing",
    "level_texts",
    "numeric_values",
    "ordered_levels",
    "plan_column",
    "read_choice",
    "read_choices",
]
