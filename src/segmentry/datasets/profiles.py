"""The rows of the profile file and of the planted truth."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from segmentry.datasets.planted import BEHAVIOURS, NULL_BEHAVIOUR
from segmentry.datasets.population import Population
from segmentry.datasets.quotas import Floats


def profile_rows(population: Population) -> pl.DataFrame:
    """Put the profiled users in the columns of ``user_profile.csv``.

    The last header ends in a space, as in the real file.
    """
    levels = population.demography
    return pl.DataFrame(
        {
            "userid": population.profiled_id,
            "cms_segid": levels.cms_segment,
            "cms_group_id": levels.cms_group,
            "final_gender_code": levels.gender + 1,
            "age_level": levels.age,
            "pvalue_level": _null_for_zero(levels.consumption),
            "shopping_level": levels.shopping + 1,
            "occupation": levels.is_student.astype(np.int8),
            "new_user_class_level ": _null_for_zero(levels.city),
        }
    )


def truth_rows(
    population: Population, true_ctr: Floats, *, is_null: bool, has_tastes: bool
) -> pl.DataFrame:
    """Put what was planted in the columns of ``planted_truth.parquet``, by rising user id."""
    names = [NULL_BEHAVIOUR] * len(BEHAVIOURS) if is_null else [b.name for b in BEHAVIOURS]
    groups = pl.Series(population.taste_group + 1, dtype=pl.Int8)
    return pl.DataFrame(
        {
            "user_id": population.user_id,
            "behaviour": np.array(names)[population.behaviour],
            "true_ctr": true_ctr,
            "taste_group": groups if has_tastes else pl.Series([None] * len(groups), dtype=pl.Int8),
        }
    ).sort("user_id")


def _null_for_zero(levels: NDArray[np.int8]) -> pl.Series:
    series = pl.Series(levels)
    return series.set(series == 0, None)
