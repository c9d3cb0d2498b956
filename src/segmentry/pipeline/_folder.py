"""From users to a run folder: form segments, describe them, write all of it."""

import datetime as dt
import importlib.metadata
import platform
from collections.abc import Callable, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from segmentry.config import RunConfig
from segmentry.describe.latent import memberships_table
from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.lifecycle.alarms import WindowCounts, show_windows
from segmentry.lifecycle.keys import SegmentKeys, first_keys
from segmentry.lifecycle.records import ChangeReport
from segmentry.pipeline._background import Background
from segmentry.pipeline._form import EarlierIds, Found, Requested, find_and_check
from segmentry.pipeline._summarise import Named, decide, look_again, profile, summarise
from segmentry.pipeline._wanted import recipe_for
from segmentry.present.pages_of_run import write_report
from segmentry.results.names import NAMES_FILE, render_names
from segmentry.results.run_folder import (
    FileFingerprint,
    Manifest,
    render_manifest,
    write_behaviours,
    write_early,
    write_windows,
)
from segmentry.results.scoring import make_bundle, render_bundle
from segmentry.results.summary import Summary, render_summary_json
from segmentry.results.tables import profiles_table, selection_table
from segmentry.runtime.clock import StepClock
from segmentry.runtime.threads import one_thread
from segmentry.runtime.version import __version__
from segmentry.schema import Progress
from segmentry.schema.arrays import IntVector
from segmentry.segments.forming import FrozenSegments, Segmentation, plan_features, recipe_named

_LIBRARIES = ("duckdb", "polars", "narwhals", "numpy", "scipy", "scikit-learn", "altair")


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run made."""

    run_dir: Path
    """The run folder."""
    summary: Summary
    segments: pl.DataFrame
    """The table of ``segments.parquet``."""
    inputs: tuple[FileFingerprint, ...]
    """The files that were read."""


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


def form_segments(
    users: UserData,
    settings: RunConfig,
    *,
    clock: StepClock,
    progress: Progress | None,
    frozen: FrozenSegments | None = None,
    earlier_ids: tuple[IntVector, int] | None = None,
) -> Found:
    """Form segments, or keep the `frozen` ones, and check them on later days if there are.

    `earlier_ids` are those of an earlier run for the same users, with the number of its segments:
    what is found again keeps its id, and so its colour.
    The recipe is the one that the data allow, as `recipe_for` says.
    """
    settings = recipe_for(settings, users.traits)
    recipe = recipe_named(settings.recipe)
    exclude = (*settings.exclude, *users.undated)
    plans = plan_features(
        recipe,
        users.catalogue,
        features=settings.features,
        exclude=exclude,
        choices=settings.choices,
    )
    earlier = None if earlier_ids is None else EarlierIds(users.table, *earlier_ids)
    requested = Requested(plans, recipe, settings, progress, frozen, earlier)
    with clock.step("segment and check" if recipe.is_checked else "segment"):
        return find_and_check(requested, users)


def describe_run(
    users: UserData,
    settings: RunConfig,
    found: Found,
    *,
    keys: SegmentKeys,
    command: str,
    scratch: Path | None,
    clock: StepClock,
    progress: Progress | None,
    background: Background | None = None,
) -> Formed:
    """Describe segments that were found; `background` starts as soon as they have names."""
    settings = recipe_for(settings, users.traits)
    segmentation, validation = found.segmentation, found.validation
    with clock.step("profile"):
        profiled = profile(
            users,
            settings,
            found=found,
            keys=keys.keys,
            on_named=None
            if background is None
            else partial(background.start, segmentation, validation),
        )
    # One thread for each sum: its last bits must not depend on who else is computing.
    with clock.step("describe the log by segment"), one_thread():
        second = look_again(
            users, segmentation, validation, settings, scratch=scratch, progress=progress
        )
    if background is not None:
        background.go_on(segmentation)
    with clock.step("summarise"):
        summary = summarise(
            users, settings, profiled, command=command, found=found, log=second.report
        )
    with clock.step("decide"):
        summary = decide(summary, users, segmentation, settings, validation)
    return Formed(segmentation, summary, validation, second.cells, profiled.hexagons)


def keys_of_run(segmentation: Segmentation, users: UserData, settings: RunConfig) -> SegmentKeys:
    """Return the keys of a run that follows no other."""
    sizes = np.bincount(segmentation.segment_ids, minlength=segmentation.n_segments + 1)[1:]
    return first_keys(seed=settings.seed, window=users.window, sizes=sizes.tolist())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Making:
    """All that a run folder is made of."""

    users: UserData
    found: Found
    settings: RunConfig
    keys: SegmentKeys
    name: Callable[[Segmentation, Named], Named]
    """From the segments as they are named by rule to those that people named."""
    command: str
    """What to type to repeat the run."""
    files: Set[Path]
    """The input, to be hashed."""
    inputs: tuple[FileFingerprint, ...]
    """The input that was hashed before, or fetched from elsewhere."""
    scratch: Path | None
    """Where the parts of the log are; null where the log was not read."""
    changes: ChangeReport | None = None
    windows: WindowCounts | None = None
    """`changes`, `windows`: since the run that this one refreshes."""


def fill_folder(
    staging: Path,
    target: Path,
    making: Making,
    *,
    clock: StepClock,
    progress: Progress | None,
    on_described: Callable[[], None],
    on_segments: Callable[[Named], None] | None = None,
) -> RunResult:
    """Describe segments and write a run folder; `on_described` is called before it is written.

    `on_segments` is called with the profiles as soon as they have names and expected rates.
    """
    users, settings = making.users, making.settings
    with Background(
        staging, users, making.files, clock, making.name, on_segments=on_segments
    ) as background:
        formed = describe_run(
            users,
            settings,
            making.found,
            keys=making.keys,
            command=making.command,
            scratch=making.scratch,
            clock=clock,
            progress=progress,
            background=background,
        )
        if making.windows is not None:
            shown = show_windows(making.windows, min_size=settings.min_size)
            summary = replace(formed.summary, changes=making.changes, over_time=shown)
            formed = replace(formed, summary=summary)
        on_described()
        _write(staging, making, formed, background, clock=clock)
        with clock.step("finish the tables of users and the fingerprint"):
            segments, inputs = background.segments(), (*background.fingerprints(), *making.inputs)
        manifest = _manifest(users, inputs, settings, clock)
        (staging / "manifest.json").write_text(render_manifest(manifest), encoding="utf-8")
    return RunResult(target, formed.summary, segments, inputs)


def _manifest(
    users: UserData,
    inputs: tuple[FileFingerprint, ...],
    settings: RunConfig,
    clock: StepClock,
) -> Manifest:
    """Tell how the run came about."""
    began = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=clock.seconds)
    return Manifest(
        started_at=began.isoformat(timespec="seconds"),
        seconds=clock.seconds,
        config=settings.model_dump(mode="json"),
        versions=_versions(),
        inputs=inputs,
        accounts=tuple(asdict(account) for account in users.accounts),
        steps=clock.records,
    )


def _write(
    staging: Path, making: Making, formed: Formed, background: Background, *, clock: StepClock
) -> None:
    """Write the tables while the figures are drawn, in other processes."""
    summary = formed.summary
    (staging / NAMES_FILE).write_text(render_names(summary, background.automatic), encoding="utf-8")
    with ThreadPoolExecutor(1) as worker:
        tables = worker.submit(_write_tables, staging, making, formed, clock)
        with clock.step("draw and report"):
            write_report(summary, staging, draw=background.draw)
        tables.result()


def _write_tables(staging: Path, making: Making, formed: Formed, clock: StepClock) -> None:
    """Write all tables but those of users, and the model."""
    users = making.users
    segmentation, summary = formed.segmentation, formed.summary
    behaviours = users.behaviours
    with clock.step("write tables"):
        memberships = memberships_table(users.table["user_id"], segmentation)
        if memberships is not None:
            memberships.write_parquet(staging / "memberships.parquet")
        if users.early is not None:
            ids, before = segmentation.ids_before, None
            if ids is not None:
                before = users.table.select(
                    "user_id", segment_id=pl.Series(ids[:, 0]), nearest_id=pl.Series(ids[:, 1])
                )
            write_early(staging, users.early.table, users.early.days, before=before)
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
            keys=making.keys,
        )
        (staging / "model").mkdir()
        (staging / "model" / "bundle.json").write_text(render_bundle(bundle), encoding="utf-8")
        if making.windows is not None:
            write_windows(staging, making.windows)
        text = render_summary_json(summary)
        (staging / "summary.json").write_text(text, encoding="utf-8")


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"segmentry": __version__, "python": platform.python_version(), **found}
