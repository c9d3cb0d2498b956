"""Figures of a run: one chart each, for SVG, PNG and the page.

Every ``plot_`` function takes a `Summary` and returns an Altair chart; the ``caption_`` function
of the same name returns its finding, how to read it and its text for those who cannot see it. A
segment has the same colour everywhere, by its id. The libraries that draw are loaded when a figure
is made.
"""

from segmentry.present.figures._blades import caption_silhouette_blades, plot_silhouette_blades
from segmentry.present.figures._budget import (
    caption_budget,
    caption_budget_gain,
    plot_budget,
    plot_budget_gain,
)
from segmentry.present.figures._caption import Caption
from segmentry.present.figures._captions import CAPTIONS
from segmentry.present.figures._colouring import colour_names, label_of
from segmentry.present.figures._distributions import (
    caption_distributions,
    distribution_names,
    plot_distributions,
)
from segmentry.present.figures._exposure import caption_exposure, has_exposure, plot_exposure
from segmentry.present.figures._flows import Flow, Flows, caption_flows, plot_flows
from segmentry.present.figures._funnel import caption_funnel, has_funnel, plot_funnel
from segmentry.present.figures._gains import caption_gain_by_k, has_gains, plot_gain_by_k
from segmentry.present.figures._heatmap import caption_profile_heatmap, plot_profile_heatmap
from segmentry.present.figures._hexagons import (
    HexagonValue,
    caption_hexagon_values,
    caption_map_hexagons,
    plot_hexagon_values,
    plot_map_hexagons,
)
from segmentry.present.figures._later import caption_ctr_later, horizon, plot_ctr_later, was_checked
from segmentry.present.figures._map import caption_map, caption_map_pairs, plot_map, plot_map_pairs
from segmentry.present.figures._places import UserPlace
from segmentry.present.figures._reach import caption_reach, plot_reach
from segmentry.present.figures._rendering import (
    FIGURES,
    Draw,
    drawing,
    render_png,
    render_spec,
    render_svg,
    saved_svg,
    unchecked,
    write_figures,
)
from segmentry.present.figures._segments import (
    caption_ctr_by_segment,
    caption_sizes,
    plot_ctr_by_segment,
    plot_sizes,
)
from segmentry.present.figures._selection import (
    caption_elbow,
    caption_silhouette_by_k,
    plot_elbow,
    plot_silhouette_by_k,
)
from segmentry.present.figures._space import (
    AZIMUTH,
    ELEVATION,
    HIGHEST,
    LOWEST,
    Scene,
    caption_map_3d,
    map_scene,
    plot_map_3d,
)
from segmentry.present.figures._stability import caption_stability, has_stability, plot_stability
from segmentry.present.figures._umap import caption_umap, plot_umap
from segmentry.present.figures._users import caption_users, plot_user_pairs, plot_users
from segmentry.present.theme import (
    dark_figure_css,
    dark_svg,
    heat_colour,
    heat_ink,
    segment_colour,
    segment_ink,
)

__all__ = [
    "AZIMUTH",
    "CAPTIONS",
    "ELEVATION",
    "FIGURES",
    "HIGHEST",
    "LOWEST",
    "Caption",
    "Draw",
    "Flow",
    "Flows",
    "HexagonValue",
    "Scene",
    "UserPlace",
    "caption_budget",
    "caption_budget_gain",
    "caption_ctr_by_segment",
    "caption_ctr_later",
    "caption_distributions",
    "caption_elbow",
    "caption_exposure",
    "caption_flows",
    "caption_funnel",
    "caption_gain_by_k",
    "caption_hexagon_values",
    "caption_map",
    "caption_map_3d",
    "caption_map_hexagons",
    "caption_map_pairs",
    "caption_profile_heatmap",
    "caption_reach",
    "caption_silhouette_blades",
    "caption_silhouette_by_k",
    "caption_sizes",
    "caption_stability",
    "caption_umap",
    "caption_users",
    "colour_names",
    "dark_figure_css",
    "dark_svg",
    "distribution_names",
    "drawing",
    "has_exposure",
    "has_funnel",
    "has_gains",
    "has_stability",
    "heat_colour",
    "heat_ink",
    "horizon",
    "label_of",
    "map_scene",
    "plot_budget",
    "plot_budget_gain",
    "plot_ctr_by_segment",
    "plot_ctr_later",
    "plot_distributions",
    "plot_elbow",
    "plot_exposure",
    "plot_flows",
    "plot_funnel",
    "plot_gain_by_k",
    "plot_hexagon_values",
    "plot_map",
    "plot_map_3d",
    "plot_map_hexagons",
    "plot_map_pairs",
    "plot_profile_heatmap",
    "plot_reach",
    "plot_silhouette_blades",
    "plot_silhouette_by_k",
    "plot_sizes",
    "plot_stability",
    "plot_umap",
    "plot_user_pairs",
    "plot_users",
    "render_png",
    "render_spec",
    "render_svg",
    "saved_svg",
    "segment_colour",
    "segment_ink",
    "unchecked",
    "was_checked",
    "write_figures",
]
