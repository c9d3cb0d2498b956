"""The behaviour log on the way to the user table: `--with behaviours`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import DataError
from segmentry.features._behaviour_features import behaviour_provides, derive_behaviours
from segmentry.features._behaviour_table import (
    BehaviourCounts,
    PartPair,
    behaviour_extent,
    behaviour_users,
    count_behaviour_log,
    count_behaviour_users,
    value_ads,
)
from segmentry.features._ratios import BetaPrior
from segmentry.features.behaviour_days import BehaviourDays
from segmentry.features.windows import local_days
from segmentry.ingest.room import about_rows
from segmentry.ingest.strict import refuse_rejections
from segmentry.runtime.progress import told, told_in_rows
from segmentry.schema import (
    SECONDS_PER_DAY,
    Engine,
    Feature,
    LogParts,
    Progress,
    RowAccount,
    Source,
    Window,
)

__all__ = [
    "BehaviourData",
    "CountedBehaviours",
    "behaviour_days_of",
    "count_behaviours_of",
    "derive_behaviour_data",
    "early_behaviours",
    "pairs_of",
]

_LATE = "after the window of the ad log"
_STRANGERS = "of users in neither the ad log nor the profiles"
_STRANGERS_OR_NOT_SAMPLED = "outside --sample, or of users in neither the ad log nor the profiles"
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
_JOURNEY_COUNTS = (
    "n_placed_impressions",
    "n_placed_clicks",
    "n_viewed_clicks",
    "n_carted_clicks",
    "n_bought_clicks",
    "n_converted_clicks",
    "n_priced_clicks",
    "cents",
    *(f"n_{kind}_through_{days}d" for kind in ("view", "click") for days in (1, 3, 7)),
)


@dataclass(frozen=True, slots=True, eq=False)
class BehaviourData:
    """What a run knows of the behaviour log beside the features in the user table.

    Parameters
    ----------
    window : Window
        Of the behaviours; it ends with that of the ad log.
    priors : mapping of str to BetaPrior
        Of the shrunk rates, by rate.
    counts : DataFrame
        ``user_id``, what the user did in the shop, and what followed the user's impressions, one
        row per user of the user table in its order. The latter is not there where the ads have no
        categories or a log has no times.
    days : DataFrame or None
        ``user_id, day, n_views, n_purchases, n_view_credits, n_click_credits``; null where a log
        has no times.
    provides : frozenset of str
        What the log has: "views", "carts", "purchases", "brands" ...
    """

    window: Window
    priors: Mapping[str, BetaPrior]
    counts: pl.DataFrame
    days: pl.DataFrame | None
    provides: frozenset[str]

    @property
    def has_journeys(self) -> bool:
        """Whether it is known what followed impressions."""
        return "n_placed_impressions" in self.counts.columns


@dataclass(frozen=True, slots=True, eq=False)
class CountedBehaviours:
    """What the engine answered of the behaviour log."""

    account: RowAccount
    window: Window
    whole: BehaviourCounts
    early: pl.DataFrame | None
    early_window: Window | None
    is_timed: bool


def count_behaviours_of(
    engine: Engine,
    source: Source,
    log: LogParts,
    *,
    users: pl.DataFrame,
    ads: pl.DataFrame,
    window: Window,
    feature_window: Window | None,
    n_parts: int,
    is_strict: bool,
    is_sample: bool,
    scratch: Path,
    progress: Progress | None,
) -> CountedBehaviours:
    """Read the behaviour log and count it, for all days and for the feature window.

    Parameters
    ----------
    engine : Engine
    source : Source
        With a behaviour log.
    log : LogParts
        The ad log in parts, as many as `n_parts` at most.
    users : DataFrame
        ``user_id`` of the log and the profiles; rows of others are excluded and counted.
    ads : DataFrame
        One row per ad.
    window : Window
        Of the ad log.
    feature_window : Window or None
        Nothing that comes after it is counted for it; null where nothing is checked.
    n_parts : int
    is_strict : bool
        Whether rejected rows are an error.
    is_sample : bool
        Whether the users are a sample of those of the log.
    scratch : Path
    progress : callable, optional

    Raises
    ------
    DataError
        If no behaviour is left, or rows were rejected and `is_strict`.
    """
    provides = behaviour_provides(source)
    is_timed = "times" in provides
    split = _split(
        engine,
        source,
        window if is_timed else None,
        n_parts=n_parts,
        scratch=scratch,
        progress=progress,
    )
    if is_strict:
        refuse_rejections((split.account,))
    history = _history(engine, split, window, is_timed=is_timed)
    if feature_window is not None and history.start >= feature_window.end:
        raise DataError(
            "the behaviour log begins after the days on which segments are formed; expected one "
            "that begins with the ad log or before it; leave out --with behaviours"
        )
    account = _without_strangers(engine, split, users, is_sample=is_sample)
    _refuse_nothing(account)
    pairs = pairs_of(split.parts, log.parts)
    priced = value_ads(ads) if "ads" in provides else None
    whole = count_behaviour_log(
        engine,
        pairs,
        priced,
        history=history,
        window=window if is_timed else history,
        is_timed=is_timed,
        on_part=told_in_rows(progress, "counting behaviours", split.account.n_used),
    )
    early, early_window = None, None
    if feature_window is not None and is_timed:
        early_window = replace(history, end=feature_window.end)
        early = count_behaviour_users(
            engine, pairs, priced, window=early_window, ads_since=window.start
        )
    return CountedBehaviours(account, history, whole, early, early_window, is_timed)


def _split(
    engine: Engine,
    source: Source,
    window: Window | None,
    *,
    n_parts: int,
    scratch: Path,
    progress: Progress | None,
) -> LogParts:
    log = source.behaviours
    assert log is not None, "asked for by --with behaviours"  # noqa: S101  # checked before
    directory = scratch / "behaviours"
    directory.mkdir()
    n_rows = sum(map(about_rows, log.files))
    exclude = {} if window is None else {_LATE: nw.col("happened_at") >= window.end}
    parts = engine.split_log(
        log,
        directory,
        n_parts=n_parts,
        exclude=exclude,
        keep_users=None,
        on_progress=told_in_rows(progress, "reading the behaviours", n_rows),
        on_collapse=told(progress, "collapsing equal behaviours"),
    )
    _refuse_nothing(parts.account)
    return parts


def _refuse_nothing(account: RowAccount) -> None:
    """Refuse a behaviour log of which no row is used, and say where its rows went."""
    if account.n_used:
        return
    reasons = (*account.rejected.items(), *account.excluded.items())
    said = ", ".join(f"{n:,} {reason}" for reason, n in reasons) or "none read"
    raise DataError(f"no behaviour is left of {account.n_read:,} rows: {said}")


def _history(engine: Engine, split: LogParts, window: Window, *, is_timed: bool) -> Window:
    """Return the window of the behaviours: from their first local day to the end of the ad log."""
    extent = behaviour_extent(engine, split.parts)
    assert extent is not None, "rows are left"  # noqa: S101  # checked by `_split`
    offset = window.utc_offset_hours
    around = Window.around(*extent, utc_offset_hours=offset)
    return replace(around, end=window.end) if is_timed else around


def pairs_of(behaviours: Sequence[Path], impressions: Sequence[Path]) -> list[PartPair]:
    """Put the parts of the same users together: they have the same name; one may be absent."""
    done, shown = ({part.name: part for part in parts} for parts in (behaviours, impressions))
    return [(done.get(name), shown.get(name)) for name in sorted(done.keys() | shown.keys())]


def _without_strangers(
    engine: Engine, split: LogParts, users: pl.DataFrame, *, is_sample: bool
) -> RowAccount:
    """Count the rows of users that the user table has not as excluded: no feature is of them."""
    rows = behaviour_users(engine, split.parts)
    strange = rows.join(users.select("user_id"), on="user_id", how="anti")["n_rows"].sum()
    if not strange:
        return split.account
    reason = _STRANGERS_OR_NOT_SAMPLED if is_sample else _STRANGERS
    excluded = {**split.account.excluded, reason: int(strange)}
    return replace(split.account, n_used=split.account.n_used - int(strange), excluded=excluded)


def derive_behaviour_data(
    counted: CountedBehaviours,
    users: pl.DataFrame,
    features: Sequence[Feature],
    *,
    provides: frozenset[str],
    priors: Mapping[str, BetaPrior] | None,
) -> tuple[pl.DataFrame, BehaviourData]:
    """Work out the features of behaviours for the users of a table, and keep what followed.

    Parameters
    ----------
    counted : CountedBehaviours
    users : DataFrame
        The user table; users without a behaviour have counts of 0.
    features : sequence of Feature
        Those to work out.
    provides : frozenset of str
        What the log has.
    priors : mapping of str to BetaPrior, optional
        Saved ones; fitted to these users by default.

    Returns
    -------
    table : DataFrame
        `users` with the features.
    data : BehaviourData
    """
    derived, used = _derived(counted.whole.counts, users, counted.window, priors)
    days = None
    if counted.is_timed:
        days = counted.whole.days.join(users.select("user_id"), on="user_id", how="semi")
        days = days.sort("user_id", "day")
    table = users.hstack(derived.select(feature.name for feature in features))
    counts = _counts(counted.whole, users)
    return table, BehaviourData(counted.window, used, counts, days, provides)


def _derived(
    counts: pl.DataFrame,
    users: pl.DataFrame,
    window: Window,
    priors: Mapping[str, BetaPrior] | None,
) -> tuple[pl.DataFrame, dict[str, BetaPrior]]:
    own = users.select("user_id").join(counts, on="user_id", how="left", maintain_order="left")
    return derive_behaviours(own, window=window, priors=priors)


def early_behaviours(
    counted: CountedBehaviours, users: pl.DataFrame, features: Sequence[Feature]
) -> pl.DataFrame:
    """Put the features of the feature window beside its users; nothing of later days is in them."""
    if counted.early is None or counted.early_window is None:
        return users
    derived, _ = _derived(counted.early, users, counted.early_window, None)
    return users.hstack(derived.select(feature.name for feature in features))


def _counts(found: BehaviourCounts, users: pl.DataFrame) -> pl.DataFrame:
    """Return what is shown of each user of the table, in its order."""
    names: tuple[str, ...] = SHOP_COUNTS
    joined = users.select("user_id").join(
        found.counts, on="user_id", how="left", maintain_order="left"
    )
    if found.journeys is not None:
        names += _JOURNEY_COUNTS
        joined = joined.join(found.journeys, on="user_id", how="left", maintain_order="left")
    return joined.select("user_id", pl.col(names).cast(pl.Int64).fill_null(0))


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
