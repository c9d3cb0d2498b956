"""All that report and dashboard show, as plain data.

`Summary` is written as ``summary.json``. The same input and seed give the same bytes on every
engine and in every order of rows; seconds and memory live in the manifest.
"""

from segmentry.describe.maps import MapPoint, MapSummary
from segmentry.results.summary._decisions import (
    Action,
    Decisions,
    Evidence,
    Insight,
    NotEvaluated,
)
from segmentry.results.summary._model import (
    Repeat,
    Summary,
    colour_number,
    parse_summary,
    read_summary,
    render_summary_json,
)
from segmentry.results.summary._spending import SegmentSpending, Spending, WearOut
from segmentry.segments.preprocessing import FeatureRow

__all__ = [
    "Action",
    "Decisions",
    "Evidence",
    "FeatureRow",
    "Insight",
    "MapPoint",
    "MapSummary",
    "NotEvaluated",
    "Repeat",
    "SegmentSpending",
    "Spending",
    "Summary",
    "WearOut",
    "colour_number",
    "parse_summary",
    "read_summary",
    "render_summary_json",
]
