"""From sound rows to counts, and from counts to users: the later stages of reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segmentry.features._behaviour_features import behaviour_provides, derive_behaviours
from segmentry.features._behaviour_table import (
    BehaviourCounts,
    CountedBehaviours,
    count_behaviour_source,
)
from segmentry.features._catalogue import counts_of
from segmentry.features._ratios import BetaPrior
from segmentry.features._user_table import LogCounts, count_users, derive_features
from segmentry.features.users import (
    SHOP_COUNTS,
    BehaviourData,
    EarlyUsers,
    KeptLog,
    UserData,
    Wanted,
    behaviour_days_of,
)
from segmentry.features.windows import WindowSplit, periods_of, split_window
from segmentry.ingest.checked import Checked
from segmentry.ingest.quality import Finding, find_in_log, find_in_profiles, find_in_tables
from segmentry.runtime.clock import StepClock
from segmentry.runtime.held import held
from segmentry.runtime.progress import row_reporter
from segmentry.schema import (
    OF_CLICKS,
    Engine,
    Feature,
    LogParts,
    Outcome,
    Progress,
    Source,
    UserTally,
    Window,
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
class Counted:
    """What was counted of sound rows; the engine is not needed after it."""

    log: LogCounts
    """Of all days, of the feature window, and by day."""
    split: WindowSplit | None
    """The feature window and the days after it; null where nothing is checked on these."""
    main_placement: str | None
    """The placement whose share was counted."""
    behaviours: CountedBehaviours | None
    findings: tuple[Finding, ...]
    """Of another pass over the log, where it was wanted."""


def count_source(
    engine: Engine,
    checked: Checked,
    source: Source,
    wanted: Wanted,
    *,
    is_sample: bool,
    clock: StepClock,
    progress: Progress | None = None,
) -> Counted:
    """Count per user what the wanted features are made of.

    The `engine` is the one that checked the source, which has a log; `is_sample` says that the
    users are a sample of those of the log.

    Raises DataError if no behaviour is left where they are wanted.
    """
    log, main_placement = checked.log, wanted.main_placement or checked.main_placement
    if isinstance(log, UserTally):
        taken = counts_of(wanted.features)
        names = [name for name in log.counts.columns if name in taken]
        counts = LogCounts(log.counts.select("user_id", *names), pl.DataFrame(), pl.DataFrame())
        return Counted(counts, None, main_placement, None, ())
    assert log is not None, "a ready user table has nothing to count"  # noqa: S101  # checked before
    split, early = None, None
    if wanted.early_features is not None and checked.window.is_whole_days:
        of_events = wanted.outcome != "clicks"
        split = split_window(checked.window, periods_of(checked.window) if of_events else None)
        early = (split.feature.end, wanted.early_features)
    with clock.step("count"):
        counts = count_users(
            engine,
            log.parts,
            checked.ads.rows,
            window=checked.window,
            main_placement=main_placement,
            features=wanted.features,
            early=early,
            values_by_day=wanted.outcome != "clicks",
            kept=_placements(checked, main_placement) if wanted.keeps_log else None,
            on_part=row_reporter(progress, "counting per user", log.account.n_used),
        )
    behaviours = None
    if checked.behaviours is not None:
        with clock.step("count behaviours"):
            behaviours = count_behaviour_source(
                engine,
                checked,
                source,
                users=pl.concat([counts.users["user_id"], checked.profiles.rows["user_id"]]),
                feature_window=None if split is None else split.feature,
                is_sample=is_sample,
                progress=progress,
            )
    findings: tuple[Finding, ...] = ()
    if wanted.is_thorough:
        ads = checked.ads.rows
        findings = find_in_log(engine, log.parts, ads, source, window=checked.window)
    return Counted(counts, split, main_placement, behaviours, findings)


def ready_users(checked: Checked, source: Source, wanted: Wanted) -> UserData:
    """Take a ready table of users as the user table: there is no log, no window and no click."""
    names = [feature.name for feature in wanted.attributes]
    profiles = checked.profiles
    rows = with_attributes(profiles.rows, wanted.attributes)
    return UserData(
        table=rows.select("user_id", pl.lit(value=True).alias("is_profiled"), *names),
        features=(),
        attributes=wanted.attributes,
        window=checked.window,
        prior=None,
        main_placement=None,
        source=source.name,
        accounts=checked.accounts,
        findings=find_in_profiles(profiles.rows, source.attributes, profiles.n_impossible)
        + checked.unreadable,
        traits=wanted.traits,
    )


def derive_users(
    checked: Checked, counted: Counted, source: Source, wanted: Wanted, *, scratch: Path
) -> UserData:
    """Work out the wanted features of all users, and what is odd about the data.

    Tables of all users are `held` in the folder `scratch`.
    """
    profiles, ads, log = checked.profiles, checked.ads, checked.log
    users, prior = derive_features(
        counted.log.users,
        with_attributes(profiles.rows, wanted.attributes),
        wanted.attributes,
        window=checked.window,
        features=wanted.features,
        prior=wanted.prior,
        folder=scratch,
    )
    table, behaviours, accounts = users, None, checked.accounts
    if counted.behaviours is not None:
        table, behaviours = _with_behaviours(counted.behaviours, users, source, wanted)
        accounts = (*accounts, counted.behaviours.account)
    findings = find_in_tables(
        counted.log.users,
        profiles.rows,
        source,
        n_impossible_levels=profiles.n_impossible,
        n_impossible_prices=ads.n_impossible,
        ads=ads.rows,
    )
    kept = None
    if wanted.keeps_log and isinstance(log, LogParts):
        named = _placements(checked, counted.main_placement)
        kept = KeptLog(log.parts, ads.rows if "ad" in source.provides else None, named)
    return UserData(
        table=table,
        features=wanted.features + (wanted.behaviours or ()),
        attributes=wanted.attributes,
        window=checked.window,
        prior=prior,
        main_placement=counted.main_placement,
        source=source.name,
        accounts=accounts,
        findings=findings + counted.findings + checked.unreadable,
        early=_early_users(
            counted,
            users,
            wanted,
            behaviours,
            window=checked.window,
            source=source,
            scratch=scratch,
        ),
        log=kept,
        traits=wanted.traits,
        behaviours=behaviours,
    )


def _placements(checked: Checked, main: str | None) -> tuple[str, ...]:
    """Return the placements of the log, the main one first."""
    others = [each for each in checked.placements if each != main]
    return tuple(others if main is None else (main, *others))


def with_attributes(rows: pl.DataFrame, attributes: Sequence[Feature]) -> pl.DataFrame:
    """Add attributes that an earlier run had and these files lack, as unknown."""
    absent = [feature.name for feature in attributes if feature.name not in rows.columns]
    return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias(name) for name in absent)


def _with_behaviours(
    counted: CountedBehaviours, users: pl.DataFrame, source: Source, wanted: Wanted
) -> tuple[pl.DataFrame, BehaviourData]:
    """Add the features of behaviours to users; without a behaviour, counts are 0."""
    derived, used = derived_of(counted.whole.counts, users, counted.window, wanted.behaviour_priors)
    days = None
    if counted.is_timed:
        days = counted.whole.days.join(users.select("user_id"), on="user_id", how="semi")
        days = days.sort("user_id", "day")
    table = users.hstack(derived.select(each.name for each in wanted.behaviours or ()))
    data = BehaviourData(
        window=counted.window,
        priors=used,
        counts=_shop_counts(counted.whole, users),
        days=days,
        provides=frozenset(behaviour_provides(source)),
    )
    return table, data


def derived_of(
    counts: pl.DataFrame,
    users: pl.DataFrame,
    window: Window,
    priors: Mapping[str, BetaPrior] | None,
) -> tuple[pl.DataFrame, dict[str, BetaPrior]]:
    """Return the features of behaviours of the users of a table, in its order, and the priors."""
    own = users.select("user_id").join(counts, on="user_id", how="left", maintain_order="left")
    return derive_behaviours(own, window=window, priors=priors)


def _shop_counts(found: BehaviourCounts, users: pl.DataFrame) -> pl.DataFrame:
    """Return what is shown of each user of the table, in its order."""
    names: tuple[str, ...] = SHOP_COUNTS
    joined = users.select("user_id").join(
        found.counts, on="user_id", how="left", maintain_order="left"
    )
    if found.journeys is not None:
        names += _JOURNEY_COUNTS
        joined = joined.join(found.journeys, on="user_id", how="left", maintain_order="left")
    return joined.select("user_id", pl.col(names).cast(pl.Int64).fill_null(0))


def _early_users(
    counted: Counted,
    users: pl.DataFrame,
    wanted: Wanted,
    behaviours: BehaviourData | None,
    *,
    window: Window,
    source: Source,
    scratch: Path,
) -> EarlyUsers | None:
    """Work out the features of the feature window for the users of all days, in their order."""
    if counted.split is None:
        return None
    early, prior = derive_features(
        counted.log.early_users,
        users.select("user_id", *(feature.name for feature in wanted.attributes)),
        wanted.attributes,
        window=counted.split.feature,
        features=wanted.early_features or (),
        folder=scratch,
    )
    early, days = early.with_columns(users["is_profiled"]), None
    found = counted.behaviours
    if found is not None and behaviours is not None and behaviours.days is not None:
        if found.early is not None and found.early_window is not None:
            # Nothing of later days is in them.
            derived, _ = derived_of(found.early, early, found.early_window, None)
            early = early.hstack(derived.select(each.name for each in wanted.early_behaviours))
        days = behaviour_days_of(
            behaviours.days, early["user_id"], history=behaviours.window, window=window
        )
    outcome = OF_CLICKS
    if wanted.outcome != "clicks":
        outcome = Outcome.of_events(
            wanted.outcome,
            source.event,
            source.events,
            value_unit=source.value_unit,
            n_days=window.n_days,
        )
    by_day = held(counted.log.days, scratch)
    return EarlyUsers(counted.split, early, prior, by_day, days, outcome)
