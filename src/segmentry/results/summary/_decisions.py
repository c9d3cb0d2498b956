"""What a summary holds for decisions: rules, users to look at, insights and actions."""

from dataclasses import dataclass

from segmentry.describe.profiles import Exemplar, RuleReport
from segmentry.schema import Estimate


@dataclass(frozen=True, slots=True)
class Evidence:
    """A number that an insight rests on.

    `unit` is "rate", "share", "index", "count" or "ratio"; `level` the coverage of the interval in
    percent, null where there is none.
    """

    label: str
    value: Estimate
    unit: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What to do about an insight."""

    code: str
    """The number of its insight: "ACT-001"."""
    text: str
    """What to do, in one or two sentences."""
    n_users: int | None
    """Users of the target."""
    effect: str
    """What `value` counts, or why no number can be given."""
    value: Estimate
    """Expected clicks or saving with its 90 % interval; null where it cannot be computed."""
    assumptions: tuple[str, ...]
    """Under which the number holds; whole sentences. All of it is observational."""
    test: str
    """How to find out: a command."""


@dataclass(frozen=True, slots=True)
class Insight:
    """A coded finding on a segment, or on all of them where `segment_id` is null.

    `severity` is "opportunity", "problem", "caution" or "note"; `link` leads to its description.
    """

    code: str
    title: str
    severity: str
    segment_id: int | None
    text: str
    evidence: tuple[Evidence, ...]
    link: str
    action: Action | None


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """An insight that could not be looked for, and why."""

    code: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """What can be decided on the segments."""

    min_size: int
    """Fewest users for which a figure is shown."""
    rules: RuleReport | None
    exemplars: tuple[Exemplar, ...]
    """By segment, typical before borderline."""
    insights: tuple[Insight, ...]
    """What is certain and can be acted on comes first."""
    not_evaluated: tuple[NotEvaluated, ...]
    muted: tuple[str, ...]
    """Codes that the user does not want to hear."""
