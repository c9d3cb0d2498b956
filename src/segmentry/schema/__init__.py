"""Canonical tables and the few words that every layer shares.

Whatever the files are called, the steps see four tables with these columns:

- impressions: ``user_id, shown_at, ad_id, placement, is_click``, one row per shown ad, or per
  event of another kind; ``value, quantity`` too where the log has them;
- profiles: ``user_id`` and one column per attribute, one row per user;
- ads: ``ad_id, category_id, campaign_id, advertiser_id, brand_id, price``, one row per ad;
- behaviours: ``user_id, happened_at, action, category_id, brand_id``, one row per action.
"""

from segmentry.schema._engine import Engine, Frames, LogParts, PartQueries, UserTally
from segmentry.schema._outcome import OF_CLICKS, Outcome, OutcomeKind
from segmentry.schema._source import (
    OF_IMPRESSIONS,
    PLAIN_NUMBERS,
    BroughtFile,
    ColumnSource,
    ColumnType,
    DataTraits,
    FileShape,
    NumberFormat,
    PreparedFile,
    Source,
    TableSource,
)
from segmentry.schema._tables import (
    ADS_COLUMNS,
    BEHAVIOUR_ACTIONS,
    BEHAVIOURS_COLUMNS,
    COUNT_COLUMNS,
    EVENT_COLUMNS,
    IMPRESSIONS_COLUMNS,
    MICRO,
    OTHER_CODE,
    OWN_COLUMNS,
    SECONDS_PER_DAY,
    UNASSIGNED,
    UNKNOWN,
    UNKNOWN_CODE,
    UNREADABLE_WHOLE,
    Estimate,
    Family,
    Feature,
    Kind,
    Need,
    Progress,
    RowAccount,
    UtcOffset,
    Window,
)
from segmentry.settings import Fill

__all__ = [
    "ADS_COLUMNS",
    "BEHAVIOURS_COLUMNS",
    "BEHAVIOUR_ACTIONS",
    "COUNT_COLUMNS",
    "EVENT_COLUMNS",
    "IMPRESSIONS_COLUMNS",
    "MICRO",
    "OF_CLICKS",
    "OF_IMPRESSIONS",
    "OTHER_CODE",
    "OWN_COLUMNS",
    "PLAIN_NUMBERS",
    "SECONDS_PER_DAY",
    "UNASSIGNED",
    "UNKNOWN",
    "UNKNOWN_CODE",
    "UNREADABLE_WHOLE",
    "BroughtFile",
    "ColumnSource",
    "ColumnType",
    "DataTraits",
    "Engine",
    "Estimate",
    "Family",
    "Feature",
    "FileShape",
    "Fill",
    "Frames",
    "Kind",
    "LogParts",
    "Need",
    "NumberFormat",
    "Outcome",
    "OutcomeKind",
    "PartQueries",
    "PreparedFile",
    "Progress",
    "RowAccount",
    "Source",
    "TableSource",
    "UserTally",
    "UtcOffset",
    "Window",
]
