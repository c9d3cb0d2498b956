"""Records of what the log shows of segments."""

from dataclasses import dataclass

from segmentry.schema import UNKNOWN, Estimate


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a dimension of the log, in one segment."""

    segment_id: int
    dimension: str
    """One of "hour", "placement", "category", "brand", "campaign" or "price band"."""
    key: str
    """The value as text: "18", "430548_1007", an id, "50-200"."""
    label: str
    """The value as people read it: "18:00–19:00", "50 to 200"."""
    n_users: int
    n_impressions: int
    n_clicks: int
    """`n_users`, `n_impressions`, `n_clicks`: users of the segment that were shown it, and their
    impressions and clicks there."""
    exposure_share: float
    """Share of the segment's impressions."""
    ctr: Estimate
    """Clicks per impression, shrunk towards what the segment's and the value's own levels predict;
    95 % interval with the user as the unit."""
    exposure_index: Estimate
    """Share of the segment's impressions / share of all impressions x 100, shrunk towards 100."""
    ctr_index: Estimate
    """CTR / what the segment's and the value's own levels predict x 100, shrunk towards 100: a
    segment that clicks more everywhere has 100 everywhere."""


@dataclass(frozen=True, slots=True)
class HeldOutGain:
    """What choosing by segment wins over choosing by the popularity among all, on later clicks."""

    measure: str
    """Either "hit rate" or "log-likelihood" (natural logarithm, per click)."""
    n_chosen: int | None
    """Length of the list for a hit rate."""
    by_segment: float
    by_popularity: float
    """`by_segment`, `by_popularity`: value of the measure for each way of choosing."""
    difference: Estimate
    """The first less the second; 95 % interval with the user as the unit."""


@dataclass(frozen=True, slots=True)
class HeldOutUse:
    """Whether affinities of the feature window help to predict clicks of the outcome window."""

    dimension: str
    """What is chosen: "category"."""
    n_users: int
    n_clicks: int
    """`n_users`, `n_clicks`: users with a segment and later clicks, and those clicks."""
    gains: tuple[HeldOutGain, ...]
    conclusion: str
    """Whole sentences: whether it helps."""
    reason: str = ""
    """Why nothing was held out, or empty."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Positions `first` to `last` (null: and later) of an exposure curve."""

    first: int
    last: int | None
    n_users: int
    n_impressions: int
    n_clicks: int
    naive_ctr: Estimate
    """Clicks per impression of whoever got that far: survivors, not a curve of any user. 95 %
    interval with the user as the unit."""
    odds_ratio: Estimate
    """Odds of a click against the first position, within users; 1 without interval there, and null
    where it is not known. 90 % interval with the user as the unit."""


@dataclass(frozen=True, slots=True)
class Cap:
    """What at most `cap` showings per user would have removed from this log, and no more.

    No assumption is made on what would have been shown instead.
    """

    cap: int
    n_impressions: int
    impressions_share: float
    """Of all impressions of the curve."""
    n_clicks: int
    clicks_share: float
    n_users: int = 0
    """Users from which something would have been removed."""
    saved: Estimate = UNKNOWN
    lost: Estimate = UNKNOWN
    """`saved`, `lost`: the shares of impressions and of clicks, with a 90 % interval for other
    users like these."""


@dataclass(frozen=True, slots=True)
class ExposureCurve:
    """Clicks by the number of impressions so far, of the user or of one ad."""

    segment_id: int
    """0 for all users with a segment."""
    kind: str
    """Either "impression" (all of the user in this log) or "repeat" (those of one ad)."""
    points: tuple[CurvePoint, ...]
    per_doubling: Estimate
    """Factor of the odds of a click each time the position doubles; 90 % interval."""
    n_users: int
    n_clicks: int
    """`n_users`, `n_clicks`: users that inform the curve (they clicked and they did not) and their
    clicks that were taken, each with sampled impressions of the same user that were not clicked."""
    user_share: float
    """Share of the users, by hash of the id, that the curve was made of."""
    reason: str
    """Why there is no curve within users, or empty."""
    is_identified: bool
    """Whether exposure was not found to react to clicks; without it no cap is drawn."""
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True)
class Reaction:
    """Whether the next exposure comes sooner or later after a click, within users."""

    segment_id: int
    """0 for all users with a segment."""
    gap_ratio: Estimate
    """Gap to the next exposure (up to a day) after a click / without one, as a ratio of geometric
    means; 95 % interval with the user as the unit."""
    n_users: int
    n_clicks: int
    """`n_users`, `n_clicks`: users that inform it and their moments with a click."""
    is_found: bool
    """Whether exposure reacts to clicks: then curves are not identified."""
    reason: str
    """Why it is not known, or empty."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """Segments against what the log showed them, and how clicks change with exposure."""

    reason: str
    """Why nothing of this is known ("the log was not read again"), or empty."""
    dimensions: tuple[str, ...] = ()
    """Those that the data have, of "hour", "placement", "category", "brand", "campaign" and "price
    band"."""
    min_users: int = 0
    """Cells of fewer users are left out."""
    cells: tuple[Cell, ...] = ()
    """By segment and dimension: all hours, placements and price bands; of the others those that
    stand out most, strongest first. All of them are in ``affinity.parquet``."""
    held_out: HeldOutUse | None = None
    """Whether the affinities predict later clicks; null without categories."""
    reactions: tuple[Reaction, ...] = ()
    """Of all users (segment 0) and of each segment."""
    curves: tuple[ExposureCurve, ...] = ()
    """Of all users (segment 0) and of each segment, per kind."""
    notes: tuple[str, ...] = ()
    """What is absent and why, and what must be known to read it; whole sentences."""
