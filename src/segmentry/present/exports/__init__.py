"""TODO."""

from segmentry.present.exports._excel import export_excel
from segmentry.present.exports._powerbi import export_powerbi

__all__ = ["export_excel", "export_powerbi"]
