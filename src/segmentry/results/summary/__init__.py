"""All that report and dashboard show, as plain data.

`Summary` is written as ``summary.json``. The same input and seed give the same bytes on every
engine and in every order of rows; seconds and memory live in the manifest.
"""

from segmentry.results.summary._conversions import (
    AddedGain,
    Attribution,
    ConversionReport,
    FunnelStep,
    PurchaseVerdict,
    SegmentConversions,
    ShopRate,
)
from segmentry.results.summary._decisions import (
    Action,
    Decisions,
    Evidence,
    Insight,
    NotEvaluated,
    RuleReport,
    SegmentRules,
)
from segmentry.results.summary._evidence import EvidenceReport
from segmentry.results.summary._json import parse_summary, read_summary, render_summary_json
from segmentry.results.summary._latent import LatentCandidate, LatentClass, LatentReport
from segmentry.results.summary._log import (
    Cap,
    Cell,
    CurvePoint,
    ExposureCurve,
    HeldOutGain,
    HeldOutUse,
    LogReport,
    Reaction,
)
from segmentry.results.summary._model import (
    SCHEMA_VERSION,
    CandidateRow,
    DataReport,
    FeatureRow,
    Finding,
    MapPoint,
    MapSummary,
    Repeat,
    SelectionReport,
    Summary,
    TruthReport,
)
from segmentry.results.summary._pictures import Blade, Embedding, EmbeddingPoint, Hexagon, Pictures
from segmentry.results.summary._presence import PresenceFeature, PresenceReport, PresenceRow

__all__ = [
    "SCHEMA_VERSION",
    "Action",
    "AddedGain",
    "Attribution",
    "Blade",
    "CandidateRow",
    "Cap",
    "Cell",
    "ConversionReport",
    "CurvePoint",
    "DataReport",
    "Decisions",
    "Embedding",
    "EmbeddingPoint",
    "Evidence",
    "EvidenceReport",
    "ExposureCurve",
    "FeatureRow",
    "Finding",
    "FunnelStep",
    "HeldOutGain",
    "HeldOutUse",
    "Hexagon",
    "Insight",
    "LatentCandidate",
    "LatentClass",
    "LatentReport",
    "LogReport",
    "MapPoint",
    "MapSummary",
    "NotEvaluated",
    "Pictures",
    "PresenceFeature",
    "PresenceReport",
    "PresenceRow",
    "PurchaseVerdict",
    "Reaction",
    "Repeat",
    "RuleReport",
    "SegmentConversions",
    "SegmentRules",
    "SelectionReport",
    "ShopRate",
    "Summary",
    "TruthReport",
    "parse_summary",
    "read_summary",
    "render_summary_json",
]
