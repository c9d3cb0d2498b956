"""From the files of a source to sound rows: the first stage of reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl

from segmentry.errors import DataError, EmptyDataError
from segmentry.ingest.clean_tables import (
    CleanTable,
    clean_ads,
    clean_profiles,
    no_ads,
    no_profiles,
)
from segmentry.ingest.engines._validity import IMPOSSIBLE_TIME, unreadable_amount
from segmentry.ingest.files import estimate_rows, inspect_file
from segmentry.ingest.moments import (
    UNITS_PER_SECOND,
    count_from_elsewhere,
    find_time_format,
    origin_advice,
)
from segmentry.ingest.quality import Finding, refuse_rejections, unreadable_values
from segmentry.ingest.room import about_rows, parts_of, require_room_for
from segmentry.ingest.rules import Rules, outside, placed, window_of
from segmentry.ingest.store.prepared import check_content, only_needed, tables_of
from segmentry.runtime.clock import StepClock
from segmentry.runtime.held import held
from segmentry.runtime.progress import row_reporter, step_reporter
from segmentry.runtime.sampling import is_sampled
from segmentry.schema import (
    COUNT_COLUMNS,
    EVENT_COLUMNS,
    Engine,
    Frames,
    LogParts,
    PartQueries,
    Progress,
    RowAccount,
    Source,
    TableSource,
    UserTally,
    Window,
)

_MAX_PLACEMENTS = 64
_LATE = "after the window of the ad log"


@dataclass(frozen=True, slots=True)
class LogFacts:
    """Moments of the first and the last impression, and the placements.

    Those with most impressions come first, of equally many the first by name; 64 at most.
    """

    first_at: int
    last_at: int
    placements: tuple[str, ...]

    @property
    def main_placement(self) -> str | None:
        """The placement with most impressions."""
        return next(iter(self.placements), None)


@dataclass(frozen=True, slots=True)
class Checked:
    """The sound rows of a source, and where all others went."""

    profiles: CleanTable
    ads: CleanTable
    """`profiles`, `ads`: without rows where the source has none."""
    log: LogParts | UserTally | None
    """Null where the profiles are a ready user table."""
    behaviours: LogParts | None
    """Parts of the same users as those of the log."""
    window: Window
    """Of the log."""
    placements: tuple[str, ...]
    """As of `LogFacts`."""
    accounts: tuple[RowAccount, ...]
    unreadable: tuple[Finding, ...] = ()
    """Columns with values that are there and cannot be read."""
    profile_parts: tuple[Path, ...] = ()
    """Of the same users as those of the log, where nobody holds `profiles`, which has no rows."""

    @property
    def main_placement(self) -> str | None:
        """The placement with most impressions."""
        return next(iter(self.placements), None)


def check_source(
    engine: Engine,
    source: Source,
    rules: Rules,
    *,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None = None,
) -> Checked:
    """Read all tables of a source once and keep their sound rows.

    `scratch` is an existing folder for the parts of the logs; the caller removes it.

    Raises DataError if nothing is left to work on, or rows were rejected and the rules forbid it.
    """
    if source.impressions is not None:
        rules = placed(engine, source, rules)
        source = replace(source, impressions=only_needed(source.impressions, outside(rules)))
    prepared = [
        table
        for role, table in tables_of(source).items()
        if table.prepared is not None and role != "behaviours"
    ]
    if prepared:
        with clock.step("check the prepared files"):
            check_content(prepared, on_file=step_reporter(progress, "checking the prepared files"))
    is_ready = source.impressions is None
    profile_parts: tuple[Path, ...] = ()
    read = source
    with clock.step("read the user table" if is_ready else "read profiles and ads"):
        n_unreadable = 0
        if rules.is_by_part and source.profiles is not None and not is_ready:
            profile_parts, n_unreadable = engine.split_table(
                source.profiles, scratch / "profiles", n_parts=_n_parts(source, rules)
            )
            read = replace(source, profiles=None)
        profiles, ads = _read_tables(engine, read, rules.sample, scratch, unreadable=n_unreadable)
    if source.impressions is None:
        unreadable = tuple(_unreadable_in(engine, source.profiles, profiles, events=""))
        return _ready_table(profiles, ads, rules, unreadable)
    with clock.step("read log"):
        log = _read_log(engine, source, rules, scratch=scratch, progress=progress)
        facts = _facts_of(engine, log, source)
    tables = ((log, source.impressions), (profiles, read.profiles), (ads, source.ads))
    accounts = tuple(table.account for table, files in tables if files is not None)
    unreadable = tuple(
        finding
        for table, files in tables
        if files is not None
        for finding in _unreadable_in(engine, files, table, events=source.events)
    )
    if rules.is_strict:
        refuse_rejections(accounts, unreadable)
    window = window_of(source, rules, log.account, first_at=facts.first_at, last_at=facts.last_at)
    behaviours = None
    if source.behaviours is not None:
        with clock.step("read behaviours"):
            behaviours = _read_behaviours(
                engine, source, source.behaviours, window, rules, scratch=scratch, progress=progress
            )
    named = facts.placements
    return Checked(
        profiles, ads, log, behaviours, window, named, accounts, unreadable, profile_parts
    )


def profiles_of_part(
    part: Path | None, checked: Checked, source: Source, *, sample: float
) -> CleanTable:
    """Return the profiles of the users of a part, which has none where it is null."""
    if not checked.profile_parts:
        return checked.profiles
    files = sorted((part or checked.profile_parts[0]).glob("*.parquet"))
    rows = pl.read_parquet(files, hive_partitioning=False)
    return _clean_profiles(rows.clear() if part is None else rows, 0, source, sample)


def _unreadable_in(
    engine: Engine,
    source: TableSource | None,
    table: CleanTable | LogParts | UserTally,
    *,
    events: str,
) -> Iterator[Finding]:
    """Yield the columns of a table with values that cannot be read, with an example of each."""
    if source is None:
        return
    if isinstance(table, CleanTable):
        counts = table.n_unreadable
    else:
        rejected = table.account.rejected
        names = (*EVENT_COLUMNS, *COUNT_COLUMNS)
        counts = {name: rejected.get(unreadable_amount(name), 0) for name in names}
    rows = {"impressions": events, "profiles": "users"}.get(source.role, source.role)
    for name, n_values in counts.items():
        if n_values:
            yield unreadable_values(
                name,
                rows=rows,
                column=source.columns[name].name,
                example=engine.unreadable_example(source, name),
                count=n_values,
                of=table.account.n_read,
            )


def _ready_table(
    profiles: CleanTable, ads: CleanTable, rules: Rules, unreadable: tuple[Finding, ...]
) -> Checked:
    """Take the profiles as the users: there is no log, no window and no click."""
    account = replace(profiles.account, role="users")
    if rules.is_strict:
        refuse_rejections((profiles.account,), unreadable)
    if not profiles.rows.height:
        raise EmptyDataError(f"no user is left of {account.n_read:,} rows; see the file")
    window = Window.around(0, 0, utc_offset_hours=0)
    return Checked(profiles, ads, None, None, window, (), (account,), unreadable)


def _read_tables(
    engine: Engine, source: Source, sample: float, scratch: Path, *, unreadable: int
) -> tuple[CleanTable, CleanTable]:
    """Read profiles and ads, and hold them in the folder `scratch`."""
    names = [feature.name for feature in source.attributes]
    log = {} if source.impressions is None else source.impressions.columns
    if source.profiles is None:
        rows = no_profiles(_polars_type(log["user_id"].type), names)
        profiles = clean_profiles(rows, unreadable=unreadable, attributes=())
    else:
        profiles = _clean_profiles(*engine.read_table(source.profiles), source, sample)
    if source.ads is None:
        ad_id = log["ad_id"].type if "ad_id" in log else "integer"
        ads = CleanTable(no_ads(_polars_type(ad_id)), RowAccount("ads", 0, 0, {}, {}), 0)
    else:
        found, unreadable = engine.read_table(source.ads)
        ads = clean_ads(found, unreadable=unreadable)
    profiles = replace(profiles, rows=held(profiles.rows, scratch))
    return profiles, replace(ads, rows=held(ads.rows, scratch))


def _clean_profiles(
    rows: pl.DataFrame, unreadable: int, source: Source, sample: float
) -> CleanTable:
    levels = [each.name for each in source.attributes if each.kind in ("ordinal", "categorical")]
    profiles = clean_profiles(rows, unreadable=unreadable, attributes=levels)
    return profiles if sample == 1 else _sampled(profiles, sample)


def _polars_type(column_type: str) -> pl.DataType:
    return pl.String() if column_type == "text" else pl.Int64()


def _sampled(profiles: CleanTable, sample: float) -> CleanTable:
    kept = profiles.rows.filter(is_sampled(profiles.rows["user_id"], sample))
    excluded = {"outside --sample": profiles.rows.height - kept.height}
    account = replace(profiles.account, n_used=kept.height, excluded=excluded)
    return replace(profiles, rows=kept, account=account)


def _read_log(
    engine: Engine, source: Source, rules: Rules, *, scratch: Path, progress: Progress | None
) -> LogParts | UserTally:
    """Read the log once: count users on the way if that is enough, else write parts by user."""
    log = source.impressions
    assert log is not None, "a ready user table has no log to read"  # noqa: S101  # checked before
    keep_users = None
    if log.prepared is not None and not log.files:
        return LogParts((), log.prepared)
    if rules.sample < 1:
        keep_users = engine.sampled_users(log, rules.sample)
    estimates = [estimate_rows(file) for file in log.files]
    n_rows = None if None in estimates else sum(each or 0 for each in estimates)
    step = "reading the log" if n_rows is not None else "reading the compressed log"
    on_progress, exclude = row_reporter(progress, step, n_rows), outside(rules)
    if rules.is_tallied and not rules.is_by_part:
        return engine.tally_users(
            log, exclude=exclude, keep_users=keep_users, on_progress=on_progress
        )
    directory = scratch / "parts"
    directory.mkdir()
    require_room_for(_logs_of(source), directory, is_kept=rules.is_kept)
    return engine.split_log(
        log,
        directory,
        n_parts=_n_parts(source, rules),
        exclude=exclude,
        keep_users=keep_users,
        on_progress=on_progress,
    )


def _n_parts(source: Source, rules: Rules) -> int:
    """Return among how many parts the users of both logs and of the profiles are divided."""
    log = source.impressions
    return (log and log.n_parts) or parts_of(_logs_of(source), rules.memory)


def _logs_of(source: Source) -> list[TableSource]:
    """Return the logs that are split; both into as many parts, by the larger one."""
    return [log for log in (source.impressions, source.behaviours) if log is not None]


def _facts_of(engine: Engine, log: LogParts | UserTally, source: Source) -> LogFacts:
    """Find the extent of the log, or report where all its rows went."""
    account = log.account
    if not account.n_used:
        hint = ""
        if account.rejected.get(IMPOSSIBLE_TIME, 0) > account.n_read // 2:
            hint = _hint_of_times(source)
        raise EmptyDataError(f"no {source.event} is left of {_rows_of(account)}{hint}")
    if isinstance(log, LogParts):
        return find_log_facts(engine, log.parts)
    first, last = (log.counts[name].to_numpy() for name in ("first_seen_at", "last_seen_at"))
    return LogFacts(int(first.min()), int(last.max()), placements=())


def _hint_of_times(source: Source) -> str:
    """Say which setting would make moments of the numbers that are none, by their size."""
    log = source.impressions
    column = None if log is None else log.columns.get("shown_at")
    if log is None or column is None:
        return ""
    values = inspect_file(log.files[0], log.shape, columns=[column.name]).values(column.name)
    unit = find_time_format(values)
    if unit in UNITS_PER_SECOND:
        return f'; the times look like {unit}: say so in a mapping, time_format = "{unit}"'
    if count_from_elsewhere(values):
        return (
            "; the times count from another moment than 1970: say so in a mapping, "
            f"{origin_advice(values)}"
        )
    found = f", such as {values[0]!r}" if values else ""
    return f"{found}; expected times from 1990 to 2099; correct the clock that wrote the others"


def find_log_facts(engine: Engine, parts: Sequence[Path]) -> LogFacts:
    """Find the extent of a log and its placements.

    Raises EmptyDataError if there is no impression.
    """
    answers = engine.map_parts(_facts_of_part, parts, tuple)
    found = [facts for (facts,) in answers if facts is not None]
    if not found:
        raise EmptyDataError("no impression is left to work on; see the rejected rows")
    facts = pl.concat(found)
    known = facts.filter(pl.col("placement").is_not_null())
    ranked = known.group_by("placement").agg(pl.col("n").sum())
    ranked = ranked.sort("n", "placement", descending=[True, False])
    return LogFacts(
        first_at=int(facts["first_at"].min()),  # type: ignore[arg-type]  # an int column
        last_at=int(facts["last_at"].max()),  # type: ignore[arg-type]  # an int column
        placements=tuple(ranked["placement"].head(_MAX_PLACEMENTS)),
    )


def _facts_of_part(engine: PartQueries, part: Path) -> Frames:
    shown_at = nw.col("shown_at")
    by_placement = engine.scan_part(part).group_by("placement")
    facts = by_placement.agg(
        nw.len().cast(nw.Int64).alias("n"),
        shown_at.min().cast(nw.Int64).alias("first_at"),
        shown_at.max().cast(nw.Int64).alias("last_at"),
    )
    return (engine.collect(facts),)


def _read_behaviours(
    engine: Engine,
    source: Source,
    log: TableSource,
    window: Window,
    rules: Rules,
    *,
    scratch: Path,
    progress: Progress | None,
) -> LogParts:
    """Split the behaviour log; what follows the window of the ad log is left out."""
    directory = scratch / "behaviours"
    directory.mkdir()
    is_timed = "happened_at" in log.columns and "time" in source.provides
    exclude = {_LATE: nw.col("happened_at") >= window.end} if is_timed else {}
    log = only_needed(log, exclude)
    if log.prepared is not None and not log.files:
        refuse_nothing(log.prepared)
    if log.prepared is not None:
        check_content([log], on_file=step_reporter(progress, "checking the prepared behaviours"))
    parts = engine.split_log(
        log,
        directory,
        n_parts=_n_parts(source, rules),
        exclude=exclude,
        keep_users=None,
        on_progress=row_reporter(progress, "reading the behaviours", about_rows(log)),
        on_collapse=step_reporter(progress, "collapsing equal behaviours"),
    )
    refuse_nothing(parts.account)
    if rules.is_strict:
        refuse_rejections((parts.account,))
    return parts


def refuse_nothing(account: RowAccount) -> None:
    """Refuse a behaviour log of which no row is used, by a DataError that says where they went."""
    if not account.n_used:
        raise DataError(f"no behaviour is left of {_rows_of(account)}")


def _rows_of(account: RowAccount) -> str:
    """Describe where all rows of a table went."""
    reasons = (*account.rejected.items(), *account.excluded.items())
    named = ", ".join(f"{n:,} {reason}" for reason, n in reasons)
    return f"{account.n_read:,} rows: {named or 'none read'}"
