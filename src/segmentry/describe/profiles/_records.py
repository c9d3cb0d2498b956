"""Profile of a segment: plain, frozen records."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from segmentry.schema import UNKNOWN, Estimate

Decision: TypeAlias = Literal["spend_more", "keep", "spend_less", "test_first", "too_early"]
"""What to do with the ads of a segment."""


@dataclass(frozen=True, slots=True)
class NumericStatistics:
    """A numeric feature of one segment, in raw units."""

    feature: str
    """Name of the feature."""
    mean: float | None
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    """`mean`, `lower_quartile`, `median`, `upper_quartile`: over the users whose value is known;
    null if there is none."""
    missing_share: float | None
    """Share of users whose value is unknown; null where it would reveal too few users."""
    index: float | None
    """Segment mean / population mean x 100; null where the population mean is not above 0."""
    standardised_difference: Estimate
    """(Segment mean - population mean) / population standard deviation, with a 95 % interval that
    treats the user as the unit; null for a constant feature."""
    standing: float | None = None
    """Twice the mean rank of its users in the population less one: -1 all lowest, 1 all highest
    (Somers' D for belonging to the segment, up to its size); a few extreme users hardly move it.
    Unknown values stand in the middle."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many users lie in each bin of a feature, by segment."""

    feature: str
    edges: tuple[float, ...]
    """In raw units, one more than there are bins; a bin holds its lower edge. The last bin also
    holds the `n_above` users above its upper edge."""
    population: tuple[int, ...]
    """Users with a known value, per bin."""
    segments: tuple[tuple[int, ...], ...]
    """The same for each segment, by `segment_id`."""
    n_above: int


@dataclass(frozen=True, slots=True)
class LevelShare:
    """One level of an ordinal or categorical feature; `level` is null for unknown.

    `index` is over-representation, share / population share x 100, with a 95 % interval. Share and
    index are null where they would reveal too few users.
    """

    level: str | None
    label: str
    share: float | None
    population_share: float
    index: float | None
    index_low: float | None = None
    index_high: float | None = None


@dataclass(frozen=True, slots=True)
class LevelStatistics:
    """Composition of one segment by the levels of a feature, unknown being a level of its own."""

    feature: str
    levels: tuple[LevelShare, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """In what a segment differs most from the population, in words and in numbers."""

    feature: str
    text: str
    standardised_difference: float


@dataclass(frozen=True, slots=True)
class FeatureTest:
    """Whether users of a segment and all others differ in a feature that did not form segments.

    `q_value` is the p-value adjusted for all tests of the run (Benjamini and Hochberg 1995): of
    the features with q below 0.05, fewer than 5 % are expected to be there by chance. With many
    users nearly every difference is not chance: look at its size first.
    """

    feature: str
    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True)
class SegmentProfile:
    """One segment against the population."""

    segment_id: int
    """1..K; the population itself is 0."""
    name: str
    """Short plain name, distinct within the run."""
    n_users: int
    share: float
    """Share of the users that were assigned to a segment."""
    n_impressions: int
    n_clicks: int
    impressions_share: float
    clicks_share: float
    """`impressions_share`, `clicks_share`: shares of all impressions and clicks of assigned users;
    0 where there are none."""
    ctr_seen: Estimate
    """Clicks per impression on the days that formed the segments; 95 % interval with the user as
    the unit. It flatters segments that were formed by clicks: see the report's note."""
    ctr_index: float | None
    """Segment CTR / population CTR x 100."""
    mean_silhouette: float | None
    """Mean Euclidean silhouette of its sampled users; null if none was sampled."""
    numeric: tuple[NumericStatistics, ...]
    levels: tuple[LevelStatistics, ...]
    differences: tuple[Difference, ...]
    """Strongest first."""
    verdict: str = "not checked"
    """What later days show of it: "confirmed", "weaker", "reversed", "no difference" or "not
    checked"."""
    verdict_reason: str = ""
    """The verdict in one sentence with its numbers."""
    expected_rate: Estimate = UNKNOWN
    """CTR to be expected in as many days to come as the outcome window has, cross-fitted over all
    days; 90 % interval for the sampling of users and days."""
    forecast_index: Estimate = UNKNOWN
    """That CTR against that of all segments together x 100: free of the common level."""
    forecast_early: Estimate = UNKNOWN
    """The forecast made from the feature window alone: this one, not the two above, is compared
    with `ctr_outcome`."""
    ctr_outcome: Estimate = UNKNOWN
    """CTR on later days of the users that formed it before them; 90 % interval."""
    forecast_difference: Estimate = UNKNOWN
    """CTR minus that of all other segments together, forecast from the feature window alone; 90 %
    interval."""
    later_difference: Estimate = UNKNOWN
    """The same on later days, day for day."""
    survival: Estimate = UNKNOWN
    """Later difference / forecast difference; null where no difference was forecast."""
    minimal_detectable_difference: float | None = None
    """Difference in CTR on later days that would have been found with a chance of 80 %."""
    absent_share: float | None = None
    """Share of its users that were shown no ad on the later days."""
    is_withheld: bool = False
    """Whether it holds too few users to be shown: then all counts are 0 and every figure is null,
    and its users are counted with those of the largest segment."""
    tests: tuple[FeatureTest, ...] = ()
    """Of the features whose family formed no segment."""
    is_stable: bool | None = None
    """Whether other users of the same kind give it again; null where it was not checked."""
    decision: Decision | None = None
    """What to do with its ads; null until it is decided."""
    decision_reason: str = ""
    """A code of `segmentry.advise.decisions`."""
    segment_key: str = ""
    """What it is called from run to run, as "k7f3"; empty in runs of earlier versions."""
