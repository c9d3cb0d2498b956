"""A budget: the request and the plan."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from segmentry.errors import ConfigError
from segmentry.schema import Estimate

Response = Literal["linear", "concave"]
Outcome = Literal["clicks", "purchases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTraffic:
    """What a budget must know of a segment.

    Counts are those of the log.
    """

    segment_id: int
    name: str
    verdict: str
    n_users: int
    n_impressions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRequest:
    """A budget to divide, and within which limits.

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Examples
    --------
    >>> BudgetRequest(n_impressions=0, n_days=8)
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --impressions 0: expected at least 1
    """

    n_impressions: int
    n_days: float
    """Time in which they are to be shown."""
    cost_per_impression: float | None = None
    """For the money of each segment."""
    response: Response = "linear"
    """How clicks follow impressions, an assumption: at the same CTR up to the cap, or as (x /
    proportional part) ** exponent."""
    exponent: float = 1.0
    """Of the concave response, between 0 and 1; 1 for the linear one."""
    floors: Mapping[int, float] = field(default_factory=dict)
    caps: Mapping[int, float] = field(default_factory=dict)
    """`floors`, `caps`: shares of the budget by segment, instead of what `max_change` says."""
    max_change: float = 2.0
    """No segment gets more than so many times its proportional part, or less than that part divided
    by it; and no more than so many times its impressions per day in the log."""
    outcome: Outcome = "clicks"
    """What the impressions are to bring: clicks, or purchases that are attributed to them."""

    def __post_init__(self) -> None:
        if self.n_impressions < 1:
            raise ConfigError(f"--impressions {self.n_impressions}: expected at least 1")
        if not 0 < self.n_days < math.inf:
            raise ConfigError(f"--days {self.n_days:g}: expected more than 0")
        if not 1 < self.max_change < math.inf:
            raise ConfigError(f"--max-change {self.max_change:g}: expected a factor above 1, as 2")
        if self.response not in ("linear", "concave"):
            raise ConfigError(f"--response {self.response}: expected linear or concave")
        if self.response == "linear" and self.exponent != 1:
            raise ConfigError("--exponent: used with --response concave only; add it or drop this")
        if self.response == "concave" and not 0 < self.exponent < 1:
            raise ConfigError(f"--exponent {self.exponent:g}: expected between 0 and 1, as 0.8")
        for name, shares in (("floor", self.floors), ("cap", self.caps)):
            for segment_id, share in shares.items():
                if not 0 <= share <= 1:
                    raise ConfigError(
                        f"--{name} {segment_id}={share:g}: expected a share of the budget, 0 to 1"
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentBudget:
    """The part of one segment; intervals are of 90 %."""

    segment_id: int
    name: str
    verdict: str
    n_users: int
    impressions: int
    """The plan."""
    proportional: int
    """What it would get in proportion to past impressions."""
    floor: float
    cap: float
    """`floor`, `cap`: impressions."""
    money: float | None
    rate: Estimate
    """Forecast outcome per impression among the users that judge the plan, at the exposure of the
    log: the CTR, or attributed purchases per impression."""
    expected: Estimate
    """Outcome to be expected of `impressions` under the assumed response."""
    gain: Estimate
    """Its part in the gain over `proportional`: what its change brings beyond the same impressions
    shown to all users. The parts of all segments add up to the gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The plan against another way to divide the same budget; intervals are of 90 %."""

    against: str
    """One of "proportional", "equal per user"."""
    expected: Estimate
    """Outcome of the other way."""
    gain: Estimate
    """Outcome of the plan minus that."""
    gain_share: Estimate
    """`gain` as a share of those."""
    losing_share: float
    """Share of the draws in which the plan has less of the outcome."""
    is_better: bool
    """The lower 95 % bound of `gain` is above 0, and a segment whose part changes is confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The gain over proportional if clicks follow impressions with another exponent."""

    exponent: float
    gain: Estimate
    gain_share: Estimate
    losing_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPlan:
    """A budget divided among segments, chosen on half of the users and judged by the other half.

    `expected` is the outcome of the plan, with an interval of 90 %; `notes` say what it rests on.
    """

    n_impressions: int
    money: float | None
    n_days: float
    response: Response
    exponent: float
    max_change: float
    outcome: Outcome
    segments: tuple[SegmentBudget, ...]
    expected: Estimate
    comparisons: tuple[Comparison, ...]
    sensitivity: tuple[Sensitivity, ...]
    conclusion: str
    notes: tuple[str, ...]
