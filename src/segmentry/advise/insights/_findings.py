"""What a check says of a segment, before it is given its title and its action."""

from collections.abc import Mapping
from dataclasses import dataclass

from segmentry.describe.profiles import NumericStatistics, SegmentProfile
from segmentry.formats import percent
from segmentry.results.summary import Evidence, Summary
from segmentry.schema import UNKNOWN, Estimate


@dataclass(frozen=True, slots=True)
class Facts:
    """What insights are looked for in.

    Parameters
    ----------
    summary : Summary
    agreements : mapping of int to float
        Jaccard of each segment of the feature window that was found again on all days; empty
        where nothing was refitted.
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
        return population.forecast_ctr if population.forecast_ctr.is_known else population.ctr_seen

    @property
    def shown(self) -> tuple[SegmentProfile, ...]:
        """The segments of which something is shown."""
        return tuple(each for each in self.summary.segments if not each.is_withheld)


@dataclass(frozen=True, slots=True)
class Finding:
    """That an insight holds of a segment: the sentence, its evidence, what acting is worth."""

    code: str
    segment: SegmentProfile | None
    text: str
    evidence: tuple[Evidence, ...] = ()
    effect: str = ""
    value: Estimate = UNKNOWN
    assumptions: tuple[str, ...] = ()


def is_confirmed(segment: SegmentProfile) -> bool:
    """Tell whether later days confirm the segment and how it clicks is foretold."""
    index = segment.forecast_index
    return segment.verdict == "confirmed" and index.low is not None and index.high is not None


def rate_text(estimate: Estimate) -> str:
    """Return a click rate with its interval.

    Examples
    --------
    >>> rate_text(Estimate(value=0.05, low=0.04, high=0.06)).replace(chr(160), " ")
    '5.00 % (4.00–6.00 %)'
    """
    value = percent(estimate.value, digits=2)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({estimate.low * 100:.2f}–{percent(estimate.high, digits=2)})"


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
