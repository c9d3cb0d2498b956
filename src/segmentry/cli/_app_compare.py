"""The command that compares algorithms."""

from pathlib import Path
from typing import Annotated

import typer

from segmentry.runtime.seeds import LARGEST_SEED


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
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of every random step.")
    ] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Compare algorithms on the users of a run; the report gets a section."""
    from segmentry.cli import _compare

    names = None if algorithms is None else [name.strip() for name in algorithms.split(",")]
    _compare.compare_algorithms(
        folder, out=out, algorithms=names, n_runs=runs, seed=seed, is_json=json
    )
