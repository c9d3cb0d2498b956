"""Hand segments on to other tools."""

from segmentry.exports._audience import TARGETS, Audience, export_audience
from segmentry.exports._contacts import hashed_emails, hashed_phones

__all__ = ["TARGETS", "Audience", "export_audience", "hashed_emails", "hashed_phones"]
