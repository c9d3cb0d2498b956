"""Segmentation: preprocess, try candidates, choose, number the segments."""

from segmentry.segmentation._fit import Segmentation, find_segments, membership
from segmentry.segmentation._recipes import RECIPES, Recipe, plan_features, recipe_named
from segmentry.segmentation._selection import Candidate, Selection, select

__all__ = [
    "RECIPES",
    "Candidate",
    "Recipe",
    "Segmentation",
    "Selection",
    "find_segments",
    "membership",
    "plan_features",
    "recipe_named",
    "select",
]
