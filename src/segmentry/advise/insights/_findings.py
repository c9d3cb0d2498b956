"""What an insight is, what it is looked for in, and what a check finds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from segmentry.describe.profiles import Decision, NumericStatistics, SegmentProfile
from segmentry.formats import decimal
from segmentry.results.summary import Evidence, Summary
from segmentry.schema import UNKNOWN, Estimate


@dataclass(frozen=True, slots=True)
class Facts:
    """What insights are looked for in.

    `agreements` holds the Jaccard of each segment of the feature window that was found again on
    all days; it is empty where nothing was refitted.
    """

    summary: Summary
    agreements: Mapping[int, float]

    @property
    def level(self) -> float | None:
        """CTR of all users: the one to be expected, else the one seen."""
        return self.level_estimate.value

    @property
    def level_estimate(self) -> Estimate:
        """The same with its interval."""
        population = self.summary.population
        return (
            population.expected_rate if population.expected_rate.is_known else population.ctr_seen
        )

    @property
    def shown(self) -> tuple[SegmentProfile, ...]:
        """The segments of which something is shown."""
        return tuple(each for each in self.summary.segments if not each.is_withheld)


@dataclass(frozen=True, slots=True)
class Worth:
    """What acting on a finding is worth: what is counted, how much of it, and under which terms.

    The interval has 90 %. Without an `effect` it takes a test to give a number.
    """

    effect: str = ""
    value: Estimate = UNKNOWN
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """That an insight holds of a segment, or of all users where it is null."""

    segment: SegmentProfile | None
    text: str
    evidence: tuple[Evidence, ...] = ()
    worth: Worth = Worth()


@dataclass(frozen=True, slots=True)
class InsightKind:
    """One kind of insight: all that is declared of it stands where it is looked for."""

    code: str
    """"SEG-001"; never given to another kind."""
    title: str
    severity: Literal["opportunity", "problem", "caution", "note"]
    rule: str
    """When it is said; whole sentences with the thresholds."""
    meaning: str
    """What it means and what it does not."""
    action: str
    find: Callable[[Facts], Iterator[Finding]]
    """Finds it."""
    needs: str = ""
    """What must be there to look for it, or empty."""
    wants: tuple[str, ...] = ()
    """Dimensions of the log, rates of the shop or features of which one must be known."""
    data: Literal["clicks", "no clicks", "any"] = "clicks"
    """Of which data it is an insight at all."""
    is_held_out: bool = False
    """Whether its action shows by who is left alone: a test of clicks would not tell it."""
    suits: frozenset[Decision] = frozenset(get_args(Decision))
    """Decisions that its action goes with; next to another one the finding has no action."""

    @property
    def link(self) -> str:
        """Where it is described."""
        return f"docs/reference/insights.md#{self.code.lower()}"

    def test_of(self, segment_ids: str = "") -> str:
        """Return the command that sets up a randomised test on segments; on all if none is named.

        Half of the users, at random, are left alone where a test of clicks would not show it.

        >>> from segmentry.advise.insights import CODES
        >>> CODES["SEG-001"].test_of("1")
        'segmentry plan test RUN_DIR --segments 1 --metric ctr --mde 5%'
        >>> CODES["SEG-018"].test_of("1")
        'segmentry export audience RUN_DIR --segment 1 --hold-out 50% --out audience.csv'
        """
        if self.is_held_out:
            which = f" --segment {segment_ids}"
            return f"segmentry export audience RUN_DIR{which} --hold-out 50% --out audience.csv"
        which = f" --segments {segment_ids}" if segment_ids else ""
        return f"segmentry plan test RUN_DIR{which} --metric ctr --mde 5%"


EXCEPT_MORE: frozenset[Decision] = frozenset({"keep", "spend_less", "test_first", "too_early"})
EXCEPT_LESS: frozenset[Decision] = frozenset({"spend_more", "keep", "test_first", "too_early"})
UNDECIDED: frozenset[Decision] = frozenset({"keep", "test_first", "too_early"})

LATER = "a check on later days"
LOG = "segments counted against the log"
VALUE = "values of the events"
TIME = "times of the events"
SHOP = "the behaviour log (`--with behaviours`)"


def is_confirmed(segment: SegmentProfile) -> bool:
    """Tell whether later days confirm the segment and how it clicks is predicted."""
    index = segment.forecast_index
    return segment.verdict == "confirmed" and index.low is not None and index.high is not None


def times(index: Estimate) -> str:
    """Return an index as how many times the level of all users it is."""
    return f"{decimal((index.value or 0.0) / 100)} times"


def rate_evidence(label: str, estimate: Estimate, level: int) -> Evidence:
    """Return a click rate as evidence."""
    return Evidence(label, estimate, "rate", level if estimate.low is not None else None)


def index_evidence(label: str, estimate: Estimate, level: int) -> Evidence:
    """Return an index as evidence."""
    return Evidence(label, estimate, "index", level if estimate.low is not None else None)


def numeric_of(segment: SegmentProfile, feature: str) -> NumericStatistics | None:
    """Return the statistics of a feature, if it is described."""
    return next((each for each in segment.numeric if each.feature == feature), None)


def median_impressions(segment: SegmentProfile) -> float | None:
    """Return the impressions of the median user."""
    found = numeric_of(segment, "n_impressions")
    return None if found is None else found.median


def expected_clicks(segment: SegmentProfile, facts: Facts) -> float | None:
    """Return the clicks that the median user would have at the CTR of all users."""
    shown, level = median_impressions(segment), facts.level
    return None if shown is None or not level else shown * level


def exposure_ratio(segment: SegmentProfile) -> float:
    """Return its share of impressions / its share of users."""
    return segment.impressions_share / segment.share if segment.share else 0.0
