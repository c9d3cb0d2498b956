"""Add to a run: other algorithms on its users, and their UMAP."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path

import polars as pl

from segmentry.config import RunConfig
from segmentry.describe.maps import embed_users, sample_users
from segmentry.errors import ConfigError
from segmentry.evaluation.algorithms import (
    METHODS,
    AlgorithmComparison,
    Method,
    Rows,
    UserLabels,
    compare_methods,
    inner_days,
    method_named,
    notes_of,
    prepare_rows,
)
from segmentry.features import BEHAVIOUR_FEATURES, EVERY_LOG_FEATURE
from segmentry.present.pages_of_run import rewrite_report, write_report
from segmentry.results.comparisons import (
    chosen_ids,
    days_and_table,
    read_comparison,
    write_comparison,
)
from segmentry.results.elsewhere import takes_places
from segmentry.results.run_folder import (
    read_bundle,
    read_manifest,
    read_segments,
    read_user_table,
    staged_inside,
)
from segmentry.results.scoring import Bundle
from segmentry.results.summary import Summary, read_summary, render_summary_json
from segmentry.runtime.progress import step_reporter
from segmentry.schema import UNKNOWN, Estimate, Progress
from segmentry.segments.forming import Recipe, plan_features, recipe_named
from segmentry.segments.preprocessing import Choices, ColumnPlan

PlansOf = Callable[[Method], tuple[Recipe, tuple[ColumnPlan, ...]]]


@takes_places(runs=("run_dir",))
def compare_algorithms(
    run_dir: Path | str,
    *,
    algorithms: Sequence[str] | None = None,
    n_runs: int = 10,
    seed: int = 0,
    is_alone: bool = True,
    progress: Progress | None = None,
) -> AlgorithmComparison:
    """Fit all algorithms to the users of a run, and write what was found into its folder.

    They see the days that formed the checked segments, the feature window; the outcome window
    checks the run's own algorithm alone.

    Parameters
    ----------
    run_dir : Path or str
        A run folder: gets ``comparison.json``, ``comparison.parquet``, and the report again.
    algorithms : sequence of str, optional
        Some of kmeans, minibatch, bisecting, gaussian-mixture, dbscan, hdbscan, latent, classic,
        cells.
    n_runs : int
        Fits to resampled users, by which stability is measured; 0 for none.
    is_alone : bool
        Fit each in a process of its own, which measures its memory.

    Raises
    ------
    BundleError
        If the run folder cannot be read.
    ConfigError
        If an algorithm is unknown, or `n_runs` is negative.
    """
    home = Path(run_dir)
    if n_runs < 0:
        raise ConfigError(f"--runs {n_runs}: expected 0 or more fits to resampled users")
    methods = METHODS if algorithms is None else tuple(map(method_named, algorithms))
    bundle, summary = read_bundle(home), read_summary(home)
    days, table = days_and_table(home, bundle.window)
    plans_of = _plans(home, bundle, table)
    inner = None
    if days is not None:
        inner = inner_days(table, days, bundle.window, bundle.preprocessing.features)
    ids = chosen_ids(home)
    results = compare_methods(
        methods,
        _rows(table, plans_of),
        None if inner is None else _rows(inner.table, plans_of),
        chosen=UserLabels(bundle.algorithm, ids, _outcome_gain(summary)),
        n_segments=max(len(summary.segments), 2),
        later=None if inner is None else inner.later,
        n_runs=n_runs,
        seed=seed,
        is_alone=is_alone,
        on_step=step_reporter(progress, "comparing algorithms"),
    )
    comparison = AlgorithmComparison(
        chosen=bundle.algorithm,
        n_users=int((ids > 0).sum()),
        n_segments=max(len(summary.segments), 2),
        features=bundle.preprocessing.features,
        notes=notes_of(inner, is_checked=summary.validation is not None, is_alone=is_alone),
        results=results,
    )
    write_comparison(home, comparison)
    rewrite_report(home)
    return comparison


def _plans(home: Path, bundle: Bundle, table: pl.DataFrame) -> PlansOf:
    """Return what tells the recipe and features of a method."""
    config = read_manifest(home).config
    names = ("features", "exclude", *(each.name for each in fields(Choices)))
    settings = RunConfig.model_validate({name: config[name] for name in names if name in config})
    catalogue = (
        *(each for each in EVERY_LOG_FEATURE if each.name in table.columns),
        *(each for each in BEHAVIOUR_FEATURES if each.name in table.columns),
        *(each for each in bundle.attributes if each.name in table.columns),
    )
    own = recipe_named(bundle.recipe)
    plans = plan_features(
        own,
        catalogue,
        features=settings.features,
        exclude=settings.exclude,
        choices=settings.choices,
    )

    def plans_of(method: Method) -> tuple[Recipe, tuple[ColumnPlan, ...]]:
        if not method.recipe or method.recipe == own.name:
            return own, plans
        recipe = recipe_named(method.recipe)
        return recipe, plan_features(recipe, catalogue)

    return plans_of


def _rows(table: pl.DataFrame, plans_of: PlansOf) -> Callable[[Method], Rows]:
    """Return what prepares the users for a method; most methods take the same rows."""

    @cache
    def prepared(recipe_name: str) -> Rows:
        method = next(each for each in METHODS if each.recipe == recipe_name)
        recipe, plans = plans_of(method)
        return prepare_rows(table, plans, recipe=recipe)

    return lambda method: prepared(method.recipe)


def _outcome_gain(summary: Summary) -> Estimate:
    gain = None if summary.validation is None else summary.validation.kept_gain
    return UNKNOWN if gain is None else gain.nats_by_forecast


_MIN_FITTED = 100


@takes_places(runs=("run_dir",))
def embed_run(
    run_dir: Path | str, *, n_fitted: int = 5_000, n_placed: int = 5_000, seed: int = 0
) -> Summary:
    """Form a UMAP on a stratified sample of a run's users and add it to summary and report.

    Parameters
    ----------
    run_dir : Path or str
        A run folder; its summary, figures and report are written again, with ``umap.parquet``.
    n_fitted : int
        Users that form the map: of every segment its share, by hash of the id.
    n_placed : int
        Further users to put into it; 0 for all others.

    Raises
    ------
    BundleError
        If the run cannot be read.
    ConfigError
        If fewer than 100 users are to form the map, or the run has fewer.
    MissingExtraError
        If umap-learn is not installed.
    OutputError
        If the run folder cannot be written.
    """
    folder = Path(run_dir)
    summary, bundle = read_summary(folder), read_bundle(folder)
    table = read_user_table(folder)
    placed = read_segments(folder).filter(pl.col("segment_id") > 0).select("user_id", "segment_id")
    table = table.drop("segment_id", strict=False).join(placed, on="user_id", maintain_order="left")
    ids = table["segment_id"].to_numpy()
    if min(n_fitted, table.height) < _MIN_FITTED:
        raise ConfigError(
            f"{min(n_fitted, table.height)} users are to form the map; expected at least "
            f"{_MIN_FITTED}"
        )
    chosen, is_fitted = sample_users(table["user_id"], ids, n_fitted=n_fitted, n_placed=n_placed)
    X = bundle.preprocessing.transform(table[chosen])
    places, embedding = embed_users(X, ids[chosen], is_fitted, seed=seed)
    summary = dataclasses.replace(summary, embedding=embedding)
    with staged_inside(folder) as staging:
        users = pl.DataFrame(
            {
                "user_id": table["user_id"][chosen],
                "segment_id": ids[chosen],
                "x": places[:, 0],
                "y": places[:, 1],
                "is_fitted": is_fitted,
            }
        )
        users.write_parquet(staging / "umap.parquet")
        text = render_summary_json(summary)
        (staging / "summary.json").write_text(text, encoding="utf-8")
        write_report(summary, staging, comparison=read_comparison(folder))
    return summary
