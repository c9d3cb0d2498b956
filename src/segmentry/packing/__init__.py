"""Rows as small whole numbers: number ids, sort by several columns at once, count by pairs."""

from segmentry.packing._numbering import numbers_of, places_of, renumber
from segmentry.packing._pairs import Pairs, count_pairs
from segmentry.packing._sorting import IntVector, run_starts, sort_rows

__all__ = [
    "IntVector",
    "Pairs",
    "count_pairs",
    "numbers_of",
    "places_of",
    "renumber",
    "run_starts",
    "sort_rows",
]
