"""What does a marketer read?

In: a `Summary` and its figures. Out: one HTML file without network, and its pieces.
"""

from segmentry.present.report._conversions import added_sentence
from segmentry.present.report._decisions import exemplar_table
from segmentry.present.report._figures import figure_of
from segmentry.present.report._glossary import GLOSSARY
from segmentry.present.report._log import segment_cells
from segmentry.present.report._maps import (
    center_table,
    hexagon_table,
    loading_table,
    make_maps,
    umap_table,
)
from segmentry.present.report._page import render_report, tables_of
from segmentry.present.report._parts import (
    render_card,
    render_figure,
    render_part,
    render_style,
    render_table,
    render_text,
)
from segmentry.present.report._tables import (
    account_tables,
    candidate_table,
    feature_tables,
    level_tables,
    numeric_tables,
    quartile_table,
)
from segmentry.present.report._views import AnyTable, Fact, Figure, Row, Table

__all__ = [
    "GLOSSARY",
    "AnyTable",
    "Fact",
    "Figure",
    "Row",
    "Table",
    "account_tables",
    "added_sentence",
    "candidate_table",
    "center_table",
    "exemplar_table",
    "feature_tables",
    "figure_of",
    "hexagon_table",
    "level_tables",
    "loading_table",
    "make_maps",
    "numeric_tables",
    "quartile_table",
    "render_card",
    "render_figure",
    "render_part",
    "render_report",
    "render_style",
    "render_table",
    "render_text",
    "segment_cells",
    "tables_of",
    "umap_table",
]
