"""All that report and dashboard show, as plain data.

`Summary` is written as ``summary.json``. The same input and seed give the same bytes on every
engine and in every order of rows; seconds and memory live in the manifest.
"""

from segmentry.results.summary._candidates import CandidateRow
from segmentry.results.summary._decisions import (
    Action,
    Decisions,
    Evidence,
    Insight,
    NotEvaluated,
    RuleReport,
    SegmentRules,
)
from segmentry.results.summary._json import parse_summary, read_summary, render_summary_json
from segmentry.results.summary._model import (
    DataReport,
    FeatureRow,
    MapPoint,
    MapSummary,
    Repeat,
    SelectionReport,
    Summary,
)

__all__ = [
    "Action",
    "CandidateRow",
    "DataReport",
    "Decisions",
    "Evidence",
    "FeatureRow",
    "Insight",
    "MapPoint",
    "MapSummary",
    "NotEvaluated",
    "Repeat",
    "RuleReport",
    "SegmentRules",
    "SelectionReport",
    "Summary",
    "parse_summary",
    "read_summary",
    "render_summary_json",
]
