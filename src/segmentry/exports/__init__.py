"""Hand segments on to other tools."""

from segmentry.exports._audience import TARGETS, Audience, export_audience
from segmentry.exports._contacts import hashed_emails, hashed_phones
from segmentry.exports._excel import export_excel
from segmentry.exports._powerbi import PowerBIExport, export_powerbi

__all__ = [
    "TARGETS",
    "Audience",
    "PowerBIExport",
    "export_audience",
    "export_excel",
    "export_powerbi",
    "hashed_emails",
    "hashed_phones",
]
