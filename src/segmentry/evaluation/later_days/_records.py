"""Record of the validation on later days."""

from dataclasses import dataclass

from segmentry.evaluation.later_days._day_levels import DayLevels
from segmentry.evaluation.later_days._kept_gain import KeptGain


@dataclass(frozen=True, slots=True)
class TruthReport:
    """What later days say of the segments.

    Segments were formed on the feature window, checked on the outcome window, and then fitted
    again on all days with their ids aligned.

    Parameters
    ----------
    feature_starts_at, feature_ends_at : int
        The feature window in epoch seconds.
    outcome_starts_at, outcome_ends_at : int or None
        The outcome window; null where there is none.
    feature_weekdays, outcome_weekdays : tuple of str
        The weekday of each local day of the windows.
    reason : str
        Why nothing could be checked, or empty.
    n_users, n_users_later : int
        Users with a segment in the feature window, and those of them that were shown ads again.
    kept_gain : KeptGain or None
        How much of what users' own CTRs tell of the later days the segments still tell.
    refit_events : tuple of str
        What became of the segments when all days were taken; one sentence each.
    caveats : tuple of str
        What the check could not do; whole sentences.
    levels : DayLevels or None
        CTR of all users of the log by local day; null in runs of earlier versions.
    """

    feature_starts_at: int
    feature_ends_at: int
    outcome_starts_at: int | None
    outcome_ends_at: int | None
    feature_weekdays: tuple[str, ...]
    outcome_weekdays: tuple[str, ...]
    reason: str
    n_users: int
    n_users_later: int
    kept_gain: KeptGain | None
    refit_events: tuple[str, ...]
    caveats: tuple[str, ...]
    levels: DayLevels | None = None
