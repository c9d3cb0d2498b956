"""How are rows numbered, sorted and counted by several columns at once?

In: integer columns. Out: packed integers, their order and their counts.
"""

from segmentry.features.packing._numbering import Places, numbers_of
from segmentry.features.packing._pairs import Pairs, count_pairs
from segmentry.features.packing._sorting import run_firsts, run_starts, sort_rows

__all__ = [
    "Pairs",
    "Places",
    "count_pairs",
    "numbers_of",
    "run_firsts",
    "run_starts",
    "sort_rows",
]
