"""The report: one HTML file from a `Summary`, without network; and its pieces."""

from segmentry.present.report._conversions import added_sentence
from segmentry.present.report._glossary import GLOSSARY
from segmentry.present.report._log import segment_cells
from segmentry.present.report._maps import (
    center_table,
    hexagon_table,
    loading_table,
    make_maps,
    umap_table,
)
from segmentry.present.report._page import make_page, render_report
from segmentry.present.report._parts import (
    render_card,
    render_figure,
    render_style,
    render_table,
    render_text,
)
from segmentry.present.report._segment_pages import exemplar_table
from segmentry.present.report._tables import blade_table, quartile_table, size_table
from segmentry.present.report._views import Card, Fact, Figure, Page, Row, Table

__all__ = [
    "GLOSSARY",
    "Card",
    "Fact",
    "Figure",
    "Page",
    "Row",
    "Table",
    "added_sentence",
    "blade_table",
    "center_table",
    "exemplar_table",
    "hexagon_table",
    "loading_table",
    "make_maps",
    "make_page",
    "quartile_table",
    "render_card",
    "render_figure",
    "render_report",
    "render_style",
    "render_table",
    "render_text",
    "segment_cells",
    "size_table",
    "umap_table",
]
