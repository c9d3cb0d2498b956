"""Coded findings on segments, and what to do about each."""

from segmentry.advise.insights._catalogue import CODES, INSIGHTS, InsightKind
from segmentry.advise.insights._find import check_codes, find_insights

__all__ = ["CODES", "INSIGHTS", "InsightKind", "check_codes", "find_insights"]
