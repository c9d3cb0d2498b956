"""What follows an impression, up to the purchase?

In: counts of the behaviour log and segments. Out: a `ConversionReport`.
"""

from segmentry.describe.conversions._records import (
    Attribution,
    ConversionReport,
    FunnelStep,
    PurchaseVerdict,
    SegmentConversions,
    ShopRate,
)
from segmentry.describe.conversions._report import report_conversions

__all__ = [
    "Attribution",
    "ConversionReport",
    "FunnelStep",
    "PurchaseVerdict",
    "SegmentConversions",
    "ShopRate",
    "report_conversions",
]
