"""The whole way, from files to a run folder."""

import contextlib
import datetime as dt
import importlib.metadata
import platform
import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

import polars as pl

from segmentry.advise.insights import check_codes
from segmentry.config import RunConfig, load_config
from segmentry.describe.latent import memberships_table
from segmentry.errors import ConfigError
from segmentry.evaluation.later_days import Validation
from segmentry.features import BEHAVIOUR_FEATURES, EVERY_LOG_FEATURE
from segmentry.features.users import BehaviourData, EarlyUsers, UserData, behaviour_days_of
from segmentry.features.windows import periods_of, split_window
from segmentry.ingest.room import scratch_folder
from segmentry.ingest.sources import find_source
from segmentry.pipeline._ahead import Ahead
from segmentry.pipeline._form import Asked, find_and_check
from segmentry.pipeline._outputs import write_report
from segmentry.pipeline._read import read_users
from segmentry.pipeline._summarise import Named, decide, look_again, summarise
from segmentry.pipeline._wanted import recipe_for, wanted_of
from segmentry.results.names import (
    NAMES_FILE,
    named_by_people,
    read_names,
    render_names,
)
from segmentry.results.run_folder import (
    FileFingerprint,
    Manifest,
    check_target,
    read_bundle,
    read_early,
    read_manifest,
    read_user_table,
    render_manifest,
    reuse_behaviours,
    staged,
    write_behaviours,
    write_early,
)
from segmentry.results.scoring import make_bundle, render_bundle
from segmentry.results.summary import Summary, read_summary, render_summary_json
from segmentry.results.tables import profiles_table, selection_table
from segmentry.runtime.clock import StepClock
from segmentry.runtime.preload import FOR_FORMING, preloading
from segmentry.runtime.threads import one_thread
from segmentry.runtime.version import __version__
from segmentry.schema import Feature, Outcome, Progress, Source, Window
from segmentry.segments.forming import Segmentation, plan_features, recipe_named
from segmentry.settings import RunOptions

_LIBRARIES = ("duckdb", "polars", "narwhals", "numpy", "scipy", "scikit-learn", "altair")


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run made."""

    run_dir: Path
    """The run folder."""
    summary: Summary
    segments: pl.DataFrame
    """The table of ``segments.parquet``."""


@dataclass(frozen=True, slots=True, eq=False)
class Formed:
    """Segments and all that describes them.

    `affinity` is null where the log was not read, `hexagons` where there is no map of all users.
    """

    segmentation: Segmentation
    summary: Summary
    validation: Validation | None
    affinity: pl.DataFrame | None
    hexagons: pl.DataFrame | None


def run(
    data_dir: Path | str | None,
    out: Path | str,
    *,
    mapping: Path | str | None = None,
    from_run: Path | str | None = None,
    names: Path | str | None = None,
    config: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Segment the users of a log and write a run folder with a report.

    Parameters
    ----------
    data_dir : Path or str or None
        Folder with the Taobao files, or with those that `mapping` names; None with `from_run`.
    out : Path or str
        The run folder to make.
    mapping : Path or str, optional
        TOML file that says which file and column plays which role, for data of any other kind;
        its own folder holds the files where `data_dir` is None.
    from_run : Path or str, optional
        Reuse the user table of this run: another K does not read the log again.
    names : Path or str, optional
        TOML file with names of segments, as the ``names.toml`` of a run folder; they win over
        those that people gave in `from_run`. Or an earlier run folder, of any users: what people
        named there keeps its name where it is found again.
    config : Path or str, optional
        TOML file with settings.
    overwrite : bool
        Replace a run folder that exists.
    progress : callable, optional
        Called as ``progress(step, done, total)``.
    **options
        The settings of `RunConfig`, such as ``recipe="classic"``, ``k=5``, ``seed=1``; they win
        over the file.

    Raises
    ------
    SegmentryError
        If the data, the settings or the output place cannot be used; no folder is left.

    Examples
    --------
    >>> import tempfile, segmentry
    >>> from segmentry.datasets import GeneratorOptions, generate_taobao
    >>> home = Path(tempfile.mkdtemp())
    >>> data = generate_taobao(home / "data", GeneratorOptions(n_users=300, seed=1))
    >>> result = segmentry.run(data.directory, home / "run", k=3, bootstraps=5)
    >>> len(result.summary.segments), result.segments.height
    (3, 300)
    >>> sorted(path.name for path in result.run_dir.iterdir())
    ['affinity.parquet', 'figures', 'hexagons.parquet', 'manifest.json', 'model', 'names.toml', \
'profiles.parquet', 'report.html', 'rules.sql', 'segments.parquet', 'selection.parquet', \
'summary.json', 'users.parquet', 'validation']
    """
    settings = load_config(None if config is None else Path(config), options)
    target, clock = Path(out), StepClock()
    started_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    check_target(target, overwrite=overwrite)
    check_codes(settings.mute)
    earlier = [Path(each) for each in (from_run, names) if each is not None and Path(each).is_dir()]
    for run_dir in earlier:
        read_bundle(run_dir)  # before the long work: it must be a run
    given = {} if names is None or Path(names).is_dir() else read_names(Path(names))
    if from_run is not None:
        if data_dir is not None or mapping is not None:
            raise ConfigError("--from reuses a user table; give either the data or --from")
        _refuse_reading_options(settings)
        with clock.step("reuse the user table"):
            users, inputs, settings = _reuse(Path(from_run), settings)
        source = None
    else:
        source, inputs = find_source(data_dir, mapping), ()
    command = _command(data_dir, from_run, settings, mapping=mapping, names=names)
    scratch = None
    with staged(target, overwrite=overwrite) as staging, contextlib.ExitStack() as stack:
        temporary = stack.enter_context(contextlib.ExitStack())
        files: set[Path] = set()
        if source is not None:
            scratch = temporary.enter_context(
                scratch_folder(settings.temp, default=staging / "scratch")
            )
            users, files = _read(source, settings, scratch, clock, progress)
        name = partial(
            named_by_people, table=users.table, earlier=earlier, given=given, source=names
        )
        ahead = stack.enter_context(Ahead(staging, users, files, clock, name))
        formed = segment_run(
            users,
            settings,
            command=command,
            scratch=scratch,
            clock=clock,
            progress=progress,
            on_named=ahead.start,
        )
        temporary.close()
        _write(staging, users, formed, ahead, clock=clock)
        with clock.step("finish the tables of users and the fingerprint"):
            segments, inputs = ahead.segments(), ahead.fingerprints() or inputs
        manifest = _manifest(users, inputs, settings, clock, started_at=started_at)
        (staging / "manifest.json").write_text(render_manifest(manifest), encoding="utf-8")
    return RunResult(run_dir=target, summary=formed.summary, segments=segments)


def _manifest(
    users: UserData,
    inputs: tuple[FileFingerprint, ...],
    settings: RunConfig,
    clock: StepClock,
    *,
    started_at: str,
) -> Manifest:
    """Tell how the run came about."""
    return Manifest(
        started_at=started_at,
        seconds=clock.seconds,
        config=settings.model_dump(mode="json"),
        versions=_versions(),
        inputs=inputs,
        accounts=tuple(asdict(account) for account in users.accounts),
        steps=clock.records,
    )


def _read(
    source: Source,
    settings: RunConfig,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None,
) -> tuple[UserData, set[Path]]:
    """Read the files, and tell which they were."""
    wanted = wanted_of(source, settings)
    behaviours = None if wanted.behaviours is None else source.behaviours
    tables = (source.impressions, source.profiles, source.ads, behaviours)
    files = {file for table in tables if table is not None for file in table.files}
    with preloading(FOR_FORMING):
        users = read_users(
            source,
            settings,
            wanted,
            scratch=scratch,
            clock=clock,
            progress=progress,
        )
    return users, files


def segment_run(
    users: UserData,
    settings: RunConfig,
    *,
    command: str,
    scratch: Path | None,
    clock: StepClock,
    progress: Progress | None,
    on_named: Callable[[Segmentation, Validation | None, Named], Named] | None = None,
) -> Formed:
    """Form segments, check them on later days where there are some, and describe them.

    `on_named` is called as soon as the segments have names, while they are described further.
    """
    settings = recipe_for(settings, users.traits)
    recipe = recipe_named(settings.recipe)
    exclude = (*settings.exclude, *_undated(users))
    plans = plan_features(
        recipe,
        users.catalogue,
        features=settings.features,
        exclude=exclude,
        choices=settings.choices,
    )
    asked = Asked(plans, recipe, settings, progress)
    with clock.step("segment and check" if recipe.is_checked else "segment"):
        found = find_and_check(asked, users)
    segmentation, validation = found.segmentation, found.validation
    # One thread for each sum: its last bits must not depend on who else is computing.
    with clock.step("describe the log by segment"), one_thread():
        second = look_again(
            users, segmentation, validation, settings, scratch=scratch, progress=progress
        )
    with clock.step("profile"):
        summary, hexagons = summarise(
            users,
            settings,
            command=command,
            found=found,
            log=second.report,
            on_named=None if on_named is None else partial(on_named, segmentation, validation),
        )
    with clock.step("decide"):
        summary = decide(summary, users, segmentation, settings, validation)
    return Formed(segmentation, summary, validation, second.cells, hexagons)


def _undated(users: UserData) -> tuple[str, ...]:
    """Return the features of a behaviour log without times, where the ad log has them.

    What was done before the outcome window is unknown, so that they only describe.
    """
    if users.behaviours is None or users.behaviours.days is not None or not users.traits.has_time:
        return ()
    return tuple(feature.name for feature in users.features if feature.family == "behaviour")


_READING_OPTIONS = ("engine", "with_", "since", "until", "window", "sample", "memory", "strict")


def _reuse(
    run_dir: Path, settings: RunConfig
) -> tuple[UserData, tuple[FileFingerprint, ...], RunConfig]:
    """Take users, what was learnt about the data, and how they were read from an earlier run."""
    bundle, summary = read_bundle(run_dir), read_summary(run_dir)
    report = summary.data
    table = read_user_table(run_dir)
    manifest = read_manifest(run_dir)
    reading = {name: manifest.config[name] for name in _READING_OPTIONS if name in manifest.config}
    reading["with_"] = tuple(_texts(reading.get("with_")))
    behaviours = reuse_behaviours(run_dir, bundle)
    outcome = summary.outcome
    users = UserData(
        table=table,
        features=_features_as_called(summary, table),
        attributes=bundle.attributes,
        window=bundle.window,
        prior=bundle.prior,
        main_placement=bundle.main_placement,
        source=report.source,
        accounts=report.accounts,
        findings=report.findings,
        early=_reuse_early(run_dir, bundle.window, behaviours, outcome),
        traits=summary.traits,
        behaviours=behaviours,
    )
    return users, manifest.inputs, settings.model_copy(update=reading)


def _features_as_called(summary: Summary, table: pl.DataFrame) -> tuple[Feature, ...]:
    """Return the features of the log in the words of the run that made them."""
    rows = {row.name: row for row in summary.features}
    return tuple(
        replace(
            each,
            label=rows[each.name].label,
            unit=rows[each.name].unit,
            description=rows[each.name].description,
        )
        for each in (*EVERY_LOG_FEATURE, *BEHAVIOUR_FEATURES)
        if each.name in table.columns and each.name in rows
    )


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _reuse_early(
    run_dir: Path, window: Window, behaviours: BehaviourData | None, outcome: Outcome
) -> EarlyUsers | None:
    found = read_early(run_dir)
    if found is None:
        return None
    table, days = found
    by_day = None
    if behaviours is not None and behaviours.days is not None:
        by_day = behaviour_days_of(
            behaviours.days, table["user_id"], history=behaviours.window, window=window
        )
    periods = None if outcome.kind == "clicks" else periods_of(window)
    return EarlyUsers(split_window(window, periods), table, None, days, by_day, outcome)


def _refuse_reading_options(settings: RunConfig) -> None:
    given = [
        f"--{name.rstrip('_')}"
        for name in _READING_OPTIONS
        if name in settings.model_fields_set and getattr(settings, name) not in (False, ())
    ]
    if given:
        raise ConfigError(
            f"{', '.join(given)} {'has' if len(given) == 1 else 'have'} no effect with --from, "
            "which does not read the log; leave out one or the other"
        )


def _command(
    data_dir: Path | str | None,
    from_run: Path | str | None,
    settings: RunConfig,
    *,
    mapping: Path | str | None = None,
    names: Path | str | None = None,
) -> str:
    """Return the command that repeats the run, whether it was asked for in Python, TOML or flags.

    Folders are named without their path, as paths are private.
    """
    words, implied = ["segmentry", "run"], {"engine", "memory", "temp"}
    if from_run is not None:
        words += ["--from", Path(from_run).name]
        implied.update(_READING_OPTIONS)
    elif data_dir is not None:
        words.append(Path(data_dir).name)
    if mapping is not None:
        words += ["--mapping", Path(mapping).name]
    words += ["--out", "RUN_DIR"]
    asked = settings.model_dump(exclude_defaults=True, exclude=implied)
    for name, value in sorted(asked.items()):
        flag = "--" + name.rstrip("_").replace("_", "-")
        words += [flag] if value is True else [flag, _written(value)]
    if names is not None:
        words += ["--names", Path(names).name]
    return shlex.join(words)


def _written(value: object) -> str:
    """Write the value of a setting as a flag takes it."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_written(each)}" for name, each in value.items())
    if isinstance(value, tuple):
        is_clip = any(isinstance(each, float) for each in value)
        return (":" if is_clip else ",").join(map(_written, value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _write(
    staging: Path, users: UserData, formed: Formed, ahead: Ahead, *, clock: StepClock
) -> None:
    """Write the tables while the figures are drawn, in other processes."""
    summary = formed.summary
    (staging / NAMES_FILE).write_text(render_names(summary, ahead.automatic), encoding="utf-8")
    with ThreadPoolExecutor(1) as worker:
        tables = worker.submit(_write_tables, staging, users, formed, clock)
        with clock.step("draw and report"):
            write_report(summary, staging, draw=ahead.draw)
        tables.result()


def _write_tables(staging: Path, users: UserData, formed: Formed, clock: StepClock) -> None:
    """Write all tables but those of users, and the model."""
    segmentation, summary = formed.segmentation, formed.summary
    behaviours = users.behaviours
    with clock.step("write tables"):
        memberships = memberships_table(users.table["user_id"], segmentation)
        if memberships is not None:
            memberships.write_parquet(staging / "memberships.parquet")
        if users.early is not None:
            write_early(staging, users.early.table, users.early.days)
        if behaviours is not None:
            write_behaviours(staging, behaviours)
        if summary.decisions is not None and summary.decisions.rules is not None:
            (staging / "rules.sql").write_text(summary.decisions.rules.sql, encoding="utf-8")
        if formed.affinity is not None:
            formed.affinity.write_parquet(staging / "affinity.parquet")
        if formed.hexagons is not None:
            formed.hexagons.write_parquet(staging / "hexagons.parquet")
        profiles_table(summary).write_parquet(staging / "profiles.parquet")
        selection_table(summary).write_parquet(staging / "selection.parquet")
        bundle = make_bundle(
            segmentation,
            names=tuple(segment.name for segment in summary.segments),
            prior=users.prior,
            main_placement=users.main_placement,
            attributes=users.attributes,
            window=users.window,
            behaviours=behaviours,
        )
        (staging / "model").mkdir()
        (staging / "model" / "bundle.json").write_text(render_bundle(bundle), encoding="utf-8")
        text = render_summary_json(summary)
        (staging / "summary.json").write_text(text, encoding="utf-8")


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"segmentry": __version__, "python": platform.python_version(), **found}
