"""What is wanted of the files, and the users that come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segmentry.features._catalogue import LOG_FEATURES, is_tally_enough
from segmentry.features._ratios import BetaPrior
from segmentry.features.behaviour_days import BehaviourDays
from segmentry.features.user_days import UserDays
from segmentry.features.windows import WindowSplit, local_days
from segmentry.ingest.quality import Finding
from segmentry.schema import (
    OF_CLICKS,
    OF_IMPRESSIONS,
    SECONDS_PER_DAY,
    DataTraits,
    Feature,
    Outcome,
    OutcomeKind,
    RowAccount,
    Window,
)

SHOP_COUNTS = (
    "n_behaviours",
    "n_views",
    "n_purchases",
    "n_ad_log_purchases",
    "n_carted_categories",
    "n_kept_carts",
    "n_branded_views",
    "n_brand_pairs",
    "n_categorised_views",
    "n_category_pairs",
)
"""What is kept of each user's behaviours besides the features."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make of the files; no more is read and counted than it takes."""

    features: tuple[Feature, ...] = LOG_FEATURES
    """Features of the log to work out."""
    attributes: tuple[Feature, ...] = ()
    """Attributes of the profiles to take over; unknown where the files lack them."""
    early_features: tuple[Feature, ...] | None = None
    """Features of the feature window too; null where nothing is checked on later days."""
    behaviours: tuple[Feature, ...] | None = None
    """Features of the behaviour log; null where it is not read."""
    early_behaviours: tuple[Feature, ...] = ()
    """Those of them of the feature window too."""
    traits: DataTraits = OF_IMPRESSIONS
    """Of the source."""
    outcome: OutcomeKind = "clicks"
    """What later days are requested."""
    is_thorough: bool = False
    """Also look for what takes another pass over the log: duplicates, unknown ads."""
    keeps_log: bool = False
    """Keep the parts of the log until the segments are known; that takes times and clicks."""
    prior: BetaPrior | None = None
    """Of an earlier run, for the shrunk CTR; fitted to the users by default."""
    main_placement: str | None = None
    """Of an earlier run; the most frequent one by default."""
    behaviour_priors: Mapping[str, BetaPrior] | None = None
    """As `prior`, by rate of the behaviour log."""

    @property
    def takes_one_grouping(self) -> bool:
        """Whether all that is wanted can be counted while the log is read."""
        is_more_wanted = self.early_features is not None or self.behaviours is not None
        is_more_wanted |= self.is_thorough or self.keeps_log
        return not is_more_wanted and is_tally_enough(self.features)


@dataclass(frozen=True, slots=True, eq=False)
class BehaviourData:
    """What a run knows of the behaviour log besides the features in the user table."""

    window: Window
    """Of the behaviours; it ends with that of the ad log."""
    priors: Mapping[str, BetaPrior]
    """Of the shrunk rates, by rate."""
    counts: pl.DataFrame
    """``user_id``, what the user did in the shop, and what followed the user's impressions, one row
    per user of the user table in its order. The latter is not there where the ads have no
    categories or a log has no times."""
    days: pl.DataFrame | None
    """``user_id, day, n_views, n_purchases, n_view_credits, n_click_credits``; null where a log has
    no times."""
    provides: frozenset[str]
    """What the log has: "views", "carts", "purchases", "brands" ..."""

    @property
    def has_journeys(self) -> bool:
        """Whether it is known what followed impressions."""
        return "n_placed_impressions" in self.counts.columns


def behaviour_days_of(
    days: pl.DataFrame, users: pl.Series, *, history: Window, window: Window
) -> BehaviourDays:
    """Return views, purchases and credits by day for the users of a table."""
    return BehaviourDays.from_frame(
        days,
        users=users,
        first_day=local_days(window)[0],
        n_before=max(0, (window.start - history.start) // SECONDS_PER_DAY),
    )


@dataclass(frozen=True, slots=True, eq=False)
class EarlyUsers:
    """What was known before the outcome window."""

    split: WindowSplit
    table: pl.DataFrame
    """The users of the whole log with their features in the feature window."""
    prior: BetaPrior | None
    """Of the CTRs in the feature window."""
    days: pl.DataFrame
    """``user_id, day, n_impressions, n_clicks`` of all days."""
    behaviours: BehaviourDays | None = None
    """Of the same users, where the behaviour log was read."""
    outcome: Outcome = OF_CLICKS
    """What later days are requested; of other events than clicks `days` has their ``value`` too."""

    def counts(self) -> UserDays:
        """Return what is counted per user and day, in the order of the table."""
        return UserDays.from_frame(
            self.days,
            users=self.table["user_id"],
            behaviours=self.behaviours,
            outcome=self.outcome,
        )


@dataclass(frozen=True, slots=True, eq=False)
class KeptLog:
    """The sound rows of the log, in parts by user, until the folder of temporary files is removed.

    `ads` has one row per ad; null where the log does not name ads. `placements` are those by which
    the events of the parts are kept.
    """

    parts: tuple[Path, ...]
    ads: pl.DataFrame | None
    placements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserData:
    """The user table and what was learned on the way to it."""

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

    @property
    def catalogue(self) -> tuple[Feature, ...]:
        """All features of the table, the attributes of the profiles last."""
        return (*self.features, *self.attributes)

    @property
    def undated(self) -> tuple[str, ...]:
        """The features of a behaviour log without times, where the ad log has them.

        What was done before the outcome window is unknown, so that they only describe.
        """
        if self.behaviours is None or self.behaviours.days is not None or not self.traits.has_time:
            return ()
        return tuple(feature.name for feature in self.features if feature.family == "behaviour")
