"""Put the users of new data into the segments of a run."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

import polars as pl

from segmentry.config import RunConfig, load_config
from segmentry.errors import SchemaError
from segmentry.features import BEHAVIOUR_NAMES
from segmentry.features.by_part import reading_by_part
from segmentry.features.stages import ready_users
from segmentry.features.users import UserData, Wanted
from segmentry.ingest.room import scratch_folder
from segmentry.pipeline._read import checked_source, opened, read_users
from segmentry.pipeline._wanted import wanted_of
from segmentry.results.elsewhere import run_at_hand
from segmentry.results.follows import as_formed
from segmentry.results.run_folder import read_bundle
from segmentry.results.scored_parts import Scored, count_scored, write_scores
from segmentry.results.scoring import Bundle, score_users
from segmentry.results.targets import PartsFolder, is_folder, parts_folder, target_of
from segmentry.runtime.clock import StepClock
from segmentry.schema import Progress, Source, Window
from segmentry.segments.preprocessing import differences
from segmentry.settings import CheckOptions, ReadingOptions


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Who is where, and what a careful reader must know."""

    segments: pl.DataFrame | None
    """Null where they were written as a folder of parts: nobody holds them."""
    sizes: pl.DataFrame
    """``segment_id, segment_name, n_users``."""
    notes: tuple[str, ...]


def score(
    run_dir: Path | str,
    data_dir: Path | str | None,
    *,
    mapping: Path | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    append: bool = False,
    progress: Progress | None = None,
    **options: Unpack[ReadingOptions],
) -> ScoreResult:
    """Put the users of new data into the segments of a run, with its saved steps.

    On the data that the segments were formed on this returns the run's own labels.

    Parameters
    ----------
    run_dir : Path or str
        The run folder, here or as ``s3://bucket/run``.
    data_dir : Path or str or None
        Folder with the files of new (or the same) users.
    mapping : Path or str, optional
        TOML file that says which file and column plays which role, as in `run`.
    out : Path or str, optional
        File to write, ``.parquet`` or ``.csv``, here or as ``s3://bucket/scores.parquet``; a Delta
        table, ``delta:PATH``; or a table of PostgreSQL, ``env:NAME/TABLE``. A name without an
        ending is a folder of Parquet files: users are scored part by part, on a cluster where they
        are, and never held at once.
    overwrite : bool
        Replace what exists.
    append : bool
        Add the rows to a table that exists.
    progress : callable, optional
    **options
        ``engine``, ``since``, ``until``, ``sample``, ``memory``, ``strict`` as in `run`.

    Raises
    ------
    BundleError
        If the run folder cannot be read, or is of another version.
    SchemaError
        If the data lack an attribute that formed the segments.
    OutputError
        If the file exists or cannot be written.
    """
    with run_at_hand(run_dir, only=("model/",)) as at_hand:
        bundle = read_bundle(at_hand)
    write = None
    target: AbstractContextManager[PartsFolder | None] = nullcontext()
    if out is not None and is_folder(out):
        target = parts_folder(Path(out), overwrite=overwrite, append=append)
    elif out is not None:
        write = target_of(out, overwrite=overwrite, append=append)
    settings = load_config(None, options)
    if any(name in BEHAVIOUR_NAMES for name in bundle.columns):
        settings = settings.model_copy(update={"with_": ("behaviours",)})
    with target as parts, opened(data_dir, mapping, settings, progress=progress) as source:
        if settings.has_behaviours and source.behaviours is None:
            raise SchemaError(
                "the new data have no behaviour log, and the segments were formed by it too; add "
                "behavior_log.csv, .csv.gz or .parquet, or [behaviours] in the mapping"
            )
        wanted = as_formed(wanted_of(source, settings), bundle, source)
        names = {feature.name for feature in bundle.attributes}
        known = tuple(each for each in source.attributes if each.name in names)
        taken = replace(source, attributes=known)
        if parts is not None:
            return _score_by_part(taken, settings, wanted, bundle, parts=parts, progress=progress)
        users = _read_table(taken, settings, wanted, progress=progress)
    history = None if users.behaviours is None else users.behaviours.window
    segments, _ = score_users(bundle, users.table, windows=(users.window, history))
    if write is not None:
        write(segments)
    scored = count_scored(bundle, users.table, segments)
    return _result(bundle, scored, users.window, segments=segments)


def _score_by_part(
    source: Source,
    settings: RunConfig,
    wanted: Wanted,
    bundle: Bundle,
    *,
    parts: PartsFolder,
    progress: Progress | None,
) -> ScoreResult:
    """Score users where they are; a ready user table is one part."""
    with (
        scratch_folder(settings.temp, default=parts.scratch) as scratch,
        checked_source(
            source,
            settings,
            _unchecked(wanted),
            scratch=scratch.absolute(),
            clock=StepClock(),
            progress=progress,
            is_by_part=True,
        ) as (engine, checked, needed),
    ):
        if checked.log is None:
            table = ready_users(checked, needed, wanted).table
            segments, _ = score_users(bundle, table, windows=(checked.window, None))
            parts.write(segments, 0)
            scored = count_scored(bundle, table, segments)
        else:
            reading = reading_by_part(engine, checked, needed, wanted, sample=settings.sample)
            scored = write_scores(engine, reading, bundle, parts, is_strict=settings.strict)
    return _result(bundle, scored, checked.window, segments=None)


def _result(
    bundle: Bundle, scored: Scored, window: Window, *, segments: pl.DataFrame | None
) -> ScoreResult:
    names = (None, *bundle.names)
    rows = [(each, names[each], n_users) for each, n_users in scored.n_users.items()]
    schema = {"segment_id": pl.Int64, "segment_name": pl.String, "n_users": pl.Int64}
    sizes = pl.DataFrame(rows, schema=schema, orient="row")
    notes = [*differences(bundle.preprocessing, scored.odd)]
    if window.n_days != bundle.window.n_days:
        notes.append(
            f"these data cover {window.n_days:g} days, the segments were formed on "
            f"{bundle.window.n_days:g}: counts that grow with the days are scaled to these; "
            "numbers of distinct ads, categories, brands and campaigns are not"
        )
    return ScoreResult(segments, sizes, tuple(notes))


def build_user_table(
    data_dir: Path | str | None,
    *,
    mapping: Path | str | None = None,
    progress: Progress | None = None,
    **options: Unpack[ReadingOptions],
) -> pl.DataFrame:
    """Read a log and return the user table: one row per user, features in raw units.

    Parameters
    ----------
    data_dir : Path or str or None
        Folder with the Taobao files, or with those that `mapping` names.
    mapping : Path or str, optional
        TOML file that says which file and column plays which role, as in `run`.
    progress : callable, optional
    **options
        ``engine``, ``since``, ``until``, ``sample``, ``memory``, ``strict`` as in `run`.

    Returns
    -------
    DataFrame
        ``user_id, is_profiled`` and the features of the catalogue, sorted by ``user_id``.

    Raises
    ------
    DataError
        If the files cannot be used.

    Examples
    --------
    >>> import tempfile, segmentry
    >>> from segmentry.datasets import GeneratorOptions, generate_taobao
    >>> data = generate_taobao(Path(tempfile.mkdtemp()), GeneratorOptions(n_users=50, seed=1))
    >>> table = segmentry.build_user_table(data.directory)
    >>> table.height, bool((table["n_clicks"] <= table["n_impressions"]).all())
    (50, True)
    """
    settings = load_config(None, options)
    with opened(data_dir, mapping, settings, progress=progress) as source:
        wanted = wanted_of(source, settings)
        return _read_table(source, settings, wanted, progress=progress).table


def check_data(
    data_dir: Path | str | None,
    *,
    mapping: Path | str | None = None,
    progress: Progress | None = None,
    **options: Unpack[CheckOptions],
) -> UserData:
    """Read a log thoroughly, for a report on its quality; nothing is written.

    Raises
    ------
    DataError
        If the files cannot be used.
    """
    settings = load_config(None, options)
    with opened(data_dir, mapping, settings, progress=progress) as source:
        wanted = replace(wanted_of(source, settings), is_thorough=True)
        return _read_table(source, settings, wanted, progress=progress)


def _read_table(
    source: Source, settings: RunConfig, wanted: Wanted, *, progress: Progress | None
) -> UserData:
    """Read users that no segments are formed of: nothing is checked or looked at again."""
    with scratch_folder(settings.temp) as scratch:
        return read_users(
            source,
            settings,
            _unchecked(wanted),
            scratch=scratch,
            clock=StepClock(),
            progress=progress,
        )


def _unchecked(wanted: Wanted) -> Wanted:
    return replace(wanted, early_features=None, early_behaviours=(), keeps_log=False)
