"""From files to the user table."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from segmentry.config import RunConfig
from segmentry.errors import EmptyDataError
from segmentry.features import (
    LogFacts,
    behaviour_provides,
    count_users,
    counts_of,
    derive_features,
    facts_of_tally,
    find_log_facts,
    log_columns_of,
)
from segmentry.features.behaviour_steps import (
    BehaviourData,
    CountedBehaviours,
    behaviour_days_of,
    count_behaviours_of,
    derive_behaviour_data,
    early_behaviours,
)
from segmentry.features.users import EarlyUsers, KeptLog, ReadingPlan, UserData
from segmentry.features.windows import WindowSplit, split_window
from segmentry.ingest.engines import explained, open_engine
from segmentry.ingest.files import estimate_rows
from segmentry.ingest.quality import (
    Finding,
    find_in_log,
    find_in_profiles,
    find_in_tables,
    refuse_rejections,
)
from segmentry.ingest.room import parts_of, require_room_for
from segmentry.ingest.sources import with_duplicates
from segmentry.ingest.store.prepared import check_content
from segmentry.ingest.tables import CleanTable, clean_ads, clean_profiles, no_ads, no_profiles
from segmentry.pipeline._window import outside_window, refuse_window, window_of
from segmentry.runtime.clock import StepClock
from segmentry.runtime.progress import told, told_in_rows
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import (
    EVENT_COLUMNS,
    Engine,
    Feature,
    LogParts,
    Progress,
    RowAccount,
    Source,
    TableSource,
    UserTally,
    Window,
)

_SAMPLE_SALT = "segmentry sample"


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the engine answered; it is closed by then."""

    profiles: CleanTable
    ads: CleanTable
    accounts: tuple[RowAccount, ...]
    window: Window
    main_placement: str | None
    counts: pl.DataFrame
    findings: tuple[Finding, ...]
    early: "_EarlyCounts | None"
    log: KeptLog | None
    behaviours: CountedBehaviours | None = None


@dataclass(frozen=True, slots=True)
class _EarlyCounts:
    """Counts of the feature window, and counts by day of all days."""

    split: WindowSplit
    counts: pl.DataFrame
    days: pl.DataFrame


def read_users(
    source: Source,
    config: RunConfig,
    plan: ReadingPlan,
    *,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None = None,
) -> UserData:
    """Read all files once and make the user table.

    Parameters
    ----------
    source : Source
    config : RunConfig
        Engine, window, sample and strictness.
    plan : ReadingPlan
    scratch : Path
        Existing folder for temporary files; the caller removes it.
    clock : StepClock
    progress : callable, optional

    Raises
    ------
    DataError
        If nothing is left to work on, or rows were rejected and `config.strict` forbids it.
    """
    engine = open_engine(config.engine, scratch=scratch, memory=config.memory)
    try:
        log = source.impressions
        if log is None:
            return _read_ready_table(engine, source, config, plan, clock=clock)
        source = with_duplicates(source, config.duplicates)
        source = _with_needed_columns(source, log, plan.features)
        _check_prepared(source, plan, clock=clock, progress=progress)
        with explained(engine, "counting users"):
            counted = _count(
                engine, source, config, plan, scratch=scratch, clock=clock, progress=progress
            )
    finally:
        engine.close()
    with clock.step("derive features"):
        return _derive(counted, source, plan)


def _check_prepared(
    source: Source, plan: ReadingPlan, *, clock: StepClock, progress: Progress | None
) -> None:
    """Check the content of the prepared files that will be read, if any."""
    behaviours = None if plan.behaviours is None else source.behaviours
    tables = (source.impressions, source.profiles, source.ads, behaviours)
    prepared = [table for table in tables if table is not None and table.digests]
    if prepared:
        with clock.step("check the prepared files"):
            check_content(prepared, on_file=told(progress, "checking the prepared files"))


def _read_ready_table(
    engine: Engine, source: Source, config: RunConfig, plan: ReadingPlan, *, clock: StepClock
) -> UserData:
    """Take the profiles as the user table: there is no log, no window and no click."""
    refuse_window(config, why="there is no log")
    with clock.step("read the user table"):
        profiles, _ = _read_tables(engine, source, config)
    if config.strict:
        refuse_rejections((profiles.account,))
    if not profiles.rows.height:
        raise EmptyDataError(f"no user is left of {profiles.account.n_read:,} rows; see the file")
    attributes = source.attributes if plan.saved is None else plan.saved.attributes
    names = [feature.name for feature in attributes]
    rows = _with_attributes(profiles.rows, attributes)
    return UserData(
        table=rows.select("user_id", pl.lit(value=True).alias("is_profiled"), *names),
        features=(),
        attributes=attributes,
        window=Window.around(0, 0, utc_offset_hours=0),
        prior=None,
        main_placement=None,
        source=source.name,
        accounts=(replace(profiles.account, role="users"),),
        findings=find_in_profiles(profiles.rows, source.attributes, profiles.n_impossible),
        traits=plan.traits,
    )


def _derive(counted: _Counted, source: Source, plan: ReadingPlan) -> UserData:
    """Work out the features and what is odd about the data."""
    saved, profiles, ads = plan.saved, counted.profiles, counted.ads
    attributes = source.attributes if saved is None else saved.attributes
    table, prior = derive_features(
        counted.counts,
        _with_attributes(profiles.rows, attributes),
        attributes,
        window=counted.window,
        features=plan.features,
        prior=None if saved is None else saved.prior,
    )
    behaviours = None
    users = table
    if counted.behaviours is not None and plan.behaviours is not None:
        table, behaviours = derive_behaviour_data(
            counted.behaviours,
            users,
            plan.behaviours,
            provides=frozenset(behaviour_provides(source)),
            priors=None if saved is None else saved.behaviour_priors,
        )
    early = None
    if counted.early is not None and plan.early_features is not None:
        early = _early_users(counted, users, attributes, plan, behaviours)
    findings = find_in_tables(
        counted.counts,
        profiles.rows,
        source,
        n_impossible_levels=profiles.n_impossible,
        n_impossible_prices=ads.n_impossible,
        ads=ads.rows,
    )
    return UserData(
        table=table,
        features=plan.features + (plan.behaviours or ()),
        attributes=attributes,
        window=counted.window,
        prior=prior,
        main_placement=counted.main_placement,
        source=source.name,
        accounts=counted.accounts,
        findings=findings + counted.findings,
        early=early,
        log=counted.log,
        traits=plan.traits,
        behaviours=behaviours,
        has_unread_behaviours=source.behaviours is not None and behaviours is None,
    )


def _early_users(
    counted: _Counted,
    table: pl.DataFrame,
    attributes: tuple[Feature, ...],
    plan: ReadingPlan,
    behaviours: BehaviourData | None,
) -> EarlyUsers:
    """Work out the features of the feature window for the users of all days, in their order."""
    found = counted.early
    assert found is not None, "asked before"  # noqa: S101  # by the caller
    names = [feature.name for feature in attributes]
    early, prior = derive_features(
        found.counts,
        table.select("user_id", *names),
        attributes,
        window=found.split.feature,
        features=plan.early_features or (),
    )
    early, days = early.with_columns(table["is_profiled"]), None
    if counted.behaviours is not None and behaviours is not None and behaviours.days is not None:
        early = early_behaviours(counted.behaviours, early, plan.early_behaviours)
        days = behaviour_days_of(
            behaviours.days, early["user_id"], history=behaviours.window, window=counted.window
        )
    return EarlyUsers(split=found.split, table=early, prior=prior, days=found.days, behaviours=days)


def _count(
    engine: Engine,
    source: Source,
    config: RunConfig,
    plan: ReadingPlan,
    *,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None,
) -> _Counted:
    """Ask the engine all that is to be known of the files."""
    if not plan.traits.has_time:
        refuse_window(config, why="the log has no times")
    with clock.step("read profiles and ads"):
        profiles, ads = _read_tables(engine, source, config)
    with clock.step("read log"):
        log = _read_log(engine, source, config, plan, scratch=scratch, progress=progress)
        facts = _facts_of(engine, log)
    if plan.saved is not None:
        facts = replace(facts, main_placement=plan.saved.main_placement)
    accounts = tuple(
        table.account
        for table, files in (
            (log, source.impressions),
            (profiles, source.profiles),
            (ads, source.ads),
        )
        if files is not None
    )
    if config.strict:
        refuse_rejections(accounts)
    window = window_of(source, config, facts)
    with clock.step("count"):
        counts, early = _count_log(
            engine, log, ads, plan=plan, window=window, facts=facts, progress=progress
        )
    counted = _Counted(
        profiles, ads, accounts, window, facts.main_placement, counts, (), early, None
    )
    if not isinstance(log, LogParts):
        return counted
    if plan.behaviours is not None:
        with clock.step("read and count behaviours"):
            counted = _with_behaviours(
                counted,
                engine,
                source,
                config,
                plan=plan,
                log=log,
                scratch=scratch,
                progress=progress,
            )
    if plan.is_thorough:
        found = find_in_log(engine, log.parts, ads.rows, source, window=window)
        counted = replace(counted, findings=found)
    if plan.keeps_log:
        kept = KeptLog(log.parts, ads.rows if "ad" in source.provides else None)
        counted = replace(counted, log=kept)
    return counted


def _with_behaviours(
    counted: _Counted,
    engine: Engine,
    source: Source,
    config: RunConfig,
    *,
    plan: ReadingPlan,
    log: LogParts,
    scratch: Path,
    progress: Progress | None,
) -> _Counted:
    """Count what the users of the log and of the profiles did in the shop."""
    users = [table.select("user_id") for table in (counted.counts, counted.profiles.rows)]
    behaviours = count_behaviours_of(
        engine,
        source,
        log,
        users=pl.concat(users),
        ads=counted.ads.rows,
        window=counted.window,
        feature_window=None if counted.early is None else counted.early.split.feature,
        n_parts=parts_of(_logs_of(source, plan), config.memory),
        is_strict=config.strict,
        is_sample=config.sample < 1,
        scratch=scratch,
        progress=progress,
    )
    accounts = (*counted.accounts, behaviours.account)
    return replace(counted, accounts=accounts, behaviours=behaviours)


def _count_log(
    engine: Engine,
    log: LogParts | UserTally,
    ads: CleanTable,
    *,
    plan: ReadingPlan,
    window: Window,
    facts: LogFacts,
    progress: Progress | None,
) -> tuple[pl.DataFrame, _EarlyCounts | None]:
    """Count what the features are made of, unless that was done while the log was read."""
    if isinstance(log, UserTally):
        wanted = counts_of(plan.features)
        return log.counts.select("user_id", *(n for n in log.counts.columns if n in wanted)), None
    split, early = None, None
    if plan.early_features is not None and window.is_whole_days:
        split = split_window(window)
        early = (split.feature.end, plan.early_features)
    found = count_users(
        engine,
        log.parts,
        ads.rows,
        window=window,
        main_placement=facts.main_placement,
        features=plan.features,
        early=early,
        on_part=told_in_rows(progress, "counting per user", log.account.n_used),
    )
    if split is None:
        return found.users, None
    return found.users, _EarlyCounts(split, found.early_users, found.days)


def _with_needed_columns(source: Source, log: TableSource, features: tuple[Feature, ...]) -> Source:
    """Read no column of the log, and no ads, that no feature takes."""
    needed = log_columns_of(features)
    optional = {"ad_id", "placement", *EVENT_COLUMNS} - needed
    columns = {name: column for name, column in log.columns.items() if name not in optional}
    ads = source.ads if "ad_id" in needed else None
    return replace(source, impressions=replace(log, columns=columns), ads=ads)


def _read_tables(
    engine: Engine, source: Source, config: RunConfig
) -> tuple[CleanTable, CleanTable]:
    names = [feature.name for feature in source.attributes]
    levels = [each.name for each in source.attributes if each.kind in ("ordinal", "categorical")]
    log = {} if source.impressions is None else source.impressions.columns
    if source.profiles is None:
        rows = no_profiles(_polars_type(log["user_id"].type), names)
        profiles = CleanTable(rows, RowAccount("profiles", 0, 0, {}, {}), 0)
    else:
        found, unreadable = engine.read_table(source.profiles)
        profiles = clean_profiles(found, unreadable=unreadable, attributes=levels)
    if config.sample < 1:
        profiles = _sampled(profiles, config.sample)
    if source.ads is None:
        ad_id = log["ad_id"].type if "ad_id" in log else "integer"
        ads = CleanTable(no_ads(_polars_type(ad_id)), RowAccount("ads", 0, 0, {}, {}), 0)
    else:
        found, unreadable = engine.read_table(source.ads)
        ads = clean_ads(found, unreadable=unreadable)
    return profiles, ads


def _polars_type(column_type: str) -> pl.DataType:
    return pl.String() if column_type == "text" else pl.Int64()


def _sampled(profiles: CleanTable, share: float) -> CleanTable:
    kept = profiles.rows.filter(
        pl.Series(hash_shares(profiles.rows["user_id"], salt=_SAMPLE_SALT) < share)
    )
    excluded = {"outside --sample": profiles.rows.height - kept.height}
    account = replace(profiles.account, n_used=kept.height, excluded=excluded)
    return replace(profiles, rows=kept, account=account)


def _read_log(
    engine: Engine,
    source: Source,
    config: RunConfig,
    plan: ReadingPlan,
    *,
    scratch: Path,
    progress: Progress | None,
) -> LogParts | UserTally:
    """Read the log once: count users on the way if that is enough, else write parts by user."""
    log = source.impressions
    assert log is not None, "a ready user table has no log to read"  # noqa: S101  # asked before
    keep_users = None
    if config.sample < 1:
        users = engine.distinct_users(log)
        keep_users = users.filter(pl.Series(hash_shares(users, salt=_SAMPLE_SALT) < config.sample))
    estimates = [estimate_rows(file) for file in log.files]
    n_rows = None if None in estimates else sum(each or 0 for each in estimates)
    step = "reading the log" if n_rows is not None else "reading the compressed log"
    on_progress, exclude = told_in_rows(progress, step, n_rows), outside_window(source, config)
    if plan.takes_one_grouping:
        return engine.tally_users(
            log, exclude=exclude, keep_users=keep_users, on_progress=on_progress
        )
    directory = scratch / "parts"
    directory.mkdir()
    require_room_for(_logs_of(source, plan), directory)
    return engine.split_log(
        log,
        directory,
        n_parts=parts_of(_logs_of(source, plan), config.memory),
        exclude=exclude,
        keep_users=keep_users,
        on_progress=on_progress,
    )


def _logs_of(source: Source, plan: ReadingPlan) -> list[TableSource]:
    """Return the logs that are split; both into as many parts, by the larger one."""
    logs = (source.impressions, source.behaviours if plan.behaviours is not None else None)
    return [log for log in logs if log is not None]


def _facts_of(engine: Engine, log: LogParts | UserTally) -> LogFacts:
    """Find the extent of the log, or say where all its rows went."""
    account = log.account
    if account.n_used and isinstance(log, UserTally):
        return facts_of_tally(log)
    if account.n_used and isinstance(log, LogParts):
        return find_log_facts(engine, log.parts)
    told = ", ".join(
        f"{n:,} {reason}" for reason, n in (*account.rejected.items(), *account.excluded.items())
    )
    hint = ""
    if account.rejected.get("impossible time", 0) > account.n_read // 2:
        hint = '; times in milliseconds? Say so in a mapping: time_format = "milliseconds"'
    raise EmptyDataError(
        f"no impression is left of {account.n_read:,} rows: {told or 'none read'}{hint}"
    )


def _with_attributes(rows: pl.DataFrame, attributes: tuple[Feature, ...]) -> pl.DataFrame:
    """Add attributes that an earlier run had and these files lack, as unknown."""
    absent = [feature.name for feature in attributes if feature.name not in rows.columns]
    return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias(name) for name in absent)
