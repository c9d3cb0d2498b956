"""The words of every figure by its file name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from segmentry.present.figures._blades import caption_silhouette_blades
from segmentry.present.figures._caption import Caption
from segmentry.present.figures._distributions import caption_distributions
from segmentry.present.figures._exposure import caption_exposure
from segmentry.present.figures._funnel import caption_funnel
from segmentry.present.figures._gains import caption_gain_by_k
from segmentry.present.figures._heatmap import caption_profile_heatmap
from segmentry.present.figures._hexagons import caption_map_hexagons
from segmentry.present.figures._later import caption_ctr_later
from segmentry.present.figures._map import caption_map, caption_map_pairs
from segmentry.present.figures._segments import caption_ctr_by_segment, caption_sizes
from segmentry.present.figures._selection import caption_elbow, caption_silhouette_by_k
from segmentry.present.figures._space import caption_map_3d
from segmentry.present.figures._stability import caption_stability
from segmentry.present.figures._umap import caption_umap

if TYPE_CHECKING:
    from segmentry.results.summary import Summary


CAPTIONS: "Mapping[str, Callable[[Summary], Caption]]" = MappingProxyType(
    {
        "sizes": caption_sizes,
        "ctr_by_segment": caption_ctr_by_segment,
        "ctr_later": caption_ctr_later,
        "elbow": caption_elbow,
        "silhouette_by_k": caption_silhouette_by_k,
        "silhouette_blades": caption_silhouette_blades,
        "gain_by_k": caption_gain_by_k,
        "stability": caption_stability,
        "profile_heatmap": caption_profile_heatmap,
        "distributions": caption_distributions,
        "exposure": caption_exposure,
        "exposure_impression": lambda summary: caption_exposure(summary, kind="impression"),
        "funnel": caption_funnel,
        "map_hexagons": caption_map_hexagons,
        "map": caption_map,
        "map_pairs": caption_map_pairs,
        "map_3d": caption_map_3d,
        "umap": caption_umap,
    }
)
"""The caption of every figure of `FIGURES`."""
