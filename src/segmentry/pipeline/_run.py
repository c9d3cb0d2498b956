"""The whole way, from files to a run folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Unpack

from segmentry.advise.insights import check_codes
from segmentry.config import READING_OPTIONS, RunConfig, command_of, load_config
from segmentry.describe.profiles import SegmentProfile
from segmentry.errors import ConfigError
from segmentry.features.users import (
    UserData,
    Wanted,
)
from segmentry.ingest.room import scratch_folder
from segmentry.pipeline._folder import (
    Making,
    RunResult,
    fill_folder,
    form_segments,
    keys_of_run,
)
from segmentry.pipeline._read import opened, read_users
from segmentry.pipeline._wanted import wanted_of
from segmentry.results import earlier_users
from segmentry.results.elsewhere import takes_places
from segmentry.results.names import (
    named_by_people,
    read_names,
)
from segmentry.results.run_folder import (
    FileFingerprint,
    check_target,
    fetched,
    read_bundle,
    read_manifest,
    staged,
)
from segmentry.runtime.clock import StepClock
from segmentry.runtime.preload import FOR_FORMING, preloading
from segmentry.schema import Progress, Source
from segmentry.settings import RunOptions


@takes_places(runs=("from_run",), files=("names", "config"))
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
    on_segments: Callable[[tuple[SegmentProfile, ...]], None] | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Segment the users of a log and write a run folder with a report.

    Parameters
    ----------
    data_dir : Path or str or None
        Folder with the Taobao files, or with those that `mapping` names; None with `from_run`.
    out : Path or str
        The run folder to make, here or as ``s3://bucket/run``.
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
    on_segments : callable, optional
        Called with the profile of each segment as soon as ``segments.parquet`` is written: sizes,
        names and expected rates, while the log is described and the figures are drawn.
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
    data: AbstractContextManager[Source | None] = nullcontext()
    if from_run is None:
        data = opened(data_dir, mapping, settings, progress=progress)
    command = command_of(data_dir, from_run, settings, mapping=mapping, names=names)
    scratch, files = None, set[Path]()
    made = staged(target, overwrite=overwrite, temp=settings.temp)
    with data as source, made as staging, ExitStack() as last:
        if source is not None:
            scratch = last.enter_context(scratch_folder(settings.temp, default=staging / "scratch"))
            users, files = read_source(source, settings, scratch, clock, progress)
            inputs = fetched(source)
        found = form_segments(users, settings, clock=clock, progress=progress)
        return fill_folder(
            staging,
            target,
            Making(
                users=users,
                found=found,
                settings=settings,
                keys=keys_of_run(found.segmentation, users, settings),
                name=partial(
                    named_by_people, table=users.table, earlier=earlier, given=given, source=names
                ),
                command=command,
                files=files,
                inputs=inputs,
                scratch=scratch,
            ),
            clock=clock,
            progress=progress,
            on_described=last.close,
            on_segments=on_segments,
        )


def read_source(
    source: Source,
    settings: RunConfig,
    scratch: Path,
    clock: StepClock,
    progress: Progress | None,
    *,
    wanted: Wanted | None = None,
) -> tuple[UserData, set[Path]]:
    """Read the files, and tell which they were; what is wanted of them is a run's by default."""
    wanted = wanted_of(source, settings) if wanted is None else wanted
    behaviours = None if wanted.behaviours is None else source.behaviours
    tables = (source.impressions, source.profiles, source.ads, behaviours)
    brought = {each.file for each in source.brought}  # or a folder of what was brought
    files = {file for table in tables if table is not None for file in table.files}
    files = {file for file in files if not brought & {file, file.parent}}
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


def _reuse(
    run_dir: Path, settings: RunConfig
) -> tuple[UserData, tuple[FileFingerprint, ...], RunConfig]:
    """Take users, what was learnt about the data, and how they were read from an earlier run."""
    users, manifest = earlier_users.read_users(run_dir), read_manifest(run_dir)
    reading = {name: manifest.config[name] for name in READING_OPTIONS if name in manifest.config}
    reading |= {name: tuple(_texts(reading.get(name))) for name in ("with_", "spark_conf")}
    return users, manifest.inputs, settings.model_copy(update=reading)


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _refuse_reading_options(settings: RunConfig) -> None:
    given = [
        f"--{name.rstrip('_')}"
        for name in READING_OPTIONS
        if name in settings.model_fields_set and getattr(settings, name) not in (False, ())
    ]
    if given:
        raise ConfigError(
            f"{', '.join(given)} {'has' if len(given) == 1 else 'have'} no effect with --from, "
            "which does not read the log; leave out one or the other"
        )
