"""The command that compares algorithms."""

from pathlib import Path
from typing import Annotated

import typer

from segmentry.cli._options import Json, seed_option
from segmentry.errors import ConfigError

_MIN_WIDTH = 150


def compare_algorithms(
    folder: Annotated[
        Path,
        typer.Argument(help="A run folder, or data to run first.", metavar="RUN_DIR|DATA_DIR"),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Run folder to make of DATA_DIR.", metavar="RUN_DIR")
    ] = None,
    algorithms: Annotated[
        str | None,
        typer.Option(
            help="Some of kmeans, minibatch, bisecting, gaussian-mixture, dbscan, hdbscan, latent, "
            "classic, cells; comma separated."
        ),
    ] = None,
    runs: Annotated[int, typer.Option(help="Fits to resampled users, for stability.")] = 10,
    seed: Annotated[int, seed_option("Seed of every random step.")] = 0,
    json: Json = False,
) -> None:
    """Compare algorithms on the users of a run; the report gets a section."""
    from segmentry import pipeline
    from segmentry.cli import _console
    from segmentry.present.report import measure_table

    names = None if algorithms is None else [name.strip() for name in algorithms.split(",")]
    is_run = (folder / "manifest.json").is_file()
    if is_run and out is not None:
        raise ConfigError("--out makes a run folder of DATA_DIR; leave it out with a run folder")
    if not is_run and out is None:
        raise ConfigError(
            f"{folder}: not a run folder (no manifest.json); to run data first, say where with "
            "--out RUN_DIR"
        )
    with _console.told_progress() as progress:
        if not is_run and out is not None:
            pipeline.run(folder, out, progress=progress, seed=seed)
        comparison = pipeline.compare_algorithms(
            folder if out is None else out,
            algorithms=names,
            n_runs=runs,
            seed=seed,
            progress=progress,
        )
    if json:
        _console.print_json(comparison)
        return
    _console.print_wide(measure_table(comparison).to_rich(), width=_MIN_WIDTH)
    _console.print_notes(
        f"{each.label}: {each.problem}" for each in comparison.results if each.problem
    )
    _console.print_notes(comparison.notes)
    typer.echo(f"\nReport: {(folder if out is None else out) / 'report.html'}")
