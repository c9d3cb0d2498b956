"""Who came back on the later days, who came only then, and who outweighs a segment."""

from dataclasses import dataclass

from segmentry.schema import Estimate

__all__ = ["PresenceFeature", "PresenceReport", "PresenceRow"]


@dataclass(frozen=True, slots=True)
class PresenceFeature:
    """One feature in the feature window, of users present and absent later.

    Parameters
    ----------
    feature : str
    present, absent : float
        Means over the users of whom it is known, in raw units.
    difference : float or None
        `absent` - `present` in standard deviations over all users with a segment; null where the
        feature does not vary.
    """

    feature: str
    present: float
    absent: float
    difference: float | None


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """The users of one segment by whether they were shown ads again on the later days.

    Parameters
    ----------
    segment_id : int
        Of the feature window.
    n_present, n_absent : int or None
        Users that were shown ads again, and those that were not; null where either is too few to
        be shown.
    impressions_present, impressions_absent : float or None
        Their mean impressions in the feature window.
    ctr_present, ctr_absent : float or None
        Their CTR in the feature window.
    largest_user_share : float or None
        Share of the impressions of its busiest user in all of its impressions, over all days and
        for the segment as it is now; null where it is too small to be shown.
    features : tuple of PresenceFeature
        What forms segments and what profiles tell, categories aside, the largest difference first;
        a feature that is known of too few of either to be shown is left out.
    """

    segment_id: int
    n_present: int | None
    n_absent: int | None
    impressions_present: float | None
    impressions_absent: float | None
    ctr_present: float | None
    ctr_absent: float | None
    largest_user_share: float | None
    features: tuple[PresenceFeature, ...] = ()


@dataclass(frozen=True, slots=True)
class PresenceReport:
    """What the check on later days cannot speak of.

    Parameters
    ----------
    segments : tuple of PresenceRow
    n_new : int or None
        Users that were shown ads on the later days only: no segment was checked on them; null
        where there were no later days, or too few users to be shown.
    new_ctr : Estimate
        Their CTR, with its 90 % interval.
    """

    segments: tuple[PresenceRow, ...]
    n_new: int | None
    new_ctr: Estimate
