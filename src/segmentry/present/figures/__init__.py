"""Figures of a run: one chart each, for SVG, PNG and the page.

Every figure is a module of this package that ends in a `Figure`: its words, its chart, the tables
that hold its numbers, when it exists and where the report sets it. A segment has the same colour
everywhere, by its id. The libraries that draw are loaded when a figure is made.
"""

from segmentry.present.figures._colouring import colour_names, label_of
from segmentry.present.figures._exposure import curve_of, curve_table
from segmentry.present.figures._figure import Caption, Figure, Section
from segmentry.present.figures._plane import HexagonValue, UserPlace, center_table
from segmentry.present.figures._rendering import (
    ANSWERS,
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
from segmentry.present.figures.ctr_later import horizon, rate_writer, was_checked
from segmentry.present.figures.distributions import distribution_names, quartile_table
from segmentry.present.figures.hexagon_values import hexagon_table
from segmentry.present.figures.map import loading_table
from segmentry.present.figures.map_3d import AZIMUTH, ELEVATION, HIGHEST, LOWEST, Scene, map_scene
from segmentry.present.figures.umap import umap_table
from segmentry.present.theme import (
    dark_figure_css,
    dark_svg,
    heat_colour,
    heat_ink,
    segment_colour,
    segment_ink,
)

__all__ = [
    "ANSWERS",
    "AZIMUTH",
    "ELEVATION",
    "FIGURES",
    "HIGHEST",
    "LOWEST",
    "Caption",
    "Draw",
    "Figure",
    "HexagonValue",
    "Scene",
    "Section",
    "UserPlace",
    "center_table",
    "colour_names",
    "curve_of",
    "curve_table",
    "dark_figure_css",
    "dark_svg",
    "distribution_names",
    "drawing",
    "heat_colour",
    "heat_ink",
    "hexagon_table",
    "horizon",
    "label_of",
    "loading_table",
    "map_scene",
    "quartile_table",
    "rate_writer",
    "render_png",
    "render_spec",
    "render_svg",
    "saved_svg",
    "segment_colour",
    "segment_ink",
    "umap_table",
    "unchecked",
    "was_checked",
    "write_figures",
]
