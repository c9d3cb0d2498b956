"""Canonical tables: their columns, the features made of them, and where their rows went."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from segmentry.settings import Fill

SECONDS_PER_DAY = 86_400
_LAST_MOMENT = 250_000_000_000
"""In the year 9892: calendars end soon after."""
MICRO = 1_000_000
"""Fixed-point unit of summed logarithms: integers add up the same in every order."""
OTHER_CODE = -1
"""What a `ColumnSource` of codes gives for a value that was not declared."""
UNKNOWN_CODE = -2
"""What it gives where others were declared too, and this is none of them either."""
UNREADABLE_WHOLE = 1 - (1 << 63)
"""What stands for a value that is there and is not a whole number, until it is counted."""
UNASSIGNED = 0
"""The `segment_id` of a user that belongs to no segment."""

OWN_COLUMNS = (
    "user_id",
    "is_profiled",
    "segment_id",
    "segment_key",
    "segment_name",
    "feature_segment_id",
    "margin",
)
"""What a run writes next to the features: no attribute can have one of these names."""
IMPRESSIONS_COLUMNS = ("user_id", "shown_at", "ad_id", "placement", "is_click")
EVENT_COLUMNS = ("value", "quantity")
"""Amounts of an event, in fixed point; only where the log has them."""
COUNT_COLUMNS = ("n_impressions", "n_clicks")
"""Of a log whose rows each stand for many impressions; a row is read as that many."""
ADS_COLUMNS = ("ad_id", "category_id", "campaign_id", "advertiser_id", "brand_id", "price")
BEHAVIOURS_COLUMNS = ("user_id", "happened_at", "action", "category_id", "brand_id")
BEHAVIOUR_ACTIONS = ("view", "cart", "favourite", "purchase")
"""An action of the canonical behaviours is the position in it."""

Kind = Literal[
    "count",
    "rate",
    "share",
    "money",
    "duration",
    "entropy",
    "time",
    "ordinal",
    "categorical",
    "number",
]
Family = Literal["activity", "value", "engagement", "affinity", "behaviour", "demographics"]
Need = Literal[
    "log",
    "time",
    "hour",
    "click",
    "ad",
    "placement",
    "category",
    "campaign",
    "brand",
    "price",
    "value",
    "quantity",
]
"""What data can have, and what a feature can need."""
UtcOffset = int | float
"""Hours from UTC of a local clock, such as 8, -3.5 or 5.75; whole numbers are int."""
Progress = Callable[[str, int, int], None]
"""Called as ``progress(step, done, total)``; `total` 0 means that it is not known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; all three are null where the number is not defined.

    >>> Estimate(value=0.05, low=0.04, high=0.06).is_known
    True
    >>> Estimate(value=None, low=None, high=None).is_known
    False
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def is_known(self) -> bool:
        """Whether there is a value at all."""
        return self.value is not None


UNKNOWN = Estimate(value=None, low=None, high=None)
"""What was not measured, or cannot be."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open period ``[start, end)`` in epoch seconds, with the local clock's offset.

    Raises
    ------
    ValueError
        If the window is empty, or no calendar has it.

    Examples
    --------
    >>> may = Window(start=1494000000, end=1494691200, utc_offset_hours=8)
    >>> may.n_days
    8.0
    >>> Window.around(1494000007, 1494000008, utc_offset_hours=8).end
    1494086400
    """

    start: int
    end: int
    utc_offset_hours: UtcOffset = 0

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"empty window: start {self.start} is not before end {self.end}")
        if max(-self.start, self.end) > _LAST_MOMENT:
            raise ValueError(f"window {self.start} to {self.end}: no calendar has it")

    @property
    def n_days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / SECONDS_PER_DAY

    @property
    def is_whole_days(self) -> bool:
        """Whether it starts and ends at local midnight."""
        offset = round(self.utc_offset_hours * 3600)
        return all((each + offset) % SECONDS_PER_DAY == 0 for each in (self.start, self.end))

    @classmethod
    def around(cls, first: int, last: int, *, utc_offset_hours: UtcOffset) -> "Window":
        """Return the whole local days that hold all moments from `first` to `last`."""
        offset = round(utc_offset_hours * 3600)
        start = (first + offset) // SECONDS_PER_DAY * SECONDS_PER_DAY - offset
        end = ((last + offset) // SECONDS_PER_DAY + 1) * SECONDS_PER_DAY - offset
        return cls(start=start, end=end, utc_offset_hours=utc_offset_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of the user table: the single source for preprocessing, formats, plots, docs."""

    name: str
    """Column name in the user table."""
    family: Family
    """The group it belongs to."""
    label: str
    """What people read, in lower case: "impressions"."""
    unit: str
    """Unit of the raw values: "impressions", "days", "clicks per impression", "level" ..."""
    kind: Kind
    """How it is transformed, summarised and printed."""
    fill: Fill
    """What stands in for a missing value when the feature forms segments. Null means unknown in the
    user table itself, always."""
    description: str
    """One sentence; says when the value is null."""
    levels: Mapping[str, str] = field(default_factory=dict)
    """Labels of known levels of an ordinal or categorical feature, by the level as text: "1",
    "de"."""


@dataclass(frozen=True, slots=True)
class RowAccount:
    """Where the rows of one table went; none is lost.

    Raises
    ------
    AssertionError
        If read is not used + rejected + excluded: a bug of ours, never to be passed over.

    Examples
    --------
    >>> RowAccount(role="ads", n_read=3, n_used=2, rejected={"no ad_id": 1}, excluded={}).n_rejected
    1
    >>> RowAccount(role="ads", n_read=3, n_used=2, rejected={}, excluded={})
    Traceback (most recent call last):
    ...
    AssertionError: ads: 3 rows read, but 2 used + 0 rejected + 0 excluded
    """

    role: str
    """The table."""
    n_read: int
    n_used: int
    """`n_read`, `n_used`: rows found in the files and rows that the steps work on."""
    rejected: Mapping[str, int]
    """Rows that cannot be used, by reason."""
    excluded: Mapping[str, int]
    """Sound rows that were left out because the user requested it, by option."""

    def __post_init__(self) -> None:
        n_excluded = sum(self.excluded.values())
        if self.n_read != self.n_used + self.n_rejected + n_excluded:
            raise AssertionError(
                f"{self.role}: {self.n_read} rows read, but {self.n_used} used "
                f"+ {self.n_rejected} rejected + {n_excluded} excluded"
            )

    @classmethod
    def total(cls, role: str, accounts: Sequence["RowAccount"]) -> "RowAccount":
        """Return the account of a table whose pieces have accounts of their own."""
        rejected, excluded = Counter[str](), Counter[str]()
        for each in accounts:
            rejected.update(each.rejected)
            excluded.update(each.excluded)
        return cls(
            role=role,
            n_read=sum(each.n_read for each in accounts),
            n_used=sum(each.n_used for each in accounts),
            rejected=dict(rejected),
            excluded=dict(excluded),
        )

    @property
    def n_rejected(self) -> int:
        """Rows rejected for any reason."""
        return sum(self.rejected.values())
