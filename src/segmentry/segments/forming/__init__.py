"""Segmentation: preprocess, try candidates, choose, number the segments."""

from segmentry.segments.forming._cells import (
    CellColumn,
    CellModel,
    find_cells,
    fit_cells,
    place_by_cell,
    recency_columns,
)
from segmentry.segments.forming._fit import Decide, Segmentation, find_segments, membership
from segmentry.segments.forming._latent import LatentSegments, find_latent_segments, place_by_class
from segmentry.segments.forming._latent_columns import latent_matrix, latent_parts
from segmentry.segments.forming._recipes import RECIPES, Recipe, plan_features, recipe_named
from segmentry.segments.forming._selection import Candidate, Decision, Selection, select

__all__ = [
    "RECIPES",
    "Candidate",
    "CellColumn",
    "CellModel",
    "Decide",
    "Decision",
    "LatentSegments",
    "Recipe",
    "Segmentation",
    "Selection",
    "find_cells",
    "find_latent_segments",
    "find_segments",
    "fit_cells",
    "latent_matrix",
    "latent_parts",
    "membership",
    "place_by_cell",
    "place_by_class",
    "plan_features",
    "recency_columns",
    "recipe_named",
    "select",
]
