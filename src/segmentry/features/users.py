"""What is read of the files, and the users that come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segmentry.features._catalogue import LOG_FEATURES
from segmentry.features._needs import is_tally_enough
from segmentry.features._ratios import BetaPrior
from segmentry.features.behaviour_days import BehaviourDays
from segmentry.features.behaviour_steps import BehaviourData
from segmentry.features.user_days import UserDays
from segmentry.features.windows import WindowSplit
from segmentry.ingest.quality import Finding
from segmentry.schema import OF_IMPRESSIONS, DataTraits, Feature, RowAccount, Window

__all__ = ["EarlyUsers", "KeptLog", "ReadingPlan", "SavedSteps", "UserData"]


@dataclass(frozen=True, slots=True, eq=False)
class EarlyUsers:
    """What was known before the outcome window.

    Parameters
    ----------
    split : WindowSplit
    table : DataFrame
        The users of the whole log with their features in the feature window.
    prior : BetaPrior or None
        Of the CTRs in the feature window.
    days : DataFrame
        ``user_id, day, n_impressions, n_clicks`` of all days.
    behaviours : BehaviourDays or None
        Of the same users, where the behaviour log was read.
    """

    split: WindowSplit
    table: pl.DataFrame
    prior: BetaPrior | None
    days: pl.DataFrame
    behaviours: BehaviourDays | None = None

    def counts(self) -> UserDays:
        """Return what is counted per user and day, in the order of the table."""
        return UserDays.from_frame(
            self.days, users=self.table["user_id"], behaviours=self.behaviours
        )


@dataclass(frozen=True, slots=True, eq=False)
class KeptLog:
    """The sound rows of the log, in parts by user, until the folder of temporary files is removed.

    `ads` has one row per ad; null where the log does not name ads.
    """

    parts: tuple[Path, ...]
    ads: pl.DataFrame | None


@dataclass(frozen=True, slots=True)
class UserData:
    """The user table and what was learnt on the way to it."""

    table: pl.DataFrame
    features: tuple[Feature, ...]
    attributes: tuple[Feature, ...]
    window: Window
    prior: BetaPrior | None
    main_placement: str | None
    source: str
    accounts: tuple[RowAccount, ...]
    findings: tuple[Finding, ...]
    early: EarlyUsers | None = None
    log: KeptLog | None = None
    traits: DataTraits = OF_IMPRESSIONS
    behaviours: BehaviourData | None = None
    has_unread_behaviours: bool = False


@dataclass(frozen=True, slots=True)
class SavedSteps:
    """What an earlier run fixed: features of new users are made as those of the old."""

    prior: BetaPrior | None
    main_placement: str | None
    attributes: tuple[Feature, ...]
    behaviour_priors: Mapping[str, BetaPrior] | None = None


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """What is to be made of the files.

    Parameters
    ----------
    features : tuple of Feature
        Features of the log to work out; no more is read and counted than they take.
    early_features : tuple of Feature, optional
        Those to work out for the feature window too; no check on later days if absent.
    saved : SavedSteps, optional
        Of an earlier run.
    traits : DataTraits
        Of the source.
    is_thorough : bool
        Also look for what takes another pass over the log: duplicates, unknown ads.
    keeps_log : bool
        Leave the parts of the log where they are, for a second look.
    behaviours : tuple of Feature or None
        Features of the behaviour log to work out; null where it is not read.
    early_behaviours : tuple of Feature
        Those of them to work out for the feature window too.
    """

    features: tuple[Feature, ...] = LOG_FEATURES
    early_features: tuple[Feature, ...] | None = None
    saved: SavedSteps | None = None
    traits: DataTraits = OF_IMPRESSIONS
    is_thorough: bool = False
    keeps_log: bool = False
    behaviours: tuple[Feature, ...] | None = None
    early_behaviours: tuple[Feature, ...] = ()

    @property
    def takes_one_grouping(self) -> bool:
        """Whether all that is wanted can be counted while the log is read."""
        is_more_wanted = self.early_features is not None or self.is_thorough or self.keeps_log
        is_more_wanted |= self.behaviours is not None
        return not is_more_wanted and is_tally_enough(self.features)
