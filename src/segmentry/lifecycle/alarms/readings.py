"""One judged number at one look: what it was expected to be, what it is, and the evidence."""

from dataclasses import dataclass
from typing import Literal

from segmentry.lifecycle.alarms.evidence import (
    FALSE_ALARM_RATE,
    FAMILY_SHARES,
    beyond,
    boundary,
    e_value,
    half_width,
    look_weight,
    needed_evidence,
    normal_equivalent,
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

    `observed` lies within `low` and `high` of its true value at all looks at once, with the chance
    that the false-alarm rate leaves. `evidence` is the e-value of this look alone.
    """

    code: Code
    name: str | None
    period: int
    expected: float
    observed: float
    low: float
    high: float
    evidence: float
    needed: float
    look: int
    is_expected: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What is judged at which look, and how many numbers of its family are."""

    code: Code
    period: int
    look: int
    n_judged: int

    @property
    def family(self) -> Family:
        """The share of the false-alarm rate that the number draws from."""
        return FAMILY_OF[self.code]

    def judge(self, difference: float, variances: Variances, *, margin: float) -> float:
        """Return the e-value of a difference whose natural variation is within ±margin."""
        return e_value(normal_equivalent(beyond(difference, margin), variances))

    def half_width(self, variances: Variances) -> float:
        """Half the interval of this look; the intervals of all looks hold together."""
        share = FALSE_ALARM_RATE * FAMILY_SHARES[self.family] * look_weight(self.look)
        return half_width(boundary(self.n_judged / share), variances)

    @property
    def needed(self) -> float:
        """Weighted sum of e-values at which the number raises an alarm."""
        return needed_evidence(self.family, self.n_judged)
