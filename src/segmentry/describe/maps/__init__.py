"""TODO."""

from segmentry.describe.maps._embedding import (
    MIN_DISTANCE,
    N_NEIGHBOURS,
    UserMap,
    embed_users,
    neighbourhood,
)
from segmentry.describe.maps._pictures import make_pictures

__all__ = [
    "MIN_DISTANCE",
    "N_NEIGHBOURS",
    "UserMap",
    "embed_users",
    "make_pictures",
    "neighbourhood",
]
