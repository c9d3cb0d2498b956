"""One judged number at one look: what it was expected to be, and what it is."""

from dataclasses import dataclass
from typing import Literal

from segmentry.lifecycle.alarms.sequence import (
    FALSE_ALARM_RATE,
    FAMILY_SHARES,
    half_width,
    look_weight,
)

Family = Literal["level", "segment_rate", "mix", "feature", "missing"]
Code = Literal[
    "level_moved",
    "segment_rate_changed",
    "mix_changed",
    "feature_shifted",
    "missing_values_changed",
    "unseen_levels",
    "rows_rejected",
    "rows_per_day_changed",
]
FAMILY_OF: dict[Code, Family] = {
    "level_moved": "level",
    "segment_rate_changed": "segment_rate",
    "mix_changed": "mix",
    "feature_shifted": "feature",
    "missing_values_changed": "missing",
    "unseen_levels": "missing",
}
Variances = list[tuple[float, float]]
"""Pairs of a variance and its degrees of freedom."""
MANY = 1e9
"""Degrees of freedom of a variance that is as good as known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number of one refresh against its expectation.

    The true number lies between `low` and `high` at all looks at once, with the chance that the
    false-alarm rate leaves. `is_expected` where the interval reaches into the margin of natural
    variation around `expected`.
    """

    code: Code
    name: str | None
    period: int
    expected: float
    observed: float
    low: float
    high: float
    is_expected: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What is judged at which look, and how many numbers of its family are."""

    code: Code
    period: int
    look: int
    n_judged: int

    def half_width(self, variances: Variances) -> float:
        """Half the interval of this look; the intervals of all looks hold together."""
        share = FAMILY_SHARES[FAMILY_OF[self.code]] * look_weight(self.look) / self.n_judged
        return half_width(variances, FALSE_ALARM_RATE * share)
