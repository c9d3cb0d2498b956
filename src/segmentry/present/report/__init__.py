"""What does a marketer read?

In: a `Summary` and its figures. Out: one HTML file without network, and its pieces.
"""

from segmentry.present.report._comparison import measure_table
from segmentry.present.report._conversions import added_sentence
from segmentry.present.report._decisions import exemplar_table
from segmentry.present.report._figures import Figure, figure_of, figures_in
from segmentry.present.report._glossary import GLOSSARY
from segmentry.present.report._log import cap_table, segment_cells
from segmentry.present.report._page import (
    render_card_page,
    render_compared_page,
    render_report,
    tables_of,
)
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
    numeric_table,
)

__all__ = [
    "GLOSSARY",
    "Figure",
    "account_tables",
    "added_sentence",
    "candidate_table",
    "cap_table",
    "exemplar_table",
    "feature_tables",
    "figure_of",
    "figures_in",
    "level_tables",
    "measure_table",
    "numeric_table",
    "render_card",
    "render_card_page",
    "render_compared_page",
    "render_figure",
    "render_part",
    "render_report",
    "render_style",
    "render_table",
    "render_text",
    "segment_cells",
    "tables_of",
]
