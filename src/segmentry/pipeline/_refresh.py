"""The next window of a run: keep its segments or form them again, and say what changed."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
import polars as pl

from segmentry.config import RunConfig, command_of, load_config
from segmentry.errors import ConfigError, DataError, SelectionError
from segmentry.evaluation.later_days import AddedGain, Way, compare_families
from segmentry.features.users import UserData, Wanted
from segmentry.ingest.room import scratch_folder
from segmentry.lifecycle.alarms import WindowCounts
from segmentry.lifecycle.changes import Refit, compare_refit, count_moves
from segmentry.lifecycle.decision import decide_model
from segmentry.lifecycle.history import (
    REFRESHES_FILE,
    History,
    Refreshed,
    Refreshes,
    alone_with,
    begun,
    carried_on,
    written_history,
)
from segmentry.lifecycle.keys import SegmentKeys, carried_colours, first_keys
from segmentry.lifecycle.order import check_follows, check_history
from segmentry.lifecycle.records import ChangeReport
from segmentry.pipeline._folder import Making, RunResult, fill_folder, form_segments
from segmentry.pipeline._form import Found
from segmentry.pipeline._read import opened
from segmentry.pipeline._run import read_source
from segmentry.pipeline._summarise import Named
from segmentry.pipeline._wanted import wanted_of
from segmentry.results.elsewhere import folder_at_hand, run_at_hand
from segmentry.results.follows import check_features, check_users, checked_folder
from segmentry.results.names import renamed, with_carried
from segmentry.results.run_folder import (
    check_target,
    fetched,
    read_bundle,
    read_manifest,
    read_memory,
    read_segments,
    staged,
)
from segmentry.results.scoring import Bundle, keys_of
from segmentry.results.summary import Summary, read_summary
from segmentry.results.windows import count_windows, has_new_alarm, luck_of, place_as_formed
from segmentry.runtime.clock import StepClock
from segmentry.schema import Progress, Source
from segmentry.schema.arrays import IntVector
from segmentry.segments.forming import Segmentation
from segmentry.settings import ReadingOptions

_OF_ONE_READING = (
    *("engine", "master", "spark_conf"),
    *("since", "until", "window", "memory", "temp", "strict"),
)
"""Settings of the earlier run that say nothing of the next."""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh made, and what changed."""

    run: RunResult
    changes: ChangeReport

    @property
    def exit_code(self) -> int:
        """0 the same, 10 changed, 11 a person should look."""
        return self.changes.decision.exit_code


@dataclass(frozen=True, slots=True, eq=False)
class _Earlier:
    """The run that is refreshed."""

    folder: Path
    bundle: Bundle
    summary: Summary
    segments: pl.DataFrame
    keys: SegmentKeys
    settings: RunConfig
    """Its settings with those of this reading."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """The files of the new window, and how they are read."""

    source: Source
    settings: RunConfig
    scratch: Path
    clock: StepClock
    progress: Progress | None

    def read(self, name: str, wanted: Wanted | None = None) -> tuple[UserData, set[Path], Path]:
        """Read all into a folder of temporary files of this name."""
        room = self.scratch / name
        room.mkdir()
        users, files = read_source(
            self.source, self.settings, room, self.clock, self.progress, wanted=wanted
        )
        return users, files, room


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Users of the new window and their segments, where they were described."""

    users: UserData
    found: Found
    scratch: Path


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Users of the new window in the segments of the earlier run."""

    users: UserData
    ids: IntVector
    """Where they are: who was in a segment before leaves it only for a clearly nearer one."""
    placed: IntVector
    """Where the model alone puts them: what a refit and earlier windows are compared with."""
    found: Found | None
    """Null where they are not described, as the refit is."""
    scratch: Path

    def described(self) -> _Fit:
        """Return them as a fit."""
        assert self.found is not None, "kept"  # noqa: S101  # a refit is not requested
        return _Fit(self.users, self.found, self.scratch)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Chosen:
    """The segments that were decided for."""

    fit: _Fit
    keys: SegmentKeys
    kept_ids: IntVector
    """Of the same users by the earlier model."""
    files: set[Path]
    changes: ChangeReport
    windows: WindowCounts


def refresh(
    run_dir: Path | str,
    data_dir: Path | str | None,
    out: Path | str,
    *,
    mapping: Path | str | None = None,
    history: Path | str | None = None,
    decide: Literal["keep", "refit"] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Unpack[ReadingOptions],
) -> RefreshResult:
    """Take a run to its next window: who moved, what changed, and whether to fit again.

    The users of the new window are put into the segments of the run, segments are formed again of
    them, and both are held against each other. The run folder that comes of it holds the segments
    that were decided for, under the keys that they had.

    Parameters
    ----------
    run_dir : Path or str
        The run folder of the window before.
    data_dir : Path or str or None
        Folder with the files of the new window, as for `run`.
    out : Path or str
        The run folder to make.
    mapping : Path or str, optional
        TOML file that says which file and column plays which role, as in `run`.
    history : Path or str, optional
        Folder of membership over time to carry on; it begins with `run_dir` where there is none.
    decide : {"keep", "refit"}, optional
        Overrules the rule.
    overwrite : bool
        Replace a run folder that exists.
    progress : callable, optional
        Called as ``progress(step, done, total)``.
    **options
        ``engine``, ``since``, ``until``, ``window``, ``memory``, ``strict`` as in `run`; all other
        settings are those of the earlier run.

    Raises
    ------
    SegmentryError
        If the data do not follow the run, or anything cannot be used; nothing is left or changed.

    Examples
    --------
    >>> june = segmentry.refresh("may", "june-logs", "june", history="past")  # doctest: +SKIP
    >>> june.changes.decision.choice, june.changes.moves.n_by_users  # doctest: +SKIP
    ('keep', 690)
    """
    if decide not in (None, "keep", "refit"):
        raise ConfigError(f"--decide {decide}: unknown; expected keep or refit")
    target, clock = Path(out), StepClock()
    check_target(target, overwrite=overwrite)
    folder = None if history is None else checked_folder(Path(history), Path(run_dir), target)
    with ExitStack() as last:
        earlier = _read_earlier(last.enter_context(run_at_hand(run_dir)), options)
        folder = last.enter_context(folder_at_hand(folder, last=REFRESHES_FILE))
        settings = earlier.settings
        source = last.enter_context(opened(data_dir, mapping, settings, progress=progress))
        wanted = wanted_of(source, settings)
        check_features(wanted, earlier.summary)
        past, then = last.enter_context(alone_with(folder)), earlier.bundle.window
        if folder is not None:
            check_history(past, folder, earlier.keys, then, run=earlier.folder.name)
        made = staged(target, overwrite=overwrite, temp=settings.temp)
        with made as staging, ExitStack() as temporary:
            room = scratch_folder(settings.temp, default=staging / "scratch")
            reading = _Reading(source, settings, temporary.enter_context(room), clock, progress)
            chosen = _choose(earlier, reading, wanted, decide)
            result = fill_folder(
                staging,
                target,
                Making(
                    users=chosen.fit.users,
                    found=chosen.fit.found,
                    settings=settings,
                    keys=chosen.keys,
                    name=_naming(earlier, chosen.keys),
                    command=_command(earlier, data_dir, mapping, settings, decide),
                    files=chosen.files,
                    inputs=fetched(source),
                    scratch=chosen.fit.scratch,
                    changes=chosen.changes,
                    windows=chosen.windows,
                ),
                clock=clock,
                progress=progress,
                on_described=temporary.close,
            )
            put = None
            if folder is not None:
                written = _carry_on(past, earlier, chosen, result)
                put = last.enter_context(written_history(folder, *written))
        if put is not None:  # both are written whole by now, and only take their places
            put()
    return RefreshResult(result, chosen.changes)


def _choose(
    earlier: _Earlier,
    reading: _Reading,
    wanted: Wanted,
    requested: Literal["keep", "refit"] | None,
) -> _Chosen:
    """Keep the segments and form them again, compare both, and choose."""
    kept, files = _keep(earlier, reading, wanted, is_described=requested != "refit")
    users, _, room = reading.read("refit")
    found = form_segments(
        users,
        reading.settings,
        clock=reading.clock,
        progress=reading.progress,
        earlier_ids=(kept.placed, len(earlier.keys.keys)),
    )
    refit = _Fit(users, found, room)
    compared = compare_refit(
        earlier.keys,
        earlier.bundle.names,
        kept.placed,
        found.segmentation.segment_ids,
        n_new=found.segmentation.n_segments,
        window=users.window,
        min_size=reading.settings.min_size,
        members=kept.ids,
    )
    windows = count_windows(
        earlier.folder,
        earlier.bundle,
        earlier.summary,
        earlier.segments,
        keys=earlier.keys,
        users=kept.users,
        segment_ids=kept.placed,
    )
    has_alarm = has_new_alarm(windows)
    changes = _changes(earlier, kept, refit, compared, requested, has_alarm=has_alarm)
    is_refit = changes.decision.choice == "refit"
    return _Chosen(
        fit=refit if is_refit else kept.described(),
        keys=compared.keys if is_refit else earlier.keys,
        kept_ids=kept.ids,
        files=files,
        changes=changes,
        windows=windows,
    )


def _read_earlier(run_dir: Path, options: ReadingOptions) -> _Earlier:
    bundle, summary = read_bundle(run_dir), read_summary(run_dir)
    if not summary.traits.has_time:
        raise DataError(
            f"{run_dir}: made of data without times, so that no window follows it; expected a run "
            "on a log with times; use segmentry score for new users"
        )
    carried = {
        name: value
        for name, value in read_manifest(run_dir).config.items()
        if name not in _OF_ONE_READING
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = load_config(None, {**carried, **given})
    segments, keys = read_segments(run_dir), bundle.keys
    if keys is None:
        sizes = np.bincount(segments["segment_id"].to_numpy(), minlength=len(bundle.names) + 1)
        keys = first_keys(seed=settings.seed, window=bundle.window, sizes=sizes[1:].tolist())
    return _Earlier(run_dir, bundle, summary, segments, keys, settings)


def _keep(
    earlier: _Earlier, reading: _Reading, wanted: Wanted, *, is_described: bool
) -> tuple[_Kept, set[Path]]:
    """Put the users of the new window into the earlier segments, and find which files they are of.

    Raises DataError if the window does not follow the earlier one or has none of its users,
    SelectionError if a segment has no user and all are to be described.
    """
    bundle = earlier.bundle
    as_formed = replace(
        wanted,
        prior=bundle.prior,
        main_placement=bundle.main_placement,
        behaviour_priors=bundle.behaviour_priors or None,
    )
    users, files, room = reading.read("kept", as_formed)
    settings = reading.settings
    is_chosen = settings.since is not None or settings.window is not None
    check_follows(bundle.window, users.window, is_chosen=is_chosen)
    check_users(earlier.segments["user_id"], users.table["user_id"], folder=earlier.folder)
    frozen = bundle.frozen
    if earlier.summary.traits.has_clicks:
        frozen = replace(frozen, before=read_memory(earlier.folder))
    placed, ids = (place_as_formed(each, users, users.table) for each in (bundle.frozen, frozen))
    found = None
    if is_described:
        try:
            found = form_segments(
                users,
                settings,
                clock=reading.clock,
                progress=reading.progress,
                frozen=frozen,
            )
        except SelectionError as error:
            raise SelectionError(
                f"{error}; take a longer window, or form other segments with --decide refit"
            ) from error
    return _Kept(users, ids, placed, found, room), files


def _changes(
    earlier: _Earlier,
    kept: _Kept,
    refit: _Fit,
    compared: Refit,
    requested: Literal["keep", "refit"] | None,
    *,
    has_alarm: bool,
) -> ChangeReport:
    then, now, settings = earlier.bundle.window, kept.users.window, earlier.settings
    gain = _gain(earlier.bundle, kept, refit, seed=settings.seed)
    is_same = compared.is_same
    decision = decide_model(gain, is_same=is_same, has_alarm=has_alarm, requested=requested)
    keys, summary = earlier.keys, earlier.summary
    before = {key: summary.colour_number(place) for place, key in enumerate(keys.keys, start=1)}
    now_keys = compared.keys if decision.choice == "refit" else keys
    return ChangeReport(
        earlier=earlier.folder.name,
        earlier_starts_at=then.start,
        earlier_ends_at=then.end,
        starts_at=now.start,
        ends_at=now.end,
        decision=decision,
        colours=carried_colours(before, now_keys.keys),
        segments=compared.segments,
        moves=count_moves(
            earlier.segments,
            kept.users.table["user_id"],
            kept.ids,
            compared,
            before=earlier.keys,
            min_size=settings.min_size,
            luck=luck_of(
                earlier.bundle,
                kept.users,
                kept.ids if summary.changes and summary.changes.is_kept else kept.placed,
                kept.placed,
                earlier.segments,
                seed=settings.seed,
            ),
        ),
    )


def _gain(bundle: Bundle, kept: _Kept, refit: _Fit, *, seed: int) -> AddedGain | None:
    """Return what the refit predicts better on the later days of the new window.

    Of the models alone: the refit has no window before that users could stay as.
    """
    ours, theirs = refit.users.early, kept.users.early
    first, second = refit.found.first, None if kept.found is None else kept.found.first
    if ours is None or theirs is None or first is None or second is None:
        return None
    if ours.split.outcome is None or ours.outcome.kind != "clicks":
        return None
    days = replace(kept.users, window=theirs.split.feature)
    alone = place_as_formed(bundle.frozen, days, theirs.table)
    second = replace(second, segment_ids=alone, ids_before=None)
    gains = compare_families(Way(first, ours), Way(second, theirs), seed=seed)
    return next((each for each in gains if each.outcome == "clicks"), None)


def _naming(earlier: _Earlier, keys: SegmentKeys) -> Callable[[Segmentation, Named], Named]:
    """Return what gives segments the names that their keys had."""
    names = dict(zip(earlier.keys.keys, earlier.bundle.names, strict=True))

    def name(_: Segmentation, segments: Named) -> Named:
        carried = {at: names[key] for at, key in enumerate(keys.keys, start=1) if key in names}
        return renamed(segments, with_carried(segments, carried), source=str(earlier.folder))

    return name


def _command(
    earlier: _Earlier,
    data_dir: Path | str | None,
    mapping: Path | str | None,
    settings: RunConfig,
    decide: str | None,
) -> str:
    """Return the command that repeats the refresh."""
    names = ("since", "until", "window", "strict")
    config = RunConfig(**{n: getattr(settings, n) for n in names if getattr(settings, n)})
    words = command_of(data_dir, None, config, mapping=mapping).split(" ")
    command = ["segmentry", "refresh", earlier.folder.name, *words[2:]]
    return " ".join(command if decide is None else [*command, "--decide", decide])


def _carry_on(
    past: History, earlier: _Earlier, chosen: _Chosen, result: RunResult
) -> tuple[Refreshes, pl.DataFrame]:
    """Return the history with the new window; it begins with the earlier run."""
    refreshes, membership = past.refreshes, past.membership
    if refreshes is None or membership is None:
        ids = earlier.segments["segment_id"].to_numpy()
        first = earlier.segments.select("user_id").with_columns(keys_of(ids, earlier.keys.keys))
        refreshes, membership = begun(
            earlier.keys, first, run=earlier.folder.name, window=earlier.bundle.window
        )
    window = chosen.fit.users.window
    one = Refreshed(
        run=result.run_dir.name,
        start=window.start,
        end=window.end,
        utc_offset_hours=window.utc_offset_hours,
        choice=chosen.changes.decision.choice,
        keys=chosen.keys.keys,
    )
    kept = keys_of(chosen.kept_ids, earlier.keys.keys).alias("kept_key")
    now = result.segments.select("user_id", "segment_key").with_columns(kept)
    return (
        replace(refreshes, runs=(*refreshes.runs, one)),
        carried_on(membership, now, window=window),
    )
