"""From files to the user table: check, count, derive."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from segmentry.config import RunConfig, parse_moment
from segmentry.errors import ConfigError
from segmentry.features import log_columns_of
from segmentry.features.stages import count_source, derive_users, ready_users
from segmentry.features.users import UserData, Wanted
from segmentry.ingest.checked import Checked, check_source
from segmentry.ingest.clocks import Clock
from segmentry.ingest.engines import explained, open_engine
from segmentry.ingest.rules import Rules
from segmentry.ingest.sources import opened_source, with_duplicates
from segmentry.runtime.clock import StepClock
from segmentry.schema import EVENT_COLUMNS, Engine, Progress, Source


def read_users(
    source: Source,
    config: RunConfig,
    wanted: Wanted,
    *,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None = None,
) -> UserData:
    """Read all files once and make the user table.

    `scratch` is an existing folder for temporary files; the caller removes it.

    Raises DataError if nothing is left to work on, or rows were rejected and `config.strict`
    forbids it.
    """
    with checked_source(
        source, config, wanted, scratch=scratch, clock=clock, progress=progress
    ) as (engine, checked, needed):
        if checked.log is None:
            return ready_users(checked, needed, wanted)
        counted = count_source(
            engine,
            checked,
            needed,
            wanted,
            is_sample=config.sample < 1,
            clock=clock,
            progress=progress,
        )
    with clock.step("derive features"):
        users = derive_users(checked, counted, needed, wanted, scratch=scratch)
    is_unread = source.behaviours is not None and needed.behaviours is None
    return replace(users, has_unread_behaviours=is_unread)


@contextmanager
def checked_source(
    source: Source,
    config: RunConfig,
    wanted: Wanted,
    *,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None,
    is_by_part: bool = False,
) -> Iterator[tuple[Engine, Checked, Source]]:
    """Yield sound rows with the engine that has them, and what of the source they are.

    `is_by_part` says that nobody will hold all users at once. Raises DataError as `read_users`.
    """
    rules = replace(_rules(source, config, wanted), is_by_part=is_by_part)
    needed = _needed(source, config, wanted)
    engine = open_engine(
        config.engine,
        scratch=scratch,
        memory=config.memory,
        spark=config.spark,
        is_by_part=is_by_part,
    )
    try:
        with explained(engine, "counting users"):
            yield (
                engine,
                check_source(
                    engine, needed, rules, scratch=scratch, clock=clock, progress=progress
                ),
                needed,
            )
    finally:
        engine.close()


def _needed(source: Source, config: RunConfig, wanted: Wanted) -> Source:
    """Read no table, and no column of the log, that nothing wanted takes."""
    log = source.impressions
    if log is None:
        return replace(source, behaviours=None)
    taken = log_columns_of(wanted.features)
    optional = {"ad_id", "placement", *EVENT_COLUMNS} - taken
    columns = {name: column for name, column in log.columns.items() if name not in optional}
    needed = replace(
        source,
        impressions=replace(log, columns=columns),
        ads=source.ads if "ad_id" in taken else None,
        behaviours=None if wanted.behaviours is None else source.behaviours,
    )
    return with_duplicates(needed, config.duplicates)


def opened(
    data_dir: Path | str | None,
    mapping: Path | str | None,
    settings: RunConfig,
    *,
    progress: Progress | None,
    are_files_whole: bool = False,
) -> AbstractContextManager[Source]:
    """Open the data; of files elsewhere, fetch what the settings let be read of them, or all.

    That is every moment where reading shows when a window begins, and where Spark judges the rows.
    """
    is_whole, session = settings.window is not None, None
    if settings.engine == "spark":
        from segmentry.ingest.engines.spark import session_of

        is_whole, session = True, session_of(settings.spark)
    return opened_source(
        data_dir,
        mapping,
        temp=settings.temp,
        moments=(lambda _: (None, None)) if is_whole else partial(_moments, settings),
        unread=frozenset() if settings.has_behaviours else frozenset({"behaviours"}),
        session=session,
        are_files_whole=are_files_whole,
        progress=progress,
    )


def _moments(config: RunConfig, clock: Clock) -> tuple[int | None, int | None]:
    """Return from which moment on and before which one a log is read."""
    since, until = (
        None if text is None else parse_moment(text, clock=clock, option=f"--{name}")
        for name, text in (("since", config.since), ("until", config.until))
    )
    return since, until


def _rules(source: Source, config: RunConfig, wanted: Wanted) -> Rules:
    """Return which rows are read.

    Raises ConfigError if the window is empty, or there can be none.
    """
    since, until = _moments(config, Clock(source.utc_offset_hours, source.timezone))
    given = [n for n in ("since", "until", "window") if getattr(config, n) is not None]
    if given and not wanted.traits.has_time:
        why = "there is no log" if source.impressions is None else "the log has no times"
        options = " and ".join(f"--{name}" for name in given)
        raise ConfigError(f"{options}: {why}, so there is no window; leave it out")
    if since is not None and config.window is not None:
        raise ConfigError(
            f"--since {config.since} and --window {config.window}: both say where the window "
            "starts; leave out one"
        )
    if since is not None and until is not None and since >= until:
        raise ConfigError(
            f"--since {config.since} is not before --until {config.until}; expected a window "
            "[since, until)"
        )
    return Rules(
        since=since,
        until=until,
        trailing_days=config.window_days,
        sample=config.sample,
        is_strict=config.strict,
        is_tallied=wanted.takes_one_grouping and config.engine == "duckdb",
        is_kept=wanted.keeps_log,
        memory=config.memory,
    )
