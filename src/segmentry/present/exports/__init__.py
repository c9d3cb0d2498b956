"""How do segments reach Power BI and Excel?

In: a run folder. Out: a star schema, as a Power BI project or a workbook.
"""

from segmentry.present.exports._excel import export_excel
from segmentry.present.exports._powerbi import export_powerbi

__all__ = ["export_excel", "export_powerbi"]
