"""Where do users and segments lie next to each other?

In: the user table, `X` and segments. Out: hexagons, silhouette blades and embeddings, as data.
"""

from segmentry.describe.maps._embedding import embed_users, neighbourhood, sample_users
from segmentry.describe.maps._pictures import make_pictures, map_components
from segmentry.describe.maps._records import (
    Blade,
    Embedding,
    EmbeddingPoint,
    Hexagon,
    MapPoint,
    MapSummary,
    Pictures,
)

__all__ = [
    "Blade",
    "Embedding",
    "EmbeddingPoint",
    "Hexagon",
    "MapPoint",
    "MapSummary",
    "Pictures",
    "embed_users",
    "make_pictures",
    "map_components",
    "neighbourhood",
    "sample_users",
]
