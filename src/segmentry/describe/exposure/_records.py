"""Records of what the log shows of segments."""

from dataclasses import dataclass

from segmentry.schema import UNKNOWN, Estimate


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a dimension of the log, in one segment.

    Parameters
    ----------
    dimension : str
        "hour", "placement", "category", "brand", "campaign" or "price band".
    key : str
        The value as text: "18", "430548_1007", an id, "50-200".
    label : str
        The value as people read it: "18:00–19:00", "50 to 200".
    n_users, n_impressions, n_clicks : int
        Users of the segment that were shown it, and their impressions and clicks there.
    exposure_share : float
        Share of the segment's impressions.
    ctr : Estimate
        Clicks per impression, shrunk towards what the segment's and the value's own levels
        predict; 95 % interval with the user as the unit.
    exposure_index : Estimate
        Share of the segment's impressions / share of all impressions x 100, shrunk towards 100.
    ctr_index : Estimate
        CTR / what the segment's and the value's own levels predict x 100, shrunk towards 100:
        a segment that clicks more everywhere has 100 everywhere.
    """

    segment_id: int
    dimension: str
    key: str
    label: str
    n_users: int
    n_impressions: int
    n_clicks: int
    exposure_share: float
    ctr: Estimate
    exposure_index: Estimate
    ctr_index: Estimate


@dataclass(frozen=True, slots=True)
class HeldOutGain:
    """What choosing by segment wins over choosing by the popularity among all, on later clicks.

    Parameters
    ----------
    measure : str
        "hit rate" or "log-likelihood" (natural logarithm, per click).
    n_chosen : int or None
        Length of the list for a hit rate.
    by_segment, by_popularity : float
        Value of the measure for each way of choosing.
    difference : Estimate
        The first less the second; 95 % interval with the user as the unit.
    """

    measure: str
    n_chosen: int | None
    by_segment: float
    by_popularity: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class HeldOutUse:
    """Whether affinities of the feature window help to predict clicks of the outcome window.

    Parameters
    ----------
    dimension : str
        What is chosen: "category".
    n_users, n_clicks : int
        Users with a segment and later clicks, and those clicks.
    conclusion : str
        Whole sentences: whether it helps.
    reason : str
        Why nothing was held out, or empty.
    """

    dimension: str
    n_users: int
    n_clicks: int
    gains: tuple[HeldOutGain, ...]
    conclusion: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Positions `first` to `last` (null: and later) of an exposure curve.

    Parameters
    ----------
    naive_ctr : Estimate
        Clicks per impression of whoever got that far: survivors, not a curve of any user.
        95 % interval with the user as the unit.
    odds_ratio : Estimate
        Odds of a click against the first position, within users; 1 without interval there, and
        null where it is not known. 90 % interval with the user as the unit.
    """

    first: int
    last: int | None
    n_users: int
    n_impressions: int
    n_clicks: int
    naive_ctr: Estimate
    odds_ratio: Estimate


@dataclass(frozen=True, slots=True)
class Cap:
    """What at most `cap` showings per user would have removed from this log, and no more.

    No assumption is made on what would have been shown instead.

    Parameters
    ----------
    impressions_share : float
        Of all impressions of the curve.
    n_users : int
        Users from whom something would have been removed.
    saved, lost : Estimate
        The shares of impressions and of clicks, with a 90 % interval for other users like these.
    """

    cap: int
    n_impressions: int
    impressions_share: float
    n_clicks: int
    clicks_share: float
    n_users: int = 0
    saved: Estimate = UNKNOWN
    lost: Estimate = UNKNOWN


@dataclass(frozen=True, slots=True)
class ExposureCurve:
    """Clicks at the nth impression, or at the nth showing of the same ad.

    Parameters
    ----------
    segment_id : int
        0 for all users with a segment.
    kind : str
        "impression" (the nth of the user in this log) or "repeat" (the nth showing of one ad).
    per_doubling : Estimate
        Factor of the odds of a click each time the position doubles; 90 % interval.
    n_users, n_clicks : int
        Users that inform the curve (they clicked and they did not) and their clicks that were
        taken, each with sampled impressions of the same user that were not clicked.
    user_share : float
        Share of the users, by hash of the id, that the curve was made of.
    reason : str
        Why there is no curve within users, or empty.
    is_identified : bool
        Whether exposure was not found to react to clicks; without it no cap is drawn.
    """

    segment_id: int
    kind: str
    points: tuple[CurvePoint, ...]
    per_doubling: Estimate
    n_users: int
    n_clicks: int
    user_share: float
    reason: str
    is_identified: bool
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True)
class Reaction:
    """Whether the next exposure comes sooner or later after a click, within users.

    Parameters
    ----------
    segment_id : int
        0 for all users with a segment.
    gap_ratio : Estimate
        Gap to the next exposure (up to a day) after a click / without one, as a ratio of
        geometric means; 95 % interval with the user as the unit.
    n_users, n_clicks : int
        Users that inform it and their moments with a click.
    is_found : bool
        Whether exposure reacts to clicks: then curves are not identified.
    reason : str
        Why it is not known, or empty.
    """

    segment_id: int
    gap_ratio: Estimate
    n_users: int
    n_clicks: int
    is_found: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LogReport:
    """Segments against what the log showed them, and how clicks change with exposure.

    Parameters
    ----------
    reason : str
        Why nothing of this is known ("the log was not read again"), or empty.
    dimensions : tuple of str
        Those that the data have, of "hour", "placement", "category", "brand", "campaign" and
        "price band".
    least_users : int
        Cells of fewer users are left out.
    cells : tuple of Cell
        By segment and dimension: all hours, placements and price bands; of the others those that
        stand out most, strongest first. All of them are in ``affinity.parquet``.
    held_out : HeldOutUse or None
        Whether the affinities predict later clicks; null without categories.
    reactions : tuple of Reaction
        Of all users (segment 0) and of each segment.
    curves : tuple of ExposureCurve
        Of all users (segment 0) and of each segment, per kind.
    notes : tuple of str
        What is absent and why, and what must be known to read it; whole sentences.
    """

    reason: str
    dimensions: tuple[str, ...] = ()
    least_users: int = 0
    cells: tuple[Cell, ...] = ()
    held_out: HeldOutUse | None = None
    reactions: tuple[Reaction, ...] = ()
    curves: tuple[ExposureCurve, ...] = ()
    notes: tuple[str, ...] = ()
