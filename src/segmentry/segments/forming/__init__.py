"""Which segments are there?

In: a user table and a recipe. Out: a `Segmentation` with its candidates and the reason for one.
"""

from segmentry.segments.forming._cell_model import (
    BANDS,
    LONG_AWAY,
    RECENT,
    REGULAR,
    CellColumn,
    CellModel,
)
from segmentry.segments.forming._cells import find_cells, fit_cells, place_by_cell, recency_columns
from segmentry.segments.forming._fit import Decide, find_segments
from segmentry.segments.forming._frozen import FrozenSegments, keep_segments
from segmentry.segments.forming._latent_classes import (
    LatentSegments,
    latent_matrix,
    latent_parts,
    place_by_class,
)
from segmentry.segments.forming._recipes import RECIPES, Recipe, plan_features, recipe_named
from segmentry.segments.forming._segmentation import Segmentation
from segmentry.segments.forming._selection import Candidate, Decision, Selection, select
from segmentry.segments.forming._users import membership, population_of

__all__ = [
    "BANDS",
    "LONG_AWAY",
    "RECENT",
    "RECIPES",
    "REGULAR",
    "Candidate",
    "CellColumn",
    "CellModel",
    "Decide",
    "Decision",
    "FrozenSegments",
    "LatentSegments",
    "Recipe",
    "Segmentation",
    "Selection",
    "find_cells",
    "find_segments",
    "fit_cells",
    "keep_segments",
    "latent_matrix",
    "latent_parts",
    "membership",
    "place_by_cell",
    "place_by_class",
    "plan_features",
    "population_of",
    "recency_columns",
    "recipe_named",
    "select",
]
